"""One signed-in person (or program) and the one question about them: `may`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from api.access.rights import ROLE_RIGHTS, Right, Role
from vision.instants import Utc

EVERYWHERE = "*"


@dataclass(frozen=True, slots=True)
class Grant:
    """A role at a place.

    Attributes:
        site: id of a site, or of a school of the safety plan; `*` for all.
        zones: zone ids of the site; `None` for all of them and for what belongs to no zone.
        until: from then on the grant counts for nothing; `None` for no end.
    """

    role: Role
    site: str = EVERYWHERE
    zones: frozenset[str] | None = None
    until: Utc | None = None

    def covers(self, site: str | None, zone: str | None) -> bool:
        """Whether the place lies inside; `None` stands for any site, any zone."""
        if site is not None and self.site not in (EVERYWHERE, site):
            return False
        return zone is None or self.zones is None or zone in self.zones


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks.

    Attributes:
        name: stands in every record; the account's display name.
        grants: those that hold now; ended ones are left out when the actor is made.
        account: sign-in name, empty for the open access of a demonstration.
        session: digest of the session, empty where there is none.
        shared: a desk used by several people, who type their own name at the start of a shift.
    """

    name: str
    grants: tuple[Grant, ...]
    account: str = ""
    session: str = ""
    shared: bool = False

    @property
    def roles(self) -> frozenset[Role]:
        return frozenset(grant.role for grant in self.grants)

    def may(self, right: Right, *, site: str | None = None, zone: str | None = None) -> bool:
        """Whether this person may do `right` there.

        Without a zone: at the site in any zone. Without a site: anywhere at all.
        """
        return any(grant.covers(site, zone) for grant in self._with(right))

    def may_in_all(self, right: Right, *, site: str, zones: Iterable[str]) -> bool:
        """The same for a thing that shows several zones at once; no zone means the whole site."""
        asked = tuple(zones)
        if not asked:
            return self.has_whole(right, site=site)
        return all(self.may(right, site=site, zone=zone) for zone in asked)

    def may_in_one(self, right: Right, *, site: str, zones: Iterable[str]) -> bool:
        """The same for a thing of several zones that anyone at one of them must know of.

        A thing of no zone (a recorder, a link) concerns everybody at the site.
        """
        asked = tuple(zones)
        if not asked:
            return self.may(right, site=site)
        return any(self.may(right, site=site, zone=zone) for zone in asked)

    def has_whole(self, right: Right, *, site: str) -> bool:
        """Whether no zone of the site is kept from this person."""
        return any(grant.covers(site, None) and grant.zones is None for grant in self._with(right))

    def zones(self, right: Right, *, site: str) -> frozenset[str]:
        """The zones of the site that this person's roles name for `right`."""
        held = (grant for grant in self._with(right) if grant.covers(site, None))
        return frozenset().union(*(grant.zones or frozenset() for grant in held))

    def knows(self, *, site: str | None = None, zone: str | None = None) -> bool:
        """Whether any role reaches there; elsewhere things answer as if they did not exist."""
        return any(grant.covers(site, zone) for grant in self.grants)

    def sites(self, right: Right) -> frozenset[str] | None:
        """Sites where this person may do `right`; `None` for all of them."""
        found = frozenset(grant.site for grant in self._with(right))
        return None if EVERYWHERE in found else found

    def sign(self, typed: str = "") -> str:
        """The name for a record: one's own, or at a shared desk the name that was typed."""
        return typed if self.shared and typed else self.name

    def _with(self, right: Right) -> tuple[Grant, ...]:
        return tuple(grant for grant in self.grants if right in ROLE_RIGHTS[grant.role])

"""The risk wall: how each unit stands, as a colour with a shape and words. Pure.

The colours are the four of dual prevention. The limits are this wall's own choice, no norm:

    red     an alarm-level crowd, a major hazard, or five or more overdue duties
    orange  a warning-level crowd, an unacknowledged alarm, a duty, hazard or task that is overdue
    yellow  a notice-level crowd, a missed round, or a place that cannot be seen
    blue    none of these; a crowd that was there when its place went out of sight is still there
    grey    cameras belong to the unit and nothing of it can be seen: never "in order". So it is too
            for a school whose cameras another service watches: what they see does not come here
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from api.plan.today import UnitCounts
from vision.risk.readings import Level

MANY_OVERDUE = 5


class Colour(StrEnum):
    """Colour of a tile, the worst first."""

    RED = "red"
    ORANGE = "orange"
    YELLOW = "yellow"
    GREY = "grey"
    BLUE = "blue"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(Colour).index(self)


@dataclass(frozen=True, slots=True)
class ZoneStand:
    """A zone now. `since`: ISO time from which `level` holds, empty when never measured."""

    id: str
    level: Level
    since: str = ""


@dataclass(frozen=True, slots=True)
class SiteStand:
    """What the cameras of a unit say now.

    Attributes:
        unseen_crowd: the worst level of a crowd that nobody saw go; `None` where there is none.
    """

    zones: tuple[ZoneStand, ...] = ()
    alarms: int = 0
    unacknowledged: int = 0
    cameras_lost: int = 0
    unseen_crowd: Level | None = None

    @property
    def unseen(self) -> tuple[ZoneStand, ...]:
        return tuple(one for one in self.zones if one.level is Level.UNKNOWN)

    @property
    def all_unseen(self) -> bool:
        return bool(self.zones) and len(self.unseen) == len(self.zones)

    @property
    def unseen_since(self) -> str:
        """Since when something has been unseen; empty when everything is seen or never was."""
        return min((one.since for one in self.unseen if one.since), default="")

    @property
    def worst(self) -> Level | None:
        """The worst level of what is seen; `None` where nothing is."""
        seen = [one.level for one in self.zones if one.level is not Level.UNKNOWN]
        return max(seen, key=lambda level: level.severity, default=None)


@dataclass(frozen=True, slots=True)
class OpenWork:
    """What a unit has open beside its duties."""

    major_hazards: int = 0
    overdue_hazards: int = 0
    overdue_tasks: int = 0


@dataclass(frozen=True, slots=True)
class Tile:
    """One unit on the wall. `site` is `None` for a unit without cameras at this service.

    Attributes:
        elsewhere: the unit has cameras, and another service watches them.
    """

    counts: UnitCounts
    work: OpenWork = field(default_factory=OpenWork)
    site: SiteStand | None = None
    elsewhere: bool = False

    @property
    def unit_id(self) -> str:
        return self.counts.unit_id

    @property
    def colour(self) -> Colour:
        found = [self._of_work()]
        if self.site is not None:
            found.append(_of_site(self.site))
        elif self.elsewhere:
            found.append(Colour.GREY)
        return min(found, key=lambda one: one.rank)

    @property
    def stale(self) -> bool:
        """Nothing of the unit's cameras is known: shown grey whatever the plan says."""
        return self.elsewhere if self.site is None else self.site.all_unseen

    def _of_work(self) -> Colour:
        overdue = self.work.overdue_hazards + self.work.overdue_tasks
        if self.counts.overdue >= MANY_OVERDUE or self.work.major_hazards:
            return Colour.RED
        if self.counts.overdue or overdue:
            return Colour.ORANGE
        return Colour.YELLOW if self.counts.missed_this_week else Colour.BLUE


def _of_site(site: SiteStand) -> Colour:
    worst = site.worst
    crowds = (worst, site.unseen_crowd)
    if Level.L3 in crowds or Level.L4 in crowds:
        return Colour.RED
    if Level.L2 in crowds or site.unacknowledged:
        return Colour.ORANGE
    if site.all_unseen:
        return Colour.GREY
    return Colour.YELLOW if worst is Level.L1 or site.unseen else Colour.BLUE


def ordered(tiles: Sequence[Tile]) -> tuple[Tile, ...]:
    """The worst first; among equals the most overdue, then by id, so that tiles keep still."""
    return tuple(sorted(tiles, key=lambda one: (one.colour.rank, -one.counts.overdue, one.unit_id)))

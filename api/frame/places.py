"""The pages a person can go to, with the right that each one asks for."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import FastAPI, Request

from api.access.actor import Actor
from api.access.guard import walk
from api.access.rights import Right


@dataclass(frozen=True, slots=True)
class Place:
    """A page.

    Attributes:
        key: `frame.place.KEY` is its name in the catalogue, `frame.place.KEY.what` what it is for.
        right: asked for by the page's own route.
    """

    key: str
    path: str
    right: Right


PLACES = (
    Place("desk", "/", Right.SEE_DESK),
    Place("police", "/police", Right.SEE_DESK),
    Place("handover", "/handover", Right.SEE_DESK),
    Place("evidence", "/evidence", Right.PLAY_EVIDENCE),
    Place("viewings", "/viewings", Right.READ_VIEWINGS),
    Place("coverage", "/coverage", Right.SEE_COVERAGE),
    Place("plan", "/plan", Right.SEE_PLAN),
    Place("delivery", "/delivery", Right.SEE_DELIVERY),
    Place("accounts", "/accounts", Right.ADMINISTER_ACCOUNTS),
    Place("audit", "/audit", Right.READ_AUDIT),
    Place("account", "/account", Right.KEEP_OWN_ACCOUNT),
)


def places_of(request: Request) -> tuple[Place, ...]:
    """The pages of this application that open to whoever asks; none before the sign-in."""
    actor = getattr(request.state, "actor", None)
    if not isinstance(actor, Actor):
        return ()
    served = _served(request.app)
    return tuple(
        place
        for place in PLACES
        if place.path in served
        and actor.may(place.right)
        # A desk without accounts has none to keep.
        and (actor.account or place.right is not Right.KEEP_OWN_ACCOUNT)
    )


def _served(app: FastAPI) -> frozenset[str]:
    """Paths of the application's routes, found once: a plan or accounts may be left out."""
    known = getattr(app.state, "frame_paths", None)
    if not isinstance(known, frozenset):
        known = frozenset(getattr(route, "path", "") for route in walk(app.routes))
        app.state.frame_paths = known
    return known

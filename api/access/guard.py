"""The one dependency that every route carries.

    @router.get("/alarms")
    async def list_alarms(actor: Annotated[Actor, Depends(needs(Right.SEE_DESK))]) -> ...

A route without a person behind it (a sign of life, the sign-in page) says so with `PUBLIC`.
`undeclared` finds routes that say neither; a test keeps that list empty.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Protocol
from urllib.parse import unquote

from fastapi import Depends, Request
from starlette.requests import HTTPConnection
from starlette.routing import Mount

from api.access.actor import Actor, Grant
from api.access.rights import PLACELESS, Right, Role
from api.place_names import Name
from api.problems import Problem

GUARD_COOKIE = "xiaoan_guard"


class Access(Protocol):
    """Says who is behind a request."""

    async def actor_of(self, request: HTTPConnection) -> Actor | None:
        """The person, or `None` when nobody is signed in. May raise `Problem` (a forged form)."""
        ...

    async def still_valid(self, actor: Actor) -> bool:
        """Whether an open stream of this actor may go on: the session and its rights hold."""
        ...


@dataclass(frozen=True, slots=True)
class Places:
    """What belongs where: the site's id, and the zones of each camera."""

    site: str
    camera_zones: Mapping[str, tuple[str, ...]]

    def zones_of_camera(self, camera_id: str) -> tuple[str, ...] | None:
        """Zones that the camera shows; `None` when there is no such camera."""
        return self.camera_zones.get(camera_id)


@dataclass(frozen=True, slots=True)
class OpenAccess:
    """Everybody who reaches the port is one guard at a shared desk: demonstrations and tests.

    Only for a service that other machines cannot reach; `xiaoan run` refuses it otherwise.
    """

    grants: tuple[Grant, ...] = tuple(Grant(role) for role in Role if role is not Role.MACHINE)
    name: str = "演示值班员 demo guard"

    async def actor_of(self, request: HTTPConnection) -> Actor | None:
        del request
        return Actor(self.name, self.grants, shared=True)

    async def still_valid(self, actor: Actor) -> bool:
        del actor
        return True


DEMO_ACCESS = OpenAccess(grants=(Grant(Role.OPERATOR), Grant(Role.BUREAU)))
"""The demonstration: a guard's desk, and the plan of all sample schools."""


@dataclass(frozen=True, slots=True)
class Needs:
    """A dependency that gives the `Actor`, or refuses.

    Raises `Problem`: 401 when nobody is signed in; 404 for a unit, zone or camera in the path that
    lies outside everything the actor was given; 403 when the actor knows the place but has not
    the right.
    """

    right: Right

    async def __call__(self, request: Request) -> Actor:
        access: Access | None = getattr(request.app.state, "access", None)
        actor = None if access is None else await access.actor_of(request)
        if actor is None:
            raise Problem(401, "sign_in_needed")
        request.state.actor = actor
        _check_place(actor, self.right, request)
        return actor


def needs(right: Right) -> Needs:
    """The dependency of a route: `Depends(needs(Right.X))`."""
    return Needs(right)


async def public() -> None:
    """Marks a route that needs nobody."""


PUBLIC = Depends(public)


async def token_of_workers() -> None:
    """Marks a route that checks the workers' bearer token itself."""


WORKERS_ONLY = Depends(token_of_workers)


def right_missing(right: Right, on: Name | None = None) -> Problem:
    """The refusal of whoever lacks a right, or has it elsewhere than `on`; in words.

    Whoever is refused has to tell the administrator what is missing, who never sees a code either.
    """
    word = Name.said(f"right.{right.value}")
    if on is not None:
        word = Name(zh=f"{word.zh}：{on.zh}", en=f"{word.en}: {on.en}")
    return Problem(403, "right_missing", right=word)


def actor_of(request: Request) -> Actor:
    """The actor that the route's `needs` has found.

    Raises:
        Problem: 401 where no `needs` ran before.
    """
    actor = getattr(request.state, "actor", None)
    if not isinstance(actor, Actor):
        raise Problem(401, "sign_in_needed")
    return actor


@dataclass(frozen=True, slots=True)
class _Place:
    """What the path names: `named` is the parameter, `zones` all the zones that it shows."""

    site: str | None
    zones: tuple[str, ...] | None = None
    named: str = ""

    def allows(self, actor: Actor, right: Right) -> bool:
        if self.zones is None or self.site is None:
            return actor.may(right, site=self.site)
        return actor.may_in_all(right, site=self.site, zones=self.zones)

    def known_to(self, actor: Actor) -> bool:
        return all(actor.knows(site=self.site, zone=zone) for zone in self.zones or (None,))


def _check_place(actor: Actor, right: Right, request: Request) -> None:
    place = _place(right, request)
    if place.allows(actor, right):
        return
    if not place.named or place.known_to(actor):
        raise right_missing(right)
    asked = request.path_params[place.named]
    if place.named == "zone_id":
        raise Problem(404, "zone_unknown", zone=asked)
    if place.named == "camera_id":
        raise Problem(404, "camera_unknown", camera=asked)
    raise Problem(404, "plan_unit_unknown", unit=asked)


def _place(right: Right, request: Request) -> _Place:
    parameters = request.path_params
    if "unit_id" in parameters:
        return _Place(str(parameters["unit_id"]), named="unit_id")
    places: Places | None = getattr(request.app.state, "places", None)
    if places is None or right in PLACELESS:
        return _Place(None)
    if "zone_id" in parameters:
        return _Place(places.site, (str(parameters["zone_id"]),), "zone_id")
    if "camera_id" in parameters:
        # A camera that does not exist is left to the route, which answers 404 as well.
        zones = places.zones_of_camera(str(parameters["camera_id"]))
        return _Place(places.site, zones, "camera_id")
    return _Place(places.site)


def cookie_name(request: HTTPConnection, name: str) -> str:
    """How the cookie `name` is called at the port that the browser asked.

    Browsers tell the machines of cookies apart and not their ports: the services of several schools
    at one address would put their own in place of each other's, and alarms of one school would be
    acknowledged by the name that was typed at another's desk.
    """
    try:
        port = request.url.port
    except ValueError:
        # The Host header says something that is no port.
        port = None
    return name if port is None else f"{name}_{port}"


def typed_name(request: HTTPConnection) -> str:
    """The name typed at the start of the shift in this browser, empty where there is none."""
    return unquote(request.headers.get("x-viewer") or "") or name_on_duty(request)


def name_on_duty(request: HTTPConnection) -> str:
    """The same by the browser's cookie alone."""
    return unquote(request.cookies.get(cookie_name(request, GUARD_COOKIE)) or "")


_MARKS: tuple[Callable[..., Awaitable[Any]], ...] = (public, token_of_workers)


def declared_right(route: Any) -> Right | str | None:
    """The right that a route asks for, the name of its mark, or `None` when it declares nothing."""
    dependant = getattr(route, "dependant", None)
    for call in _calls(dependant):
        if isinstance(call, Needs):
            return call.right
        if call in _MARKS:
            return str(call.__name__)
    return None


def walk(routes: Iterable[Any]) -> Iterator[Any]:
    """Every route of an application, those of included routers with their full path."""
    for route in routes:
        inner = getattr(route, "effective_candidates", None)
        if inner is None:
            yield route
        else:
            yield from walk(inner())


def undeclared(app: Any, *, files: frozenset[str]) -> list[str]:
    """Paths of routes, streams and mounts without a declared right; `files` are public mounts."""
    found = []
    for route in walk(app.routes):
        if isinstance(route, Mount) and route.path in files:
            continue
        if declared_right(route) is None:
            found.append(_path_of(route))
    return found


def _path_of(route: Any) -> str:
    # A web socket of an included router keeps its full path in the route that it stands for.
    return str(getattr(route, "path", "") or getattr(route.starlette_route, "path", route))


def _calls(dependant: Any) -> Iterator[Any]:
    if dependant is None:
        return
    for inner in dependant.dependencies:
        yield inner.call
        yield from _calls(inner)


ActorDep = Annotated[Actor, Depends(actor_of)]
"""The actor of a route that declares its right elsewhere (on its router)."""

"""No route, stream or mount is open without a declared right."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Depends, FastAPI

from api.access.guard import PUBLIC, declared_right, needs, undeclared, walk
from api.access.rights import Right
from api.application import PlanFolder, create_app
from api.pictures import NoPictures
from config.plan import load_edition
from streams.clock import SimulatedClock
from tests.api.desk_cases import SITE, settings

# Scripts, styles and pictures of the pages; they are the same for everybody.
FILES = frozenset(
    {
        "/console",
        "/access-files",
        "/coverage-files",
        "/delivery-files",
        "/evidence-files",
        "/plan-files",
    }
)

OPEN_TO_ALL = {
    "/livez",
    "/readyz",
    "/console-texts/{lang}.json",
    # Where people prove who they are.
    "/sign-in",
    "/set-up",
    "/oidc/begin",
    "/oidc/return",
    "/api/v1/sign-in",
    "/api/v1/set-up",
    # Its address holds the secret; phones subscribe without signing in.
    "/api/v1/plan/feeds/{token}.ics",
    # A script without data, that works while the network is down.
    "/plan/worker.js",
}


def whole_application(folder: Path) -> FastAPI:
    return create_app(
        settings=settings(f"sqlite:///{folder / 'desk.db'}"),
        site=SITE,
        clock=SimulatedClock(),
        pictures=NoPictures(),
        plan=PlanFolder(load_edition(), folder / "files"),
    )


def test_every_route_declares_its_right(tmp_path: Path) -> None:
    assert undeclared(whole_application(tmp_path), files=FILES) == []


def test_what_is_open_to_all_stands_in_a_list(tmp_path: Path) -> None:
    routes = walk(whole_application(tmp_path).routes)
    found = {route.path for route in routes if declared_right(route) == "public"}
    assert found - OPEN_TO_ALL == set()
    assert {"/livez", "/sign-in", "/plan/worker.js"} <= found


def test_the_plan_is_part_of_what_is_walked(tmp_path: Path) -> None:
    paths = {route.path for route in walk(whole_application(tmp_path).routes)}
    assert "/api/v1/plan/units/{unit_id}/reports" in paths
    assert "/plan/units/{unit_id}/evaluation" in paths


def test_the_walk_sees_routes_of_every_kind() -> None:
    """A forgotten route is found at any depth, a marked one is not."""
    inner = APIRouter(prefix="/inner")

    @inner.get("/open", dependencies=[PUBLIC])
    async def open_to_all() -> None: ...

    @inner.get("/kept", dependencies=[Depends(needs(Right.SEE_DESK))])
    async def kept() -> None: ...

    @inner.get("/forgotten")
    async def forgotten() -> None: ...

    @inner.websocket("/socket")
    async def socket() -> None: ...

    outer = APIRouter(prefix="/outer")
    outer.include_router(inner)
    app = FastAPI(openapi_url=None)
    app.include_router(outer)
    app.mount("/files", FastAPI(openapi_url=None))
    assert undeclared(app, files=frozenset()) == [
        "/outer/inner/forgotten",
        "/outer/inner/socket",
        "/files",
    ]

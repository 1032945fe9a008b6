"""Every route, asked by every role, at its own place, at another place, and by nobody.

The routes are taken from the running application: one without a line in the table fails here.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from starlette.routing import Mount

from api.access.guard import walk
from api.access.rights import Role
from tests.api.access.test_declared import FILES
from tests.api.security.route_table import (
    ANSWERED_ANYWHERE,
    EVERYBODY,
    PUBLIC,
    ROUTES,
    WORKERS,
    roles_of,
)
from tests.api.security.whole import (
    SCHOOL,
    UNIT,
    ZONE,
    Asked,
    Whole,
    example_of,
    filled,
    whole_service,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

REFUSED = (401, 403, 404)
OTHER_SCHOOL, OTHER_UNIT, OTHER_ZONE = "other-school", "sample-middle", "gate-main"
OF_THE_WHOLE_SITE = (
    # The description's examples are of the sample school.
    "/api/v1/openapi.json",
    # One chain over all that was done here: cut down to a zone it could not be checked.
    "/api/v1/audit",
    # What the school's cameras see together, without pictures: one zone's share says nothing.
    "/api/v1/coverage",
    "/coverage",
)
KEPT_BY_RIGHTS = {route: who for route, who in roles_of().items() if who not in (PUBLIC, WORKERS)}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def whole(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Whole]:
    folder = tmp_path_factory.mktemp("whole")
    shutil.copy(sqlite_template, folder / "desk.db")
    async with whole_service(f"sqlite:///{folder / 'desk.db'}", folder) as found:
        yield found


def routes_of(whole: Whole) -> set[str]:
    """Method and path of every route; HEAD is GET without a body."""
    return {
        f"{method} {route.path}"
        for route in walk(whole.app.routes)
        if not isinstance(route, Mount)
        for method in route.methods - {"HEAD"}
    }


def of_plan(path: str) -> bool:
    """The safety plan is of units, everything else of the site."""
    return path.startswith(("/plan", "/api/v1/plan"))


def asked(
    whole: Whole, route: str, role: Role | None, *, elsewhere: bool = False, **more: Any
) -> Asked:
    """The request of somebody whose role holds where the object lies, or elsewhere."""
    method, _, template = route.partition(" ")
    here, there = (UNIT, OTHER_UNIT) if of_plan(template) else (SCHOOL, OTHER_SCHOOL)
    path = filled(template, whole.objects)
    return Asked(method, path, role, there if elsewhere else here, **more)


async def test_every_route_stands_in_the_table_once(whole: Whole) -> None:
    found, listed = routes_of(whole), roles_of()
    missing = sorted(found - listed.keys())
    assert missing == [], "give each a line in route_table.py under the roles that may ask it"
    assert sorted(listed.keys() - found) == []
    assert len(listed) == sum(len(routes) for routes in ROUTES.values())
    mounted = {route.path for route in whole.app.routes if isinstance(route, Mount)}
    assert mounted <= FILES


@pytest.mark.parametrize("role", list(Role))
async def test_a_role_is_answered_where_the_table_says_and_refused_elsewhere(
    whole: Whole, role: Role
) -> None:
    wrong = {}
    for route, who in KEPT_BY_RIGHTS.items():
        status = await whole.status(asked(whole, route, role))
        answered = status not in (401, 403) and status < 500
        # A page of a kind that the role does not see answers as if there were none.
        refused = status in (403, 404)
        if not (answered if role.value in who.split() else refused):
            wrong[route] = status
    assert wrong == {}


@pytest.mark.parametrize("role", list(Role))
async def test_a_role_of_another_school_reaches_nothing_of_this_one(
    whole: Whole, role: Role
) -> None:
    wrong = {}
    for route in KEPT_BY_RIGHTS:
        request = asked(whole, route, role, elsewhere=True, body=example_of(whole, route))
        status, content = await whole.answer(request)
        if route in ANSWERED_ANYWHERE:
            named = UNIT.encode() in content or SCHOOL.encode() in content
            # The API's description has the sample school in its examples, for everybody.
            if named and not route.endswith("openapi.json"):
                wrong[route] = "names another school"
        elif status not in (403, 404):
            wrong[route] = str(status)
    assert wrong == {}


async def test_nobody_is_answered_by_nothing_but_what_is_open(whole: Whole) -> None:
    wrong = {}
    for route, who in roles_of().items():
        status = await whole.status(asked(whole, route, None))
        refused = status in ((401,) if who != WORKERS else (401, 404, 422))
        if refused is (who == PUBLIC):
            wrong[route] = status
    assert wrong == {}


async def test_no_person_passes_for_a_worker(whole: Whole) -> None:
    """The workers' routes look at their own token; no role stands in for it."""
    for route in ROUTES[WORKERS]:
        for role in Role:
            request = asked(whole, route, role, body=example_of(whole, route))
            assert await whole.status(request) in REFUSED, (route, role)


async def test_numbers_of_another_unit_do_not_exist_in_the_own_one(whole: Whole) -> None:
    """The path names one's own unit, the number a thing of the neighbour: always 404."""
    own = {**whole.objects, "unit_id": OTHER_UNIT}
    wrong, tried = {}, 0
    for route in KEPT_BY_RIGHTS:
        method, _, template = route.partition(" ")
        if "/units/{unit_id}/" not in template or "{number}" not in template:
            continue
        tried += 1
        path = filled(template, own)
        body = example_of(whole, route)
        status = await whole.status(Asked(method, path, Role.BUREAU, OTHER_UNIT, body=body))
        if status != 404:
            wrong[route] = status
    assert wrong == {}
    assert tried >= 15


async def test_who_keeps_another_zone_reaches_nothing_of_this_one(whole: Whole) -> None:
    """Alarms, cameras and recordings of the stair, asked by people of the gate alone."""
    wrong, tried = {}, 0
    for route, who in KEPT_BY_RIGHTS.items():
        if of_plan(route.split()[1]) or not any(
            name in route
            for name in ("/alarms/{number}", "{zone_id}", "{camera_id}", "{export_id}")
        ):
            continue
        role = Role(who.split()[0])
        body = example_of(whole, route)
        request = asked(whole, route, role, zone=OTHER_ZONE, body=body)
        tried += 1
        status = await whole.status(request)
        if status != 404 and "/evidence/{number}" not in route:
            wrong[route] = status
        same = asked(whole, route, role, zone=ZONE, body=b"{}")
        assert await whole.status(same) not in (401, 403), route
    assert wrong == {}
    assert tried >= 20


async def test_lists_and_the_stream_hold_nothing_of_another_zone(whole: Whole) -> None:
    for path in ("/api/v1/state", "/api/v1/alarms", "/api/v1/events"):
        for zone, seen in ((ZONE, True), (OTHER_ZONE, False)):
            request = Asked("GET", path, Role.OPERATOR, SCHOOL, zone)
            status, content = await whole.answer(request)
            assert status == 200
            if path != "/api/v1/events":
                assert (f'"{ZONE}"'.encode() in content) is seen, path


async def test_no_answer_names_a_camera_of_another_zone(whole: Whole) -> None:
    """Whoever keeps the gate alone is told of no other camera: on no page, in no list, by whatever
    role. A new route that speaks of the whole site has its reason beside `OF_THE_WHOLE_SITE`."""
    foreign = {
        word
        for camera in whole.site.cameras
        if OTHER_ZONE not in camera.zone_ids
        for word in (camera.id, camera.name.zh, camera.name.en)
    }
    seen = asked(whole, "GET /api/v1/cameras/{camera_id}/picture.jpg", Role.OPERATOR)
    assert await whole.status(seen) == 200
    wrong, tried = {}, 0
    for route, who in KEPT_BY_RIGHTS.items():
        method, _, template = route.partition(" ")
        told_all = template.startswith(OF_THE_WHOLE_SITE)
        # A thing that is named in the path answers as if there were none: see above.
        if method != "GET" or of_plan(template) or told_all or "{camera_id}" in template:
            continue
        tried += 1
        roles = ",".join(role for role in who.split() if role != Role.MACHINE.value)
        path = filled(template, whole.objects)
        _, content = await whole.answer(Asked("GET", path, roles, SCHOOL, OTHER_ZONE))
        named = sorted(word for word in foreign if word.encode() in content)
        if named:
            wrong[route] = named
    assert wrong == {}
    assert tried >= 30


async def test_the_table_names_roles_that_exist() -> None:
    names = {role.value for role in Role} | {PUBLIC, WORKERS}
    assert {name for who in ROUTES for name in who.split()} <= names
    assert len(EVERYBODY.split()) == len(Role)

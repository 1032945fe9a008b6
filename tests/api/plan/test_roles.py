"""Role by route: what each role reaches in its own school, and that another school is not there."""

from dataclasses import replace
from datetime import date

import httpx
import pytest

from api.access.accounts import Account
from api.access.actor import Grant
from api.access.rights import Right, Role
from tests.api.plan.conftest import at
from tests.api.plan.test_routes import BASE, Person, client

__all__ = ["client"]

UNIT = "/plan/units/sample-primary"
PAGES: tuple[str, ...] = (
    "",
    "/board",
    "/ledger",
    "/calendar",
    "/records",
    "/hazards",
    "/tasks",
    "/incidents",
)
PAGES += ("/certificates", "/map", "/form/drill", "/form/duty_log")
# One letter a page of PAGES: y for 200, n for 403.
REACHED = {
    "bureau": "yyyyyyyyyyyy",
    "school": "yyyyyyyyyyyy",
    "security_room": "yyyyyyynnnny",
    "police_room": "yyyyyynynnnn",
    "bus_provider": "yyyyynnnynyn",
    "expert": "yyyyyyynnnyy",
    "operator": "nnnnnnnnnnnn",
    "police": "nnnnnnnnnnnn",
}
ROLES = sorted(REACHED)


@pytest.mark.parametrize("role", ROLES)
async def test_pages_of_the_own_school(client: httpx.AsyncClient, role: str) -> None:
    person = Person(client, "孙一", "sample-primary", role)
    found = [(await person.get(UNIT + path)).status_code for path in PAGES]
    assert found == [200 if letter == "y" else 403 for letter in REACHED[role]]


@pytest.mark.parametrize("role", ROLES)
async def test_another_school_is_not_there(client: httpx.AsyncClient, role: str) -> None:
    person = Person(client, "孙一", "sample-middle", role)
    for path in PAGES:
        assert (await person.get(UNIT + path)).status_code == 404, path
    for path in ("/today", "/hazards", "/tasks", "/incidents", "/certificates"):
        assert (await person.get(BASE + path)).status_code == 404, path
    for path in ("/records", "/hazards", "/incidents", "/certificates", "/attachments"):
        assert (await person.post(BASE + path)).status_code == 404, path
    for path in ("/records/1/confirm", "/tasks/1/done", "/camera-drafts", "/camera-drills"):
        assert (await person.post(BASE + path)).status_code == 404, path


# What the start page of each role is: its own school's day, or the list of schools.
LANDINGS = [
    ("school", "sample-primary", "示范小学 · 今日"),
    ("security_room", "sample-primary", "示范小学 · 今日"),
    ("police_room", "sample-primary", "示范小学 · 今日"),
    ("bus_provider", "sample-middle", "示范中学 · 今日"),
    ("expert", "sample-primary", "示范小学 · 今日"),
    ("bureau", "*", "各单位今日情况"),
]


@pytest.mark.parametrize(("role", "school", "title"), LANDINGS)
async def test_each_role_lands_on_its_own_day(
    client: httpx.AsyncClient, role: str, school: str, title: str
) -> None:
    page = await Person(client, "孙一", school, role).get("/plan")
    assert page.status_code == 200
    assert title in page.text


async def test_each_role_sees_its_own_duties_only(client: httpx.AsyncClient) -> None:
    seen = {
        role: {
            line["rule_id"]
            for line in (
                await Person(client, "孙一", "sample-middle", role).get(
                    "/api/v1/plan/units/sample-middle/occurrences?from=2026-03-01&to=2026-06-30"
                )
            ).json()
        }
        for role in ("school", "bus_provider", "security_room", "police_room")
    }
    assert seen["bus_provider"] == {"R-3.11.3-1"}  # the term's bus drill
    assert seen["security_room"] < seen["school"]
    assert "R-2.7.2-1" in seen["school"] - seen["security_room"]
    assert not seen["police_room"] & seen["bus_provider"]


async def test_the_wall_shows_a_school_its_own_tile(client: httpx.AsyncClient) -> None:
    path = "/api/v1/plan/wall"
    own = (await Person(client, "孙一", "sample-primary", "school").get(path)).json()
    assert [tile["unit_id"] for tile in own["tiles"]] == ["sample-primary"]
    every = (await Person(client, "孙一", "*", "bureau").get(path)).json()
    assert len(every["tiles"]) == 4
    for role in ("security_room", "police_room", "bus_provider", "expert"):
        answer = await Person(client, "孙一", "sample-primary", role).get(path)
        assert answer.status_code == 403


def test_an_experts_grant_ends() -> None:
    last = at(date(2026, 3, 20))
    account = Account(
        id=1, name="expert", display_name="专家", password_hash="", shared=False,
        totp_sealed=None, totp_used=0, recovery_json="[]", subject=None, disabled=False,
        grants=(Grant(Role.EXPERT, "sample-primary", until=last),),
    )  # fmt: skip
    see = {"right": Right.SEE_PLAN, "site": "sample-primary"}
    assert account.actor(last.plus(-1)).may(**see)  # type: ignore[arg-type]
    assert not account.actor(last).may(**see)  # type: ignore[arg-type]
    endless = replace(account, grants=(Grant(Role.EXPERT, "sample-primary"),))
    assert endless.actor(last).may(**see)  # type: ignore[arg-type]


async def test_a_kind_of_record_that_is_not_theirs_is_named_in_words(
    client: httpx.AsyncClient,
) -> None:
    guard = Person(client, "孙一", "sample-primary", "security_room")
    body = {
        "client_key": "phone-7f31-000012",
        "kind": "drill",
        "kind_type": "fire",
        "happened_on": "2026-03-16",
        "title": "消防演练",
    }
    refused = await guard.post(f"{BASE}/records", **body)
    assert refused.status_code == 403
    assert refused.json()["message"] == {
        "zh": "您没有这项权限（填报安全工作计划：消防演练）",
        "en": "you do not have this right (write in the safety plan: Fire drill)",
    }


# One letter a step: a hazard given to a fixer, an incident reported, a record with its receipt,
# taken back, reviewed.
OFFERED = {
    "school": "yyyyy",
    "security_room": "ynyyn",
    "police_room": "nnnyy",
    "expert": "nnnnn",
}


@pytest.mark.parametrize("role", sorted(OFFERED))
async def test_a_page_offers_no_step_that_is_refused(client: httpx.AsyncClient, role: str) -> None:
    director = Person(client, "王芳", "sample-primary")
    hazard = {"client_key": "phone-0001", "location": "东楼梯", "description": "扶手松动"}
    assert (await director.post(f"{BASE}/hazards", **hazard)).status_code == 200
    incident = {
        "client_key": "phone-0002",
        "category": "磕碰",
        "place": "操场",
        "occurred_at": "2026-03-16T07:50:00+08:00",
    }
    assert (await director.post(f"{BASE}/incidents", **incident)).status_code == 200
    record = {
        "client_key": "phone-0003",
        "kind": "alarm_handling",
        "happened_on": "2026-03-16",
        "title": "告警处置",
        "details": {"period": "2026-03", "alarms": 1, "acknowledged": 1},
    }
    number = (await director.post(f"{BASE}/records", **record)).json()["id"]
    person = Person(client, "孙一", "sample-primary", role)
    pages = {
        name: (await person.get(f"{UNIT}/{name}")).text
        for name in ("hazards", "incidents", f"records/{number}")
    }
    wanted = [
        ("hazards", "/hazards/1/assign"),
        ("incidents", "/incidents/1/reports"),
        (f"records/{number}", "/receipt"),
        (f"records/{number}", f"/records/{number}/withdraw"),
        (f"records/{number}", "/review"),
    ]
    found = "".join("y" if path in pages[name] else "n" for name, path in wanted)
    assert found == OFFERED[role]

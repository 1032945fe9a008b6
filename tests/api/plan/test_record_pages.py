"""Records over HTTP: taken back by whom, what its page says then, and the list page by page."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import httpx
import pytest
from sqlalchemy import insert, select

from api.access.audit import verify
from api.access.rights import Role
from api.access.tables import AUDIT
from api.database import Database
from api.plan.record_store import PAGE, Place, Wanted, listed
from api.plan.scopes import scope_of
from api.plan.tables import PLAN_RECORDS, PLAN_UNITS, day_number
from tests.api.plan.conftest import TODAY, LedgerDesk, at
from tests.api.plan.test_routes import BASE, Person, client, director

__all__ = ["client", "director"]

UNIT = "/plan/units/sample-primary"
REASON = "误报：演练改到下周"
DRILL = {"participants": 812, "evaluation": "有序"}


async def hand_in(person: Person, key: str, kind: str, kind_type: str, **details: object) -> int:
    answer = await person.post(
        f"{BASE}/records",
        client_key=f"phone-{key}",
        kind=kind,
        kind_type=kind_type,
        happened_on=TODAY.isoformat(),
        title=key,
        details=details,
    )
    assert answer.status_code == 200, answer.text
    return int(answer.json()["id"])


async def test_a_drill_is_taken_back_and_its_page_says_so(
    director: Person, rolled_url: str
) -> None:
    number = await hand_in(director, "drill-1", "drill", "fire", **DRILL)
    page = f"{UNIT}/records/{number}"
    duty = re.search(rf"{UNIT}/rows/\d+", (await director.get(page)).text)
    assert duty is not None
    taken = await director.post(f"{BASE}/records/{number}/withdraw", reason=f" {REASON} ")
    assert (taken.status_code, taken.json()["state"]) == (200, "withdrawn")
    shown = unescape((await director.get(page)).text)
    assert f"已撤回，不再计入任何事项。 2026-03-16 08:00 王芳：{REASON}" in shown
    assert not re.search(r"/(withdraw|receipt|review)\"", shown)
    assert f"#{number} {REASON}" in unescape((await director.get(duty.group())).text)
    assert "已撤回" in (await director.get(f"{UNIT}/records")).text
    english = (await director.get(f"{page}?lang=en")).text
    assert "Taken back; it counts for nothing." in english
    again = await director.post(f"{BASE}/records/{number}/withdraw", reason=REASON)
    assert (again.status_code, again.json()["code"]) == (409, "plan_is_withdrawn")
    told = (await director.get(f"{BASE}/history/record/{number}")).json()
    assert [(line["action"], line["actor"]) for line in told] == [
        ("handed_in", "王芳"),
        ("withdrawn", "王芳"),
    ]
    assert told[1]["body"]["reason"] == REASON
    async with Database(rolled_url) as database, database.read() as connection:
        columns = AUDIT.c
        acts = select(columns.actor).where(
            columns.action == "plan.record.withdrawn", columns.subject == f"record:{number}"
        )
        assert (await connection.execute(acts)).scalars().all() == ["王芳"]
        assert (await verify(connection)).fault == ""


@pytest.mark.parametrize("reason", ["", "   ", "长" * 301])
async def test_a_reason_is_needed(director: Person, reason: str) -> None:
    number = await hand_in(director, "drill-1", "drill", "fire", **DRILL)
    answer = await director.post(f"{BASE}/records/{number}/withdraw", reason=reason)
    assert answer.status_code == 422
    assert (await director.post(f"{BASE}/records/{number}/withdraw")).status_code == 422


# Role and school -> status for a self-inspection, for a guard's round, for the police's check.
WHO = [
    ("school", "sample-primary", (200, 200, 200)),
    ("bureau", "*", (200, 200, 200)),
    ("security_room", "sample-primary", (404, 200, 200)),
    ("police_room", "sample-primary", (404, 404, 200)),
    ("bus_provider", "sample-primary", (404, 404, 404)),
    ("expert", "sample-primary", (403, 403, 403)),
    ("administrator", "sample-primary", (403, 403, 403)),
    ("school", "sample-middle", (404, 404, 404)),
]


@pytest.mark.parametrize(("role", "school", "allowed"), WHO)
async def test_who_may_take_a_record_back(
    client: httpx.AsyncClient,
    director: Person,
    role: str,
    school: str,
    allowed: tuple[int, int, int],
) -> None:
    numbers = (
        await hand_in(
            *(director, "self-1", "inspection", "self"),
            inspector="王芳", places="楼梯", result="found",
        ),
        await hand_in(
            *(director, "daily-1", "inspection", "daily"),
            inspector="王芳", places="楼梯", result="found",
        ),
        await hand_in(
            director, "police-1", "equipment_check", "police", inspector="王芳", checked=3
        ),
    )  # fmt: skip
    person = Person(client, "孙一", school, role)
    for number, status in zip(numbers, allowed, strict=True):
        page = await person.get(f"{UNIT}/records/{number}")
        assert ('id="withdraw"' in page.text) == (status == 200)
        answer = await person.post(f"{BASE}/records/{number}/withdraw", reason=REASON)
        assert answer.status_code == status, (role, number)


BUS = {"kind": "bus_inspection", "subject": "沪A12345"}


async def test_a_certificate_taken_back_leaves_the_one_before_in_force(
    director: Person,
) -> None:
    for number, issued in (("N-1", "2026-03-02"), ("N-99", "2026-03-16")):
        key = f"phone-bus-{number}"
        form = {**BUS, "client_key": key, "number": number, "issued_on": issued}
        answer = await director.post(f"{BASE}/certificates", **form)
        assert answer.status_code == 200, answer.text
    page = unescape((await director.get(f"{UNIT}/certificates")).text)
    assert f'<a href="{UNIT}/records/2">N-99</a>' in page
    assert 'id="withdraw"' in (await director.get(f"{UNIT}/records/2")).text
    taken = await director.post(f"{BASE}/records/2/withdraw", reason="录错车辆")
    assert (taken.status_code, taken.json()["state"]) == (200, "withdrawn")
    page = unescape((await director.get(f"{UNIT}/certificates")).text)
    assert ("N-1</a>" in page, "N-99" in page) == (True, False)
    every = (await director.get(f"{BASE}/certificates?renewed=true")).json()
    assert {one["number"]: one["state"] for one in every} == {"N-1": "valid", "N-99": "withdrawn"}


async def test_a_wrong_final_report_is_taken_back_and_the_incident_goes_on(
    director: Person,
) -> None:
    form = {"client_key": "phone-inc-1", "category": "踩踏", "place": "楼梯口"}
    happened = await director.post(
        f"{BASE}/incidents", **form, occurred_at="2026-03-16T07:41:00+08:00"
    )
    number, sent = happened.json()["id"], {"channel": "电话", "content": "已处置"}
    path = f"{BASE}/incidents/{number}"
    for version, kind in ((1, "first"), (2, "final")):
        answer = await director.post(f"{path}/reports", version=version, kind=kind, **sent)
        assert answer.status_code == 200, answer.text
    mistake = await director.post(f"{path}/withdraw", version=3, reason="误登")
    assert (mistake.status_code, mistake.json()["code"]) == (409, "plan_incident_has_reports")
    early = await director.post(f"{BASE}/records/1/withdraw", reason=REASON)
    assert (early.status_code, early.json()["code"]) == (409, "plan_later_reports")
    assert (await director.post(f"{BASE}/records/2/withdraw", reason="误选终报")).status_code == 200
    (now,) = (await director.get(f"{BASE}/incidents")).json()
    assert (now["state"], now["reports"], now["version"]) == ("reported", 1, 4)
    page = unescape((await director.get(f"{UNIT}/incidents")).text)
    assert f'<a href="{UNIT}/records/2">终报</a>' in page
    # The next report is one of its own, also where it has the number of the one taken back.
    again = await director.post(f"{path}/reports", version=4, kind="follow_up", **sent)
    assert again.json()["reports"] == 2
    assert "records/3" in (await director.get(f"{UNIT}/incidents")).text


async def test_an_incident_entered_by_mistake_is_taken_back(director: Person) -> None:
    form = {"client_key": "phone-inc-1", "category": "踩踏", "place": "楼梯口"}
    form["occurred_at"] = "2026-03-16T07:41:00+08:00"
    number = (await director.post(f"{BASE}/incidents", **form)).json()["id"]
    answer = await director.post(f"{BASE}/incidents/{number}/withdraw", version=1, reason="误登")
    assert (answer.status_code, answer.json()["state"]) == (200, "withdrawn")
    assert not answer.json()["first_report_late"]
    page = unescape((await director.get(f"{UNIT}/incidents")).text)
    assert "已撤回" in page
    assert f"{number}/reports" not in page
    again = await director.post(f"{BASE}/incidents", **form)
    assert again.json()["state"] == "withdrawn"


async def tasks(person: Person) -> list[tuple[str, str]]:
    found = (await person.get(f"{BASE}/tasks")).json()
    return [(one["finding"], one["state"]) for one in found]


FAILED = {**DRILL, "evac_seconds": 240, "target_seconds": 180}


async def test_a_failed_drill_taken_back_asks_for_nothing(director: Person) -> None:
    number = await hand_in(director, "drill-1", "drill", "fire", **FAILED)
    assert await tasks(director) == [("failed_drill:fire", "open")]
    await director.post(f"{BASE}/records/{number}/withdraw", reason=REASON)
    assert await tasks(director) == []


async def test_a_drill_that_never_was_does_not_close_the_task_of_a_failed_one(
    director: Person,
) -> None:
    await hand_in(director, "drill-1", "drill", "fire", **FAILED)
    good = await hand_in(director, "drill-2", "drill", "fire", **DRILL)
    assert await tasks(director) == []
    await director.post(f"{BASE}/records/{good}/withdraw", reason=REASON)
    assert await tasks(director) == [("failed_drill:fire", "open")]


async def test_an_older_drill_taken_back_leaves_the_newest_ones_task(director: Person) -> None:
    first = await hand_in(director, "drill-1", "drill", "fire", **FAILED)
    await hand_in(director, "drill-2", "drill", "fire", **FAILED)
    await director.post(f"{BASE}/records/{first}/withdraw", reason=REASON)
    assert await tasks(director) == [("failed_drill:fire", "open")]


async def fill(url: str, count: int, **values: Any) -> None:
    """Records of many days, two a day, as years of entering leave them."""
    async with Database(url) as database, database.write() as connection:
        units = select(PLAN_UNITS.c.unit_no).where(PLAN_UNITS.c.unit_id == "sample-primary")
        number = (await connection.execute(units)).scalar_one()
        fields = {
            "unit_no": number, "kind": "drill", "kind_type": "fire", "state": "submitted",
            "source": "person", "body_json": "{}", "author": "王芳", "created_ns": at(TODAY).ns,
            "version": 1, **values,
        }  # fmt: skip
        rows = [
            {
                **fields,
                "client_key": f"many-{fields['kind']}-{one}",
                "happened_day": day_number(TODAY) - one // 2,
                "title": f"{fields['kind']}-{one}",
            }
            for one in range(count)
        ]
        await connection.execute(insert(PLAN_RECORDS), rows)


async def pages(person: Person, address: str) -> list[list[str]]:
    """Titles of every page, from the newest one to the last."""
    found = []
    for _ in range(10):
        page = (await person.get(address)).text
        found.append(re.findall(r'/records/\d+">([^<]+)</a>', page))
        older = re.search(r'id="older" rel="next" href="([^"]+)"', page)
        if older is None:
            return found
        address = f"{UNIT}/records{unescape(older.group(1))}"
    raise AssertionError("the pages do not end")


async def test_every_record_stands_on_one_page(director: Person, rolled_url: str) -> None:
    await fill(rolled_url, 2 * PAGE + 1)
    found = await pages(director, f"{UNIT}/records")
    assert [len(page) for page in found] == [PAGE, PAGE, 1]
    titles = [title for page in found for title in page]
    assert sorted(titles) == sorted(f"drill-{one}" for one in range(2 * PAGE + 1))
    days = [int(title.partition("-")[2]) // 2 for title in titles]
    assert days == sorted(days)


async def test_a_list_that_just_fills_its_page_has_no_next_one(
    director: Person, rolled_url: str
) -> None:
    await fill(rolled_url, PAGE)
    page = (await director.get(f"{UNIT}/records")).text
    assert 'id="older"' not in page
    assert 'id="newest"' not in page


async def test_a_record_handed_in_meanwhile_moves_no_page(
    director: Person, rolled_url: str
) -> None:
    await fill(rolled_url, PAGE + 1)
    page = (await director.get(f"{UNIT}/records")).text
    older = re.search(r'id="older" rel="next" href="([^"]+)"', page)
    assert older is not None
    await hand_in(director, "new-1", "drill", "fire", **DRILL)
    following = (await director.get(f"{UNIT}/records{unescape(older.group(1))}")).text
    assert re.findall(r'/records/\d+">([^<]+)</a>', following) == [f"drill-{PAGE}"]
    assert 'id="newest" href="?"' in following


async def test_the_filter_goes_along(director: Person, rolled_url: str) -> None:
    await fill(rolled_url, PAGE + 2)
    await fill(rolled_url, PAGE + 3, kind="coverage_audit", kind_type="", state="draft")
    found = await pages(director, f"{UNIT}/records?group=camera")
    assert [len(page) for page in found] == [PAGE, 3]
    assert {title.partition("-")[0] for page in found for title in page} == {"coverage_audit"}
    drafts = await pages(director, f"{UNIT}/records?drafts=true")
    assert [len(page) for page in drafts] == [PAGE, 3]


@pytest.mark.parametrize("chosen", ["?", "?group=camera", "?drafts=true"])
async def test_the_page_says_which_records_it_lists(director: Person, chosen: str) -> None:
    page = (await director.get(f"{UNIT}/records{chosen}")).text
    assert re.findall(r'<a href="([?][^"]*)" aria-current="page">', page) == [chosen]


async def test_a_role_with_few_kinds_has_full_pages_of_them(
    client: httpx.AsyncClient, rolled_url: str
) -> None:
    """The guards' few rounds are not lost behind hundreds of records that they do not see."""
    await fill(rolled_url, PAGE + 5)
    await fill(rolled_url, 3, kind="inspection", kind_type="self")
    await fill(rolled_url, 4, kind="duty_log", kind_type="gate")
    guard = Person(client, "周二", role="security_room")
    assert await pages(guard, f"{UNIT}/records") == [
        ["duty_log-1", "duty_log-0", "duty_log-3", "duty_log-2"]
    ]
    expert = Person(client, "专家", role="expert")
    await fill(rolled_url, 2, kind="duty_roster", kind_type="")
    titles = [title for page in await pages(expert, f"{UNIT}/records") for title in page]
    assert len(titles) == PAGE + 5 + 3 + 4


@pytest.mark.parametrize(("before", "status"), [("2026-99-99_1", 404), ("x", 422)])
async def test_a_place_that_is_none_is_refused(director: Person, before: str, status: int) -> None:
    assert (await director.get(f"{UNIT}/records?before={before}")).status_code == status


async def test_both_databases_turn_the_pages_alike(rolled: LedgerDesk) -> None:
    """Two rounds of one day and a drill of the day before, in pages of two."""
    kinds = (("inspection", "daily", 0), ("inspection", "self", 0), ("drill", "fire", 1))
    for kind, kind_type, days in kinds:
        day = TODAY - timedelta(days)
        await rolled.hand_in("sample-primary", TODAY, kind, kind_type=kind_type, happened=day)
    desk = await rolled.desk("sample-primary", TODAY)
    every = Wanted(scope_of([Role.SCHOOL]))
    async with rolled.database.read() as connection:
        first = await listed(connection, desk.unit_no, every, limit=2)
        assert first.older == Place(TODAY, first.records[1].id)
        rest = await listed(connection, desk.unit_no, every, before=first.older, limit=2)
        guards = Wanted(scope_of([Role.SECURITY_ROOM]))
        own = await listed(connection, desk.unit_no, guards, limit=2)
    assert [one.kind_type for one in first.records] == ["self", "daily"]
    assert ([one.kind_type for one in rest.records], rest.older) == (["fire"], None)
    assert ([one.kind_type for one in own.records], own.older) == (["daily"], None)

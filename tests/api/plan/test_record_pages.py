"""The list of records, page by page."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import httpx
import pytest
from sqlalchemy import insert, select

from api.access.rights import Role
from api.database import Database
from api.plan.record_store import PAGE, Place, Wanted, listed
from api.plan.scopes import scope_of
from api.plan.tables import PLAN_RECORDS, PLAN_UNITS, day_number
from tests.api.plan.conftest import TODAY, LedgerDesk, at
from tests.api.plan.test_routes import BASE, Person, client, director

__all__ = ["client", "director"]

UNIT = "/plan/units/sample-primary"
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

"""A clock that stands ahead, or back: what the ledger believes, and how it comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from api.database import Database
from api.plan import history, incident_store
from api.plan.camera_store import Draft, take_draft
from api.plan.day_watch import DayWatch, Standing
from api.plan.going_back import WentBack, go_back
from api.plan.incidents import Incident, IncidentState
from api.plan.nightly import rolling
from api.plan.service import PlanService
from api.plan.tables import (
    PLAN_NOTICES,
    PLAN_OCCURRENCES,
    PLAN_RECORDS,
    PLAN_ROLLS,
    day_number,
)
from config.plan import load_edition
from streams.clock import SimulatedClock
from tests.api.plan.conftest import TODAY, LedgerDesk, at, names
from tests.api.plan.reports.conftest import Office, office
from tests.api.plan.test_routes import Person
from vision.instants import Monotonic

__all__ = ["office"]

PRIMARY, ROUND = "sample-primary", "R-3.9.1-2"
DAY_S = 86_400.0
LOOK_EVERY_S = 0.01

JUDGED = [
    (0, 0.0, False, Standing.BELIEVED),
    (1, 0.0, False, Standing.BELIEVED),
    (2, 0.0, False, Standing.WAITS),
    (2, 239.0, False, Standing.WAITS),
    (2, 240.0, False, Standing.BELIEVED),
    (31, 240.0, False, Standing.BELIEVED),
    (32, 9_999.0, False, Standing.ASKS),
    (32, 0.0, True, Standing.BELIEVED),
    (-1, 0.0, False, Standing.WAITS),
    (-31, 240.0, False, Standing.BELIEVED),
    (-32, 9_999.0, False, Standing.ASKS),
    (-5_000, 9_999.0, False, Standing.ASKS),  # a battery that is empty
]


@pytest.mark.parametrize(("nights", "stood_s", "confirmed", "standing"), JUDGED)
def test_a_day_far_from_the_ledgers_waits_or_asks(
    nights: int, stood_s: float, confirmed: bool, standing: Standing
) -> None:
    start = Monotonic(0)
    watch = DayWatch(TODAY, start)
    watch.see(TODAY + timedelta(days=nights), start)
    seen = watch.judge(TODAY, start.plus(stood_s), confirmed=confirmed)
    assert seen is standing


def test_a_day_that_changed_between_stands_anew() -> None:
    watch, far = DayWatch(TODAY, Monotonic(0)), TODAY + timedelta(days=5)
    for day, second in ((far, 0.0), (TODAY, 200.0), (far, 400.0)):
        watch.see(day, Monotonic(0).plus(second))
    assert watch.judge(TODAY, Monotonic(0).plus(500.0), confirmed=False) is Standing.WAITS


def test_the_first_night_of_all_needs_no_ledger() -> None:
    watch = DayWatch(TODAY, Monotonic(0))
    assert watch.judge(None, Monotonic(0), confirmed=False) is Standing.BELIEVED


async def standing(ledger: LedgerDesk) -> dict[str, list[tuple[Any, ...]]]:
    """The rows that a night moves, as far as they do not lie beyond the ledger's horizon."""
    t = PLAN_OCCURRENCES.c
    until = day_number(TODAY + timedelta(days=45))
    occurrences = select(t.id, t.rule_id, t.due_day, t.done, t.state, t.settled_day)
    queries = {
        "occurrences": occurrences.where(t.due_day <= until).order_by(t.id),
        "notices": select(PLAN_NOTICES).order_by(PLAN_NOTICES.c.id),
        "rolls": select(PLAN_ROLLS),
        "records": select(PLAN_RECORDS.c.id),
    }
    async with ledger.database.read() as connection:
        return {
            name: [tuple(row) for row in await connection.execute(query)]
            for name, query in queries.items()
        }


async def back(ledger: LedgerDesk, day: date) -> WentBack | None:
    async with ledger.database.write() as connection:
        return await go_back(connection, day, at(day))


async def add_incident(ledger: LedgerDesk) -> None:
    desk = await ledger.desk(PRIMARY, TODAY)
    incident = Incident(*(0, "踩踏", "楼梯", at(TODAY), at(TODAY), IncidentState.HAPPENED, "王芳"))
    async with ledger.database.write() as connection:
        await incident_store.add(connection, desk, incident, client_key="phone-incident")


async def test_nights_ahead_of_the_day_are_taken_back_whole(rolled: LedgerDesk) -> None:
    before = await standing(rolled)
    nights = await rolled.roll(TODAY + timedelta(days=45))
    assert sum(night.missed for night in nights) > 50
    found = await back(rolled, TODAY)
    assert found is not None
    assert (found.stood, found.nights) == (TODAY + timedelta(days=45), 31)
    assert found.restored > 100
    assert await standing(rolled) == before
    assert await back(rolled, TODAY) is None
    async with rolled.database.read() as connection:
        (told,) = await history.of_subject(connection, "ledger")
        assert await history.first_broken(connection) is None
    assert (told.action, told.actor) == ("went_back", "system")
    assert told.body["to"] == TODAY.isoformat()


async def test_the_ledger_goes_on_as_if_the_clock_had_been_right(rolled: LedgerDesk) -> None:
    await rolled.roll(TODAY + timedelta(days=45))
    await back(rolled, TODAY)
    done = await rolled.hand_in(PRIMARY, TODAY, "inspection", kind_type="daily")
    assert names(done.counted) == [(ROUND, "submitted", False)]
    for days in (1, 2):
        (night,) = await rolled.roll(TODAY + timedelta(days=days))
        assert night.day == TODAY + timedelta(days=days)
    assert await rolled.state(PRIMARY, ROUND, TODAY) == "submitted"
    assert await rolled.state(PRIMARY, ROUND, TODAY + timedelta(days=1)) == "missed"
    assert await rolled.state(PRIMARY, ROUND, TODAY + timedelta(days=3)) == "upcoming"


async def test_what_was_handed_in_meanwhile_is_not_late(rolled: LedgerDesk) -> None:
    ahead = TODAY + timedelta(days=40)
    await rolled.roll(ahead)
    stored = await rolled.hand_in(PRIMARY, ahead, "drill", kind_type="fire", happened=TODAY)
    late = {one.rule_id: one.due for one in stored.counted if one.state.value == "late"}
    assert "R-2.7.2-1" in late
    found = await back(rolled, TODAY)
    assert found is not None
    assert found.future_records == 0
    for rule_id, due in late.items():
        assert await rolled.state(PRIMARY, rule_id, due) in ("submitted", "merged")


async def test_what_cameras_and_incidents_added_for_days_to_come_is_gone(
    rolled: LedgerDesk,
) -> None:
    ahead = TODAY + timedelta(days=3)
    await add_incident(rolled)
    await rolled.roll(ahead)
    desk = await rolled.desk(PRIMARY, ahead)
    async with rolled.database.write() as connection:
        await take_draft(connection, desk, Draft("camera-week", "report", "density", "周报", {}))
    person = await rolled.hand_in(PRIMARY, ahead, "meeting", kind_type="weekly")
    t = PLAN_OCCURRENCES.c
    asked = select(t.due_day).where(t.anchor.startswith("incident:")).order_by(t.due_day)
    async with rolled.database.read() as connection:
        assert len((await connection.execute(asked)).all()) == 4
    found = await back(rolled, TODAY + timedelta(days=1))
    assert found is not None
    assert found.future_records == 1
    async with rolled.database.read() as connection:
        days = list((await connection.execute(asked)).scalars())
        records = list((await connection.execute(select(PLAN_RECORDS.c.id))).scalars())
    assert days == [day_number(TODAY), day_number(TODAY + timedelta(days=1))]
    assert records == [person.record_id]


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(at(TODAY))


@pytest.fixture
async def plan(
    rolled_url: str, clock: SimulatedClock, tmp_path: Path
) -> AsyncIterator[PlanService]:
    async with Database(rolled_url) as database:
        yield PlanService(database, load_edition(), clock, tmp_path)


def doubt(plan: PlanService) -> Standing | None:
    """What the pages say about the day."""
    return None if plan.day_note is None else plan.day_note.standing


async def until_at(plan: PlanService, day: date) -> None:
    async with asyncio.timeout(60):
        while await plan.last_night() != day:
            await asyncio.sleep(LOOK_EVERY_S)


async def until_sure(plan: PlanService) -> None:
    """The nights are stored before the pages say that the day stands."""
    async with asyncio.timeout(60):
        while doubt(plan) is not None:
            await asyncio.sleep(LOOK_EVERY_S)


async def test_a_clock_weeks_ahead_for_a_moment_moves_nothing(
    plan: PlanService, clock: SimulatedClock
) -> None:
    clock.step_utc(20 * DAY_S)
    async with rolling(plan, look_every_s=LOOK_EVERY_S):
        assert doubt(plan) is Standing.WAITS
        clock.step_utc(-20 * DAY_S)
        await until_sure(plan)
        assert await plan.last_night() == TODAY


async def test_a_week_that_the_machine_was_off_is_made_up_once_the_day_stands(
    plan: PlanService, clock: SimulatedClock
) -> None:
    clock.step_utc(7 * DAY_S)
    async with rolling(plan, look_every_s=LOOK_EVERY_S):
        assert await plan.last_night() == TODAY
        clock.advance(300.0)
        await until_at(plan, TODAY + timedelta(days=7))
        await until_sure(plan)


async def test_a_ledger_ahead_comes_back_once_the_day_stands(
    plan: PlanService, clock: SimulatedClock
) -> None:
    clock.step_utc(10 * DAY_S)
    await plan.roll()
    clock.step_utc(-10 * DAY_S)
    with capture_logs() as logs:
        async with rolling(plan, look_every_s=LOOK_EVERY_S):
            assert await plan.last_night() == TODAY + timedelta(days=10)
            clock.advance(300.0)
            await until_at(plan, TODAY)
    assert doubt(plan) is Standing.WENT_BACK
    assert [one["event"] for one in logs] == [
        *("the machine's day is doubted", "the ledger was taken back"),
    ]


async def test_a_day_beyond_a_month_waits_for_an_administrator(
    plan: PlanService, clock: SimulatedClock
) -> None:
    clock.step_utc(60 * DAY_S)
    async with rolling(plan, look_every_s=LOOK_EVERY_S):
        clock.advance(9_999.0)
        await asyncio.sleep(5 * LOOK_EVERY_S)
        assert await plan.last_night() == TODAY
        assert doubt(plan) is Standing.ASKS
        nights = await plan.confirm_day("区局周敏")
    assert len(nights) == 31
    assert doubt(plan) is None
    async with plan.database.read() as connection:
        (told,) = await history.of_subject(connection, "ledger")
    assert (told.action, told.actor) == ("day_confirmed", "区局周敏")


async def test_the_page_says_so_and_an_administrator_confirms(office: Office) -> None:
    office.clock.step_utc(60 * DAY_S)
    async with rolling(office.plan, look_every_s=3_600.0):
        day = office.plan.today().isoformat()
        shown = (await office.bureau.get("/plan/units/sample-primary")).text
        assert f"台账停在 {TODAY}，本机日期为 {day}" in shown
        assert 'id="confirm-day"' in shown
        assert 'id="confirm-day"' not in (await office.director.get("/plan")).text
        path = "/api/v1/plan/day"
        assert (await office.director.post(path, day=day)).status_code == 403
        other = await office.bureau.post(path, day="2026-01-01")
        assert (other.status_code, other.json()["code"]) == (409, "plan_day_other")
        assert await office.plan.last_night() == TODAY
        given = await office.bureau.post(path, day=day)
        assert given.json() == {"ledger_day": day, "nights": 31}
        assert "confirm-day" not in (await office.bureau.get("/plan/units/sample-primary")).text
        room = Person(office.client, "赵军", role="security_room")
        assert (await room.post(path, day=day)).status_code == 403


async def test_the_page_says_that_the_ledger_was_taken_back(office: Office) -> None:
    office.clock.step_utc(5 * DAY_S)
    await office.plan.roll()
    office.clock.step_utc(-5 * DAY_S)
    await office.plan.roll()
    shown = (await office.director.get("/plan/units/sample-primary?lang=en")).text
    assert f"the ledger had gone to {TODAY + timedelta(days=5)}; it is back at {TODAY}" in shown
    assert (await office.director.get("/plan/units/sample-primary/board")).status_code == 200

"""The service's nights: a plan that cannot be rolled is tried again and holds nobody up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from api.access.guard import OpenAccess
from api.application import PlanFolder, create_app
from api.database import Database
from api.pictures import NoPictures
from api.plan.nightly import rolling
from api.plan.service import PlanService
from api.plan.tables import PLAN_CALENDARS, PLAN_ROLLS, day_number
from api.plan.today import counts_by_unit
from config.plan import load_edition
from streams.clock import SimulatedClock
from tests.api.desk_cases import SITE, settings
from tests.api.plan.conftest import TODAY, at

TOMORROW = TODAY + timedelta(days=1)
LOOK_EVERY_S = 0.01


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(at(TODAY))


@pytest.fixture
async def plan(
    rolled_url: str, clock: SimulatedClock, tmp_path: Path
) -> AsyncIterator[PlanService]:
    """A plan whose ledger stands at `TODAY`."""
    async with Database(rolled_url) as database:
        yield PlanService(database, load_edition(), clock, tmp_path)


@asynccontextmanager
async def refusing(database: Database) -> AsyncIterator[None]:
    """The database refuses to write down a night: `OperationalError`, as from a full disk."""
    async with database.write() as connection:
        await connection.exec_driver_sql("ALTER TABLE plan_rolls RENAME TO plan_rolls_away")
    try:
        yield
    finally:
        async with database.write() as connection:
            await connection.exec_driver_sql("ALTER TABLE plan_rolls_away RENAME TO plan_rolls")


async def rolled_to(plan: PlanService, day: date) -> bool:
    async with plan.database.read() as connection:
        last = (await connection.execute(select(func.max(PLAN_ROLLS.c.day)))).scalar_one()
    return bool(last == day_number(day))


async def until_rolled_to(plan: PlanService, day: date) -> None:
    async with asyncio.timeout(60):
        while not await rolled_to(plan, day):
            await asyncio.sleep(LOOK_EVERY_S)


async def test_a_night_that_the_database_refuses_is_made_up(
    plan: PlanService, clock: SimulatedClock
) -> None:
    async with rolling(plan, look_every_s=LOOK_EVERY_S):
        with capture_logs() as logs:
            async with refusing(plan.database):
                clock.advance(86_400)
                with pytest.raises(OperationalError):
                    await plan.roll()
                async with asyncio.timeout(60):
                    while not logs:
                        await asyncio.sleep(LOOK_EVERY_S)
                await asyncio.sleep(10 * LOOK_EVERY_S)  # further looks say no more
        await until_rolled_to(plan, TOMORROW)
        clock.advance(86_400)
        await until_rolled_to(plan, TOMORROW + timedelta(days=1))
    assert [(one["day"], one["log_level"]) for one in logs] == [(str(TOMORROW), "error")]


async def test_a_start_that_the_database_refuses_is_made_up(
    plan: PlanService, clock: SimulatedClock
) -> None:
    clock.advance(86_400)
    async with AsyncExitStack() as running:
        with capture_logs() as logs:
            async with refusing(plan.database):
                await running.enter_async_context(rolling(plan, look_every_s=LOOK_EVERY_S))
                assert len(logs) == 1
        await until_rolled_to(plan, TOMORROW)


async def test_a_calendar_that_cannot_be_read_moves_nothing(
    plan: PlanService, clock: SimulatedClock
) -> None:
    """Rolled by the shipped calendar, what the bureau entered would be undone."""
    row = {"calendar": "", "year": 2026, "body_json": "{}", "author": "区局周敏", "at_ns": 0}
    async with plan.database.write() as connection:
        await connection.execute(PLAN_CALENDARS.insert().values(row))
    clock.advance(86_400)
    with capture_logs() as logs:
        async with rolling(plan, look_every_s=LOOK_EVERY_S):
            assert not await rolled_to(plan, TOMORROW)
    assert "ValidationError" in logs[0]["reason"]


async def test_the_alarm_desk_starts_without_its_plan(
    plan: PlanService, rolled_url: str, clock: SimulatedClock, tmp_path: Path
) -> None:
    clock.advance(86_400)
    app = create_app(
        settings=settings(rolled_url),
        site=SITE,
        clock=clock,
        pictures=NoPictures(),
        plan=PlanFolder(load_edition(), tmp_path / "files"),
        access=OpenAccess(),
    )
    transport = httpx.ASGITransport(app=app)
    async with (
        refusing(plan.database),
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
    ):
        assert (await client.get("/api/v1/alarms")).status_code == 200


async def test_a_school_that_is_listed_at_a_restart_has_its_duties_the_same_day(
    plan: PlanService,
) -> None:
    """The district opens a school; `units.yaml` gets it and the service is started again."""
    fresh = replace(plan.edition.unit("sample-primary"), id="new-primary", site="")
    plan.edition = replace(plan.edition, units=(*plan.edition.units, fresh))
    async with rolling(plan), plan.database.read() as connection:
        counts = {one.unit_id: one for one in await counts_by_unit(connection, TODAY)}
        nights = (await connection.execute(select(func.count()).select_from(PLAN_ROLLS))).scalar()
    # As much as a school whose ledger began on the same day, and no night is rolled twice.
    assert replace(counts["new-primary"], unit_id="sample-primary") == counts["sample-primary"]
    assert counts["new-primary"].open > 0
    assert nights == 1

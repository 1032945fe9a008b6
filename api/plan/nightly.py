"""Keeps the plan's ledger at the present day while the service runs, and drafts each week."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import date, timedelta

import structlog
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from api.plan import camera_store
from api.plan.camera_gathering import Period
from api.plan.camera_week import gather_week, take_week
from api.plan.errors import PlanRefusal
from api.plan.service import PlanService
from config.errors import ConfigError

log = structlog.get_logger()

LOOK_EVERY_S = 300.0
# The database, a rule or an entered calendar that cannot be used, a draft that is not taken.
_REFUSALS = (SQLAlchemyError, ConfigError, ValidationError, PlanRefusal)


@asynccontextmanager
async def rolling(plan: PlanService, *, look_every_s: float = LOOK_EVERY_S) -> AsyncIterator[None]:
    """Roll the ledger to today, and again once the district's day has changed.

    A plan that cannot be rolled holds up nobody: the block runs, and each look tries again.
    """
    nights = _Nights(plan)
    await nights.look()
    task = asyncio.create_task(_look_again(nights, look_every_s), name="plan-nightly")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@dataclass(slots=True)
class _Nights:
    """How far this service has rolled the ledger."""

    plan: PlanService
    rolled_to: date | None = None
    refused: bool = False

    async def look(self) -> None:
        """Roll if the day is new; what refuses is logged once and left to the next look."""
        today = self.plan.today()
        if today == self.rolled_to:
            return
        try:
            if self.rolled_to is None:
                await self.plan.read_calendars()
            await self.plan.roll()
            await take_last_week(self.plan)
        except _REFUSALS as error:
            # Nothing is lost by waiting: the ledger makes up for missed nights.
            if not self.refused:
                reason = f"{type(error).__name__}: {error}"
                log.error("the plan's ledger could not be rolled", day=str(today), reason=reason)
            self.refused = True
            return
        self.refused = False
        self.rolled_to = today


async def _look_again(nights: _Nights, every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        await nights.look()


async def take_last_week(plan: PlanService) -> int:
    """Drafts of last week's camera evidence for the watched units; those it made are counted.

    A week is taken once: what its person has confirmed or not stays as it is.
    """
    cameras = plan.cameras
    monday = plan.today() - timedelta(days=plan.today().weekday() + 7)
    period = Period(monday, monday + timedelta(days=6), plan.zone)
    made = 0
    for unit in plan.edition.units:
        if cameras is None or not plan.watches(unit):
            continue
        async with plan.own_work(unit, changes=False) as (connection, desk):
            if await camera_store.has_week(connection, desk, period.words):
                continue
            found = await gather_week(connection, desk, cameras, period)
        async with plan.own_work(unit, changes=True) as (connection, desk):
            await take_week(connection, desk, cameras, found)
            made += 1
    return made

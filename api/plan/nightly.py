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
from api.plan.day_watch import DayNote, DayWatch, Standing
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
    nights = _Nights(plan, DayWatch(plan.today(), plan.clock.monotonic()))
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
    watch: DayWatch
    rolled_to: date | None = None
    calendars_read: bool = False
    refused: bool = False

    async def look(self) -> None:
        """Roll if the day is new and believed; what refuses is logged once and tried again."""
        today = self.plan.today()
        self.watch.see(today, self.plan.clock.monotonic())
        if today == self.rolled_to:
            self.plan.end_doubt()
            return
        try:
            if not self.calendars_read:
                await self.plan.read_calendars()
                self.calendars_read = True
            if not await self._believed(today):
                return
            await self.plan.roll()
            await self.plan.tell_watchers()
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

    async def _believed(self, today: date) -> bool:
        """Whether the machine's day is to be gone to; where it is not, pages say so."""
        ledger = await self.plan.last_night()
        confirmed = self.plan.day_confirmed == today
        standing = self.watch.judge(ledger, self.plan.clock.monotonic(), confirmed=confirmed)
        if ledger is None or standing is Standing.BELIEVED:
            return True
        note = DayNote(standing, ledger, today)
        if note != self.plan.day_note:
            log.warning("the machine's day is doubted", ledger=str(ledger), machine=str(today))
            self.plan.day_note = note
        return False


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

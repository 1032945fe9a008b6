"""Keeps the plan's ledger at the present day while the service runs, and drafts each week."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import structlog

from api.database.errors import DatabaseError
from api.plan import camera_store
from api.plan.camera_gathering import Period
from api.plan.camera_week import gather_week, take_week
from api.plan.service import PlanService

log = structlog.get_logger()

_LOOK_EVERY_S = 300.0


@asynccontextmanager
async def rolling(plan: PlanService) -> AsyncIterator[None]:
    """Roll the ledger to today, and again once the district's day has changed."""
    await plan.read_calendars()
    await plan.roll()
    await take_last_week(plan)
    task = asyncio.create_task(_roll_each_day(plan), name="plan-nightly")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _roll_each_day(plan: PlanService) -> None:
    rolled_to = plan.today()
    while True:
        await asyncio.sleep(_LOOK_EVERY_S)
        today = plan.today()
        if today == rolled_to:
            continue
        try:
            await plan.roll()
            await take_last_week(plan)
        except DatabaseError as error:
            # Tried again at the next look: the ledger makes up for missed nights.
            log.warning("the plan's ledger could not be rolled", reason=str(error))
            continue
        rolled_to = today


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

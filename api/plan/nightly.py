"""Keeps the plan's ledger at the present day while the service runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog

from api.database.errors import DatabaseError
from api.plan.service import PlanService

log = structlog.get_logger()

_LOOK_EVERY_S = 300.0


@asynccontextmanager
async def rolling(plan: PlanService) -> AsyncIterator[None]:
    """Roll the ledger to today, and again once the district's day has changed."""
    await plan.roll()
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
        except DatabaseError as error:
            # Tried again at the next look: the ledger makes up for missed nights.
            log.warning("the plan's ledger could not be rolled", reason=str(error))
            continue
        rolled_to = today

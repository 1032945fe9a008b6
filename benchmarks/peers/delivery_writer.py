"""Raises the alarms of `benchmarks.delivery_faults` through the service's own desk.

    python -m benchmarks.peers.delivery_writer URL SITE_DIR ALARMS

A process of its own, so that it can be killed in the middle of a transaction; it then goes on where
the database says that it stood. While more than `BACKLOG` messages wait it pauses, so that faults
meet alarms that are being raised and not a long finished list.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from api.alarms.values import Alarm, AlarmKey, AlarmType, Condition, Evidence, Signal
from api.database import Database
from api.database.tables import ALARMS
from api.delivery.outbox import Outbox
from api.delivery.tables import DELIVERIES
from api.events import Broker
from api.live.board import Board
from api.live.values import Limits
from api.metrics import Metrics
from api.watched import Name, WatchedSite
from api.work import Desk
from config.delivery import load_delivery
from streams.clock import SystemClock
from vision.readings import Level

BATCH = 5
BACKLOG = 400
STEPS = ((Level.L3, 2), (Level.L4, 1), (Level.L0, 3))
"""Each alarm opens, gets worse and returns: three messages whose order can be seen."""

_CLOCK = SystemClock()


async def write(url: str, directory: Path, alarms: int) -> None:
    """Raise alarms until there are `alarms`; begins again where a killed writer stopped."""
    site = WatchedSite("school", Name("第一小学", "First School"), "Asia/Shanghai", (), ())
    limits = Limits(
        stale_after_s=3.0, lost_after_s=10.0, startup_grace_s=30.0, future_tolerance_s=5.0
    )
    async with Database(url) as database:
        desk = Desk(
            database=database,
            board=Board(site, limits, started_at=_CLOCK.utc()),
            broker=Broker(),
            clock=_CLOCK,
            metrics=Metrics(),
            outbox=Outbox(load_delivery(directory), site),
        )
        async with database.read() as connection:
            there = int(
                (await connection.execute(select(func.count(ALARMS.c.number)))).scalar_one()
            )
        for start in range(max(0, there - there % BATCH - BATCH), alarms, BATCH):
            await _wait_for_room(database)
            for level, priority in STEPS:
                numbers = range(start, min(start + BATCH, alarms))
                await _insist(desk, numbers, level, priority)


async def _wait_for_room(database: Database) -> None:
    waiting = select(func.count()).select_from(DELIVERIES).where(DELIVERIES.c.is_open.is_(True))
    while True:
        try:
            async with database.read() as connection:
                if int((await connection.execute(waiting)).scalar_one()) < BACKLOG:
                    return
        except SQLAlchemyError:
            pass
        await asyncio.sleep(0.2)


async def _insist(desk: Desk, numbers: range, level: Level, priority: int) -> None:
    """One transaction; tried again while the database refuses, as a worker's spool does."""
    while True:
        now = _CLOCK.utc()
        condition = Condition.GONE if level is Level.L0 else Condition.ACTIVE
        try:
            async with desk.work() as work:
                for number in numbers:
                    key = AlarmKey("school", AlarmType.CROWD, f"zone-{number}")
                    evidence = Evidence(level, 30.0, 4.2)
                    last = await work.newest_of(key)
                    if _stands(last, level):
                        continue
                    await work.signal(Signal(key, condition, priority, evidence, (), now, now))
        except SQLAlchemyError:
            await asyncio.sleep(0.1)
        else:
            return


def _stands(last: Alarm | None, level: Level) -> bool:
    """Whether a killed writer had taken this step already."""
    if last is None:
        return False
    if level is Level.L0:
        return last.condition is Condition.GONE
    return level is Level.L3 or last.peak.level is Level.L4


if __name__ == "__main__":
    asyncio.run(write(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))

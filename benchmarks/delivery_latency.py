"""How fast an alarm reaches the police peer, and how fast its loss is noticed.

The peer is SIPp as a GB/T 28181 platform over UDP. Measured from the alarm's transaction: the SIP
200 of the platform ("accepted"), its business response ("received"). Then the platform is killed:
seconds until the path's fault stands as a local alarm, and until a message sent into the dead path
raises the alarm of the missing acknowledgement. All with the settings a site gets by default.

    python -m benchmarks.delivery_latency [--alarms N] [--json]
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
from sqlalchemy import select

from api.alarms.values import AlarmKey, AlarmType, Condition, Evidence, Signal
from api.database import Database, migrate
from api.database.tables import ALARMS
from api.delivery.monitor import EVERY_S, Monitor
from api.delivery.outbox import Outbox
from api.delivery.process import driver_builder
from api.delivery.sender import Sender
from api.delivery.tables import DELIVERIES, DELIVERY_PATHS
from api.events import Broker
from api.live.board import Board
from api.live.values import Limits
from api.metrics import Metrics
from api.watched import Name, WatchedSite
from api.work import Desk
from benchmarks.peers import sipp
from benchmarks.report import EXIT_TARGET_MISSED, Report, no_data, parser
from config.delivery import DeliveryPlan, parse_delivery
from streams.clock import SystemClock
from vision.risk.readings import Level

ACCEPTED_P95_TARGET_S = 2.0
PATH_FAULT_TARGET_S = 90.0
MISSING_ACK_TARGET_S = 60.0
_PATIENCE_S = 240.0
_CLOCK = SystemClock()


def plan_for(port: int, directory: Path) -> DeliveryPlan:
    """The police room by GB/T 28181, every other value by default."""
    text = f"""
targets:
  - id: police-room
    name: {{zh: 警务室, en: Police room}}
    role: police
    one_path_reason: one peer is measured
    paths:
      - id: main
        driver: gb28181
        settings: {{server: 127.0.0.1, port: {port}, server_id: '{sipp.PLATFORM_ID}',
          domain: '{sipp.DOMAIN}', device_id: '{sipp.DEVICE_ID}', password: env:GB_PASSWORD}}
"""
    return parse_delivery(text.encode(), directory=directory)


def desk_for(database: Database, plan: DeliveryPlan) -> Desk:
    """The service's own desk over a site without zones."""
    site = WatchedSite("school", Name("第一小学", "First School"), "Asia/Shanghai", (), ())
    limits = Limits(
        stale_after_s=3.0, lost_after_s=10.0, startup_grace_s=30.0, future_tolerance_s=5.0
    )
    return Desk(
        database=database,
        board=Board(site, limits, started_at=_CLOCK.utc()),
        broker=Broker(),
        clock=_CLOCK,
        metrics=Metrics(),
        outbox=Outbox(plan, site),
    )


async def raise_alarm(desk: Desk, number: int) -> None:
    """A crowd alarm of priority 1, the way a reading raises it."""
    now = _CLOCK.utc()
    key = AlarmKey("school", AlarmType.CROWD, f"zone-{number}")
    evidence = Evidence(Level.L4, 30.0, 4.2)
    signal = Signal(key, Condition.ACTIVE, 1, evidence, (), now, now)
    async with desk.work() as work:
        await work.signal(signal)


async def until(holds: Callable[[], Awaitable[bool]], what: str) -> float:
    """Seconds until `holds`."""
    begun = time.monotonic()
    while not await holds():
        if time.monotonic() - begun > _PATIENCE_S:
            no_data(f"{what} did not happen within {_PATIENCE_S:g} s")
        await asyncio.sleep(0.1)
    return time.monotonic() - begun


async def measure(alarms: int, folder: Path, report: Report) -> None:
    """Fill the report."""
    url = f"sqlite:///{folder}/desk.db"
    migrate(url)
    platform = sipp.Sipp(sipp.platform(), folder / "sipp")
    platform.start()
    plan = plan_for(platform.port, folder)
    async with Database(url) as database, Database(url) as senders:
        desk = desk_for(database, plan)
        sender = Sender(senders, plan, _CLOCK, driver_builder(plan, "第一小学", _CLOCK))
        sending = asyncio.create_task(sender.run())
        watching = asyncio.create_task(_watch(Monitor(desk)))
        try:
            await until(lambda: _path_is(database, "up"), "the registration")
            for number in range(alarms):
                await raise_alarm(desk, number)
                await asyncio.sleep(0.2)
            await until(lambda: _settled(database, alarms), "the last receipt")
            await _times(database, report)
            await _loss(desk, database, platform, alarms, report)
        finally:
            platform.kill()
            for task in (sending, watching):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task


async def _watch(monitor: Monitor) -> None:
    while True:
        await monitor.tick()
        await asyncio.sleep(EVERY_S)


async def _times(database: Database, report: Report) -> None:
    columns = (DELIVERIES.c.created_ns, DELIVERIES.c.sent_ns, DELIVERIES.c.settled_ns)
    async with database.read() as connection:
        rows = (await connection.execute(select(*columns))).all()
    for name, column in (("accepted", 1), ("received", 2)):
        took_s = [(row[column] - row[0]) / 1e9 for row in rows]
        for share in (50, 95, 99):
            key = f"{name}_p{share}_s"
            report.figures[key] = round(float(np.percentile(took_s, share)), 3)
        target = f"p95 <= {ACCEPTED_P95_TARGET_S:g} s" if name == "accepted" else ""
        values = " / ".join(str(report.figures[f"{name}_p{share}_s"]) for share in (50, 95, 99))
        report.row(f"event to {name}, p50 / p95 / p99 (s)", values, target)
    report.figures["alarms"] = len(rows)


async def _loss(
    desk: Desk, database: Database, platform: sipp.Sipp, number: int, report: Report
) -> None:
    platform.kill()
    await raise_alarm(desk, number)
    fault, missing = await asyncio.gather(
        until(lambda: _alarm(database, "police-room/main"), "the alarm of the path"),
        until(lambda: _alarm(database, "police-room/ack"), "the alarm of the acknowledgement"),
    )
    report.figures["path_fault_alarm_s"] = round(fault, 1)
    report.figures["missing_ack_alarm_s"] = round(missing, 1)
    report.row("platform killed to path fault alarm (s)", f"{fault:.1f}", "<= 90")
    report.row("alarm unacknowledged to local alarm (s)", f"{missing:.1f}", "<= 60")


async def _path_is(database: Database, state: str) -> bool:
    async with database.read() as connection:
        found = (await connection.execute(select(DELIVERY_PATHS.c.state))).scalars().all()
    return list(found) == [state]


async def _settled(database: Database, count: int) -> bool:
    async with database.read() as connection:
        states = (await connection.execute(select(DELIVERIES.c.state))).scalars().all()
    return len(states) == count and set(states) == {"received"}


async def _alarm(database: Database, subject: str) -> bool:
    query = select(ALARMS.c.number).where(
        ALARMS.c.type == AlarmType.DELIVERY.value, ALARMS.c.subject_id == subject
    )
    async with database.read() as connection:
        return (await connection.execute(query)).first() is not None


def main() -> int:
    arguments = parser(__doc__ or "")
    arguments.add_argument("--alarms", type=int, default=200)
    options = arguments.parse_args()
    if not sipp.installed():
        no_data(f"SIPp is not installed; {sipp.MEND}")
    os.environ["GB_PASSWORD"] = sipp.PASSWORD
    report = Report("delivery_latency", options.seed, packages=("sqlalchemy",))
    with tempfile.TemporaryDirectory(prefix="xiaoan-") as folder:
        asyncio.run(measure(options.alarms, Path(folder), report))
    report.publish(as_json=options.json)
    held = (
        float(str(report.figures["accepted_p95_s"])) <= ACCEPTED_P95_TARGET_S
        and float(str(report.figures["path_fault_alarm_s"])) <= PATH_FAULT_TARGET_S
        and float(str(report.figures["missing_ack_alarm_s"])) <= MISSING_ACK_TARGET_S
    )
    return 0 if held else EXIT_TARGET_MISSED


if __name__ == "__main__":
    sys.exit(main())

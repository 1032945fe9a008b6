"""Targets, messages, fake drivers and a running sender for the tests of delivery."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlalchemy import select

from api.alarms import store
from api.alarms.machine import observe
from api.alarms.values import AlarmKey, AlarmType, Condition, Evidence, Signal
from api.database import Database
from api.delivery.driver import Accepted, Driver, Receipt, Received
from api.delivery.message import OutMessage, Words
from api.delivery.outbox import Outbox
from api.delivery.sender import Sender
from api.delivery.tables import DELIVERIES
from api.watched import Name, WatchedSite, WatchedZone
from config.delivery import DeliveryPath, DeliveryPlan, DeliveryTarget, parse_delivery
from streams.clock import SystemClock
from vision.geometry.zones import ZoneType
from vision.instants import Utc
from vision.risk.readings import Level

PATIENCE_S = 240.0
_FLOOR = Name("一层", "Ground floor")
SITE = WatchedSite(
    id="school",
    name=Name("第一小学", "First School"),
    timezone="Asia/Shanghai",
    zones=(
        WatchedZone("stair", Name("东楼梯", "East stair"), ZoneType.STAIRS, _FLOOR, 10.8, ()),
        WatchedZone("hall", Name("大厅", "Hall"), ZoneType.CORRIDOR, _FLOOR, 48.0, ()),
    ),
    cameras=(),
)
_PATH = (
    "- {{id: {id}, driver: webhook, settings: {{url: 'http://127.0.0.1:1/{id}', secret: env:X}}}}"
)


def plan(
    *,
    role: str = "police",
    paths: tuple[str, ...] = ("main", "backup"),
    heartbeat_s: float = 20.0,
    **keys: object,
) -> DeliveryPlan:
    """A plan with one target `room`; its paths are meant for fake drivers."""
    more = "".join(f"    {key}: {value}\n" for key, value in keys.items())
    ways = "\n".join("      " + _PATH.format(id=path) for path in paths)
    text = (
        f"heartbeat_s: {heartbeat_s}\ntargets:\n  - id: room\n"
        f"    name: {{zh: 警务室, en: Police room}}\n"
        f"    role: {role}\n    lowest_priority: 4\n{more}    paths:\n{ways}\n"
    )
    return parse_delivery(text.encode(), directory=Path())


def message(**changes: Any) -> OutMessage:
    """The opening of a crowd alarm on the stair."""
    values: dict[str, Any] = {
        "id": "msg_0001",
        "site_id": "school",
        "site_name": Words("第一小学", "First School"),
        "alarm_number": 7,
        "alarm_type": "crowd",
        "subject_id": "stair",
        "place": Words("东楼梯", "East stair"),
        "action": "opened",
        "state": "unacknowledged",
        "priority": 1,
        "level": "L4",
        "people": 30.0,
        "density_per_m2": 4.2,
        "active": True,
        "step_at": "2026-11-23T07:04:05Z",
        "alarm_at": "2026-11-23T07:04:00Z",
        "by": "",
        "note": "",
        "headline": Words("【第一小学】东楼梯 拥挤 L4", "[First School] East stair: L4"),
        "description": Words("密度 4.20", "density 4.20"),
        "sequence": 17,
        "point": 1,
    }
    return OutMessage(**{**values, **changes})


def signal(
    subject: str = "stair", level: Level = Level.L4, priority: int = 1, *, at: Utc
) -> Signal:
    active = level in (Level.L2, Level.L3, Level.L4)
    return Signal(
        key=AlarmKey(SITE.id, AlarmType.CROWD, subject),
        condition=Condition.ACTIVE if active else Condition.GONE,
        priority=priority,
        evidence=Evidence(level, 30.0, 4.2),
        zone_ids=(subject,),
        captured_at=at,
        received_at=at,
    )


async def raise_alarm(
    database: Database,
    outbox: Outbox,
    *steps: tuple[Level, int],
    subject: str = "stair",
    at: Utc | None = None,
) -> int:
    """Let signals act on a subject's alarm, each with its messages in one transaction."""
    now = at or SystemClock().utc()
    number = 0
    for level, priority in steps or ((Level.L4, 1),):
        async with database.write() as connection:
            known = signal(subject, level, priority, at=now)
            last = await store.newest_of(connection, known.key)
            change = observe(last, known)
            assert change is not None
            alarm = await store.save(connection, change)
            await outbox.enqueue(connection, alarm, change.entries, now)
            number = alarm.number
    return number


@dataclass(slots=True)
class FakeDriver:
    """Answers as `judge` says and keeps what it saw; `alive` answers the checks."""

    judge: Callable[[OutMessage], Receipt]
    alive: Callable[[], str] = lambda: "fine"
    seen: list[OutMessage] = field(default_factory=list)
    running: int = 0
    most_running: int = 0
    pause_s: float = 0.0

    async def start(self) -> None:
        """Nothing to open."""

    async def stop(self) -> None:
        """Nothing to release."""

    async def send(self, message: OutMessage, accepted: Accepted) -> Receipt:
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            await asyncio.sleep(self.pause_s)
            self.seen.append(message)
            receipt = self.judge(message)
            accepted()
            return receipt
        finally:
            self.running -= 1

    async def supervise(self) -> str:
        return self.alive()


def received(message: OutMessage) -> Receipt:
    """The receiver has it."""
    return Receipt(received=True, detail=f"got {message.id}")


@asynccontextmanager
async def sending(
    database: Database, delivery: DeliveryPlan, drivers: dict[str, Driver]
) -> AsyncIterator[Sender]:
    """A sender that runs until the block ends; `drivers` by path id."""

    def build(path: DeliveryPath, late: Received, controlled: Received) -> Driver:
        del late, controlled
        return drivers[path.id]

    sender = Sender(database, delivery, SystemClock(), build)
    task = asyncio.create_task(sender.run())
    try:
        yield sender
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def rows(database: Database) -> list[dict[str, Any]]:
    """All messages in the outbox, in order."""
    async with database.read() as connection:
        found = await connection.execute(select(DELIVERIES).order_by(DELIVERIES.c.seq))
        return [dict(row) for row in found.mappings()]


async def until(holds: Callable[[], Any], what: str = "it") -> None:
    """Wait until `holds()` (or what it awaits to) is true; a generous limit guards the test."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = holds()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return
        await asyncio.sleep(0.02)
    raise TimeoutError(f"{what} did not happen within {PATIENCE_S:g} s")


async def all_settled(database: Database) -> bool:
    return all(not row["is_open"] for row in await rows(database))


def faster(delivery: DeliveryPlan, **changes: Any) -> DeliveryPlan:
    """The plan with other values of its targets, beyond what a file may say."""
    targets: tuple[DeliveryTarget, ...] = tuple(
        replace(target, **changes) for target in delivery.targets
    )
    return replace(delivery, targets=targets)

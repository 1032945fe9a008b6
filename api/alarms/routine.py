"""Test alarms: begun at their time, by hand or by `xiaoan selftest`; followed to every receipt.

A test is an alarm of the type `test` and says so wherever it is shown or sent. It drives no output,
takes no step of the ladder, and no statistics count it. A run ends when every receiver's receipt is
there or its time is over; the log of receipts stays.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.alarms import machine, store
from api.alarms.errors import RunningTestError
from api.alarms.tables import TEST_RECEIPTS, TEST_RUNS
from api.alarms.values import (
    SYSTEM,
    Alarm,
    AlarmKey,
    AlarmState,
    AlarmType,
    Condition,
    Evidence,
    Signal,
    Signature,
)
from api.database.tables import ALARMS
from api.delivery.outbox import DeliveryState
from api.delivery.tables import DELIVERIES
from config.delivery import Acknowledgement, DeliveryTarget
from config.desk_plan import RoutineTest
from vision.instants import Utc
from vision.risk.readings import Level, Reason

if TYPE_CHECKING:
    from api.work import Work

SELFTEST_WORKER = "selftest"
"""Readings of this worker are synthetic: they never become a zone's state."""

PRIORITY_TEST = 4
CAUSE_ENDED = "test_ended"
CAUSE_MISSING = "receipt_missing"
DESK_RECEIVER = "desk"
WITHIN_S = 60.0
_LATE_START = timedelta(hours=1)
"""A service that starts later than this after the test's time leaves that day's test out."""


class RunKind(StrEnum):
    """Who asked for the test."""

    ROUTINE = "routine"
    ON_DEMAND = "on_demand"
    SELFTEST = "selftest"


@dataclass(frozen=True, slots=True)
class Run:
    """One test.

    Attributes:
        key: `routine/2026-11-23` for the scheduled one of a day: it exists once.
        due: when every receipt must be there.
        receipts: delay in milliseconds by receiver: a target's id, or `desk`.
    """

    id: int
    key: str
    alarm_number: int
    started: Utc
    started_by: str
    due: Utc
    receipts: dict[str, int]


def due_key(test: RoutineTest | None, timezone: str, now: Utc) -> str | None:
    """The key of the scheduled test that should have begun by now; `None` where none should."""
    if test is None:
        return None
    local = now.to_datetime().astimezone(ZoneInfo(timezone))
    day = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[local.weekday()]
    hour, minute = (int(part) for part in test.at.split(":"))
    begins: datetime = local.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if day not in test.days or not begins <= local < begins + _LATE_START:
        return None
    return f"{RunKind.ROUTINE}/{local.date().isoformat()}"


async def exists(connection: AsyncConnection, key: str) -> bool:
    """Whether the run of this key has begun already."""
    query = select(TEST_RUNS.c.id).where(TEST_RUNS.c.run_key == key)
    return (await connection.execute(query)).first() is not None


async def begin(
    work: Work,
    key: str,
    by: str,
    *,
    evidence: Evidence | None = None,
    zone_ids: tuple[str, ...] = (),
) -> Alarm:
    """Open the test alarm of a run inside the transaction of `work`; returns the alarm.

    Raises:
        RunningTestError: a person asks for a test while one still waits for its receipts.
    """
    if key.startswith(f"{RunKind.ON_DEMAND}/"):
        for _, waiting in await _open_runs(work):
            raise RunningTestError(waiting.number)
    now = work.known.now
    plan = work.plan.routine_test
    within_s = WITHIN_S if plan is None else plan.receipts_within_s
    seen = evidence or Evidence(Level.UNKNOWN, reasons=(Reason(rule="test_alarm"),))
    alarm_key = AlarmKey(work.known.site.id, AlarmType.TEST, key)
    await work.signal(_signal(alarm_key, Condition.ACTIVE, seen, zone_ids, now))
    alarm = await work.newest_of(alarm_key)
    if alarm is None:
        raise RuntimeError(f"the test alarm {key} was not stored")
    row = {
        "run_key": key,
        "alarm_number": alarm.number,
        "started_ns": now.ns,
        "started_by": by,
        "due_ns": now.plus(within_s).ns,
    }
    await work.connection.execute(insert(TEST_RUNS).values(**row))
    return alarm


async def follow(work: Work) -> None:
    """Write the receipts that have come, and end the runs that are complete or over their time."""
    targets = () if work.outbox is None else work.outbox.plan.targets
    expected = tuple(target for target in targets if target.from_step is None)
    for run, alarm in await _open_runs(work):
        receipts = await _receipts(work.connection, run, alarm, expected)
        await _write_receipts(work.connection, run, receipts)
        missing = [target.id for target in expected if target.id not in receipts]
        now = work.known.now
        if missing and now >= run.due:
            for target_id in missing:
                await work.signal(_missing_signal(work.known.site.id, target_id, now))
        elif missing or (DESK_RECEIVER not in receipts and now < run.due):
            continue
        else:
            for target in expected:
                await work.signal(_missing_signal(work.known.site.id, target.id, now, gone=True))
        await _end(work, alarm)


async def anything_open(connection: AsyncConnection) -> bool:
    """Whether a test alarm is open."""
    query = select(ALARMS.c.number).where(ALARMS.c.type == AlarmType.TEST.value, store.is_open())
    return (await connection.execute(query.limit(1))).first() is not None


async def recent_runs(connection: AsyncConnection, limit: int = 50) -> tuple[Run, ...]:
    """The newest runs with their receipts, the newest first."""
    query = select(TEST_RUNS).order_by(TEST_RUNS.c.id.desc()).limit(limit)
    rows = (await connection.execute(query)).mappings().all()
    return tuple([await _run(connection, row["id"], dict(row)) for row in rows])


async def _run(connection: AsyncConnection, run_id: int, row: dict[str, object]) -> Run:
    query = select(TEST_RECEIPTS.c.receiver, TEST_RECEIPTS.c.delay_ms)
    found = await connection.execute(query.where(TEST_RECEIPTS.c.run_id == run_id))
    return Run(
        id=run_id,
        key=str(row["run_key"]),
        alarm_number=int(str(row["alarm_number"])),
        started=Utc(int(str(row["started_ns"]))),
        started_by=str(row["started_by"]),
        due=Utc(int(str(row["due_ns"]))),
        receipts={str(receiver): int(delay) for receiver, delay in found},
    )


async def _open_runs(work: Work) -> list[tuple[Run, Alarm]]:
    found = []
    for run in await recent_runs(work.connection):
        alarm = await store.by_number(work.connection, run.alarm_number)
        newest = await work.newest_of(alarm.key)
        complete = newest is None or not newest.is_open
        # Who acknowledges a test before its receipts are there has not ended it.
        if newest is not None and not complete:
            found.append((run, newest))
    return found


async def _receipts(
    connection: AsyncConnection, run: Run, alarm: Alarm, expected: tuple[DeliveryTarget, ...]
) -> dict[str, int]:
    """Delay in milliseconds by receiver, as far as receipts have come."""
    found: dict[str, int] = {}
    if alarm.acknowledged is not None:
        found[DESK_RECEIVER] = round((alarm.acknowledged.at - run.started) * 1000.0)
    query = select(DELIVERIES.c.state, DELIVERIES.c.sent_ns, DELIVERIES.c.settled_ns)
    for target in expected:
        mine = query.where(
            DELIVERIES.c.alarm_number == alarm.number, DELIVERIES.c.target_id == target.id
        )
        row = (await connection.execute(mine.order_by(DELIVERIES.c.seq).limit(1))).first()
        if row is None:
            continue
        at_ns = row.settled_ns if row.state == DeliveryState.RECEIVED.value else None
        sent_is_enough = target.acknowledgement is Acknowledgement.TRANSPORT
        if at_ns is None and row.state == DeliveryState.SENT.value and sent_is_enough:
            at_ns = row.sent_ns
        if at_ns is not None:
            found[target.id] = round((Utc(int(at_ns)) - run.started) * 1000.0)
    return found


async def _write_receipts(connection: AsyncConnection, run: Run, receipts: dict[str, int]) -> None:
    rows = [
        {
            "run_id": run.id,
            "receiver": receiver,
            "received_ns": run.started.ns + delay_ms * 1_000_000,
            "delay_ms": delay_ms,
        }
        for receiver, delay_ms in receipts.items()
        if receiver not in run.receipts
    ]
    if rows:
        await connection.execute(insert(TEST_RECEIPTS), rows)


async def _end(work: Work, alarm: Alarm) -> None:
    now = work.known.now
    gone = _signal(alarm.key, Condition.GONE, alarm.evidence, alarm.zone_ids, now)
    await work.signal(gone)
    newest = await work.newest_of(alarm.key)
    if newest is not None and newest.state is not AlarmState.CLOSED:
        who = Signature(SYSTEM, now)
        await work.save(machine.close(newest, who, newest.version, CAUSE_ENDED))


def _signal(
    key: AlarmKey,
    condition: Condition,
    evidence: Evidence,
    zone_ids: tuple[str, ...],
    now: Utc,
) -> Signal:
    return Signal(key, condition, PRIORITY_TEST, evidence, zone_ids, now, now)


def _missing_signal(site_id: str, target_id: str, now: Utc, *, gone: bool = False) -> Signal:
    """A receiver that gave no receipt is a fault of delivery, told to everybody else."""
    key = AlarmKey(site_id, AlarmType.DELIVERY, f"{target_id}/test")
    reasons = () if gone else (Reason(rule=CAUSE_MISSING),)
    condition = Condition.GONE if gone else Condition.ACTIVE
    evidence = Evidence(Level.UNKNOWN, reasons=reasons)
    return replace(_signal(key, condition, evidence, (), now), priority=2)

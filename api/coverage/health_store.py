"""Camera health in the database: faults with duration and picture, baselines, orders to workers.

A worker tells all faults of a camera that stand. What is new opens a row, what is no longer told
closes one; so a fault that went away while a worker was down is closed by the next record.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.coverage.tables import CAMERA_BASELINES, CAMERA_FAULTS, CAMERA_HEALTH, CAMERA_ORDERS
from streams.records import CameraHealthRecord
from streams.worker.orders import Order, OrderKind
from vision.health.fault_course import Fault
from vision.health.features import Mode
from vision.instants import Utc

MOST_ORDERS = 500


@dataclass(frozen=True, slots=True)
class FaultRow:
    """A fault as it is kept; `closed` is `None` while it stands."""

    id: int
    camera_id: str
    fault: Fault
    mode: Mode
    since: Utc
    closed: Utc | None
    measured: float
    limit: float
    has_picture: bool

    def duration_s(self, now: Utc) -> float:
        return max(0.0, (self.closed or now) - self.since)


@dataclass(frozen=True, slots=True)
class ObservedAngles:
    """Where a moved camera looks, degrees."""

    pan_deg: float
    tilt_deg: float
    roll_deg: float


@dataclass(frozen=True, slots=True)
class HealthRow:
    """The newest word on a camera's health."""

    camera_id: str
    captured: Utc
    mode: Mode
    suspended: Utc | None
    observed: ObservedAngles | None


@dataclass(frozen=True, slots=True)
class BaselineRow:
    """A baseline that was learnt; `confirmed_by` is empty until a person looked."""

    camera_id: str
    mode: Mode
    learnt: Utc
    landmarks: int
    watches_movement: bool
    confirmed_by: str
    confirmed: Utc | None


async def take_health(connection: AsyncConnection, record: CameraHealthRecord, now: Utc) -> None:
    """Take a worker's record in; one older than what is known changes nothing.

    What is known from after `now` was told before the wall clock was set back, and is older.
    """
    at = Utc.from_datetime(record.captured_at)
    known = await connection.execute(
        select(CAMERA_HEALTH.c.captured_ns).where(CAMERA_HEALTH.c.camera_id == record.camera_id)
    )
    newest_ns = known.scalar_one_or_none()
    if newest_ns is not None and at.ns < newest_ns <= now.ns:
        return
    await _replace_health(connection, record, at)
    await _settle_faults(connection, record, at)
    if record.baseline is not None:
        await _replace_baseline(connection, record)


async def bring_back(connection: AsyncConnection, now: Utc) -> None:
    """Let no word on a camera lie in the future, where a clock that was set back has left it.

    It counts as one of `now`: it stands until the camera's worker tells another, or falls silent.
    """
    future = CAMERA_HEALTH.c.captured_ns > now.ns
    await connection.execute(update(CAMERA_HEALTH).where(future).values(captured_ns=now.ns))


async def _replace_health(connection: AsyncConnection, record: CameraHealthRecord, at: Utc) -> None:
    await connection.execute(
        delete(CAMERA_HEALTH).where(CAMERA_HEALTH.c.camera_id == record.camera_id)
    )
    suspended = record.suspended_since
    await connection.execute(
        insert(CAMERA_HEALTH).values(
            camera_id=record.camera_id,
            captured_ns=at.ns,
            mode=record.mode.value,
            suspended_ns=None if suspended is None else Utc.from_datetime(suspended).ns,
            observed_json="" if record.observed is None else record.observed.model_dump_json(),
        )
    )


async def _settle_faults(connection: AsyncConnection, record: CameraHealthRecord, at: Utc) -> None:
    query = select(CAMERA_FAULTS.c.id, CAMERA_FAULTS.c.fault).where(
        CAMERA_FAULTS.c.camera_id == record.camera_id, CAMERA_FAULTS.c.closed_ns.is_(None)
    )
    standing = {row.fault: row.id for row in await connection.execute(query)}
    told = {one.fault.value: one for one in record.faults}
    for name, row_id in standing.items():
        if name not in told:
            await connection.execute(
                update(CAMERA_FAULTS).where(CAMERA_FAULTS.c.id == row_id).values(closed_ns=at.ns)
            )
    for name, fault in told.items():
        if name not in standing:
            await connection.execute(
                insert(CAMERA_FAULTS).values(
                    camera_id=record.camera_id,
                    fault=name,
                    mode=record.mode.value,
                    since_ns=Utc.from_datetime(fault.since).ns,
                    closed_ns=None,
                    measured=fault.measured,
                    limit_value=fault.limit,
                    jpeg=_jpeg(record.jpeg_base64),
                )
            )


async def _replace_baseline(connection: AsyncConnection, record: CameraHealthRecord) -> None:
    baseline = record.baseline
    if baseline is None:
        return
    await connection.execute(
        delete(CAMERA_BASELINES).where(
            CAMERA_BASELINES.c.camera_id == record.camera_id,
            CAMERA_BASELINES.c.mode == baseline.mode.value,
        )
    )
    await connection.execute(
        insert(CAMERA_BASELINES).values(
            camera_id=record.camera_id,
            mode=baseline.mode.value,
            learnt_ns=Utc.from_datetime(baseline.learnt_at).ns,
            landmarks=baseline.landmarks,
            watches_movement=baseline.watches_movement,
            jpeg=_jpeg(baseline.jpeg_base64),
            confirmed_by="",
            confirmed_ns=None,
        )
    )


def _jpeg(text: str) -> bytes:
    """The picture, or nothing where it is no base64: an event counts without its picture too."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:  # no base 64, or not even ASCII
        return b""


async def faults_of(
    connection: AsyncConnection, *, only_open: bool = False, limit: int = 500
) -> tuple[FaultRow, ...]:
    """Faults, newest first."""
    query = select(CAMERA_FAULTS).order_by(CAMERA_FAULTS.c.id.desc()).limit(limit)
    if only_open:
        query = query.where(CAMERA_FAULTS.c.closed_ns.is_(None))
    rows = (await connection.execute(query)).mappings().all()
    return tuple(
        FaultRow(
            id=row["id"],
            camera_id=row["camera_id"],
            fault=Fault(row["fault"]),
            mode=Mode(row["mode"]),
            since=Utc(row["since_ns"]),
            closed=None if row["closed_ns"] is None else Utc(row["closed_ns"]),
            measured=row["measured"],
            limit=row["limit_value"],
            has_picture=bool(row["jpeg"]),
        )
        for row in rows
    )


async def fault_picture(connection: AsyncConnection, camera_id: str, fault_id: int) -> bytes | None:
    """The small picture behind a fault of that camera; `None` where there is none."""
    query = select(CAMERA_FAULTS.c.jpeg).where(
        CAMERA_FAULTS.c.id == fault_id, CAMERA_FAULTS.c.camera_id == camera_id
    )
    return (await connection.execute(query)).scalar_one_or_none() or None


async def baseline_picture(connection: AsyncConnection, camera_id: str, mode: Mode) -> bytes | None:
    """What a baseline was learnt from, as its newest picture; `None` where there is none."""
    query = select(CAMERA_BASELINES.c.jpeg).where(
        CAMERA_BASELINES.c.camera_id == camera_id, CAMERA_BASELINES.c.mode == mode.value
    )
    return (await connection.execute(query)).scalar_one_or_none() or None


async def health_of_all(connection: AsyncConnection) -> dict[str, HealthRow]:
    """The newest word on each camera that ever gave one."""
    rows = (await connection.execute(select(CAMERA_HEALTH))).mappings().all()
    return {
        row["camera_id"]: HealthRow(
            camera_id=row["camera_id"],
            captured=Utc(row["captured_ns"]),
            mode=Mode(row["mode"]),
            suspended=None if row["suspended_ns"] is None else Utc(row["suspended_ns"]),
            observed=ObservedAngles(**json.loads(row["observed_json"]))
            if row["observed_json"]
            else None,
        )
        for row in rows
    }


async def baselines_of_all(connection: AsyncConnection) -> tuple[BaselineRow, ...]:
    """All baselines that were learnt."""
    rows = (await connection.execute(select(CAMERA_BASELINES))).mappings().all()
    return tuple(
        BaselineRow(
            camera_id=row["camera_id"],
            mode=Mode(row["mode"]),
            learnt=Utc(row["learnt_ns"]),
            landmarks=row["landmarks"],
            watches_movement=bool(row["watches_movement"]),
            confirmed_by=row["confirmed_by"],
            confirmed=None if row["confirmed_ns"] is None else Utc(row["confirmed_ns"]),
        )
        for row in rows
    )


async def confirm_baseline(
    connection: AsyncConnection, camera_id: str, mode: Mode, name: str, now: Utc
) -> bool:
    """A person found the baseline right; `False` where none was learnt."""
    mine = (CAMERA_BASELINES.c.camera_id == camera_id) & (CAMERA_BASELINES.c.mode == mode.value)
    learnt_ns = (
        await connection.execute(select(CAMERA_BASELINES.c.learnt_ns).where(mine))
    ).scalar_one_or_none()
    if learnt_ns is None:
        return False
    await connection.execute(
        update(CAMERA_BASELINES).where(mine).values(confirmed_by=name, confirmed_ns=now.ns)
    )
    await _order(connection, camera_id, OrderKind.CONFIRM, name, now, mode.value, learnt_ns)
    return True


async def order_relearn(connection: AsyncConnection, camera_id: str, name: str, now: Utc) -> None:
    """A person wants the camera's baselines learnt anew."""
    await connection.execute(
        delete(CAMERA_BASELINES).where(CAMERA_BASELINES.c.camera_id == camera_id)
    )
    await _order(connection, camera_id, OrderKind.RELEARN, name, now)


async def confirm_calibration(
    connection: AsyncConnection, camera_id: str, name: str, note: str, now: Utc
) -> bool:
    """A person says that the calibration holds; `False` where it was not suspended."""
    query = update(CAMERA_HEALTH).where(
        CAMERA_HEALTH.c.camera_id == camera_id, CAMERA_HEALTH.c.suspended_ns.is_not(None)
    )
    if (await connection.execute(query.values(suspended_ns=None))).rowcount == 0:
        return False
    await _order(connection, camera_id, OrderKind.RESUME, name, now, note=note)
    return True


async def _order(
    connection: AsyncConnection,
    camera_id: str,
    kind: OrderKind,
    name: str,
    now: Utc,
    mode: str = "",
    learnt_ns: int | None = None,
    note: str = "",
) -> None:
    await connection.execute(
        insert(CAMERA_ORDERS).values(
            camera_id=camera_id,
            kind=kind.value,
            mode=mode,
            learnt_ns=learnt_ns,
            name=name,
            note=note,
            at_ns=now.ns,
        )
    )


async def orders_after(connection: AsyncConnection, number: int) -> tuple[Order, ...]:
    """Orders to the workers, oldest first."""
    query = (
        select(CAMERA_ORDERS)
        .where(CAMERA_ORDERS.c.number > number)
        .order_by(CAMERA_ORDERS.c.number)
        .limit(MOST_ORDERS)
    )
    rows = (await connection.execute(query)).mappings().all()
    return tuple(
        Order(
            number=row["number"],
            camera_id=row["camera_id"],
            kind=OrderKind(row["kind"]),
            name=row["name"],
            mode=Mode(row["mode"]) if row["mode"] else None,
            learnt_at=None if row["learnt_ns"] is None else Utc(row["learnt_ns"]).to_datetime(),
        )
        for row in rows
    )


__all__ = [
    "BaselineRow",
    "FaultRow",
    "HealthRow",
    "ObservedAngles",
    "baseline_picture",
    "baselines_of_all",
    "bring_back",
    "confirm_baseline",
    "confirm_calibration",
    "fault_picture",
    "faults_of",
    "health_of_all",
    "order_relearn",
    "orders_after",
    "take_health",
]

"""What is known of delivery: read from the database, for the page, the alarms and the metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.delivery.outbox import DeliveryState
from api.delivery.tables import (
    DELIVERIES,
    DELIVERY_CONTROLS,
    DELIVERY_PATHS,
    DELIVERY_SENDERS,
    DELIVERY_TIMES,
)
from config.delivery import DeliveryPlan, Role
from vision.instants import Utc

SENDER_SILENT_S = 15.0
"""A sender beats every 2 s."""

_RECENT = 12
_ENDED_BADLY = (DeliveryState.REJECTED.value, DeliveryState.GIVEN_UP.value)


@dataclass(frozen=True, slots=True)
class PathView:
    """A path as the sender last wrote it; UNKNOWN before, and while no sender runs."""

    target_id: str
    path_id: str
    driver: str
    state: str
    since: Utc | None
    checked: Utc | None
    last_receipt: Utc | None
    breaker: str
    detail: str


@dataclass(frozen=True, slots=True)
class TargetView:
    """How a target stands.

    Attributes:
        open: messages that are not settled; `oldest_open`: since when the oldest waits.
        open_alarms: of them, those that are no tests.
        overdue: alarm messages unacknowledged for longer than the plan allows.
        ended_badly: rejected and given-up messages that nobody requeued.
    """

    target_id: str
    role: Role
    open: int
    oldest_open: Utc | None
    overdue: int
    ended_badly: int
    paths: tuple[PathView, ...]
    open_alarms: int = 0


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """Everything, at one moment.

    Attributes:
        sender_beat: the newest sign of life of a sender; in the future where the wall clock was
            set back since.
        times: target, stage and upper bound in seconds to count; `sums_s` likewise.
    """

    at: Utc
    sender_beat: Utc | None
    targets: tuple[TargetView, ...]
    times: Mapping[tuple[str, str, float], int]
    sums_s: Mapping[tuple[str, str], float]

    @property
    def sender_silent(self) -> bool:
        return _is_silent(self.sender_beat, self.at)

    @property
    def sender_ahead(self) -> bool:
        """The sign of life lies in the future: nobody can tell since when the sender is silent."""
        return self.sender_silent and self.sender_beat is not None and self.sender_beat > self.at


@dataclass(frozen=True, slots=True)
class MessageView:
    """One message for the page."""

    seq: int
    target_id: str
    alarm_number: int | None
    action: str
    priority: int
    is_test: bool
    state: str
    attempts: int
    created: Utc
    sent: Utc | None
    settled: Utc | None
    path_id: str
    detail: str


@dataclass(frozen=True, slots=True)
class ControlView:
    """A receiver's command."""

    target_id: str
    path_id: str
    at: Utc
    command: str
    detail: str


async def read_view(connection: AsyncConnection, plan: DeliveryPlan, now: Utc) -> DeliveryView:
    """How delivery stands at `now`."""
    beat = (await connection.execute(select(func.max(DELIVERY_SENDERS.c.beat_ns)))).scalar()
    sender_beat = None if beat is None else Utc(int(beat))
    paths = await _paths(connection, plan, known=not _is_silent(sender_beat, now))
    targets = []
    for target in plan.targets:
        mine = (DELIVERIES.c.is_open.is_(True), DELIVERIES.c.target_id == target.id)
        counted = select(func.count(), func.min(DELIVERIES.c.created_ns)).where(*mine)
        count, oldest = (await connection.execute(counted)).one()
        late = now.plus(-plan.unacknowledged_s).ns
        overdue = select(func.count()).where(
            *mine, DELIVERIES.c.is_test.is_(False), DELIVERIES.c.created_ns <= late
        )
        alarms = select(func.count()).where(*mine, DELIVERIES.c.is_test.is_(False))
        bad = select(func.count()).where(
            DELIVERIES.c.target_id == target.id,
            DELIVERIES.c.is_test.is_(False),
            DELIVERIES.c.is_open.is_(False),
            DELIVERIES.c.state.in_(_ENDED_BADLY),
        )
        targets.append(
            TargetView(
                target_id=target.id,
                role=target.role,
                open=int(count),
                oldest_open=None if oldest is None else Utc(int(oldest)),
                overdue=int((await connection.execute(overdue)).scalar_one()),
                ended_badly=int((await connection.execute(bad)).scalar_one()),
                paths=tuple(path for path in paths if path.target_id == target.id),
                open_alarms=int((await connection.execute(alarms)).scalar_one()),
            )
        )
    times, sums_s = await _times(connection)
    return DeliveryView(now, sender_beat, tuple(targets), times, sums_s)


async def recent_messages(connection: AsyncConnection, target_id: str) -> tuple[MessageView, ...]:
    """The newest messages of a target, newest first."""
    query = (
        select(DELIVERIES)
        .where(DELIVERIES.c.target_id == target_id)
        .order_by(DELIVERIES.c.seq.desc())
        .limit(_RECENT)
    )
    rows = (await connection.execute(query)).mappings()
    return tuple(
        MessageView(
            seq=row["seq"],
            target_id=row["target_id"],
            alarm_number=row["alarm_number"],
            action=row["action"],
            priority=row["priority"],
            is_test=bool(row["is_test"]),
            state=row["state"],
            attempts=row["attempts"],
            created=Utc(row["created_ns"]),
            sent=_utc(row["sent_ns"]),
            settled=_utc(row["settled_ns"]),
            path_id=row["path_id"] or "",
            detail=row["detail"],
        )
        for row in rows
    )


async def recent_controls(connection: AsyncConnection) -> tuple[ControlView, ...]:
    """The newest commands of receivers, newest first."""
    query = select(DELIVERY_CONTROLS).order_by(DELIVERY_CONTROLS.c.id.desc()).limit(_RECENT)
    rows = (await connection.execute(query)).mappings()
    return tuple(
        ControlView(
            row["target_id"], row["path_id"], Utc(row["at_ns"]), row["command"], row["detail"]
        )
        for row in rows
    )


async def _paths(
    connection: AsyncConnection, plan: DeliveryPlan, *, known: bool
) -> tuple[PathView, ...]:
    rows = (await connection.execute(select(DELIVERY_PATHS))).mappings().all()
    by_id = {(row["target_id"], row["path_id"]): row for row in rows}
    found = []
    for target in plan.targets:
        for path in target.paths:
            row = by_id.get((target.id, path.id))
            found.append(
                PathView(
                    target_id=target.id,
                    path_id=path.id,
                    driver=path.driver,
                    state=row["state"] if row is not None and known else "unknown",
                    since=None if row is None else Utc(row["since_ns"]),
                    checked=None if row is None else Utc(row["checked_ns"]),
                    last_receipt=None if row is None else _utc(row["last_receipt_ns"]),
                    breaker="" if row is None else row["breaker"],
                    detail="" if row is None else row["detail"],
                )
            )
    return tuple(found)


async def _times(
    connection: AsyncConnection,
) -> tuple[dict[tuple[str, str, float], int], dict[tuple[str, str], float]]:
    times: dict[tuple[str, str, float], int] = {}
    sums_s: dict[tuple[str, str], float] = {}
    for row in (await connection.execute(select(DELIVERY_TIMES))).mappings():
        key = (row["target_id"], row["stage"])
        times[(*key, row["le_s"])] = row["count"]
        sums_s[key] = sums_s.get(key, 0.0) + row["sum_s"]
    return times, sums_s


def _is_silent(beat: Utc | None, now: Utc) -> bool:
    return beat is None or abs(now - beat) > SENDER_SILENT_S


def _utc(ns: int | None) -> Utc | None:
    return None if ns is None else Utc(int(ns))

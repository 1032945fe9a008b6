"""What is known of delivery: read from the database, for the page, the alarms and the metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.delivery.tables import (
    DELIVERIES,
    DELIVERY_CONTROLS,
    DELIVERY_PATHS,
    DELIVERY_SENDERS,
    DELIVERY_TIMES,
    ENDED_BADLY_UNKNOWN,
)
from config.delivery import DeliveryPlan, Role
from vision.instants import Utc

SENDER_SILENT_S = 15.0
"""A sender beats every 2 s."""

_RECENT = 12


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
        ended_badly: rejected and given-up alarm messages of which no person knows yet.
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
class StrandedView:
    """Open alarm messages to a target that the settings do not name; nobody sends them."""

    target_id: str
    count: int
    oldest: Utc


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
    stranded: tuple[StrandedView, ...] = ()

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
    counts = await _counts(connection, now.plus(-plan.unacknowledged_s))
    targets = []
    for target in plan.targets:
        mine = counts.pop(target.id, _NONE)
        targets.append(
            TargetView(
                target_id=target.id,
                role=target.role,
                open=mine.open,
                oldest_open=mine.oldest_open,
                overdue=mine.overdue,
                ended_badly=mine.ended_badly,
                paths=tuple(path for path in paths if path.target_id == target.id),
                open_alarms=mine.open_alarms,
            )
        )
    stranded = tuple(
        StrandedView(name, mine.open_alarms, mine.oldest_open)
        for name, mine in sorted(counts.items())
        if mine.open_alarms and mine.oldest_open is not None
    )
    times, sums_s = await _times(connection)
    return DeliveryView(now, sender_beat, tuple(targets), times, sums_s, stranded)


@dataclass(frozen=True, slots=True)
class _Counts:
    open: int = 0
    oldest_open: Utc | None = None
    open_alarms: int = 0
    overdue: int = 0
    ended_badly: int = 0


_NONE = _Counts()


async def _counts(connection: AsyncConnection, late: Utc) -> dict[str, _Counts]:
    """What there is for each target, in the settings or not.

    Args:
        late: what is open and was written or sent again before that is overdue.
    """
    rows = DELIVERIES.c
    is_alarm = rows.is_test.is_(False)
    since = func.coalesce(rows.requeued_ns, rows.created_ns)
    still_open = select(
        rows.target_id,
        func.count(),
        func.min(rows.created_ns),
        func.count().filter(is_alarm),
        func.count().filter(is_alarm, since <= late.ns),
    ).where(rows.is_open.is_(True))
    found = {
        name: _Counts(count, Utc(int(oldest)), alarms, overdue)
        for name, count, oldest, alarms, overdue in await connection.execute(
            still_open.group_by(rows.target_id)
        )
    }
    badly = select(rows.target_id, func.count()).where(ended_badly())
    for name, count in await connection.execute(badly.group_by(rows.target_id)):
        found[name] = replace(found.get(name, _NONE), ended_badly=count)
    return found


def ended_badly() -> ColumnElement[bool]:
    """Rejected and given-up alarm messages of which no person knows yet."""
    return and_(ENDED_BADLY_UNKNOWN, DELIVERIES.c.is_test.is_(False))


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

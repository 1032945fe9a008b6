"""The sender's side of the outbox: lease rows, renew the leases, settle them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import (
    BigInteger,
    Boolean,
    Table,
    bindparam,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from api.delivery.message import OutMessage
from api.delivery.outbox import DeliveryState
from api.delivery.peer_words import storable
from api.delivery.tables import (
    DELIVERIES,
    DELIVERY_CONTROLS,
    DELIVERY_PATHS,
    DELIVERY_SENDERS,
    DELIVERY_TIMES,
)
from vision.instants import Utc

_LOG = structlog.get_logger(__name__)

LEASE_S = 12.0
"""A sender that died is missed for so long at most; a living one renews well before."""

TIMES_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)
_ENDLESS = 1e300
_MILDEST = 4


@dataclass(frozen=True, slots=True)
class Leased:
    """A message in the hands of this sender.

    Attributes:
        attempts: this one included.
        since: from when its age counts: it was written, or a person sent it again.
        only_path_id: a test's wish.
        was_sent: the transport took it on an earlier attempt.
    """

    seq: int
    target_id: str
    message: OutMessage
    attempts: int
    created: Utc
    since: Utc
    only_path_id: str | None
    was_sent: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt.

    Attributes:
        retry_at: `None` when the row is settled.
    """

    seq: int
    target_id: str
    state: DeliveryState
    created: Utc
    detail: str
    path_id: str | None
    sent_at: Utc | None
    retry_at: Utc | None


async def lease(
    connection: AsyncConnection,
    target_id: str,
    owner: str,
    limit: int,
    now: Utc,
    *,
    urgent: bool = False,
) -> list[Leased]:
    """Take up to `limit` due rows of a target: urgent ones first, steps of an alarm in order.

    With `urgent` only rows of priority 1. A row that cannot be read ends as rejected: it must not
    stop what can be sent.
    """
    earlier = DELIVERIES.alias("earlier")
    waits = (
        select(earlier.c.seq)
        .where(
            earlier.c.target_id == DELIVERIES.c.target_id,
            earlier.c.alarm_number == DELIVERIES.c.alarm_number,
            earlier.c.seq < DELIVERIES.c.seq,
            earlier.c.is_open.is_(True),
        )
        .exists()
    )
    free = or_(DELIVERIES.c.lease_until_ns.is_(None), DELIVERIES.c.lease_until_ns <= now.ns)
    due = (
        select(DELIVERIES.c.seq)
        .where(
            DELIVERIES.c.is_open.is_(True),
            DELIVERIES.c.target_id == target_id,
            DELIVERIES.c.next_ns <= now.ns,
            free,
            ~waits,
            DELIVERIES.c.priority <= (1 if urgent else _MILDEST),
        )
        .order_by(DELIVERIES.c.priority, DELIVERIES.c.seq)
        .limit(limit)
    )
    if connection.dialect.name == "postgresql":
        due = due.with_for_update(skip_locked=True)
    numbers = [int(seq) for (seq,) in await connection.execute(due)]
    if not numbers:
        return []
    await connection.execute(
        update(DELIVERIES)
        .where(DELIVERIES.c.seq.in_(numbers))
        .values(
            state=DeliveryState.LEASED.value,
            lease_owner=owner,
            lease_until_ns=now.plus(LEASE_S).ns,
            attempts=DELIVERIES.c.attempts + 1,
        )
    )
    rows = await connection.execute(
        select(DELIVERIES)
        .where(DELIVERIES.c.seq.in_(numbers))
        .order_by(DELIVERIES.c.priority, DELIVERIES.c.seq)
    )
    leased: list[Leased] = []
    for row in rows.mappings().all():
        try:
            leased.append(_leased(row))
        except ValueError as error:
            _LOG.error("delivery.message_unreadable", seq=row["seq"], reason=str(error))
            await _end_unreadable(connection, row["seq"], str(error), now)
    return leased


def _leased(row: Mapping[Any, Any]) -> Leased:
    """Raises `ValueError` for a row whose message cannot be read."""
    created = Utc(row["created_ns"])
    return Leased(
        seq=row["seq"],
        target_id=row["target_id"],
        message=OutMessage.from_json(row["body_json"], row["seq"]),
        attempts=row["attempts"],
        created=created,
        since=created if row["requeued_ns"] is None else Utc(row["requeued_ns"]),
        only_path_id=row["only_path_id"],
        was_sent=row["sent_ns"] is not None,
    )


async def _end_unreadable(connection: AsyncConnection, seq: int, reason: str, now: Utc) -> None:
    await connection.execute(
        update(DELIVERIES)
        .where(DELIVERIES.c.seq == seq)
        .values(
            state=DeliveryState.REJECTED.value,
            is_open=False,
            lease_owner=None,
            lease_until_ns=None,
            settled_ns=now.ns,
            detail=f"this version cannot read the message: {reason}"[:500],
        )
    )


async def renew(
    connection: AsyncConnection, owner: str, started: Utc, now: Utc, held: Sequence[int]
) -> None:
    """Say that this sender lives, and keep the rows in its hands.

    Others may bear its name as well: where the answer to a commit is lost, rows are leased that
    the sender knows nothing of. Their leases run out, and they are taken again.
    """
    await _upsert(
        connection,
        DELIVERY_SENDERS,
        {"owner": owner},
        {"started_ns": started.ns, "beat_ns": now.ns},
    )
    await connection.execute(
        update(DELIVERIES)
        .where(DELIVERIES.c.lease_owner == owner, DELIVERIES.c.is_open.is_(True))
        .where(DELIVERIES.c.seq.in_(held), DELIVERIES.c.lease_until_ns.is_not(None))
        .values(lease_until_ns=now.plus(LEASE_S).ns)
    )
    await connection.execute(
        DELIVERY_SENDERS.delete().where(DELIVERY_SENDERS.c.beat_ns < now.plus(-600.0).ns)
    )


async def bring_back(connection: AsyncConnection, now: Utc) -> None:
    """At a start: what lies in the future was written before the wall clock was set back.

    Rows that wait for their time are tried at once, leases end as new ones do, the age of a
    message counts from now on, and signs of life from there are forgotten.
    """
    is_open = DELIVERIES.c.is_open.is_(True)
    await connection.execute(
        update(DELIVERIES).where(is_open, DELIVERIES.c.next_ns > now.ns).values(next_ns=now.ns)
    )
    since = func.coalesce(DELIVERIES.c.requeued_ns, DELIVERIES.c.created_ns)
    await connection.execute(
        update(DELIVERIES).where(is_open, since > now.ns).values(requeued_ns=now.ns)
    )
    latest_ns = now.plus(LEASE_S).ns
    await connection.execute(
        update(DELIVERIES)
        .where(is_open, DELIVERIES.c.lease_until_ns > latest_ns)
        .values(lease_until_ns=latest_ns)
    )
    await connection.execute(DELIVERY_SENDERS.delete().where(DELIVERY_SENDERS.c.beat_ns > now.ns))


_SETTLE = (
    update(DELIVERIES)
    .where(DELIVERIES.c.seq == bindparam("this_seq"), DELIVERIES.c.is_open.is_(True))
    .where(or_(bindparam("is_last", type_=Boolean), DELIVERIES.c.lease_owner == bindparam("mine")))
    .values(
        state=bindparam("new_state"),
        is_open=bindparam("still_open"),
        next_ns=bindparam("new_next_ns"),
        lease_owner=None,
        lease_until_ns=None,
        path_id=bindparam("new_path_id"),
        detail=bindparam("new_detail"),
        settled_ns=bindparam("new_settled_ns"),
        sent_ns=func.coalesce(DELIVERIES.c.sent_ns, bindparam("new_sent_ns", type_=BigInteger)),
    )
)


async def free(
    connection: AsyncConnection, seqs: Collection[int], message_ids: Collection[str]
) -> tuple[frozenset[int], frozenset[str]]:
    """Those of these rows and messages that nobody else writes now; they are locked from here on.

    The desk locks rows of alarms while it stores their next steps, in the order in which these
    come. Whoever waits for it with other rows in hand may be what it waits for; so the sender
    waits for nobody, and writes the rest a moment later. SQLite has one writer anyway.
    """
    if connection.dialect.name != "postgresql" or not (seqs or message_ids):
        return frozenset(seqs), frozenset(message_ids)
    wanted = or_(DELIVERIES.c.seq.in_(seqs), DELIVERIES.c.message_id.in_(message_ids))
    query = select(DELIVERIES.c.seq, DELIVERIES.c.message_id).where(wanted)
    known = {(row.seq, row.message_id) for row in await connection.execute(query)}
    locked = await connection.execute(query.with_for_update(skip_locked=True))
    busy = known - {(row.seq, row.message_id) for row in locked}
    return (
        frozenset(seqs) - {seq for seq, _ in busy},
        frozenset(message_ids) - {message_id for _, message_id in busy},
    )


async def settle(
    connection: AsyncConnection, outcomes: Sequence[Outcome], owner: str, now: Utc
) -> None:
    """Write what became of attempts, all in one statement.

    A row that a late receipt closed meanwhile stays closed, and one that another sender took over
    is only ever closed, not given back.
    """
    if not outcomes:
        return
    rows: list[dict[str, Any]] = []
    counts: dict[tuple[str, str, float], list[float]] = {}
    for outcome in outcomes:
        is_last = outcome.retry_at is None
        rows.append(
            {
                "this_seq": outcome.seq,
                "mine": owner,
                "is_last": is_last,
                "new_state": outcome.state.value,
                "still_open": not is_last,
                "new_next_ns": now.ns if outcome.retry_at is None else outcome.retry_at.ns,
                "new_path_id": outcome.path_id,
                "new_detail": storable(outcome.detail, 500),
                "new_settled_ns": now.ns if is_last else None,
                "new_sent_ns": None if outcome.sent_at is None else outcome.sent_at.ns,
            }
        )
        if outcome.sent_at is not None:
            _note_time(counts, outcome, "sent", outcome.sent_at)
        if outcome.state is DeliveryState.RECEIVED:
            _note_time(counts, outcome, "received", now)
    await connection.execute(_SETTLE, rows)
    for (target_id, stage, le_s), took_s in sorted(counts.items()):
        await _count(connection, {"target_id": target_id, "stage": stage, "le_s": le_s}, took_s)


async def late_receipt(
    connection: AsyncConnection, message_id: str, path_id: str, detail: str, now: Utc
) -> None:
    """The receiver's word for a message whose attempt had already ended."""
    await connection.execute(
        update(DELIVERIES)
        .where(DELIVERIES.c.message_id == message_id)
        .where(
            or_(
                DELIVERIES.c.is_open.is_(True),
                DELIVERIES.c.state == DeliveryState.SENT.value,
            )
        )
        .values(
            state=DeliveryState.RECEIVED.value,
            is_open=False,
            lease_owner=None,
            lease_until_ns=None,
            path_id=path_id,
            detail=detail,
            sent_ns=func.coalesce(DELIVERIES.c.sent_ns, now.ns),
            settled_ns=now.ns,
        )
    )


async def note_control(
    connection: AsyncConnection, target_id: str, path_id: str, said: tuple[str, str], now: Utc
) -> None:
    """Keep what a receiver commanded (command, detail)."""
    row = {"target_id": target_id, "path_id": path_id, "at_ns": now.ns}
    await connection.execute(
        insert(DELIVERY_CONTROLS).values(**row, command=said[0], detail=said[1])
    )


async def save_path(
    connection: AsyncConnection, target_id: str, path_id: str, columns: Mapping[str, Any]
) -> None:
    """Write the state of a path."""
    await _upsert(
        connection, DELIVERY_PATHS, {"target_id": target_id, "path_id": path_id}, dict(columns)
    )


def _note_time(
    counts: dict[tuple[str, str, float], list[float]], outcome: Outcome, stage: str, at: Utc
) -> None:
    took_s = max(at - outcome.created, 0.0)
    le_s = next((bound for bound in TIMES_S if took_s <= bound), _ENDLESS)
    counts.setdefault((outcome.target_id, stage, le_s), []).append(took_s)


async def _count(connection: AsyncConnection, key: dict[str, Any], took_s: list[float]) -> None:
    count, sum_s = len(took_s), sum(took_s)
    statement = _insert(connection, DELIVERY_TIMES).values(**key, count=count, sum_s=sum_s)
    statement = statement.on_conflict_do_update(
        index_elements=list(key),
        set_={
            "count": DELIVERY_TIMES.c.count + count,
            "sum_s": DELIVERY_TIMES.c.sum_s + sum_s,
        },
    )
    await connection.execute(statement)


async def _upsert(
    connection: AsyncConnection, table: Table, key: dict[str, Any], values: dict[str, Any]
) -> None:
    statement = _insert(connection, table).values(**key, **values)
    await connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))


def _insert(connection: AsyncConnection, table: Table) -> sqlite.Insert | postgresql.Insert:
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)

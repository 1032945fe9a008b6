"""Alarms and their history in the database, inside the caller's transaction."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    Select,
    and_,
    case,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from api.alarms.errors import UnknownAlarmError
from api.alarms.stored_parts import (
    check_of,
    check_text,
    evidence_of,
    evidence_text,
    hold_of,
    hold_text,
    signature_of,
    signature_text,
    utc_of,
)
from api.alarms.values import (
    HELD_STATES,
    KNOWING_ACTIONS,
    OPEN_STATES,
    WAITING_STATES,
    Action,
    Alarm,
    AlarmKey,
    AlarmState,
    AlarmType,
    Change,
    Condition,
    HistoryEntry,
)
from api.database.tables import ALARM_HISTORY, ALARMS
from vision.instants import Utc
from vision.risk.readings import Level

_KEYS_PER_QUERY = 200


async def newest_of(connection: AsyncConnection, key: AlarmKey) -> Alarm | None:
    """The newest alarm of a key, open or closed."""
    query = (
        select(ALARMS)
        .where(
            ALARMS.c.site_id == key.site_id,
            ALARMS.c.type == key.type.value,
            ALARMS.c.subject_id == key.subject_id,
        )
        .order_by(ALARMS.c.number.desc())
        .limit(1)
    )
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else _alarm(row)


def is_open() -> ColumnElement[bool]:
    """Of the few alarms that are not closed. Said by the states that they are in: "any but closed"
    makes the database read all that ever were."""
    return ALARMS.c.state.in_([state.value for state in OPEN_STATES])


async def newest_of_each(
    connection: AsyncConnection, keys: Sequence[AlarmKey]
) -> dict[AlarmKey, Alarm | None]:
    """As `newest_of` for many keys, in one statement for each site and type."""
    found: dict[AlarmKey, Alarm | None] = dict.fromkeys(keys)
    for site_id, kind in {(key.site_id, key.type) for key in keys}:
        subjects = [key.subject_id for key in keys if (key.site_id, key.type) == (site_id, kind)]
        for start in range(0, len(subjects), _KEYS_PER_QUERY):
            of_keys = and_(
                ALARMS.c.site_id == site_id,
                ALARMS.c.type == kind.value,
                ALARMS.c.subject_id.in_(subjects[start : start + _KEYS_PER_QUERY]),
            )
            newest = select(func.max(ALARMS.c.number)).where(of_keys).group_by(ALARMS.c.subject_id)
            query = select(ALARMS).where(ALARMS.c.number.in_(newest))
            for row in (await connection.execute(query)).mappings().all():
                found[AlarmKey(site_id, kind, row["subject_id"])] = _alarm(row)
    return found


async def by_number(connection: AsyncConnection, number: int) -> Alarm:
    """Raises `UnknownAlarmError`."""
    row = (
        (await connection.execute(select(ALARMS).where(ALARMS.c.number == number)))
        .mappings()
        .first()
    )
    if row is None:
        raise UnknownAlarmError(number)
    return _alarm(row)


async def save(connection: AsyncConnection, change: Change) -> Alarm:
    """Write the alarm and append its history lines; returns the alarm with its number."""
    alarm = change.alarm
    columns = _columns(alarm)
    if alarm.number == 0:
        result = await connection.execute(insert(ALARMS).values(columns).returning(ALARMS.c.number))
        alarm = replace(alarm, number=int(result.scalar_one()))
    else:
        await connection.execute(
            update(ALARMS).where(ALARMS.c.number == alarm.number).values(columns)
        )
    if change.entries:
        lines = [_history_columns(alarm.number, entry) for entry in change.entries]
        await connection.execute(insert(ALARM_HISTORY), lines)
    return alarm


async def history(connection: AsyncConnection, number: int) -> tuple[HistoryEntry, ...]:
    """All steps of an alarm, oldest first."""
    query = (
        select(ALARM_HISTORY)
        .where(ALARM_HISTORY.c.alarm_number == number)
        .order_by(ALARM_HISTORY.c.id)
    )
    rows = (await connection.execute(query)).mappings().all()
    return tuple(_history(row) for row in rows)


async def was_gone(connection: AsyncConnection, number: int) -> bool:
    """Whether the cause of an alarm was gone when it was known last."""
    told = ALARM_HISTORY.c.action.in_([action.value for action in KNOWING_ACTIONS])
    query = select(ALARM_HISTORY.c.action).where(ALARM_HISTORY.c.alarm_number == number, told)
    query = query.order_by(ALARM_HISTORY.c.id.desc()).limit(1)
    return (await connection.execute(query)).scalar() == Action.RETURNED.value


async def history_since(
    connection: AsyncConnection, start: Utc
) -> tuple[tuple[int, HistoryEntry], ...]:
    """Alarm number and step of everything that happened since then.

    Steps that are later than now are among them: a clock that was set back leaves such behind.
    """
    query = select(ALARM_HISTORY).where(ALARM_HISTORY.c.at_ns >= start.ns)
    rows = (await connection.execute(query.order_by(ALARM_HISTORY.c.id))).mappings().all()
    return tuple((int(row["alarm_number"]), _history(row)) for row in rows)


async def test_numbers(connection: AsyncConnection, since: Utc) -> frozenset[int]:
    """Numbers of the test alarms that changed since then."""
    query = select(ALARMS.c.number).where(
        ALARMS.c.type == AlarmType.TEST.value, ALARMS.c.updated_ns >= since.ns
    )
    return frozenset(int(number) for (number,) in await connection.execute(query))


async def list_alarms(
    connection: AsyncConnection,
    *,
    states: Sequence[AlarmState],
    limit: int,
    before_number: int | None = None,
    zone_id: str | None = None,
    within: Collection[str] | None = None,
    changed_since: Utc | None = None,
) -> tuple[Alarm, ...]:
    """Newest first; `before_number` pages back, `within` is that of `open_alarms`."""
    query: Select[Any] = select(ALARMS).where(ALARMS.c.state.in_([s.value for s in states]))
    if before_number is not None:
        query = query.where(ALARMS.c.number < before_number)
    if zone_id is not None:
        query = query.where(_names(zone_id))
    if within is not None:
        query = query.where(_within(within))
    if changed_since is not None:
        query = query.where(ALARMS.c.updated_ns >= changed_since.ns)
    rows = (
        (await connection.execute(query.order_by(ALARMS.c.number.desc()).limit(limit)))
        .mappings()
        .all()
    )
    return tuple(_alarm(row) for row in rows)


async def open_alarms(
    connection: AsyncConnection, limit: int, *, within: Collection[str] | None = None
) -> tuple[Alarm, ...]:
    """Open alarms: what waits before what is seen, priority 1 first, then the newest.

    Args:
        within: only those of one of these zones, and those of no zone; `None` for all. The list is
            cut down before it is counted off: else the alarms of other zones fill it.
    """
    waiting = case((ALARMS.c.state.in_([s.value for s in WAITING_STATES]), 0), else_=1)
    query = (
        select(ALARMS)
        .where(is_open())
        .order_by(ALARMS.c.priority, waiting, ALARMS.c.number.desc())
        .limit(limit)
    )
    if within is not None:
        query = query.where(_within(within))
    rows = (await connection.execute(query)).mappings().all()
    return tuple(_alarm(row) for row in rows)


async def count_open(connection: AsyncConnection, *, within: Collection[str] | None = None) -> int:
    """How many alarms are open, counted as `open_alarms` lists them."""
    query = select(func.count()).select_from(ALARMS).where(is_open())
    if within is not None:
        query = query.where(_within(within))
    return int((await connection.execute(query)).scalar_one())


async def due(connection: AsyncConnection, now: Utc) -> tuple[Alarm, ...]:
    """Open alarms that time alone changes by `now`, the worst first."""
    query = (
        select(ALARMS)
        .where(ALARMS.c.next_due_ns <= now.ns, is_open())
        .order_by(ALARMS.c.priority, ALARMS.c.next_due_ns)
    )
    rows = (await connection.execute(query)).mappings().all()
    return tuple(_alarm(row) for row in rows)


async def first_due(connection: AsyncConnection) -> Utc | None:
    """The next moment at which time alone changes an alarm."""
    query = select(func.min(ALARMS.c.next_due_ns)).where(is_open())
    return utc_of((await connection.execute(query)).scalar())


async def children(connection: AsyncConnection, number: int) -> tuple[Alarm, ...]:
    """The open alarms that stand under alarm `number`."""
    query = select(ALARMS).where(ALARMS.c.state == AlarmState.SUPPRESSED.value)
    rows = (await connection.execute(query.order_by(ALARMS.c.number))).mappings().all()
    return tuple(a for a in (_alarm(row) for row in rows) if a.parent_number == number)


async def count_by_priority(connection: AsyncConnection) -> dict[tuple[AlarmState, int], int]:
    """How many alarms are open, by state and priority."""
    query = (
        select(ALARMS.c.state, ALARMS.c.priority, func.count())
        .where(is_open())
        .group_by(ALARMS.c.state, ALARMS.c.priority)
    )
    rows = (await connection.execute(query)).all()
    return {(AlarmState(state), int(priority)): int(count) for state, priority, count in rows}


def _names(zone_id: str) -> ColumnElement[bool]:
    """Whether an alarm is about the zone."""
    # The column holds a JSON list of ids, which contain no quotation marks.
    quoted = json.dumps(zone_id).replace("%", r"\%").replace("_", r"\_")
    return ALARMS.c.zone_ids_json.like(f"%{quoted}%", escape="\\")


def _within(zone_ids: Collection[str]) -> ColumnElement[bool]:
    """Whether an alarm is about one of the zones, or about none at all."""
    return or_(ALARMS.c.zone_ids_json == "[]", *_in_parts(sorted(zone_ids)))


def _in_parts(zone_ids: Sequence[str]) -> Iterator[ColumnElement[bool]]:
    # One list of hundreds of conditions is too deep for SQLite.
    for start in range(0, len(zone_ids), _KEYS_PER_QUERY):
        some = or_(*map(_names, zone_ids[start : start + _KEYS_PER_QUERY]))
        yield ALARMS.c.number.in_(select(ALARMS.c.number).where(some))


def desk_order(alarm: Alarm) -> tuple[bool, int, bool, int, int]:
    """Sort key of the desk: the worst first; what only waits to be closed stands last."""
    level = alarm.peak.level
    severity = -1 if level is Level.UNKNOWN else level.severity
    only_to_close = not alarm.needs_attention and (
        alarm.condition is Condition.GONE or alarm.state in HELD_STATES
    )
    return (only_to_close, alarm.priority, not alarm.needs_attention, -severity, -alarm.number)


def _columns(alarm: Alarm) -> dict[str, Any]:
    return {
        "site_id": alarm.key.site_id,
        "type": alarm.key.type.value,
        "subject_id": alarm.key.subject_id,
        "open_key": alarm.key.text if alarm.is_open else None,
        "zone_ids_json": json.dumps(alarm.zone_ids),
        "priority": alarm.priority,
        "state": alarm.state.value,
        "condition": alarm.condition.value,
        "evidence_json": evidence_text(alarm.evidence),
        "peak_json": evidence_text(alarm.peak),
        "opened_ns": alarm.opened_at.ns,
        "received_ns": alarm.received_at.ns,
        "updated_ns": alarm.updated_at.ns,
        "latched": alarm.latched,
        "repeats": alarm.repeats,
        "version": alarm.version,
        "acknowledged_json": signature_text(alarm.acknowledged),
        "closed_json": signature_text(alarm.closed),
        "cause": alarm.cause,
        "taken": alarm.taken,
        "hold_json": hold_text(alarm.hold),
        "check_json": check_text(alarm.check),
        "waiting_ns": None if alarm.waiting_since is None else alarm.waiting_since.ns,
        "escalated": alarm.escalated,
        "dispatched_json": signature_text(alarm.dispatched),
        "next_due_ns": None if alarm.next_due_at is None else alarm.next_due_at.ns,
    }


def _alarm(row: RowMapping) -> Alarm:
    return Alarm(
        number=row["number"],
        key=AlarmKey(row["site_id"], AlarmType(row["type"]), row["subject_id"]),
        zone_ids=tuple(json.loads(row["zone_ids_json"])),
        priority=row["priority"],
        state=AlarmState(row["state"]),
        condition=Condition(row["condition"]),
        evidence=evidence_of(row["evidence_json"]),
        peak=evidence_of(row["peak_json"]),
        opened_at=Utc(row["opened_ns"]),
        received_at=Utc(row["received_ns"]),
        updated_at=Utc(row["updated_ns"]),
        latched=bool(row["latched"]),
        repeats=row["repeats"],
        version=row["version"],
        acknowledged=signature_of(row["acknowledged_json"]),
        closed=signature_of(row["closed_json"]),
        cause=row["cause"],
        taken=row["taken"],
        hold=hold_of(row["hold_json"]),
        check=check_of(row["check_json"]),
        waiting_since=utc_of(row["waiting_ns"]),
        escalated=row["escalated"],
        dispatched=signature_of(row["dispatched_json"]),
        next_due_at=utc_of(row["next_due_ns"]),
    )


def _history_columns(number: int, entry: HistoryEntry) -> dict[str, Any]:
    return {
        "alarm_number": number,
        "action": entry.action.value,
        "at_ns": entry.at.ns,
        "captured_ns": None if entry.captured_at is None else entry.captured_at.ns,
        "actor": entry.actor,
        "from_state": None if entry.from_state is None else entry.from_state.value,
        "to_state": entry.to_state.value,
        "priority": entry.priority,
        "evidence_json": evidence_text(entry.evidence),
        "note": entry.note,
        "cause": entry.cause,
        "detail": entry.detail,
    }


def _history(row: RowMapping) -> HistoryEntry:
    captured_ns, from_state = row["captured_ns"], row["from_state"]
    return HistoryEntry(
        action=Action(row["action"]),
        at=Utc(row["at_ns"]),
        captured_at=utc_of(captured_ns),
        actor=row["actor"],
        from_state=None if from_state is None else AlarmState(from_state),
        to_state=AlarmState(row["to_state"]),
        priority=row["priority"],
        evidence=evidence_of(row["evidence_json"]),
        note=row["note"],
        cause=row["cause"],
        detail=row["detail"],
    )

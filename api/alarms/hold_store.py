"""Holds in the database, inside the caller's transaction; at most one stands for a key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import RowMapping, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.alarms.stored_parts import hold_of, hold_text
from api.alarms.tables import ALARM_HOLDS
from api.alarms.values import AlarmKey, AlarmState, AlarmType, Hold
from vision.instants import Utc


@dataclass(frozen=True, slots=True)
class StandingHold:
    """A hold with its key and row."""

    id: int
    key: AlarmKey
    hold: Hold


async def standing(connection: AsyncConnection, key: AlarmKey) -> Hold | None:
    """The hold that stands for `key`."""
    query = select(ALARM_HOLDS).where(ALARM_HOLDS.c.open_key == key.text)
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else _standing(row).hold


async def standing_of_each(
    connection: AsyncConnection, keys: Sequence[AlarmKey]
) -> dict[AlarmKey, Hold | None]:
    """As `standing` for many keys: few holds stand at any time, so all are read."""
    stand = {one.key: one.hold for one in await all_standing(connection)} if keys else {}
    return {key: stand.get(key) for key in keys}


async def all_standing(connection: AsyncConnection) -> tuple[StandingHold, ...]:
    """Every hold that stands, the oldest first."""
    query = select(ALARM_HOLDS).where(ALARM_HOLDS.c.open_key.is_not(None))
    rows = (await connection.execute(query.order_by(ALARM_HOLDS.c.id))).mappings().all()
    return tuple(_standing(row) for row in rows)


async def place(connection: AsyncConnection, key: AlarmKey, hold: Hold) -> bool:
    """Let `hold` stand for `key`; False where another one already stands."""
    if await standing(connection, key) is not None:
        return False
    row: dict[str, Any] = {
        "site_id": key.site_id,
        "type": key.type.value,
        "subject_id": key.subject_id,
        "open_key": key.text,
        "hold_json": hold_text(hold),
        "until_ns": None if hold.until is None else hold.until.ns,
    }
    await connection.execute(insert(ALARM_HOLDS).values(row))
    return True


async def change(connection: AsyncConnection, key: AlarmKey, hold: Hold) -> None:
    """Let the hold that stands for `key` be this one."""
    until_ns = None if hold.until is None else hold.until.ns
    await connection.execute(
        update(ALARM_HOLDS)
        .where(ALARM_HOLDS.c.open_key == key.text)
        .values(hold_json=hold_text(hold), until_ns=until_ns)
    )


async def end(connection: AsyncConnection, key: AlarmKey, at: Utc, by: str) -> None:
    """The hold of `key` stands no longer."""
    await connection.execute(
        update(ALARM_HOLDS)
        .where(ALARM_HOLDS.c.open_key == key.text)
        .values(open_key=None, ended_ns=at.ns, ended_by=by)
    )


async def expired(connection: AsyncConnection, now: Utc) -> tuple[StandingHold, ...]:
    """The holds whose time is over."""
    query = select(ALARM_HOLDS).where(
        ALARM_HOLDS.c.open_key.is_not(None), ALARM_HOLDS.c.until_ns <= now.ns
    )
    rows = (await connection.execute(query)).mappings().all()
    return tuple(_standing(row) for row in rows)


async def under(connection: AsyncConnection, parent_number: int) -> tuple[StandingHold, ...]:
    """The holds of the alarms that stand under a parent."""
    everything = await all_standing(connection)
    return tuple(one for one in everything if one.hold.parent_number == parent_number)


async def first_end(connection: AsyncConnection) -> Utc | None:
    """When the next hold ends by itself."""
    query = select(func.min(ALARM_HOLDS.c.until_ns)).where(ALARM_HOLDS.c.open_key.is_not(None))
    ns = (await connection.execute(query)).scalar()
    return None if ns is None else Utc(ns)


async def in_service(
    connection: AsyncConnection, kinds: tuple[AlarmState, ...]
) -> tuple[StandingHold, ...]:
    """The standing holds of some kinds: what the hand-over report lists."""
    everything = await all_standing(connection)
    return tuple(one for one in everything if one.hold.kind in kinds)


def _standing(row: RowMapping) -> StandingHold:
    hold = hold_of(row["hold_json"])
    if hold is None:
        raise ValueError("a stored hold is empty")
    key = AlarmKey(row["site_id"], AlarmType(row["type"]), row["subject_id"])
    return StandingHold(row["id"], key, hold)

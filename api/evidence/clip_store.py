"""Clips of alarms in the database, inside the caller's transaction."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.evidence.errors import EvidenceError
from api.evidence.tables import CLIPS
from vision.instants import Utc

_DAY_S = 86_400.0


class ClipState(StrEnum):
    """Collecting while the alarm is open; deleted when its time is over, files last."""

    COLLECTING = "collecting"
    COMPLETE = "complete"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a clip is kept beyond its time: a court case, an inquiry, an incident.

    Attributes:
        ended_at: when it was released; `None` while it stands.
    """

    by: str
    at: Utc
    reason: str
    ended_at: Utc | None = None


@dataclass(frozen=True, slots=True)
class Clip:
    """What is kept of an alarm.

    Attributes:
        start, end: span of capture time; `end` is open while the alarm is.
        origin: model, profile and site that stood behind the alarm, as JSON values.
        keep_days: days after `end` until it is deleted.
        cut_short: the alarm lasted longer than a clip may.
        holds: all that were ever set, in order; each keeps the clip for itself.
    """

    alarm_number: int
    start: Utc
    end: Utc | None
    camera_ids: tuple[str, ...]
    zone_ids: tuple[str, ...]
    origin: dict[str, Any]
    keep_days: int
    state: ClipState = ClipState.COLLECTING
    cut_short: bool = False
    holds: tuple[Hold, ...] = ()
    deleted_at: Utc | None = None

    @property
    def standing(self) -> dict[int, Hold]:
        """The holds that keep it, by their number, which counts from 1."""
        return {n: one for n, one in enumerate(self.holds, start=1) if one.ended_at is None}

    @property
    def hold(self) -> Hold | None:
        """The oldest hold that keeps it."""
        return next(iter(self.standing.values()), None)

    @property
    def delete_after(self) -> Utc | None:
        """When its time is over; `None` while it grows or is held."""
        if self.end is None or self.hold is not None:
            return None
        return self.end.plus(self.keep_days * _DAY_S)


async def find(connection: AsyncConnection, number: int) -> Clip | None:
    """The clip of an alarm."""
    query = select(CLIPS).where(CLIPS.c.alarm_number == number)
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else clip_of_row(row)


async def in_states(connection: AsyncConnection, states: Sequence[ClipState]) -> tuple[Clip, ...]:
    """Clips in these states, oldest alarm first."""
    wanted = [state.value for state in states]
    query = select(CLIPS).where(CLIPS.c.state.in_(wanted)).order_by(CLIPS.c.alarm_number)
    return tuple(clip_of_row(row) for row in (await connection.execute(query)).mappings())


async def with_clip(connection: AsyncConnection, numbers: Sequence[int]) -> frozenset[int]:
    """Those of these alarms that have a clip, whatever has become of it."""
    query = select(CLIPS.c.alarm_number).where(CLIPS.c.alarm_number.in_(numbers))
    return frozenset((await connection.execute(query)).scalars())


async def deleted_from(connection: AsyncConnection, number: int) -> frozenset[int]:
    """Numbers from this one on of alarms whose clips are deleted."""
    query = select(CLIPS.c.alarm_number).where(
        CLIPS.c.alarm_number >= number, CLIPS.c.state == ClipState.DELETED.value
    )
    return frozenset((await connection.execute(query)).scalars())


async def add(connection: AsyncConnection, clip: Clip) -> None:
    await connection.execute(
        insert(CLIPS).values(
            alarm_number=clip.alarm_number,
            from_ns=clip.start.ns,
            camera_ids_json=json.dumps(clip.camera_ids),
            zone_ids_json=json.dumps(clip.zone_ids),
            origin_json=json.dumps(clip.origin, ensure_ascii=False),
            keep_days=clip.keep_days,
            state=clip.state.value,
            cut_short=False,
        )
    )


async def widen(connection: AsyncConnection, clip: Clip) -> None:
    """Its alarm has come to concern more: the cameras, zones and days of a clip that grows."""
    values = {
        "camera_ids_json": json.dumps(clip.camera_ids),
        "zone_ids_json": json.dumps(clip.zone_ids),
        "origin_json": json.dumps(clip.origin, ensure_ascii=False),
        "keep_days": clip.keep_days,
    }
    await _change(connection, clip.alarm_number, values)


async def complete(connection: AsyncConnection, number: int, end: Utc, *, cut_short: bool) -> None:
    """The clip grows no more."""
    values = {"to_ns": end.ns, "state": ClipState.COMPLETE.value, "cut_short": cut_short}
    await _change(connection, number, values)


async def keep_longer(connection: AsyncConnection, days: int) -> None:
    """Move the due dates of all complete clips; back where `days` are negative."""
    is_complete = CLIPS.c.state == ClipState.COMPLETE.value
    later = CLIPS.c.keep_days + days
    await connection.execute(update(CLIPS).where(is_complete).values(keep_days=later))


async def delete(connection: AsyncConnection, number: int, now: Utc) -> None:
    """Its files go as soon as this is committed; the row stays and says when."""
    values = {"deleted_ns": now.ns, "state": ClipState.DELETED.value}
    await _change(connection, number, values)


async def add_hold(connection: AsyncConnection, clip: Clip, hold: Hold) -> Clip:
    """Keep a clip for one more reason; the clip as it is then."""
    return await _set_holds(connection, clip, (*clip.holds, hold))


async def end_hold(connection: AsyncConnection, clip: Clip, hold: int | None, now: Utc) -> Clip:
    """End one hold; others go on keeping the clip. Returns the clip as it is then.

    Args:
        hold: its number; `None` will do where only one stands.

    Raises:
        EvidenceError: no hold of this number stands, or several do and none was named.
    """
    standing = clip.standing
    chosen = next(iter(standing)) if hold is None and len(standing) == 1 else hold
    if chosen not in standing:
        numbers = ", ".join(map(str, standing)) or "-"
        raise EvidenceError("hold_unknown", number=clip.alarm_number, holds=numbers)
    holds = list(clip.holds)
    holds[chosen - 1] = replace(standing[chosen], ended_at=now)
    return await _set_holds(connection, clip, tuple(holds))


async def _set_holds(connection: AsyncConnection, clip: Clip, holds: tuple[Hold, ...]) -> Clip:
    text = json.dumps([_fields(hold) for hold in holds], ensure_ascii=False)
    await _change(connection, clip.alarm_number, {"hold_json": text})
    return replace(clip, holds=holds)


async def _change(connection: AsyncConnection, number: int, values: dict[str, Any]) -> None:
    await connection.execute(update(CLIPS).where(CLIPS.c.alarm_number == number).values(values))


def clip_of_row(row: RowMapping) -> Clip:
    """The clip that a whole row of `CLIPS` holds."""
    return Clip(
        alarm_number=row["alarm_number"],
        start=Utc(row["from_ns"]),
        end=None if row["to_ns"] is None else Utc(row["to_ns"]),
        camera_ids=tuple(json.loads(row["camera_ids_json"])),
        zone_ids=tuple(json.loads(row["zone_ids_json"])),
        origin=json.loads(row["origin_json"]),
        keep_days=row["keep_days"],
        state=ClipState(row["state"]),
        cut_short=bool(row["cut_short"]),
        holds=_holds(row["hold_json"]),
        deleted_at=None if row["deleted_ns"] is None else Utc(row["deleted_ns"]),
    )


def _fields(hold: Hold) -> dict[str, Any]:
    return {
        "by": hold.by,
        "at_ns": hold.at.ns,
        "reason": hold.reason,
        "ended_ns": None if hold.ended_at is None else hold.ended_at.ns,
    }


def _holds(text: str | None) -> tuple[Hold, ...]:
    """Older rows hold one hold instead of a list."""
    found = [] if text is None else json.loads(text)
    return tuple(map(_hold, found if isinstance(found, list) else [found]))


def _hold(fields: dict[str, Any]) -> Hold:
    ended_ns = fields.get("ended_ns")
    ended_at = None if ended_ns is None else Utc(ended_ns)
    return Hold(fields["by"], Utc(fields["at_ns"]), fields["reason"], ended_at)

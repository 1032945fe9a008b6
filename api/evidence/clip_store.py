"""Clips of alarms in the database, inside the caller's transaction."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.evidence.tables import CLIPS
from vision.instants import Utc

_DAY_S = 86_400.0


class ClipState(StrEnum):
    """Collecting while the alarm is open; deleted when its time is over."""

    COLLECTING = "collecting"
    COMPLETE = "complete"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a clip is kept beyond its time: a court case, an inquiry, an incident."""

    by: str
    at: Utc
    reason: str


@dataclass(frozen=True, slots=True)
class Clip:
    """What is kept of an alarm.

    Attributes:
        start, end: span of capture time; `end` is open while the alarm is.
        origin: model, profile and site that stood behind the alarm, as JSON values.
        keep_days: days after `end` until it is deleted.
        cut_short: the alarm lasted longer than a clip may.
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
    hold: Hold | None = None
    deleted_at: Utc | None = None

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


async def complete(connection: AsyncConnection, number: int, end: Utc, *, cut_short: bool) -> None:
    """The clip grows no more."""
    values = {"to_ns": end.ns, "state": ClipState.COMPLETE.value, "cut_short": cut_short}
    await _change(connection, number, values)


async def delete(connection: AsyncConnection, number: int, now: Utc) -> None:
    """Its files are gone; the row stays and says when."""
    values = {"deleted_ns": now.ns, "state": ClipState.DELETED.value}
    await _change(connection, number, values)


async def set_hold(connection: AsyncConnection, number: int, hold: Hold | None) -> None:
    text = None
    if hold is not None:
        fields = {"by": hold.by, "at_ns": hold.at.ns, "reason": hold.reason}
        text = json.dumps(fields, ensure_ascii=False)
    await _change(connection, number, {"hold_json": text})


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
        hold=_hold(row["hold_json"]),
        deleted_at=None if row["deleted_ns"] is None else Utc(row["deleted_ns"]),
    )


def _hold(text: str | None) -> Hold | None:
    if text is None:
        return None
    fields = json.loads(text)
    return Hold(fields["by"], Utc(fields["at_ns"]), fields["reason"])

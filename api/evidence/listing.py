"""The list of clips: what is kept, of which camera, when, for which alarm; no pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.alarms import store as alarm_store
from api.alarms.values import Alarm
from api.evidence.clip_store import Clip, clip_of_row
from api.evidence.tables import CLIPS
from vision.instants import Utc

PAGE = 50
_STEP = 100


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which clips are looked for; `None` for all.

    Attributes:
        camera_id: one that the clip shows.
        start, end: some part of the clip lies between them.
        before: only alarms with a smaller number: the next page.
    """

    camera_id: str | None = None
    number: int | None = None
    start: Utc | None = None
    end: Utc | None = None
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """A clip and its alarm."""

    clip: Clip
    alarm: Alarm


async def listed(
    connection: AsyncConnection, wanted: Wanted, may_see: Callable[[Alarm], bool]
) -> tuple[tuple[Kept, ...], int | None]:
    """The newest page of what somebody may see, and where the next page begins; `None` at the end.

    What may not be seen takes no place on the page, so that nobody can count it.
    """
    found: list[Kept] = []
    before = wanted.before
    while True:
        rows = (await connection.execute(_query(wanted, before))).mappings().all()
        for row in rows:
            clip = clip_of_row(row)
            before = clip.alarm_number
            if wanted.camera_id is not None and wanted.camera_id not in clip.camera_ids:
                continue
            alarm = await alarm_store.by_number(connection, clip.alarm_number)
            if not may_see(alarm):
                continue
            found.append(Kept(clip, alarm))
            if len(found) == PAGE:
                return tuple(found), before
        if len(rows) < _STEP:
            return tuple(found), None


def _query(wanted: Wanted, before: int | None) -> Select[Any]:
    query = select(CLIPS).order_by(CLIPS.c.alarm_number.desc()).limit(_STEP)
    if before is not None:
        query = query.where(CLIPS.c.alarm_number < before)
    if wanted.number is not None:
        query = query.where(CLIPS.c.alarm_number == wanted.number)
    if wanted.start is not None:
        query = query.where((CLIPS.c.to_ns.is_(None)) | (CLIPS.c.to_ns >= wanted.start.ns))
    if wanted.end is not None:
        query = query.where(CLIPS.c.from_ns <= wanted.end.ns)
    return query

"""Gaps of the recording, found in the ring's own index, and recording that has stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.evidence.stopped import RECORDER_FAULTS, UNKNOWN, StoppedAlarm
from api.evidence.tables import RECORDING_EVENTS
from api.live.lost import is_back
from api.work import Desk
from config.recording import RingSettings
from streams.recording import (
    ClockRun,
    RingStatus,
    Segment,
    gaps_between,
    read_status,
    segments,
)
from streams.recording.index import camera_folder, newest_video_files, opened_at, video_files
from streams.recording.notes import read_segment
from streams.recording.values import EndCause, Gap
from streams.records import CameraState
from vision.instants import Utc

_log = structlog.get_logger(__name__)

GAP_S = 15.0
"""A gap is told from this length on: a reconnect takes up to ten seconds, a segment ten more."""

_WINDOW_S = 1_800.0
# Behind a look that found nothing amiss nothing is looked for again, but for what a slow disk wrote
# late.
_WELL_WINDOW_S = 300.0
# So far a fresh start looks at every segment, and for one more before that.
_LOOK_BACK_S = 86_400.0


@dataclass(frozen=True, slots=True)
class RecordingEvent:
    """Nothing was recorded of a camera from `start` on; `end` is open while it lasts."""

    camera_id: str
    kind: str
    cause: str
    start: Utc
    end: Utc | None
    noticed: Utc


@dataclass(slots=True)
class GapWatch:
    """Looks at the rings of all recorded cameras; each gap is told once."""

    desk: Desk
    recordings: Path
    settings: RingSettings
    _since: dict[str, Utc] = field(default_factory=dict)
    # Cameras of which the database knows that nothing is amiss.
    _well: set[str] = field(default_factory=set)
    _alarm: StoppedAlarm = field(init=False)

    def __post_init__(self) -> None:
        self._alarm = StoppedAlarm(self.desk)

    async def tick(self) -> None:
        """Tell new gaps and stops, and when those that were told have ended; raise or end the
        alarm of cameras that are seen but not recorded."""
        now = self.desk.clock.utc()
        unrecorded: dict[str, str] = {}
        for camera_id in sorted(self.settings.camera_ids):
            if camera_id not in self._since:
                # Also what was missed while this service, or the whole computer, was down.
                self._since[camera_id] = await asyncio.to_thread(self._known_from, camera_id, now)
            start = self._since[camera_id]
            gaps, status = await asyncio.to_thread(self._look, camera_id, start, now)
            well = not gaps and _stopped_by(status) is None
            cause = None if well else self._recorder_fault(camera_id, gaps, status, now)
            if cause is not None:
                unrecorded[camera_id] = cause
            window_s = _WELL_WINDOW_S if well else _WINDOW_S
            self._since[camera_id] = max(start, now.plus(-window_s))
            if well and camera_id in self._well:
                continue
            self._well.discard(camera_id)
            async with self.desk.database.write() as connection:
                await self._tell(connection, camera_id, gaps, status)
            if well:
                self._well.add(camera_id)
        await self._alarm.tell(unrecorded)

    def _look(
        self, camera_id: str, start: Utc, now: Utc
    ) -> tuple[tuple[Gap, ...], RingStatus | None]:
        run = ClockRun.of(self.desk.clock)
        found = segments(self.recordings, camera_id, start, now)
        told = tuple(one for one in found if one.is_told_by(run))
        if len(told) < len(found):
            # Behind its setting a clock that was set back says nothing: the times were another's.
            start = max(start, min(self._begun_after(camera_id, found, run), now))
        return gaps_between(told, start, now, GAP_S), read_status(self.recordings, camera_id)

    def _begun_after(self, camera_id: str, found: Iterable[Segment], run: ClockRun) -> Utc:
        """When the last recording was over that a clock told before it was set back."""
        newest = newest_video_files(camera_folder(self.recordings, camera_id), 1)
        last = (read_segment(path) for path in newest)
        return max(
            run.begun_after(one.clock, one.end)
            for one in (*found, *last)
            if one is not None and one.clock is not None and not one.is_told_by(run)
        )

    def _known_from(self, camera_id: str, now: Utc) -> Utc:
        """Until when before a fresh start all is known: the recording that stood a day ago, or
        its beginning since then; `now` where nothing was ever recorded."""
        day = now.plus(-_LOOK_BACK_S)
        older = None
        for path in video_files(camera_folder(self.recordings, camera_id)):
            if opened_at(path) > day:
                break
            older = path
        before = None if older is None else read_segment(older)
        if before is not None:
            return min(before.end, now)
        found = segments(self.recordings, camera_id, day, now)
        return min((segment.start for segment in found), default=now)

    async def _tell(
        self,
        connection: AsyncConnection,
        camera_id: str,
        gaps: tuple[Gap, ...],
        status: RingStatus | None,
    ) -> None:
        now = self.desk.clock.utc()
        cause = _stopped_by(status)
        if status is not None and cause is not None:
            event = RecordingEvent(camera_id, "stopped", cause.value, status.since, None, now)
            await _add(connection, event)
        else:
            await _end_open(connection, camera_id, "stopped", now)
        lasting = False
        for gap in gaps:
            open_end = _lasts(gap, now)
            lasting = lasting or open_end
            why = gap.cause.value if gap.cause else self._cause(camera_id)
            end = None if open_end else gap.end
            await _add(connection, RecordingEvent(camera_id, "gap", why, gap.start, end, now))
        if not lasting:
            await _end_open(connection, camera_id, "gap", now)

    def _cause(self, camera_id: str) -> str:
        """A camera that gives no pictures cannot be recorded; else the reason is not known."""
        status = self.desk.board.cameras.get(camera_id)
        if status is not None and status.state is not CameraState.LIVE:
            return status.cause or "camera_lost"
        return UNKNOWN

    def _recorder_fault(
        self, camera_id: str, gaps: tuple[Gap, ...], status: RingStatus | None, now: Utc
    ) -> str | None:
        """What keeps a camera that gives pictures from being recorded, once that has lasted.

        A disk that takes nothing takes no word of it either: there the gap alone tells.
        """
        stopped = _stopped_by(status)
        if status is not None and stopped in RECORDER_FAULTS and now - status.since >= GAP_S:
            return stopped.value
        lasting = next((gap for gap in gaps if _lasts(gap, now)), None)
        known = self.desk.known()
        seen = known.cameras.get(camera_id)
        if lasting is None or seen is None or seen.state is not CameraState.LIVE:
            return None
        if not is_back(known, camera_id):
            # Its last word is of before this start: after a power cut nobody records yet, or sees.
            return None
        if now - seen.since < GAP_S:
            return None
        return lasting.cause.value if lasting.cause in RECORDER_FAULTS else UNKNOWN


def _lasts(gap: Gap, now: Utc) -> bool:
    return now - gap.end < 0.001


def _stopped_by(status: RingStatus | None) -> EndCause | None:
    """Why nothing is recorded; `None` while something is, or while nobody has said."""
    return None if status is None or status.recording else status.cause


async def list_events(
    connection: AsyncConnection, limit: int, camera_ids: frozenset[str] | None = None
) -> tuple[RecordingEvent, ...]:
    """Newest first; of these cameras, or of all."""
    query = select(RECORDING_EVENTS).order_by(RECORDING_EVENTS.c.id.desc()).limit(limit)
    if camera_ids is not None:
        query = query.where(RECORDING_EVENTS.c.camera_id.in_(camera_ids))
    return tuple(_event(row) for row in (await connection.execute(query)).mappings())


async def gaps_by_camera(
    connection: AsyncConnection, camera_ids: Iterable[str], start: Utc, end: Utc
) -> dict[str, tuple[tuple[Utc, Utc], ...]]:
    """What was not recorded of each camera between `start` and `end`: disjoint spans, in order.

    Gaps and stops are one here. What still lasts runs to `end`. A camera without a gap is there
    with no spans; one that is not recorded at all has none either: ask the settings for that.
    """
    spans: dict[str, list[tuple[Utc, Utc]]] = {camera_id: [] for camera_id in camera_ids}
    table = RECORDING_EVENTS.c
    query = (
        select(table.camera_id, table.from_ns, table.to_ns)
        .where(table.camera_id.in_(list(spans)), table.from_ns < end.ns)
        .where(table.to_ns.is_(None) | (table.to_ns > start.ns))
        .order_by(table.from_ns)
    )
    for camera_id, from_ns, to_ns in await connection.execute(query):
        begun = max(Utc(from_ns), start)
        ended = end if to_ns is None else min(Utc(to_ns), end)
        mine = spans[camera_id]
        if mine and begun <= mine[-1][1]:
            mine[-1] = (mine[-1][0], max(mine[-1][1], ended))
        elif ended > begun:
            mine.append((begun, ended))
    return {camera_id: tuple(found) for camera_id, found in spans.items()}


async def _add(connection: AsyncConnection, event: RecordingEvent) -> None:
    table = RECORDING_EVENTS.c
    here = (table.camera_id == event.camera_id) & (table.kind == event.kind)
    # One row while it lasts, also when its exact start is only learnt later.
    same = here & (table.to_ns.is_(None) | (table.to_ns > event.start.ns))
    if event.end is not None:
        same &= table.from_ns < event.end.ns
    known = (await connection.execute(select(table.id, table.to_ns).where(same))).first()
    if known is None:
        await connection.execute(
            insert(RECORDING_EVENTS).values(
                camera_id=event.camera_id,
                kind=event.kind,
                cause=event.cause,
                from_ns=event.start.ns,
                to_ns=None if event.end is None else event.end.ns,
                noticed_ns=event.noticed.ns,
            )
        )
        _log.warning("recording", camera=event.camera_id, kind=event.kind, cause=event.cause)
    elif known.to_ns is None and event.end is not None:
        await connection.execute(
            update(RECORDING_EVENTS).where(table.id == known.id).values(to_ns=event.end.ns)
        )


async def _end_open(connection: AsyncConnection, camera_id: str, kind: str, now: Utc) -> None:
    table = RECORDING_EVENTS.c
    await connection.execute(
        update(RECORDING_EVENTS)
        .where(table.camera_id == camera_id, table.kind == kind, table.to_ns.is_(None))
        .values(to_ns=now.ns)
    )


def _event(row: RowMapping) -> RecordingEvent:
    return RecordingEvent(
        row["camera_id"], row["kind"], row["cause"], Utc(row["from_ns"]),
        None if row["to_ns"] is None else Utc(row["to_ns"]), Utc(row["noticed_ns"]),
    )  # fmt: skip


__all__ = ["GAP_S", "GapWatch", "RecordingEvent", "gaps_by_camera", "list_events"]

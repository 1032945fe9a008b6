"""Deletes clips and packages when their time is over: never earlier, never while a hold stands.

A row says first that its files go, and the files follow: so a hold is either in time or refused,
and files that a kill left behind are deleted by the next sweep.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import structlog

from api.database import Database
from api.evidence import clip_store, exports
from api.evidence.clip_store import Clip, ClipState
from api.evidence.exports import Export, ExportState
from api.evidence.folders import EvidenceFolder
from config.recording import LEGAL_MINIMUM_DAYS
from streams.clock import Clock
from vision.instants import Monotonic, Utc

_log = structlog.get_logger(__name__)

EXPORT_DAYS = 30
"""A package is there to be fetched; an unredacted one must not lie about for longer."""

_DAY_S = 86_400.0
# What was deleted by a clock that ran ahead cannot be had back, so it must have run evenly so long.
STEADY_S = 6 * 3_600.0
# A time server may move the clock so far between two sweeps.
_SLACK_S = 60.0
_AT_WORK = frozenset({ExportState.QUEUED, ExportState.RUNNING})


@dataclass(slots=True)
class Retention:
    """See the module; `sweep` is called now and then."""

    database: Database
    folder: EvidenceFolder
    clock: Clock
    _steady: SteadyClock = field(init=False)

    def __post_init__(self) -> None:
        self._steady = SteadyClock(self.clock)

    async def sweep(self) -> tuple[int, ...]:
        """Delete what is due; numbers of the alarms whose clips went.

        Nothing becomes due while the wall clock is not known to run evenly.
        """
        now = self.clock.utc()
        gone: list[int] = []
        if self._steady.look():
            async with self.database.read() as connection:
                clips = await clip_store.in_states(connection, [ClipState.COMPLETE])
            for clip in clips:
                if due(clip, now) and await self._give_up(clip.alarm_number, now):
                    _log.info("a clip is deleted, its time is over", alarm=clip.alarm_number)
                    gone.append(clip.alarm_number)
            await self._give_up_exports(now)
        await self._delete_files()
        await asyncio.to_thread(self.folder.forget_joined, now)
        return tuple(gone)

    async def _give_up(self, number: int, now: Utc) -> bool:
        """Mark a clip as deleted, unless it was held meanwhile or an export still reads it."""
        async with self.database.write() as connection:
            clip = await clip_store.find(connection, number)
            if clip is None or clip.state is not ClipState.COMPLETE or not due(clip, now):
                return False
            wanted = await exports.of_alarm(connection, number)
            if any(export.state in _AT_WORK for export in wanted):
                return False
            await clip_store.delete(connection, number, now)
        return True

    async def _give_up_exports(self, now: Utc) -> None:
        async with self.database.write() as connection:
            for export in await exports.in_states(connection, [ExportState.READY]):
                clip = await clip_store.find(connection, export.wish.alarm_number)
                if export_due(export, clip, now):
                    await exports.set_state(connection, export.id, ExportState.EXPIRED)

    async def _delete_files(self) -> None:
        """Files of all rows that say that there are none."""
        numbers = await asyncio.to_thread(self.folder.alarms_kept)
        packages = await asyncio.to_thread(self.folder.exports_kept)
        async with self.database.read() as connection:
            clips = await clip_store.deleted_from(connection, min(numbers, default=0))
            over = await exports.expired_from(connection, min(packages, default=0))
        for number in sorted(clips.intersection(numbers)):
            await asyncio.to_thread(self.folder.delete_alarm, number)
        for export_id in sorted(over.intersection(packages)):
            await asyncio.to_thread(self.folder.delete_export, export_id)


@dataclass(slots=True)
class SteadyClock:
    """Whether wall time runs as monotonic time does, and has for `STEADY_S`."""

    clock: Clock
    _since: Monotonic | None = None
    _last: tuple[Utc, Monotonic] | None = None

    def look(self) -> bool:
        """Look once more; `False` at the first look and after a jump."""
        wall, ran = self.clock.utc(), self.clock.monotonic()
        last, self._last = self._last, (wall, ran)
        jump_s = 0.0 if last is None else (wall - last[0]) - (ran - last[1])
        if abs(jump_s) > _SLACK_S:
            _log.warning(
                "the clock jumped; no evidence is deleted until it has run evenly",
                jump_s=round(jump_s), evenly_s=STEADY_S,
            )  # fmt: skip
            self._since = None
        if self._since is None:
            self._since = ran
        return ran - self._since >= STEADY_S


def due(clip: Clip, now: Utc) -> bool:
    """Whether a clip's time is over. A row that says fewer days than the law is not believed."""
    after = clip.delete_after
    if after is None or clip.end is None:
        return False
    return now >= max(after, clip.end.plus(LEGAL_MINIMUM_DAYS * _DAY_S))


def export_due(export: Export, clip: Clip | None, now: Utc) -> bool:
    """Whether a package's time is over, `EXPORT_DAYS` after it was ready; not while its clip is
    held."""
    if export.ready_at is None or (clip is not None and clip.hold is not None):
        return False
    return now >= export.ready_at.plus(EXPORT_DAYS * _DAY_S)


__all__ = ["EXPORT_DAYS", "STEADY_S", "Retention", "SteadyClock", "due", "export_due"]

"""Deletes clips and packages when their time is over: never earlier, never while a hold stands.

A row says first that its files go, and the files follow: so a hold is either in time or refused,
and files that a kill left behind are deleted by the next sweep.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from api.database import Database
from api.evidence import clip_store, exports
from api.evidence.clip_store import Clip, ClipState
from api.evidence.clock_book import ClockBook
from api.evidence.exports import Export, ExportState
from api.evidence.folders import EvidenceFolder
from config.recording import LEGAL_MINIMUM_DAYS
from config.whole_files import replace_whole
from streams.clock import Clock
from vision.instants import Monotonic, Utc

_log = structlog.get_logger(__name__)

EXPORT_DAYS = 30
"""A package is there to be fetched; an unredacted one must not lie about for longer."""

_DAY_S = 86_400.0
BOOK_FILE = "clock.json"
_AT_WORK = frozenset({ExportState.QUEUED, ExportState.RUNNING})


@dataclass(slots=True)
class Retention:
    """See the module; `sweep` is called now and then."""

    database: Database
    folder: EvidenceFolder
    clock: Clock
    _book: ClockBook | None = field(default=None, init=False)
    _looked: Monotonic = field(init=False)

    def __post_init__(self) -> None:
        self._looked = self.clock.monotonic()

    async def sweep(self) -> tuple[int, ...]:
        """Delete what is due; numbers of the alarms whose clips went.

        Nothing becomes due while the wall clock is not known to run evenly.
        """
        believed = await self._look()
        gone: list[int] = []
        if believed is not None:
            async with self.database.read() as connection:
                clips = await clip_store.in_states(connection, [ClipState.COMPLETE])
            for clip in clips:
                if due(clip, believed) and await self._give_up(clip.alarm_number, believed):
                    _log.info("a clip is deleted, its time is over", alarm=clip.alarm_number)
                    gone.append(clip.alarm_number)
            await self._give_up_exports(believed)
        await self._delete_files()
        await asyncio.to_thread(self.folder.forget_joined, self.clock.utc())
        return tuple(gone)

    async def _look(self) -> Utc | None:
        """Look at the clock once more; how far it is believed. Due dates move with its jumps."""
        path = self.folder.root / BOOK_FILE
        before, ran_s = self._book, None
        if before is None:
            before = await asyncio.to_thread(_read, path)
        else:
            ran_s = self.clock.monotonic() - self._looked
        self._looked = self.clock.monotonic()
        book, days = before.looked(self.clock.utc(), ran_s)
        if days:
            _log.warning("the clock jumped; days of keeping are counted by the new one", days=days)
            async with self.database.write() as connection:
                await clip_store.keep_longer(connection, days)
        self._book = book
        try:
            await asyncio.to_thread(replace_whole, path, book.to_json())
        except OSError as error:
            # A full disk must not keep from deleting: this run remembers by itself.
            _log.warning("the clock's book cannot be written", reason=str(error))
        return book.believed

    async def _give_up(self, number: int, believed: Utc) -> bool:
        """Mark a clip as deleted, unless it was held meanwhile or an export still reads it."""
        async with self.database.write() as connection:
            clip = await clip_store.find(connection, number)
            if clip is None or clip.state is not ClipState.COMPLETE or not due(clip, believed):
                return False
            wanted = await exports.of_alarm(connection, number)
            if any(export.state in _AT_WORK for export in wanted):
                return False
            await clip_store.delete(connection, number, self.clock.utc())
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


def _read(path: Path) -> ClockBook:
    try:
        return ClockBook.from_json(path.read_bytes())
    except OSError:
        return ClockBook()


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


__all__ = ["EXPORT_DAYS", "Retention", "due", "export_due"]

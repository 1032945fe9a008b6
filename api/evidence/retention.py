"""Deletes clips when their time is over: never earlier, never while a hold stands."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from api.database import Database
from api.evidence import clip_store
from api.evidence.clip_store import Clip, ClipState
from api.evidence.folders import EvidenceFolder
from config.recording import LEGAL_MINIMUM_DAYS
from streams.clock import Clock
from vision.instants import Utc

_log = structlog.get_logger(__name__)
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Retention:
    """See the module; `sweep` is called now and then."""

    database: Database
    folder: EvidenceFolder
    clock: Clock

    async def sweep(self) -> tuple[int, ...]:
        """Delete what is due; numbers of the alarms whose clips went.

        The files go first: a kill in between leaves a row whose files are deleted again.
        """
        now = self.clock.utc()
        async with self.database.read() as connection:
            clips = await clip_store.in_states(connection, [ClipState.COMPLETE])
        gone = []
        for clip in clips:
            if not due(clip, now):
                continue
            await asyncio.to_thread(self.folder.delete_alarm, clip.alarm_number)
            async with self.database.write() as connection:
                await clip_store.delete(connection, clip.alarm_number, now)
            _log.info("a clip was deleted, its time is over", alarm=clip.alarm_number)
            gone.append(clip.alarm_number)
        await asyncio.to_thread(self.folder.forget_joined, now)
        return tuple(gone)


def due(clip: Clip, now: Utc) -> bool:
    """Whether a clip's time is over. A row that says fewer days than the law is not believed."""
    after = clip.delete_after
    if after is None or clip.end is None:
        return False
    return now >= max(after, clip.end.plus(LEGAL_MINIMUM_DAYS * _DAY_S))


__all__ = ["Retention", "due"]

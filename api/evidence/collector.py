"""Keeps a clip for each alarm that has cameras: from before it opened to its end.

All it knows lies in the database and in folders, so a service that is killed in the middle of an
alarm goes on where it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import structlog

from api.alarms import store as alarm_store
from api.alarms.values import OPEN_STATES, Alarm
from api.evidence import clip_store
from api.evidence.clip_store import Clip, ClipState
from api.evidence.curve import CurveKeeper
from api.evidence.folders import EvidenceFolder
from api.evidence.jumps import (
    Jump,
    JumpWatch,
    Span,
    note_clock,
    note_jump,
    read_clock,
    read_jumps,
    stretches_of,
)
from api.evidence.origin import Origin
from api.watched import WatchedSite
from api.work import Desk
from config.recording import ClipSettings
from streams.recording import ClockRun
from vision.instants import Monotonic, Utc

_log = structlog.get_logger(__name__)

_MOST_OPEN = 1_000
# The ring closes a segment this long after its last picture at the latest.
_SETTLE_S = 20.0
# A disk that is slow, or a start that first counts what lies there, may write a ring so much later.
# Longer than that is not waited for: a camera that has gone silent never comes to the end.
_WRITTEN_WITHIN_S = 120.0
# What was collected is looked at once more so long: a ring may tell of a segment a little late.
_LOOK_BACK_S = 60.0
# A clip grows by a segment in about this time. Two dozen are a fifth of a second of work: in every
# tick that would be a tenth of a core, just when a whole school has alarms.
_GROWS_EVERY_S = 10.0
# So many ticks go by meanwhile; the clips are looked at in turn, not all in one of them.
_TICKS_A_ROUND = 5

# A span of a clip with the clock that told it; `None` where nobody knows.
_Told = tuple[Span, ClockRun | None]


@dataclass(slots=True)
class Collector:
    """Looks every few seconds; see the module."""

    desk: Desk
    folder: EvidenceFolder
    settings: ClipSettings
    origin: Origin
    curves: CurveKeeper
    # Up to when a clip's camera is collected, by alarm, camera and the beginning of the span; after
    # a start all is looked at.
    _collected: dict[tuple[int, str, Utc], Utc] = field(default_factory=dict)
    # When each growing clip was looked at, by the machine's own clock.
    _looked: dict[int, Monotonic] = field(default_factory=dict)
    _jumps: JumpWatch = field(init=False)

    def __post_init__(self) -> None:
        self._jumps = JumpWatch(self.folder.root, self.desk.clock)

    async def tick(self) -> None:
        """Begin clips of new alarms, let clips grow, complete those whose alarm has ended."""
        now = self.desk.clock.utc()
        async with self.desk.database.read() as connection:
            alarms = await alarm_store.list_alarms(connection, states=OPEN_STATES, limit=_MOST_OPEN)
            growing = await clip_store.in_states(connection, [ClipState.COLLECTING])
            known = await clip_store.with_clip(connection, [alarm.number for alarm in alarms])
        jump = await asyncio.to_thread(self._jumps.look)
        for alarm in alarms:
            # An alarm that outlasted the longest clip has its own already.
            if alarm.number not in known and (clip := await self._begin(alarm)) is not None:
                growing = (*growing, clip)
        by_number = {alarm.number: alarm for alarm in alarms}
        if jump is not None:
            for clip in growing:
                await self._jumped(clip, by_number.get(clip.alarm_number), jump, now)
        await asyncio.to_thread(self._jumps.done, keep=bool(growing))
        for clip in self._due(growing):
            await self._grow(clip, by_number.get(clip.alarm_number), now)

    def _due(self, growing: Collection[Clip]) -> list[Clip]:
        """Which clips to look at now: new ones, and a part of those not looked at for long."""
        now = self.desk.clock.monotonic()
        looked = self._looked
        self._looked = {n: looked[n] for clip in growing if (n := clip.alarm_number) in looked}
        fresh = [clip for clip in growing if clip.alarm_number not in looked]
        older = sorted(
            (clip for clip in growing if clip.alarm_number in looked),
            key=lambda clip: looked[clip.alarm_number],
        )
        part = older[: -(-len(older) // _TICKS_A_ROUND)]
        due = [one for one in part if now - looked[one.alarm_number] >= _GROWS_EVERY_S]
        self._looked |= dict.fromkeys((clip.alarm_number for clip in (*fresh, *due)), now)
        return [*fresh, *due]

    async def _begin(self, alarm: Alarm) -> Clip | None:
        """A clip for an alarm that has none; an alarm without cameras gets none."""
        cameras = cameras_of(self.desk.board.site, alarm)
        if not cameras:
            return None
        clip = Clip(
            alarm_number=alarm.number,
            start=alarm.opened_at.plus(-self.settings.before_s),
            end=None,
            camera_ids=cameras,
            zone_ids=alarm.zone_ids,
            origin=self.origin.of(self.desk.known(), alarm.zone_ids),
            keep_days=self.settings.days_for(alarm.zone_ids),
        )
        now = self.desk.clock.utc()
        aside = await asyncio.to_thread(self.folder.set_aside, alarm.number, now)
        if aside is not None:
            _log.warning(
                "evidence of an earlier alarm of this number is set aside; delete it when nobody "
                "needs it any more",
                alarm=alarm.number,
                folder=str(aside),
            )
        async with self.desk.database.write() as connection:
            await clip_store.add(connection, clip)
        return clip

    async def _jumped(self, clip: Clip, alarm: Alarm | None, jump: Jump, now: Utc) -> None:
        """The clock was set while this clip grew; not where its alarm is all of one clock."""
        if alarm is None:
            async with self.desk.database.read() as connection:
                alarm = await alarm_store.by_number(connection, clip.alarm_number)
        over_before = alarm.closed is not None and not jump.is_before(alarm.closed.at, now)
        if jump.is_before(alarm.opened_at, now):
            return
        folder = self.folder.of_alarm(clip.alarm_number)
        if over_before and not alarm.is_open:
            await asyncio.to_thread(note_clock, folder, jump.old)
            return
        jumps = await asyncio.to_thread(read_jumps, folder)
        if jumps and jumps[-1].is_same(jump):
            # The service ended between noting it and looking again.
            return
        await self.curves.keep(folder, clip, stretches_of(clip.start, jump.until, jumps)[-1])
        await asyncio.to_thread(note_jump, folder, jump)
        _log.warning("the clock was set while an alarm was open", alarm=clip.alarm_number)

    async def _grow(self, clip: Clip, alarm: Alarm | None, now: Utc) -> None:
        if alarm is None:
            async with self.desk.database.read() as connection:
                alarm = await alarm_store.by_number(connection, clip.alarm_number)
        clip = await self._widened(clip, alarm)
        folder = self.folder.of_alarm(clip.alarm_number)
        jumps = await asyncio.to_thread(read_jumps, folder)
        *before, (begun, _) = stretches_of(clip.start, now, jumps)
        runs = await self._runs(folder, jumps)
        latest = self._latest(begun, before)
        ended = now if alarm.closed is None or alarm.is_open else alarm.closed.at
        end = min(ended, latest)
        spans = (*before, (begun, end))
        told = tuple(zip(spans, runs, strict=True))
        collected = [await self._collect(clip, camera_id, told) for camera_id in clip.camera_ids]
        await self.curves.keep(folder, clip, (begun, end))
        # What a full disk does not take is still in the ring when there is room again.
        over = all(collected) and (not alarm.is_open or end >= latest)
        # It lies ahead where the clock was set back after it.
        settled_s = abs(now - end)
        if over and settled_s >= _SETTLE_S:
            if settled_s < _WRITTEN_WITHIN_S and not await self._written(clip, told[-1]):
                return
            if end < begun:
                # Nobody saw how the clock was set; what was collected before that is the clip.
                end = await asyncio.to_thread(
                    self.folder.collected_until, clip.alarm_number, clip.camera_ids, (begun, latest)
                )
            async with self.desk.database.write() as connection:
                await clip_store.complete(
                    connection, clip.alarm_number, end, cut_short=ended > latest
                )
            self.curves.forget(clip.alarm_number)
            for key in [key for key in self._collected if key[0] == clip.alarm_number]:
                del self._collected[key]

    async def _widened(self, clip: Clip, alarm: Alarm) -> Clip:
        """The clip with the zones and cameras that its alarm has come to concern: theirs is kept
        from its beginning on, too."""
        more = tuple(one for one in alarm.zone_ids if one not in clip.zone_ids)
        if not more:
            return clip
        known = cameras_of(self.desk.board.site, alarm)
        origin = self.origin.of(self.desk.known(), more)
        wider = replace(
            clip,
            zone_ids=(*clip.zone_ids, *more),
            camera_ids=tuple(dict.fromkeys((*clip.camera_ids, *known))),
            origin={**clip.origin, "zones": {**clip.origin.get("zones", {}), **origin["zones"]}},
            keep_days=max(clip.keep_days, self.settings.days_for(more)),
        )
        async with self.desk.database.write() as connection:
            await clip_store.widen(connection, wider)
        return wider

    async def _runs(self, folder: Path, jumps: Sequence[Jump]) -> tuple[ClockRun | None, ...]:
        """The clock that told each span of a clip: that of now told the last one, unless the alarm
        was over before it was set."""
        ended = await asyncio.to_thread(read_clock, folder)
        return (*(jump.old for jump in jumps), ended or ClockRun.of(self.desk.clock))

    async def _written(self, clip: Clip, told: _Told) -> bool:
        """Whether the rings of a clip's cameras have come to the end of its newest span."""
        (begun, end), run = told
        if end <= begun:
            return True
        lately = max(begun, end.plus(-_LOOK_BACK_S)), end
        return await asyncio.to_thread(
            self.folder.is_whole, clip.alarm_number, clip.camera_ids, lately, run
        )

    def _latest(self, begun: Utc, before: Sequence[Span]) -> Utc:
        """When a clip is as long as it may be, by the clock of its newest span."""
        most_s = self.settings.before_s + self.settings.longest_s
        return begun.plus(max(0.0, most_s - sum(end - start for start, end in before)))

    async def _collect(self, clip: Clip, camera_id: str, told: Sequence[_Told]) -> bool:
        """Keep what is new of a camera; whether the disk took all of it."""
        number, collect = clip.alarm_number, self.folder.collect
        try:
            for (begun, end), run in told:
                key = (number, camera_id, begun)
                start = max(begun, self._collected.get(key, begun).plus(-_LOOK_BACK_S))
                self._collected[key] = await asyncio.to_thread(
                    collect, number, camera_id, (start, end), run
                )
        except OSError as error:
            # Tried again at the next look.
            _log.warning("a clip could not be kept", alarm=number, reason=error.strerror)
            return False
        return True


def cameras_of(site: WatchedSite, alarm: Alarm) -> tuple[str, ...]:
    """Cameras that show what the alarm is about, in the order of its zones."""
    found: list[str] = []
    if alarm.key.subject_id in site.camera:
        found.append(alarm.key.subject_id)
    for zone_id in alarm.zone_ids:
        found.extend(_of_zone(site, zone_id))
    return tuple(dict.fromkeys(found))


def _of_zone(site: WatchedSite, zone_id: str) -> Iterable[str]:
    zone = site.zone.get(zone_id)
    return () if zone is None else zone.camera_ids


__all__ = ["Collector", "cameras_of"]

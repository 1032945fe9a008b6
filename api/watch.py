"""The service's own watch: it notices what no record tells, namely that records stopped coming."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import structlog
from sqlalchemy import delete
from sqlalchemy.exc import SQLAlchemyError

from api import events, readings
from api.alarms import routine
from api.alarms.disk import DiskAlarm
from api.alarms.parents import group_signal, lost_groups
from api.alarms.signals import camera_signal, silent_signal
from api.alarms.timekeeping import anything_due, apply_due, apply_group
from api.alarms.values import SYSTEM
from api.database.tables import RECORDS
from api.live.lost import Standing, standings, unseen_zones
from api.work import Desk, Work
from streams.wall_offset import SetForward
from vision.instants import Monotonic, Utc

_LOG = structlog.get_logger(__name__)

_SHORT_S = 7_200.0
_LONG_S = 90 * 86_400.0
KEEP_IDS_S = {
    "reading": _SHORT_S,
    "worker_load": _SHORT_S,
    "transition": _LONG_S,
    "camera_state": _LONG_S,
    "camera_health": _LONG_S,
}
"""How long the ids of records are remembered, by kind, to tell a repetition from a new record.

A worker sends a batch again until it is answered, so a repetition comes within minutes. A reading
that is counted twice adds a sample to its step; an alarm that came twice would be a second alarm.
"""


class Watch:
    """Turns silence into UNKNOWN, and long silence into an alarm."""

    def __init__(
        self,
        desk: Desk,
        *,
        every_s: float,
        upkeep_every_s: float,
        disk_folders: tuple[Path, ...] = (),
    ) -> None:
        self._desk = desk
        self.disk = DiskAlarm(desk, disk_folders)
        self._every_s = every_s
        self._upkeep_every_s = upkeep_every_s
        # With when its newest reading came: between two looks one may come and be too old again.
        self._stale: set[tuple[str, Utc | None]] = set()
        self._standings: dict[str, Standing] = {}
        self._unseen: dict[str, frozenset[str]] = {}
        self._lost_groups: dict[str, bool] = {}
        self._tested: str | None = None
        self._refused = False
        self._forward = SetForward(desk.clock)
        self.last_tick: Monotonic | None = None

    async def run(self) -> None:
        """Tick until cancelled. A database that refuses is counted, logged once, tried again."""
        upkeep_at = self._desk.clock.monotonic()
        while True:
            await asyncio.sleep(self._every_s)
            try:
                await self.tick()
                if self._desk.clock.monotonic() >= upkeep_at:
                    await self.upkeep()
                    upkeep_at = self._desk.clock.monotonic().plus(self._upkeep_every_s)
                self._refused = False
            except SQLAlchemyError as error:
                self._desk.metrics.failed_ticks.inc()
                if not self._refused:
                    _LOG.error("watch.database_refused", error=self._desk.database.told(error))
                self._refused = True

    async def run_unkept(self) -> None:
        """Look until cancelled at what silence means while it cannot be stored: a tick may wait ten
        seconds for a server that says nothing."""
        while True:
            await asyncio.sleep(self._every_s)
            if self._refused or self._desk.unkept.store_refuses:
                self._desk.unkept.look()

    async def tick(self) -> None:
        """Compare what is shown with the present; tell what changed by time alone."""
        desk = self._desk
        if desk.unkept.store_refuses:
            desk.unkept.look()
        if self._forward.lately():
            self.last_tick = desk.clock.monotonic()
            return
        known = desk.known()
        zones = [known.zone(zone.id) for zone in known.site.zones]
        stale = {(zone.zone_id, zone.received_at) for zone in zones if zone.stale}
        cameras = standings(known)
        groups = self._known_groups(cameras)
        unseen = {
            camera_id: frozenset(unseen_zones(known, camera_id))
            for camera_id, standing in cameras.items()
            if standing.cause is not None
        }
        # Lost before, when another camera still saw a zone that nobody sees now.
        worse = {one for one in unseen if unseen[one] - self._unseen.get(one, unseen[one])}
        if (
            stale - self._stale
            or cameras != self._standings
            or worse
            or groups != self._lost_groups
        ):
            async with desk.work() as work:
                # Where the workers' records alone are refused, silence is of what nobody heard, not
                # of what was not stored.
                work.known = replace(desk.known(), now=work.known.now)
                for zone_id in sorted(zone_id for zone_id, _ in stale - self._stale):
                    work.tell_zone(zone_id)
                    if work.known.zone(zone_id).stale:
                        await work.signal(silent_signal(work.known, zone_id))
                for camera_id, standing in cameras.items():
                    if self._standings.get(camera_id) != standing or camera_id in worse:
                        signal = camera_signal(work.known, camera_id, worse=camera_id in worse)
                        await work.signal(signal)
                await self._tell_groups(work, groups, worse)
        self._stale, self._standings, self._lost_groups = stale, cameras, groups
        self._unseen = unseen
        await self._keep_time()
        self.last_tick = desk.clock.monotonic()

    def _known_groups(self, cameras: Mapping[str, Standing]) -> dict[str, bool]:
        """Whether each group is lost. One that is not, and of which no camera is back, is what it
        was; after a start nobody knows what the database still says of it."""
        gone = lost_groups(self._desk.groups, {key: one.cause for key, one in cameras.items()})
        back = {camera_id for camera_id, standing in cameras.items() if standing.is_back}
        told = {
            group.id: group.id in gone
            for group in self._desk.groups
            if group.id in gone or back.intersection(group.camera_ids)
        }
        return self._lost_groups | told

    async def _tell_groups(self, work: Work, lost: Mapping[str, bool], worse: set[str]) -> None:
        for group in self._desk.groups:
            now, told = lost.get(group.id), self._lost_groups.get(group.id)
            if now is not None and now != told:
                await apply_group(work, group, lost=now)
            elif told and worse.intersection(group.camera_ids):
                await work.signal(group_signal(work.known, group, lost=True, worse=True))

    async def _keep_time(self) -> None:
        desk = self._desk
        async with desk.database.read() as connection:
            due = await anything_due(connection, desk.clock.utc())
            tests = await routine.anything_open(connection)
        key = routine.due_key(desk.plan.routine_test, desk.board.site.timezone, desk.clock.utc())
        if key is not None and key == self._tested:
            key = None
        if due or tests or key is not None:
            async with desk.work() as work:
                await apply_due(work)
                if key is not None and not await routine.exists(work.connection, key):
                    await routine.begin(work, key, SYSTEM)
                await routine.follow(work)
        self._tested = key or self._tested

    async def upkeep(self) -> None:
        """Coarser old readings, forgotten old events and ids, in small transactions; the disk."""
        now = self._desk.clock.utc()
        database = self._desk.database
        async with database.write() as connection:
            await events.prune(connection, now)
            for kind, keep_s in KEEP_IDS_S.items():
                is_old = RECORDS.c.received_ns < now.plus(-keep_s).ns
                await connection.execute(delete(RECORDS).where(RECORDS.c.kind == kind, is_old))
        joined = 1
        while joined:
            async with database.write() as connection:
                joined = await readings.compact(connection, now)
        await self.disk.tell()

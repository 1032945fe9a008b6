"""Keeps live coverage while the service runs: alarms, tasks, changes and sums a day.

Once a second the cameras that are well are compared with the last look. Only a change costs
geometry, and that is a union of shapes worked out at the start.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.exc import SQLAlchemyError

from api.alarms.values import AlarmKey, AlarmType, Condition, Evidence, Signal
from api.coverage import day_book, health_store
from api.coverage.audits import Audits
from api.coverage.day_book import AreaSums, CameraSums
from api.coverage.document import AuditDocument
from api.coverage.errors import ReportError
from api.coverage.live import CameraNow, LiveSite, cameras_now
from api.coverage.uptime import uptime_of
from api.live.board import Known
from api.work import Desk, Work
from config import Site
from vision.instants import Monotonic, Utc
from vision.live_coverage import AreaNow, Sightedness
from vision.readings import Level, Reason

log = structlog.get_logger(__name__)

EVERY_S = 1.0
_FLUSH_S = 60.0
# A longer step means that the process itself stood still: nobody watched then.
_LONGEST_STEP_S = 10.0
PRIORITY_AREA_BLIND = 2
_EPOCH = date(1970, 1, 1)
_RECORD_DAYS = 30


class CoverageWatch:
    """The live coverage of one site. `cameras` and `areas` hold the newest look."""

    def __init__(self, site: Site, desk: Desk) -> None:
        self.site = site
        self.cameras: Mapping[str, CameraNow] = {}
        self.areas: Mapping[str, AreaNow] = {}
        self.live: LiveSite | None = None
        self.audits = Audits(site.folder, self.with_record)
        self._desk = desk
        self._zone = ZoneInfo(site.timezone)
        self._area_sums: dict[tuple[str, int], AreaSums] = {}
        self._camera_sums: dict[tuple[str, int], CameraSums] = {}
        self._looking = asyncio.Lock()
        self._looked_at: Monotonic | None = None
        self._flushed_at: Monotonic | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Watch until the block ends."""
        task = asyncio.create_task(self._run(), name="coverage")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await self.audits.close()
            with suppress(SQLAlchemyError):
                await self.flush()

    async def with_record(self, document: AuditDocument) -> AuditDocument:
        """The audit with the record of the last 30 days, today included.

        Raises:
            ReportError: the site file was changed since the service started.
        """
        if document.site_sha256 != self.site.sha256:
            raise ReportError("site.yaml was changed since the service started; start it anew")
        live = self.live
        if live is None:
            live = await asyncio.to_thread(LiveSite, self.site)
        await self.flush()
        last = self._desk.clock.utc().to_datetime().astimezone(self._zone).date()
        first = last - timedelta(days=_RECORD_DAYS - 1)
        bounds = ((first - _EPOCH).days, (last - _EPOCH).days)
        async with self._desk.database.read() as connection:
            areas = await day_book.area_days(connection, *bounds)
            cameras = await day_book.camera_days(connection, *bounds)
        targets = {camera.id: live.least_share(camera.id) for camera in self.site.cameras}
        found = uptime_of(areas, cameras, targets, (first, last))
        return await asyncio.to_thread(document.with_uptime, found)

    async def _run(self) -> None:
        self.live = await asyncio.to_thread(LiveSite, self.site)
        refused = False
        while True:
            try:
                await self.tick()
                refused = False
            except SQLAlchemyError as error:
                if not refused:
                    log.error("live coverage could not be kept", reason=str(error))
                refused = True
            await asyncio.sleep(EVERY_S)

    async def tick(self) -> None:
        """One look: sum up the time since the last one, then tell what changed."""
        async with self._looking:
            await self._look()

    async def _look(self) -> None:
        live = self.live
        if live is None:
            live = self.live = await asyncio.to_thread(LiveSite, self.site)
        known = self._desk.known()
        async with self._desk.database.read() as connection:
            faults = await health_store.faults_of(connection, only_open=True)
            health = await health_store.health_of_all(connection)
        cameras = cameras_now(self.site, known, faults, health)
        self._add_up(known.now)
        if dict(self.cameras) != cameras:
            areas = live.now(cameras)
            await self._tell(cameras, areas)
            self.cameras, self.areas = cameras, areas
        now = self._desk.clock.monotonic()
        if self._flushed_at is None:
            self._flushed_at = now
        elif now - self._flushed_at >= _FLUSH_S:
            await self.flush()

    async def flush(self) -> None:
        """Write the sums since the last time."""
        areas, cameras = self._area_sums, self._camera_sums
        self._flushed_at = self._desk.clock.monotonic()
        if not areas and not cameras:
            return
        async with self._desk.database.write() as connection:
            await day_book.add_days(connection, areas, cameras)
        self._area_sums, self._camera_sums = {}, {}

    def _add_up(self, now: Utc) -> None:
        """The time since the last look counts for what was seen then."""
        at, last = self._desk.clock.monotonic(), self._looked_at
        self._looked_at = at
        if last is None or not 0.0 < at - last <= _LONGEST_STEP_S:
            return
        passed_s = at - last
        day = (now.to_datetime().astimezone(self._zone).date() - _EPOCH).days
        for area in self.areas.values():
            blind_s = passed_s if area.state is Sightedness.BLIND else 0.0
            more = AreaSums(passed_s, passed_s * area.lost_m2, blind_s)
            key = (area.area_id, day)
            self._area_sums[key] = self._area_sums.get(key, AreaSums()).plus(more)
        for camera in self.cameras.values():
            if not camera.pending:
                well = CameraSums(passed_s, passed_s if camera.healthy else 0.0)
                key = (camera.camera_id, day)
                self._camera_sums[key] = self._camera_sums.get(key, CameraSums()).plus(well)

    async def _tell(self, cameras: Mapping[str, CameraNow], areas: Mapping[str, AreaNow]) -> None:
        """Change, alarms and tasks in one transaction."""
        healthy = [one.camera_id for one in cameras.values() if one.healthy or one.pending]
        async with self._desk.work() as work:
            now = work.known.now
            await day_book.note_change(
                work.connection, now, self.site.sha256, healthy, list(areas.values())
            )
            for area in areas.values():
                if area.critical:
                    await self._tell_critical(work, area)

    async def _tell_critical(self, work: Work, area: AreaNow) -> None:
        before = self.areas.get(area.area_id)
        if before is not None and before == area:
            return
        blind = area.state is Sightedness.BLIND
        was_blind = before is not None and before.state is Sightedness.BLIND
        await work.signal(self._signal(work.known, area, blind=blind))
        if blind and not was_blind:
            await day_book.open_task(work.connection, area, work.known.now)
        elif not blind:
            await day_book.note_seen_again(work.connection, area.area_id, work.known.now)

    def _signal(self, known: Known, area: AreaNow, *, blind: bool) -> Signal:
        zone_ids = dict.fromkeys(
            zone_id for name in area.lost_because for zone_id in self.site.camera(name).zone_ids
        )
        reason = Reason("area_blind", area.seen_m2, area.planned_m2, "m²")
        return Signal(
            key=AlarmKey(self.site.id, AlarmType.AREA_BLIND, area.area_id),
            condition=Condition.ACTIVE if blind else Condition.GONE,
            priority=PRIORITY_AREA_BLIND,
            evidence=Evidence(Level.UNKNOWN, reasons=(reason,) if blind else ()),
            zone_ids=tuple(zone_ids),
            captured_at=known.now,
            received_at=known.now,
        )

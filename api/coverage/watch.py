"""Keeps live coverage while the service runs: alarms, tasks, changes and sums a day.

Once a second the cameras that are well are compared with the last look. Only a change costs
geometry, and that is a union of shapes worked out at the start.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import date
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.exc import SQLAlchemyError

from api.alarms.values import AlarmKey, AlarmType, Condition, Evidence, Signal
from api.coverage import changes, day_book, health_store, off_site
from api.coverage.audits import Audits
from api.coverage.changes import Standing
from api.coverage.day_sums import DaySums
from api.coverage.document import AuditDocument
from api.coverage.errors import ReportError
from api.coverage.live import CameraNow, LiveSite, cameras_now
from api.coverage.uptime import Span, uptime_of
from api.live.board import Known
from api.work import Desk, Work
from config import Site
from streams.wall_offset import SetForward
from vision.coverage.live import AreaNow, Sightedness
from vision.instants import Monotonic, Utc
from vision.risk.readings import Level, Reason

log = structlog.get_logger(__name__)

EVERY_S = 1.0
_FLUSH_S = 60.0
# A longer step means that the process itself stood still: nobody watched then.
_LONGEST_STEP_S = 10.0
PRIORITY_AREA_BLIND = 2
_RECORD_DAYS = 30
# Less than a cell of the plan's grid is an edge drawn twice, not a place.
_SHARED_M2 = 0.0625


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
        self._sums = DaySums()
        self._forward = SetForward(desk.clock)
        self._looking = asyncio.Lock()
        self._looked_at: Monotonic | None = None
        self._flushed_at: Monotonic | None = None
        self._began = False
        # What the database holds as the newest change.
        self._noted: Standing | None = None
        self._dropped_on: date | None = None
        self._zones_in = _zones_in(site)

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
        live = await self.ready()
        await self.flush()
        span = Span.up_to(self._desk.clock.utc(), _RECORD_DAYS, self._zone)
        async with self._desk.database.read() as connection:
            areas = await day_book.area_days(connection, *span.day_numbers)
            cameras = await day_book.camera_days(connection, *span.day_numbers)
        unwell = {one.camera_id: one.causes for one in self.cameras.values() if one.causes}
        ids = [area.id for scene in live.scenes for area in scene.areas]
        found = uptime_of(areas, cameras, live.targets, span, ids, unwell)
        return await asyncio.to_thread(document.with_uptime, found)

    def day_at(self, moment: Utc) -> date:
        """The day of the site's own time zone."""
        return moment.to_datetime().astimezone(self._zone).date()

    async def ready(self) -> LiveSite:
        """The site's geometry, worked out where it is not yet."""
        if self.live is None:
            self.live = await asyncio.to_thread(LiveSite, self.site)
        return self.live

    async def _run(self) -> None:
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
        live = await self.ready()
        if not self._began:
            await self._begin()
        if self._forward.lately():
            return
        known = self._desk.known()
        async with self._desk.database.read() as connection:
            faults = await health_store.faults_of(connection, only_open=True)
            health = await health_store.health_of_all(connection)
        cameras = cameras_now(self.site, known, faults, health, self.cameras)
        self._add_up(known.now)
        if dict(self.cameras) != cameras:
            blind_before = frozenset[str]() if self._noted is None else self._noted.blind()
            areas = live.now(cameras, blind_before)
            await self._tell(cameras, areas)
            self.cameras, self.areas = cameras, areas
        await self._keep_house(known.now)

    async def _begin(self) -> None:
        """Settle what an edit or a clock that was set back left; read how coverage stood last."""
        async with self._desk.work() as work:
            await off_site.settle(work.connection, self.site, work.known.now)
            await health_store.bring_back(work.connection, work.known.now)
            self._noted = await changes.newest(work.connection)
        self._began = True

    async def _keep_house(self, now: Utc) -> None:
        """Write the sums now and then; once a day, drop changes that are kept no longer."""
        at = self._desk.clock.monotonic()
        if self._flushed_at is None:
            self._flushed_at = at
        elif at - self._flushed_at >= _FLUSH_S:
            await self.flush()
        today = self.day_at(now)
        if self._dropped_on != today:
            async with self._desk.database.write() as connection:
                await changes.drop_old(connection, now)
            self._dropped_on = today

    async def flush(self) -> None:
        """Write the sums since the last time."""
        self._flushed_at = self._desk.clock.monotonic()
        await self._sums.flush(self._desk.database)

    def _add_up(self, now: Utc) -> None:
        """The time since the last look counts for what was seen then."""
        at, last = self._desk.clock.monotonic(), self._looked_at
        self._looked_at = at
        if last is not None and 0.0 < at - last <= _LONGEST_STEP_S:
            self._sums.add(self.day_at(now), at - last, self.areas.values(), self.cameras.values())

    async def _tell(self, cameras: Mapping[str, CameraNow], areas: Mapping[str, AreaNow]) -> None:
        """Change, alarms and tasks in one transaction; of causes alone nobody is told."""
        blamed = {name for area in areas.values() for name in area.lost_because}
        seeing = [
            one.camera_id
            for one in cameras.values()
            if not one.causes and one.camera_id not in blamed
        ]
        standing = Standing.of(self.site.sha256, seeing, areas.values())
        if standing == self._noted and areas == self.areas:
            return
        async with self._desk.work() as work:
            if standing != self._noted:
                await changes.note(work.connection, work.known.now, standing)
            for area in areas.values():
                if area.critical:
                    await self._tell_critical(work, area)
        self._noted = standing

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
        lost = dict.fromkeys(
            zone_id for name in area.lost_because for zone_id in self.site.camera(name).zone_ids
        )
        # A camera may see more than the area, and what lies beside it is not what the alarm names.
        zone_ids = [one for one in lost if one in self._zones_in[area.area_id]] or lost
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


def _zones_in(site: Site) -> Mapping[str, frozenset[str]]:
    """Area -> zones that lie in it, wholly or in part; an edge in common is no part."""
    return {
        area.id: frozenset(
            zone.id
            for zone in site.zones
            if zone.floor_id == area.floor_id
            and zone.polygon_xy_m.intersection(area.polygon_xy_m).area >= _SHARED_M2
        )
        for area in site.areas
    }

"""Reads what cameras measured in a unit over a period, drills left out, for drafts of the plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncConnection

from api import readings
from api.alarms import store as alarm_store
from api.alarms.values import Alarm, AlarmState, AlarmType
from api.plan import record_store
from api.plan.camera_drafts import DensityFigures, Slot, density_figures
from api.plan.camera_measures import PlaceFigures, place_figures
from api.plan.camera_side import CameraSide
from api.plan.counting import Desk
from api.readings import Point
from config.plan.values import DayKind
from config.timetable import Timetable
from vision.geometry.zones import ZoneType
from vision.instants import Utc

MOST_POINTS = 100_000
_ALARM_PAGE = 500
_LATE_S = 86_400.0
_MINUTE_S = 60.0
DRILL_CAUSE = "drill"
"""Cause that a person gives an alarm of a drill on closing it."""


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days of the district, both included."""

    first: date
    last: date
    zone: ZoneInfo

    @property
    def start(self) -> Utc:
        return self._midnight(self.first)

    @property
    def end(self) -> Utc:
        return self._midnight(self.last + timedelta(days=1))

    @property
    def words(self) -> str:
        return f"{self.first} 至 {self.last}"

    def local(self, at: Utc) -> datetime:
        return at.to_datetime().astimezone(self.zone)

    def _midnight(self, day: date) -> Utc:
        return Utc.from_datetime(datetime.combine(day, time(), self.zone))


@dataclass(frozen=True, slots=True)
class Drills:
    """When drills were held: declared in the timetable, or entered with their hours."""

    timetable: Timetable | None = None
    held: tuple[tuple[Utc, Utc], ...] = ()

    def covers(self, at: Utc) -> bool:
        """Whether statistics leave this instant out, with the reason `drill`."""
        if any(start <= at < end for start, end in self.held):
            return True
        return self.timetable is not None and self.timetable.is_drill(at)


@dataclass(frozen=True, slots=True)
class Gathering:
    """One unit's cameras over one period."""

    connection: AsyncConnection
    desk: Desk
    side: CameraSide
    period: Period

    async def drills(self) -> Drills:
        """Drills of the period: those of the timetable and those recorded with their hours."""
        records = await record_store.on_day(
            self.connection, self.desk.unit_no, "drill", self.period.first, self.period.last
        )
        held = [
            (self._instant(one.happened, start), self._instant(one.happened, end))
            for one in records
            if (start := one.details.get("start_time")) and (end := one.details.get("end_time"))
        ]
        return Drills(self.side.timetable, tuple(held))

    async def densities(self, slots: Sequence[Slot], drills: Drills) -> list[DensityFigures]:
        """Each stair in each slot of the school days; what is not a stair is no stair evidence."""
        figures = []
        minutes = self._minutes(drills)
        slot_s = [_MINUTE_S * sum(self._in_school(at, slot) for at in minutes) for slot in slots]
        for zone_id in self._zones_of(ZoneType.STAIRS):
            points = await self._points(zone_id)
            for slot, time_s in zip(slots, slot_s, strict=True):
                inside = [one for one in points if self._in_school(one.at, slot)]
                counted = [one for one in inside if not drills.covers(one.at)]
                left_out = sum(one.step_s for one in inside) - sum(one.step_s for one in counted)
                figures.append(
                    density_figures(zone_id, slot, counted, slot_s=time_s, drill_s=left_out)
                )
        return figures

    async def alarms(self, drills: Drills) -> tuple[list[Alarm], int]:
        """Alarms of the period, and how many more belong to drills."""
        found = await _alarms_between(self.connection, self.period.start, self.period.end)
        mine = [one for one in found if one.key.site_id == self.side.site_id]
        real = [
            one for one in mine if one.cause != DRILL_CAUSE and not drills.covers(one.opened_at)
        ]
        return real, len(mine) - len(real)

    async def gates(self, slot: Slot, drills: Drills) -> list[PlaceFigures]:
        """Every gate: persons in its open hours `slot`, and stays outside of them."""
        figures = []
        time_s = _MINUTE_S * len(self._minutes(drills))
        for zone_id in self._zones_of(ZoneType.GATE):
            points = [one for one in await self._points(zone_id) if not drills.covers(one.at)]
            inside = [one for one in points if self._in_slot(one.at, slot)]
            outside = [one for one in points if not self._in_slot(one.at, slot)]
            name = self._name(zone_id)
            found = place_figures(
                zone_id, name, slot, inside=inside, outside=outside, time_s=time_s
            )
            figures.append(found)
        return figures

    async def lanes(self, zone_ids: Sequence[str], drills: Drills) -> list[PlaceFigures]:
        """The declared fire lanes: to be free at all times but in drills."""
        figures = []
        time_s = _MINUTE_S * len(self._minutes(drills))
        for zone_id in zone_ids:
            points = [one for one in await self._points(zone_id) if not drills.covers(one.at)]
            name = self._name(zone_id)
            found = place_figures(zone_id, name, None, inside=(), outside=points, time_s=time_s)
            figures.append(found)
        return figures

    async def window(
        self, zone_ids: Sequence[str], start: Utc, end: Utc
    ) -> dict[str, tuple[Point, ...]]:
        """Points of these zones, or of all stairs, by the zone's name."""
        wanted = tuple(zone_ids) or self._zones_of(ZoneType.STAIRS)
        return {
            self._name(zone_id): await readings.series(
                self.connection, zone_id, start, end, MOST_POINTS
            )
            for zone_id in wanted
        }

    def knows(self, zone_id: str) -> bool:
        """Whether the site has such a zone."""
        return zone_id in self.side.desk.board.site.zone

    def stay_lines(self, figures: PlaceFigures, least_s: int = 60) -> list[str]:
        """Stays of at least `least_s`, one a line, in the district's time."""
        return [
            f"{self.period.local(one.start):%Y-%m-%d %H:%M:%S}，{one.seconds}秒"
            for one in figures.stays
            if one.seconds >= least_s
        ]

    def _zones_of(self, kind: ZoneType) -> tuple[str, ...]:
        return tuple(zone.id for zone in self.side.desk.board.site.zones if zone.type is kind)

    def _name(self, zone_id: str) -> str:
        return self.side.desk.board.site.zone[zone_id].name.zh

    async def _points(self, zone_id: str) -> tuple[Point, ...]:
        return await readings.series(
            self.connection, zone_id, self.period.start, self.period.end, MOST_POINTS
        )

    def _minutes(self, drills: Drills) -> list[Utc]:
        """The starts of all minutes of the period up to now that are in no drill."""
        end = min(self.period.end, self.side.desk.clock.utc())
        count = int((end - self.period.start) // _MINUTE_S)
        minutes = (self.period.start.plus(_MINUTE_S * number) for number in range(count))
        return [at for at in minutes if not drills.covers(at)]

    def _in_school(self, at: Utc, slot: Slot) -> bool:
        day = self.period.local(at).date()
        return self._in_slot(at, slot) and self.desk.calendar.is_day(day, DayKind.SCHOOL_DAYS)

    def _in_slot(self, at: Utc, slot: Slot) -> bool:
        return slot.holds(self.period.local(at))

    def _instant(self, day: date, clock: str) -> Utc:
        return Utc.from_datetime(datetime.combine(day, time.fromisoformat(clock), self.period.zone))


def slots_of(timetable: Timetable | None) -> tuple[Slot, ...]:
    """The timetable's hours that move many pupils, as slots; drills are none."""
    if timetable is None:
        return ()
    return tuple(
        Slot(
            hours.occasion.id,
            f"{hours.occasion.id} {hours.start:%H:%M}-{hours.end:%H:%M}",
            hours.start.hour * 60 + hours.start.minute,
            hours.end.hour * 60 + hours.end.minute,
            hours.weekdays,
        )
        for hours in timetable.hours
        if not hours.occasion.is_drill
    )


async def _alarms_between(connection: AsyncConnection, start: Utc, end: Utc) -> list[Alarm]:
    """Real alarms opened from `start` to before `end`, oldest first."""
    found: list[Alarm] = []
    before: int | None = None
    while True:
        page = await alarm_store.list_alarms(
            connection, states=tuple(AlarmState), limit=_ALARM_PAGE, before_number=before
        )
        found += [one for one in page if start <= one.opened_at < end]
        # Numbers follow the order of arrival; a late record may be a little older than its number.
        if len(page) < _ALARM_PAGE or page[-1].opened_at.plus(_LATE_S) < start:
            break
        before = page[-1].number
    return [one for one in reversed(found) if one.key.type is not AlarmType.TEST]

"""A period's camera evidence of one unit as drafts: densities, alarms, gates and fire lanes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from api.alarms.values import Alarm
from api.plan import camera_store
from api.plan.camera_drafts import DensityFigures, Slot
from api.plan.camera_gathering import Gathering, Period, slots_of
from api.plan.camera_measures import (
    PlaceFigures,
    drill_details,
    drill_figures,
    gate_details,
    lane_details,
)
from api.plan.camera_side import CameraSide
from api.plan.camera_store import Draft
from api.plan.counting import Desk, Stored
from api.plan.errors import StepRefusal
from api.plan.tasks import TaskKind
from vision.instants import Utc

MOST_DRILL = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class WeekDrafts:
    """The drafts of a period, old or new. `places`: one for each gate and lane."""

    density: Stored
    alarms: Stored
    places: tuple[Stored, ...]


@dataclass(frozen=True, slots=True)
class DrillWindow:
    """When a drill was held. `zone_ids`: empty for all stairs."""

    kind_type: str
    day: date
    start: time
    end: time
    target_s: int | None = None
    zone_ids: tuple[str, ...] = ()


def side_of(cameras: CameraSide | None, desk: Desk) -> CameraSide:
    """The cameras of the desk's unit. Raises `StepRefusal` for a unit without cameras here."""
    if cameras is None or not desk.unit.site or cameras.site_id != desk.unit.site:
        raise StepRefusal("plan_no_site")
    return cameras


@dataclass(frozen=True, slots=True)
class PlaceCheck:
    """A gate or a lane with its draft."""

    kind: TaskKind
    place: PlaceFigures
    draft: Draft


@dataclass(frozen=True, slots=True)
class WeekEvidence:
    """What the cameras of a unit found in a period; `of_drills`: alarms that are not counted."""

    period: Period
    densities: tuple[DensityFigures, ...]
    alarms: tuple[Alarm, ...]
    of_drills: int
    checks: tuple[PlaceCheck, ...]


async def gather_week(
    connection: AsyncConnection,
    desk: Desk,
    side: CameraSide,
    period: Period,
    slots: Sequence[Slot] = (),
) -> WeekEvidence:
    """Read a period; without `slots`, in those of the timetable.

    It reads many rows: call it outside of a writing transaction, which would hold alarms up.
    """
    gathering = Gathering(connection, desk, side, period)
    drills = await gathering.drills()
    densities = await gathering.densities(slots or slots_of(side.timetable), drills)
    alarms, of_drills = await gathering.alarms(drills)
    checks: list[PlaceCheck] = []
    if desk.unit.gate_hours:
        gates = await gathering.gates(_hours(desk.unit.gate_hours), drills)
        checks += [_gate(gathering, place) for place in gates]
    known = [zone_id for zone_id in desk.unit.fire_lanes if gathering.knows(zone_id)]
    checks += [_lane(gathering, place) for place in await gathering.lanes(known, drills)]
    return WeekEvidence(period, tuple(densities), tuple(alarms), of_drills, tuple(checks))


async def take_week(
    connection: AsyncConnection, desk: Desk, side: CameraSide, found: WeekEvidence
) -> WeekDrafts:
    """Hand in the drafts of a period, open and close tasks. Twice is once."""
    period, words = found.period.words, side.words(found.period.zone)
    places = [
        await camera_store.take_place(
            connection, desk, side.site_id, one.kind, one.place, one.draft, last=found.period.last
        )
        for one in found.checks
    ]
    return WeekDrafts(
        density=await camera_store.take_densities(connection, desk, found.densities, period, words),
        alarms=await camera_store.take_alarms(
            connection, desk, found.alarms, period, words, drills=found.of_drills
        ),
        places=tuple(places),
    )


async def take_drill(
    connection: AsyncConnection, desk: Desk, side: CameraSide, window: DrillWindow, zone: Period
) -> Stored:
    """A drill timed by cameras as a draft; a person adds who took part and what was learnt.

    `zone` is the drill's day as a period. Raises `StepRefusal` for hours that are no window, or
    for a zone that the site does not have.
    """
    start, end = _instant(window, window.start, zone), _instant(window, window.end, zone)
    if not 0 < end - start <= MOST_DRILL.total_seconds():
        raise StepRefusal("plan_drill_hours")
    gathering = Gathering(connection, desk, side, zone)
    for zone_id in window.zone_ids:
        if not gathering.knows(zone_id):
            raise StepRefusal("plan_zone_unknown", zone=zone_id)
    figures = drill_figures(await gathering.window(window.zone_ids, start, end), start, end - start)
    details = drill_details(
        figures,
        start=f"{window.start:%H:%M}",
        end=f"{window.end:%H:%M}",
        target_s=window.target_s,
    )
    key = f"camera-drill-{desk.unit_no}-{window.day}-{window.start:%H%M}-{window.kind_type}"
    title = f"摄像机计时演练 {window.day} {window.start:%H:%M}"
    draft = Draft(key, "drill", window.kind_type, title, details)
    return await camera_store.take_draft(connection, desk, draft, happened=window.day)


def _gate(gathering: Gathering, place: PlaceFigures) -> PlaceCheck:
    details = gate_details(place, gathering.stay_lines(place))
    title = f"校门核查 {place.name} {gathering.period.words}"
    draft = Draft(_key("gate", gathering, place), "gate_hours", "", title, details)
    return PlaceCheck(TaskKind.GATE_HOURS, place, draft)


def _lane(gathering: Gathering, place: PlaceFigures) -> PlaceCheck:
    details = lane_details(place, gathering.stay_lines(place))
    title = f"消防通道检查 {place.name} {gathering.period.words}"
    draft = Draft(_key("lane", gathering, place), "fire_lane", "", title, details)
    return PlaceCheck(TaskKind.FIRE_LANE, place, draft)


def _key(what: str, gathering: Gathering, place: PlaceFigures) -> str:
    period, number = gathering.period, gathering.desk.unit_no
    return f"camera-{what}-{number}-{place.zone_id}-{period.first}-{period.last}"[:80]


def _hours(text: str) -> Slot:
    start, _, end = text.partition("-")
    minutes = [int(clock[:2]) * 60 + int(clock[3:]) for clock in (start, end)]
    return Slot("gate", text, minutes[0], minutes[1])


def _instant(window: DrillWindow, clock: time, zone: Period) -> Utc:
    return Utc.from_datetime(datetime.combine(window.day, clock, zone.zone))

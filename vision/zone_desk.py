"""What is remembered of one zone between pictures, and its readings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from vision.arrays import BoolArray
from vision.crowd.camera_watch import WatchedPicture
from vision.crowd.common_time import CommonTime
from vision.crowd.density import highest, local_density
from vision.crowd.fusion import BroughtBack, Counted, FusedZone, believed_of, count, fuse, shows
from vision.crowd.movement import direction_shares, median_speed_mps, meeting_share, stopped_share
from vision.crowd.pressure import LocalPressure
from vision.crowd.zone_flow import FlowRates, Seen, ZoneFlow, exit_width_m, to_exit_m
from vision.crowd.zone_view import ZoneView
from vision.geometry.barriers import Barriers
from vision.geometry.camera import Camera
from vision.geometry.grid import PlanGrid
from vision.geometry.zones import Line, Zone
from vision.health.count_sanity import LASTS_S, USUAL_SHARE, Counts, Sanity, SanityState, judge
from vision.instants import Utc
from vision.risk.arrivals import Arrivals, Pressed, arrivals, most_pressed
from vision.risk.demand import Upstream, arrivals_per_s, exits_to, walk_s
from vision.risk.doors import Opening, ZoneDoors, line_length_m
from vision.risk.levels import RiskState, advance
from vision.risk.occasions import Occasion
from vision.risk.profiles import ZoneProfile
from vision.risk.readings import Reason, ZoneMeasurement, ZoneReading
from vision.risk.state import LOST_AFTER_S

# Our judgement: clocks of one zone's cameras are not further apart.
_APART_S = 5.0


@dataclass(frozen=True, slots=True)
class ZoneMemory:
    """What a zone's judgement remembers: timers and history, and the doubt in its counts."""

    risk: RiskState
    sanity: SanityState


@dataclass(frozen=True, slots=True)
class Beside:
    """What is known beside the pictures of a zone.

    Attributes:
        upstream: the zones that lead here, as far as they are seen now.
        occasion: what the timetable says of this hour.
        second: the most doubtful verdict of a second count.
        opening: how much of the exits stands open; `None` without a watched door.
        watching: the zone's cameras that give pictures which are believed.
        model_id: stored with the reading.
        brought_back: who stands here and was placed in the next zone.
    """

    upstream: tuple[Upstream, ...] = ()
    occasion: Occasion | None = None
    second: Sanity | None = None
    opening: Opening | None = None
    watching: frozenset[str] = frozenset()
    model_id: str = ""
    brought_back: BroughtBack | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _WayThrough:
    """From a zone into the next one: by which lines, to which of its exits (E,), and for how long.

    `leads_back`: the next zone leads to this one too.
    """

    lines: tuple[Line, ...]
    on: BoolArray
    lasts_s: float
    leads_back: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Newest:
    """What the next zone asks of this one's newest measurement; see `WatchedPicture.came_at`.

    `watched`: some picture of it is believed.
    """

    came_at: Utc
    people: float
    inflow_per_s: float
    fused: FusedZone
    watched: bool


class ZoneDesk:
    """What is remembered of one zone between pictures.

    Args:
        cameras: those that see the zone, by id.
        walls: what hides a part of the zone from a camera, by its id.

    Raises:
        NotVisibleError: when one of them does not.
    """

    def __init__(
        self,
        zone: Zone,
        profile: ZoneProfile,
        cameras: Mapping[str, Camera],
        doors: ZoneDoors,
        walls: Mapping[str, Barriers],
    ) -> None:
        self.zone = zone
        self.doors = doors
        self.grid = PlanGrid.over(zone.polygon_xy_m)
        self.views = {
            camera_id: ZoneView.build(camera, zone, self.grid, walls.get(camera_id))
            for camera_id, camera in cameras.items()
        }
        self.camera_ids = camera_ids = tuple(cameras)
        self._planned = self._seen_by(camera_ids)
        self._lost_shares: dict[frozenset[str], float] = {}
        self.profile = profile
        self._width_m = exit_width_m(zone)
        self.counted: Counted | None = None
        self._newest: _Newest | None = None
        self._ways: dict[str, _WayThrough] = {}
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._state = RiskState()
        self._sanity = SanityState()
        self._pressure = LocalPressure(self.grid)
        self._flows = ZoneFlow(self.zone, self.views)

    @property
    def memory(self) -> ZoneMemory:
        return ZoneMemory(self._state, self._sanity)

    @memory.setter
    def memory(self, memory: ZoneMemory) -> None:
        self._state, self._sanity = memory.risk, memory.sanity

    def held_for(self, target: Zone, common: CommonTime) -> Upstream | None:
        """People, inflow and who walks to the exits into `target`, by the newest measurement.

        The way on through `target` to its own exits is added at a usual pace. `None` when no
        picture came for too long, or when those that came cannot say that nobody is there.
        """
        newest = self._newest
        age_s = 0.0 if newest is None else common.since_s(newest.came_at)
        if newest is None or age_s > LOST_AFTER_S or not (newest.watched or newest.people):
            return None
        way = self._way_through(target)
        fused = newest.fused
        there = arrivals(way.lines, fused.walkers_xy_m, fused.walkers_mps, fused.walkers_people)
        on_it = np.tile(way.on, (len(there.after_s), 1))
        on = Arrivals(there.after_s + way.lasts_s - age_s, on_it, there.people)
        return Upstream(
            newest.people,
            newest.inflow_per_s,
            on if way.on.any() else Arrivals(exits=np.zeros((0, len(way.on)), dtype=np.bool_)),
            float(there.people.sum()),
            way.leads_back,
        )

    def _way_through(self, target: Zone) -> _WayThrough:
        known = self._ways.get(target.id)
        if known is None:
            lines, back = exits_to(self.zone, target), exits_to(target, self.zone)
            # Who comes in by a common border does not leave by it.
            on = [line for line in target.exits if line not in back]
            known = self._ways[target.id] = _WayThrough(
                lines,
                np.array([line in on for line in target.exits], dtype=np.bool_),
                walk_s(target, lines, on),
                bool(back),
            )
        return known

    def count(self, pictures: Sequence[WatchedPicture]) -> Counted:
        """Who counts in the zone by these pictures, its cameras' newest ones."""
        self.counted = count(self.zone.id, self.grid, pictures)
        return self.counted

    def read(self, counted: Counted, beside: Beside) -> ZoneReading:
        pictures = counted.pictures
        occasion, second, upstream = beside.occasion, beside.second, beside.upstream
        at = self._time_of(max(picture.captured_at for picture in pictures))
        dark = self.profile.rules.dark_occupied.luminance
        fused = fuse(counted, self._planned, dark, beside.brought_back)
        self._pressure.update(fused.walkers_xy_m, fused.walkers_mps, at)
        expected = None if occasion is None else occasion.expected_per_s.get(self.zone.id)
        rates = self._flow(pictures, fused, at)
        inflow = None if rates is None else rates.inflow_per_s
        demand = self._per_metre(arrivals_per_s(inflow, upstream, expected))
        balance = self._balance(fused, rates, at)
        doubt = max((one.above for one in (balance, second) if one is not None), default=0.0)
        pressed = self._pressed(fused, beside)
        measurement = replace(
            self._measure(fused, rates, demand),
            count_doubt=doubt,
            arriving_per_m_s=None if pressed is None else pressed.arriving_per_m_s,
            exit_open_share=None if pressed is None else pressed.open_share,
            upstream_people=sum(zone.people for zone in upstream) if upstream else None,
            lost_share=self._lost_share(beside.watching),
        )
        came_at = max(picture.came_at for picture in pictures)
        self._newest = _Newest(
            came_at, measurement.people, inflow or 0.0, fused, bool(beside.watching)
        )
        profile = (
            self.profile if occasion is None else occasion.profile_for(self.zone.id, self.profile)
        )
        judged = advance(self._state, measurement, profile, at)
        self._state = judged.state
        reasons = (
            *judged.reasons,
            *_count_reasons(balance, second, fused, rates),
            *_unknown_doors(beside.opening),
        )
        if occasion is not None and occasion.is_drill:
            reasons = (*reasons, Reason("drill"))
        return ZoneReading(
            self.zone.id,
            at,
            judged.level,
            reasons,
            measurement,
            judged.could_be,
            profile.id,
            beside.model_id,
            () if beside.opening is None else beside.opening.states,
        )

    def _time_of(self, newest: Utc) -> Utc:
        """When the zone is read, by its newest picture.

        Two cameras' clocks may be apart: the zone's own time does not run back for that. Where all
        of its pictures are older by more, the clock was set back. Waiting for it to come again
        would keep every dwell from passing.
        """
        before = self._state.at
        if before is None or before - newest <= _APART_S:
            return newest if before is None else max(newest, before)
        self._begin_anew()
        return newest

    def _seen_by(self, camera_ids: Iterable[str]) -> BoolArray:
        """(rows, columns) cells that some of these cameras show."""
        seen = np.zeros(self.grid.shape, dtype=np.bool_)
        for camera_id in camera_ids:
            seen |= self.views[camera_id].shown
        return seen

    def _lost_share(self, watching: frozenset[str]) -> float:
        """Share of what the zone's cameras are meant to see that these do not."""
        known = self._lost_shares.get(watching)
        if known is None:
            area_m2 = self.grid.area_m2
            lost = self._planned & ~self._seen_by(watching)
            known = float(area_m2[lost].sum() / max(float(area_m2[self._planned].sum()), 1e-9))
            self._lost_shares[watching] = known
        return known

    def _pressed(self, fused: FusedZone, beside: Beside) -> Pressed | None:
        """What those who walk to the exits, here and upstream, will find open there."""
        exits, opening = self.zone.exits, beside.opening
        if not exits:
            return None
        here = arrivals(exits, fused.walkers_xy_m, fused.walkers_mps, fused.walkers_people)
        return most_pressed(
            [here, *(zone.underway for zone in beside.upstream)],
            [line_length_m(line) for line in exits],
            [None] * len(exits) if opening is None else opening.exits,
            self.profile.rules.shut_door,
        )

    def _flow(
        self, pictures: Sequence[WatchedPicture], fused: FusedZone, at: Utc
    ) -> FlowRates | None:
        """Rates from the pictures that are believed; where none is, from what they all say."""
        believed = believed_of(pictures)
        for picture in pictures:
            if picture not in believed:
                self._flows.restart(picture.camera_id)
        seen = {one.camera_id: Seen(one.heads, shows(one, self.zone.id)) for one in believed}
        return self._flows.update(seen, fused.field.people, at)

    def _balance(self, fused: FusedZone, rates: FlowRates | None, at: Utc) -> Sanity | None:
        """The counter against who came in and went out; `None` unless they differ for a minute.

        It moves no level: crossings are missed in a packed crowd, whose count is the better one.
        """
        balance = None if rates is None else rates.balance_people
        counts = Counts(fused.field.people, fused.field.relative_error, None, balance)
        verdict = judge(self._sanity, counts, at)
        self._sanity = verdict.state
        lasts = verdict.witness is not None and verdict.lasted_s >= LASTS_S
        return verdict if lasts and balance is not None else None

    def _measure(
        self, fused: FusedZone, rates: FlowRates | None, demand_per_m_s: float | None
    ) -> ZoneMeasurement:
        density, density_std = local_density(self.grid, fused.field, fused.seen)
        peak = highest(self.grid, density, density_std)
        seen_area_m2 = float(self.grid.area_m2[fused.seen].sum())
        shares = direction_shares(fused.walkers_mps, self.zone.axis_deg, fused.walkers_people)
        used = None if rates is None else rates.used
        return ZoneMeasurement(
            zone_id=self.zone.id,
            captured_at=fused.oldest_at,
            people=fused.field.people,
            people_std=fused.field.people_std,
            density_peak_per_m2=peak.density_per_m2,
            density_peak_std_per_m2=peak.std_per_m2,
            peak_xy_m=peak.xy_m,
            density_mean_per_m2=fused.field.people / max(seen_area_m2, 1.0),
            visible_share=fused.visible_share,
            black_share=fused.black_share,
            speed_mps=median_speed_mps(fused.walkers_mps, fused.walkers_people),
            inflow_per_s=None if rates is None else rates.inflow_per_s,
            outflow_per_s=None if rates is None else rates.outflow_per_s,
            minority_share=meeting_share(shares, None if rates is None else rates.may_meet),
            pressure_per_s2=self._pressure.of_dense_per_s2(density),
            luminance=fused.luminance,
            infrared=fused.infrared,
            stopped_share=stopped_share(fused.walkers_mps, fused.walkers_people),
            outflow_per_m_s=self._per_metre(None if rates is None else rates.outflow_per_s),
            demand_per_m_s=demand_per_m_s,
            along_share=shares.along if shares.walkers else None,
            peak_to_exit_m=to_exit_m(self.zone, peak.xy_m),
            exit_used_share=None if used is None else used.share,
            exit_used_flow_per_m_s=None if used is None else used.flow_per_m_s,
            fallen_people=fused.lying,
        )

    def _per_metre(self, flow_per_s: float | None) -> float | None:
        if flow_per_s is None or self._width_m is None:
            return None
        return flow_per_s / self._width_m


def _count_reasons(
    balance: Sanity | None, second: Sanity | None, fused: FusedZone, rates: FlowRates | None
) -> tuple[Reason, ...]:
    """Which other counts are known to differ from the people of this zone."""
    reasons: list[Reason] = []
    if balance is not None and rates is not None:
        people, lasted_s = fused.field.people, balance.lasted_s
        reasons.append(Reason("flow_balance", rates.balance_people, people, "", lasted_s))
    if second is not None:
        reasons.append(Reason("second_count", second.doubt, USUAL_SHARE, "", second.lasted_s))
    return tuple(reasons)


def _unknown_doors(opening: Opening | None) -> tuple[Reason, ...]:
    """Told as long as it lasts; it moves no level."""
    count = 0 if opening is None else len(opening.unknown)
    return (Reason("door_unknown", float(count), 0.0),) if count else ()


__all__ = ["LOST_AFTER_S", "Beside", "ZoneDesk", "ZoneMemory"]

"""From pictures to zone readings: the measuring core as one object.

Everything is a function of capture time. Equal input in equal order gives equal readings, bit for
bit, at any playback speed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from vision.camera import Camera
from vision.camera_watch import CameraWatch, WatchedPicture
from vision.count_sanity import LASTS_S, USUAL_SHARE, Counts, Sanity, SanityState, judge
from vision.demand import Upstream, arrivals_per_s, upstream_zones
from vision.density import highest, local_density
from vision.errors import VisionError
from vision.fusion import FusedZone, fuse
from vision.grid import PlanGrid
from vision.instants import Utc
from vision.movement import direction_shares, median_speed_mps, stopped_share
from vision.observations import CrowdObservation, Frame, Region
from vision.occasions import Occasion, Schedule
from vision.pressure import LocalPressure
from vision.profiles import ZoneProfile
from vision.readings import Level, Reason, ZoneMeasurement, ZoneReading
from vision.risk import RiskState, advance
from vision.tracking import TrackedHeads
from vision.zone_flow import FlowRates, ZoneFlow, exit_width_m, to_exit_m
from vision.zone_view import ZoneView
from vision.zones import Zone, ZoneType

# Pictures of two cameras go together when they are at most this far apart in time.
FUSE_WITHIN_S = 1.0
# A camera that sent nothing for this long is lost.
LOST_AFTER_S = 3.0
# What a second look found holds until the next ones should have come.
_LOOK_HOLDS_S = 180.0


@dataclass(frozen=True, slots=True)
class ZoneMemory:
    """What a zone's judgement remembers: timers and history, and the doubt in its counts."""

    risk: RiskState
    sanity: SanityState


class SceneAnalyser:
    """Judges the zones of some cameras that share places.

    Args:
        cameras: calibrated cameras by id.
        zones: the zones that these cameras see.
        zone_cameras: zone id to the ids of the cameras that see it, at least one each.
        profiles: one for each zone type that occurs.
        model_id: stored with every reading.
        schedule: the timetable, where there is one: it tightens thresholds, gives the expected
            arrivals and marks drills.

    Raises:
        NotVisibleError: when a camera does not see a zone that it is said to see.
        VisionError: for a camera, zone or profile that is named but not given.
    """

    def __init__(
        self,
        *,
        cameras: Mapping[str, Camera],
        zones: Sequence[Zone],
        zone_cameras: Mapping[str, tuple[str, ...]],
        profiles: Mapping[ZoneType, ZoneProfile],
        model_id: str = "",
        schedule: Schedule | None = None,
    ) -> None:
        self._model_id = model_id
        self._schedule = schedule
        self._upstream = upstream_zones(zones)
        views: dict[str, list[ZoneView]] = {camera_id: [] for camera_id in cameras}
        self._zones: dict[str, _ZoneDesk] = {}
        for zone in zones:
            seen_by = tuple(zone_cameras.get(zone.id, ()))
            _check_known(zone, seen_by, cameras, profiles)
            desk = _ZoneDesk(zone, profiles[zone.type], seen_by, model_id)
            self._zones[zone.id] = desk
            for camera_id in seen_by:
                view = ZoneView.build(cameras[camera_id], zone, desk.grid)
                views[camera_id].append(view)
        looks = {zone.id for zone in zones if profiles[zone.type].rules.fallen_person.enabled}
        self._watches = {
            camera_id: CameraWatch(camera_id, camera, views[camera_id], looks)
            for camera_id, camera in cameras.items()
        }
        self._pictures: dict[str, WatchedPicture] = {}
        self._causes: dict[str, str] = {}
        self._second: dict[str, tuple[Utc, Sanity]] = {}

    def observe(self, frame: Frame, observation: CrowdObservation) -> tuple[ZoneReading, ...]:
        """Readings of the zones that this camera sees, from this picture and the others' newest.

        Raises:
            VisionError: for an unknown camera or a picture of another aspect than the lens.
            ValueError: when this camera's capture time runs backwards.
        """
        watch = self._watch(frame.camera_id)
        self._pictures[frame.camera_id] = watch.take(frame, observation)
        self._causes.pop(frame.camera_id, None)
        occasion = None if self._schedule is None else self._schedule.at(frame.captured_at)
        return tuple(
            desk.read(
                self._fresh(desk, frame.captured_at),
                self._leading_to(desk, frame.captured_at),
                occasion,
                self._second_count(desk, frame.captured_at),
            )
            for desk in self._zones.values()
            if frame.camera_id in desk.camera_ids
        )

    def second_count(self, camera_id: str, verdict: Sanity, at: Utc) -> None:
        """Note how a second count of a camera's picture, made now and then, agrees with the first.

        A higher one widens the upper end of its zones' readings for three minutes, and is told as
        a reason while it is doubted.
        """
        self._second[camera_id] = (at, verdict)

    def _second_count(self, desk: _ZoneDesk, at: Utc) -> Sanity | None:
        """The most doubtful verdict on this zone's cameras that is not too old."""
        known = (self._second.get(camera_id) for camera_id in desk.camera_ids)
        fresh = [one[1] for one in known if one is not None and at - one[0] <= _LOOK_HOLDS_S]
        doubted = [verdict for verdict in fresh if verdict.witness is not None]
        return max(doubted, key=lambda verdict: (verdict.above, verdict.doubt), default=None)

    def region(self, frame: Frame) -> Region | None:
        """The part of this picture in which its zones' heads can stand; `None` for all of it.

        Raises:
            VisionError: for an unknown camera or a picture of another aspect than the lens.
        """
        return self._watch(frame.camera_id).region_in(frame.image_bgr)

    def _leading_to(self, desk: _ZoneDesk, at: Utc) -> tuple[Upstream, ...]:
        """What the zones upstream hold, as far as it is known and fresh."""
        held = (self._zones[zone_id].held_at(at) for zone_id in self._upstream[desk.zone.id])
        return tuple(one for one in held if one is not None)

    def camera_lost(self, camera_id: str, at: Utc, cause: str) -> tuple[ZoneReading, ...]:
        """Note that a camera sends nothing; zones that no other live camera sees are UNKNOWN.

        Args:
            cause: catalogue key of why, e.g. `hung`; it becomes the reading's reason.
        """
        self._pictures.pop(camera_id, None)
        self._causes[camera_id] = cause
        return tuple(
            _unknown(desk, at, cause, self._model_id)
            for desk in self._zones.values()
            if camera_id in desk.camera_ids and not self._live(desk, at)
        )

    def expire(self, now: Utc) -> tuple[ZoneReading, ...]:
        """UNKNOWN readings of all zones that no camera has shown for `LOST_AFTER_S`."""
        for camera_id, picture in list(self._pictures.items()):
            if now - picture.captured_at > LOST_AFTER_S:
                del self._pictures[camera_id]
                self._causes[camera_id] = "no_frames"
        return tuple(
            _unknown(desk, now, self._cause(desk), self._model_id)
            for desk in self._zones.values()
            if not self._live(desk, now)
        )

    def memory(self, zone_id: str) -> ZoneMemory:
        """What is remembered of a zone's judgement, so that it can go on elsewhere.

        Raises:
            KeyError: for a zone that is not part of this scene.
        """
        return self._zones[zone_id].memory

    def resume(self, zone_id: str, memory: ZoneMemory) -> None:
        """Go on judging a zone where another scene left off; tracks are found anew.

        Raises:
            KeyError: for a zone that is not part of this scene.
        """
        self._zones[zone_id].memory = memory

    def tracked_heads(self, camera_id: str) -> TrackedHeads:
        """The heads of a camera's newest picture, for drawing and for Parquet.

        Raises:
            KeyError: when this camera has sent no picture, or is lost.
        """
        return self._pictures[camera_id].heads

    def _watch(self, camera_id: str) -> CameraWatch:
        watch = self._watches.get(camera_id)
        if watch is None:
            raise VisionError(f"camera {camera_id} is not part of this scene")
        return watch

    def _live(self, desk: _ZoneDesk, at: Utc) -> bool:
        return any(
            at - self._pictures[camera_id].captured_at <= LOST_AFTER_S
            for camera_id in desk.camera_ids
            if camera_id in self._pictures
        )

    def _cause(self, desk: _ZoneDesk) -> str:
        causes = (self._causes.get(camera_id) for camera_id in desk.camera_ids)
        return next((cause for cause in causes if cause is not None), "no_frames")

    def _fresh(self, desk: _ZoneDesk, at: Utc) -> list[WatchedPicture]:
        """The newest picture of each of the zone's cameras, not older than `FUSE_WITHIN_S`."""
        pictures = (self._pictures.get(camera_id) for camera_id in desk.camera_ids)
        return [
            picture
            for picture in pictures
            if picture is not None and at - picture.captured_at <= FUSE_WITHIN_S
        ]


class _ZoneDesk:
    """What is remembered of one zone between pictures."""

    def __init__(
        self, zone: Zone, profile: ZoneProfile, camera_ids: tuple[str, ...], model_id: str
    ) -> None:
        self.zone = zone
        self.grid = PlanGrid.over(zone.polygon_xy_m)
        self.camera_ids = camera_ids
        self.profile = profile
        self._model_id = model_id
        self._width_m = exit_width_m(zone)
        self._state = RiskState()
        self._sanity = SanityState()
        self._pressure = LocalPressure(self.grid)
        self._flows = {camera_id: ZoneFlow(zone) for camera_id in camera_ids}
        self._rates: dict[str, tuple[Utc, FlowRates | None]] = {}
        self._newest: ZoneMeasurement | None = None

    @property
    def memory(self) -> ZoneMemory:
        return ZoneMemory(self._state, self._sanity)

    @memory.setter
    def memory(self, memory: ZoneMemory) -> None:
        self._state, self._sanity = memory.risk, memory.sanity

    def held_at(self, at: Utc) -> Upstream | None:
        """People and inflow of the newest measurement, if it is not too old at `at`."""
        newest = self._newest
        if newest is None or at - newest.captured_at > LOST_AFTER_S:
            return None
        return Upstream(newest.people, newest.inflow_per_s or 0.0)

    def read(
        self,
        pictures: Sequence[WatchedPicture],
        upstream: Sequence[Upstream] = (),
        occasion: Occasion | None = None,
        second: Sanity | None = None,
    ) -> ZoneReading:
        newest = max(pictures, key=lambda picture: picture.captured_at)
        # Two cameras' clocks may be apart; the zone's own time never runs back.
        at = (
            newest.captured_at
            if self._state.at is None
            else max(newest.captured_at, self._state.at)
        )
        fused = fuse(self.zone.id, self.grid, pictures)
        self._pressure.update(fused.walkers_xy_m, fused.walkers_mps, at)
        expected = None if occasion is None else occasion.expected_per_s.get(self.zone.id)
        rates = self._flow(pictures, fused)
        inflow = None if rates is None else rates.inflow_per_s
        demand = self._per_metre(arrivals_per_s(inflow, upstream, expected))
        balance = self._balance(fused, rates, at)
        doubt = max((one.above for one in (balance, second) if one is not None), default=0.0)
        measurement = replace(self._measure(fused, rates, demand), count_doubt=doubt)
        self._newest = measurement
        profile = (
            self.profile if occasion is None else occasion.profile_for(self.zone.id, self.profile)
        )
        too_slow = self._state.at is not None and at - self._state.at > profile.max_gap_s
        judged = advance(self._state, measurement, profile, at)
        self._state = judged.state
        level, reasons = judged.level, judged.reasons
        if too_slow and level in (Level.L0, Level.L1):
            # One picture after a gap proves no calm: nobody watched the time between.
            level = Level.UNKNOWN
            reasons = (Reason("too_slow"), *reasons)
        reasons = (*reasons, *_count_reasons(balance, second, fused, rates))
        if occasion is not None and occasion.is_drill:
            reasons = (*reasons, Reason("drill"))
        return ZoneReading(
            self.zone.id,
            at,
            level,
            reasons,
            measurement,
            judged.could_be,
            profile.id,
            self._model_id,
        )

    def _flow(self, pictures: Sequence[WatchedPicture], fused: FusedZone) -> FlowRates | None:
        """Rates from the camera that sees most of the zone."""
        for picture in pictures:
            known = self._rates.get(picture.camera_id)
            if known is None or known[0] < picture.captured_at:
                rates = self._flows[picture.camera_id].update(picture.heads, fused.field.people)
                self._rates[picture.camera_id] = (picture.captured_at, rates)
        best = max(pictures, key=lambda p: p.parts[self.zone.id].view.visible_share)
        return self._rates[best.camera_id][1]

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
        shares = direction_shares(fused.walkers_mps, self.zone.axis_deg)
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
            speed_mps=median_speed_mps(fused.walkers_mps),
            inflow_per_s=None if rates is None else rates.inflow_per_s,
            outflow_per_s=None if rates is None else rates.outflow_per_s,
            minority_share=shares.minority,
            pressure_per_s2=self._pressure.highest_per_s2(density),
            luminance=fused.luminance,
            infrared=fused.infrared,
            stopped_share=stopped_share(fused.walkers_mps),
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


def _check_known(
    zone: Zone,
    seen_by: tuple[str, ...],
    cameras: Mapping[str, Camera],
    profiles: Mapping[ZoneType, ZoneProfile],
) -> None:
    if not seen_by:
        raise VisionError(f"zone {zone.id}: no camera is said to see it")
    for camera_id in seen_by:
        if camera_id not in cameras:
            raise VisionError(f"zone {zone.id}: camera {camera_id} is not part of this scene")
    if zone.type not in profiles:
        raise VisionError(f"zone {zone.id}: no profile for the type {zone.type}")


def _unknown(desk: _ZoneDesk, at: Utc, cause: str, model_id: str) -> ZoneReading:
    return ZoneReading(
        zone_id=desk.zone.id,
        captured_at=at,
        level=Level.UNKNOWN,
        reasons=(Reason(cause),),
        measurement=None,
        profile_id=desk.profile.id,
        model_id=model_id,
    )


__all__ = ["FUSE_WITHIN_S", "LOST_AFTER_S", "SceneAnalyser", "ZoneMemory"]

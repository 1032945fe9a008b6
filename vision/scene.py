"""From pictures to zone readings: the measuring core as one object.

Everything is a function of capture time. Equal input in equal order gives equal readings, bit for
bit, at any playback speed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vision.crowd.borders import Borders
from vision.crowd.camera_watch import CameraWatch, WatchedPicture
from vision.crowd.common_time import CommonTime
from vision.crowd.fusion import BroughtBack
from vision.crowd.tracking import TrackedHeads
from vision.crowd.zone_view import ZoneView
from vision.errors import NotVisibleError, VisionError
from vision.geometry.barriers import Barriers
from vision.geometry.camera import Camera
from vision.geometry.grid import PlanGrid
from vision.geometry.zones import Zone, ZoneType
from vision.health.count_sanity import Sanity
from vision.instants import Utc
from vision.observations import CrowdObservation, Frame, Region
from vision.risk.demand import Upstream, upstream_zones
from vision.risk.doors import DoorState, Leaf, ZoneDoors
from vision.risk.occasions import Occasion, Schedule
from vision.risk.profiles import ZoneProfile
from vision.risk.readings import Level, Reason, ZoneReading
from vision.zone_desk import LOST_AFTER_S, Beside, ZoneDesk, ZoneMemory

# What is seen of a crowd through a bad picture is still a crowd: only calm is not believed.
_CROWDED = (Level.L2, Level.L3, Level.L4)
# What a second look found holds until the next ones should have come.
_LOOK_HOLDS_S = 180.0


class SceneAnalyser:
    """Judges the zones of some cameras that share places.

    Args:
        cameras: calibrated cameras by id.
        zones: the zones that these cameras see.
        zone_cameras: zone id to the ids of the cameras that see it, at least one each.
        profiles: one for each zone type that occurs.
        model_id: stored with every reading, until an observation names another one.
        schedule: the timetable, where there is one: it tightens thresholds, gives the expected
            arrivals and marks drills.
        leaves: the doors with a contact, by the floor they are on; see `note_doors`.
        walls: what stands between a camera and its zones, by camera.

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
        leaves: Mapping[str, Sequence[Leaf]] | None = None,
        walls: Mapping[str, Barriers] | None = None,
    ) -> None:
        self._model_id = model_id
        self._schedule = schedule
        self._upstream = upstream_zones(zones)
        self._doors: dict[str, DoorState] = {}
        self._zones: dict[str, ZoneDesk] = {}
        for zone in zones:
            seen_by = tuple(zone_cameras.get(zone.id, ()))
            _check_known(zone, seen_by, cameras, profiles)
            doors = ZoneDoors(zone, (leaves or {}).get(zone.floor_id, ()))
            through = {camera_id: cameras[camera_id] for camera_id in seen_by}
            desk = ZoneDesk(zone, profiles[zone.type], through, doors, walls or {})
            self._zones[zone.id] = desk
        looks = {zone.id for zone in zones if profiles[zone.type].rules.fallen_person.enabled}
        self._borders = self._borders_of(cameras, walls or {})
        self._watches = {
            camera_id: CameraWatch(
                camera_id,
                camera,
                self._views_of(camera_id),
                looks,
                self._borders.beyond(camera_id),
            )
            for camera_id, camera in cameras.items()
        }
        self._common = CommonTime()
        self._pictures: dict[str, WatchedPicture] = {}
        self._causes: dict[str, str] = {}
        self._second: dict[str, tuple[Utc, Sanity]] = {}

    def observe(
        self, frame: Frame, observation: CrowdObservation, doubt: str = ""
    ) -> tuple[ZoneReading, ...]:
        """Readings of the zones that this camera sees, from this picture and the others' newest.

        A crowd that is seen through a doubted picture is a crowd. Nobody in it means nothing: such
        a zone is as its other cameras see it, and UNKNOWN without one.

        Args:
            doubt: why the picture's calm cannot be believed, e.g. `covered`; it becomes the reason
                of an UNKNOWN reading. Empty for a good picture.

        Raises:
            VisionError: for an unknown camera or a picture of another aspect than the lens.
        """
        watch = self._watch(frame.camera_id)
        doubt = doubt or self._blind_to_people(frame)
        self._pictures[frame.camera_id] = watch.take(frame, observation, self._common, doubt)
        self._model_id = observation.model_id or self._model_id
        self._causes.pop(frame.camera_id, None)
        if doubt:
            self._causes[frame.camera_id] = doubt
        occasion = None if self._schedule is None else self._schedule.at(frame.captured_at)
        shown = [one for one in self._zones.values() if frame.camera_id in one.camera_ids]
        for desk in shown:
            desk.count(self._live_pictures(desk))
        return tuple(self._read(desk, frame.captured_at, occasion, doubt) for desk in shown)

    def _read(self, desk: ZoneDesk, at: Utc, occasion: Occasion | None, doubt: str) -> ZoneReading:
        counted = desk.counted or desk.count(self._live_pictures(desk))
        watching = frozenset(one.camera_id for one in counted.pictures if not one.doubt)
        beside = Beside(
            self._leading_to(desk),
            occasion,
            self._second_count(desk, at),
            desk.doors.opening(self._doors),
            watching,
            self._model_id,
            self._brought_back(desk),
        )
        reading = desk.read(counted, beside)
        if not watching and reading.level not in _CROWDED:
            return _unknown(desk, at, doubt, self._model_id)
        return reading

    def _brought_back(self, desk: ZoneDesk) -> BroughtBack | None:
        """Who stands in the zone and was placed beyond its borders."""
        beside = self._borders.beside(desk.zone.id)
        if not beside:
            return None
        counted = {}
        for zone_id in beside:
            known = self._zones[zone_id].counted
            if known is not None and any(self._is_live(one) for one in known.pictures):
                counted[zone_id] = known
        pictures = {key: one for key, one in self._pictures.items() if self._is_live(one)}
        return self._borders.brought_back(desk.zone.id, counted, pictures)

    def second_count(self, camera_id: str, verdict: Sanity, at: Utc) -> None:
        """Note how a second count of a camera's picture, made now and then, agrees with the first.

        A higher one widens the upper end of its zones' readings for three minutes, and is told as
        a reason while it is doubted. Where the first count is blind to people, its "nobody" is
        not believed.
        """
        self._second[camera_id] = (at, verdict)

    def _blind_to_people(self, frame: Frame) -> str:
        """The doubt of a picture in which the head network finds nobody where people are."""
        noted = self._second.get(frame.camera_id)
        if noted is None or not noted[1].blind or frame.captured_at - noted[0] > _LOOK_HOLDS_S:
            return ""
        return "second_count"

    def _second_count(self, desk: ZoneDesk, at: Utc) -> Sanity | None:
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

    def note_doors(self, states: Mapping[str, DoorState]) -> None:
        """Take what is known of every door with a contact, by its id; a missing one is unknown."""
        self._doors = dict(states)

    def _leading_to(self, desk: ZoneDesk) -> tuple[Upstream, ...]:
        """What the zones upstream hold, as far as it is known and fresh."""
        sources = self._upstream[desk.zone.id]
        held = (self._zones[zone_id].held_for(desk.zone, self._common) for zone_id in sources)
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
            if camera_id in desk.camera_ids and not self._live(desk)
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
            if not self._live(desk)
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

    def _borders_of(self, cameras: Mapping[str, Camera], walls: Mapping[str, Barriers]) -> Borders:
        """The stricter of two zones takes who is brought back at their border."""

        def look(camera_id: str, zone: Zone, grid: PlanGrid) -> ZoneView | None:
            try:
                return ZoneView.build(cameras[camera_id], zone, grid, walls.get(camera_id))
            except NotVisibleError:
                return None

        desks = self._zones.values()
        strict = sorted(desks, key=lambda one: one.profile.threshold_of(Level.L2).threshold_per_m2)
        seen_by = {desk.zone.id: desk.camera_ids for desk in desks}
        return Borders([desk.zone for desk in strict], seen_by, cameras, look)

    def _views_of(self, camera_id: str) -> list[ZoneView]:
        desks = self._zones.values()
        return [desk.views[camera_id] for desk in desks if camera_id in desk.views]

    def _live(self, desk: ZoneDesk) -> bool:
        return bool(self._live_pictures(desk))

    def _cause(self, desk: ZoneDesk) -> str:
        causes = (self._causes.get(camera_id) for camera_id in desk.camera_ids)
        return next((cause for cause in causes if cause is not None), "no_frames")

    def _live_pictures(self, desk: ZoneDesk) -> list[WatchedPicture]:
        """The newest picture of each of the zone's cameras that is not lost."""
        pictures = (self._pictures.get(camera_id) for camera_id in desk.camera_ids)
        return [one for one in pictures if one is not None and self._is_live(one)]

    def _is_live(self, picture: WatchedPicture) -> bool:
        return self._common.since_s(picture.came_at) <= LOST_AFTER_S


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


def _unknown(desk: ZoneDesk, at: Utc, cause: str, model_id: str) -> ZoneReading:
    return ZoneReading(
        zone_id=desk.zone.id,
        captured_at=at,
        level=Level.UNKNOWN,
        reasons=(Reason(cause),),
        measurement=None,
        profile_id=desk.profile.id,
        model_id=model_id,
    )


__all__ = ["LOST_AFTER_S", "SceneAnalyser", "ZoneMemory"]

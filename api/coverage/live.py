"""Which areas of a site are seen now: exact geometry of all floors, and which cameras are well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from shapely.geometry import MultiPolygon
from shapely.geometry.base import BaseGeometry

from api.coverage.density import density_of
from api.coverage.floors import FloorScene, scenes_of
from api.coverage.health_store import FaultRow, HealthRow
from api.live.board import Known
from api.live.lost import lost_causes
from api.live.values import CameraStatus
from config import Site
from streams.records import CameraState
from vision.coverage.live import AreaNow, LiveCoverage, Sightedness
from vision.coverage.pixel_density import Ladder
from vision.geometry.camera import Pose
from vision.health.fault_course import Fault

# A camera with one of these shows nobody what the plan says that it shows.
BLINDING = frozenset(
    {Fault.DARK, Fault.GLARE, Fault.BLURRED, Fault.COVERED, Fault.MOVED, Fault.FROZEN}
)
# The worker tells a camera's health each minute; without a word it is not known to be well.
_HEALTH_SILENT_S = 150.0
# A moved camera is measured each minute, and no two measures are quite the same.
_SAME_POSE_DEG = 0.5
TARGET_CRITICAL_SHARE = 0.98
TARGET_SHARE = 0.95


@dataclass(frozen=True, slots=True)
class CameraNow:
    """Whether a camera is well.

    Attributes:
        healthy: gives pictures in which the plan's view can be seen.
        pending: it is starting, or nobody has told of it since the service started; so far nothing
            else is wrong than that it was moved.
        causes: catalogue keys of what is wrong; empty while it is well.
        pose: where it looks, when it was moved and that could be measured.
    """

    camera_id: str
    healthy: bool
    pending: bool
    causes: tuple[str, ...]
    pose: Pose | None = None

    @property
    def may_see(self) -> bool:
        """Whether it shows something once it is not pending: as planned, or where it looks now."""
        return not self.causes or (self.causes == (Fault.MOVED.value,) and self.pose is not None)


def cameras_now(
    site: Site,
    known: Known,
    faults: tuple[FaultRow, ...],
    health: Mapping[str, HealthRow],
    before: Mapping[str, CameraNow],
) -> dict[str, CameraNow]:
    """Every camera of the site from what the desk knows of its stream and its pictures.

    A moved camera keeps the pose that it had in `before` until it looks elsewhere.
    """
    lost = lost_causes(known)
    wrong: dict[str, list[str]] = {}
    for fault in faults:
        if fault.fault in BLINDING:
            wrong.setdefault(fault.camera_id, []).append(fault.fault.value)
    found = {}
    for camera in site.cameras:
        status, row = known.cameras.get(camera.id), health.get(camera.id)
        causes = list(wrong.get(camera.id, ()))
        cause = lost.get(camera.id)
        if cause is not None and cause not in causes:
            causes.insert(0, cause)
        starting = status is not None and status.state is CameraState.STARTING
        unknown = status is None
        in_grace = unknown and known.now - known.started_at <= known.limits.startup_grace_s
        silent = _health_is_silent(known, row, waiting=starting or in_grace)
        if "stale" not in causes and (silent or (unknown and not in_grace and not causes)):
            causes.append("stale")
        if row is not None and row.suspended is not None and Fault.MOVED.value not in causes:
            causes.append(Fault.MOVED.value)
        pending = not set(causes) - {Fault.MOVED.value} and (
            starting or not _is_heard(known, status, row)
        )
        found[camera.id] = CameraNow(
            camera.id,
            not causes and not pending,
            pending,
            tuple(causes),
            _pose(site, row, before.get(camera.id)),
        )
    return found


def _is_heard(known: Known, status: CameraStatus | None, row: HealthRow | None) -> bool:
    """Whether anybody has told of a camera since the service started."""
    told_at = [one.seen_at for one in (status,) if one is not None]
    told_at += [one.captured for one in (row,) if one is not None]
    return any(at >= known.started_at for at in told_at)


def _health_is_silent(known: Known, row: HealthRow | None, *, waiting: bool) -> bool:
    """Whether nobody has told of a camera's pictures for too long, or ever.

    A camera that gives no picture yet (`waiting`) has no health that could be told.
    """
    if row is None and waiting:
        return False
    heard_at = known.started_at if row is None else max(known.started_at, row.captured)
    return known.now - heard_at > _HEALTH_SILENT_S


def _pose(site: Site, row: HealthRow | None, before: CameraNow | None) -> Pose | None:
    """The observed pose of a camera that counts as moved."""
    if row is None or row.observed is None:
        return None
    angles = row.observed
    pose = replace(
        site.camera(row.camera_id).camera.pose,
        pan_deg=angles.pan_deg,
        tilt_deg=max(-90.0, min(90.0, angles.tilt_deg)),
        roll_deg=angles.roll_deg,
    )
    held = None if before is None else before.pose
    return held if held is not None and _is_same(held, pose) else pose


def _is_same(one: Pose, other: Pose) -> bool:
    turns = (
        one.pan_deg - other.pan_deg,
        one.tilt_deg - other.tilt_deg,
        one.roll_deg - other.roll_deg,
    )
    return all(abs((turn + 180.0) % 360.0 - 180.0) <= _SAME_POSE_DEG for turn in turns)


class LiveSite:
    """The live coverage of all floors. Making one takes some milliseconds a camera."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.scenes: tuple[FloorScene, ...] = scenes_of(site)
        self._density: dict[tuple[str, str], dict[str, Any]] = {}
        self._floors = [
            (
                frozenset(camera.id for camera in scene.cameras),
                LiveCoverage(scene.barriers, scene.areas, scene.cameras),
            )
            for scene in self.scenes
        ]

    def now(
        self, cameras: Mapping[str, CameraNow], blind_before: frozenset[str] = frozenset()
    ) -> dict[str, AreaNow]:
        """All required areas by id.

        A moved camera counts with what it shows at its observed pose. Cameras that are starting
        count as seeing: the first seconds of a service are no blindness. But they end none: an area
        of `blind_before` is blind until cameras that are well show it.
        """
        able = [one for one in cameras.values() if one.may_see]
        well = frozenset(one.camera_id for one in able if not one.pending)
        starting = frozenset(one.camera_id for one in able if one.pending)
        hoped = self._seen_by(well | starting, cameras)
        if not (starting and blind_before):
            return hoped
        sure = self._seen_by(well, cameras)
        stays = {
            name for name in blind_before & sure.keys() if sure[name].state is Sightedness.BLIND
        }
        return {name: sure[name] if name in stays else area for name, area in hoped.items()}

    def _seen_by(
        self, seeing: frozenset[str], cameras: Mapping[str, CameraNow]
    ) -> dict[str, AreaNow]:
        moved = {
            one.camera_id: one.pose
            for one in cameras.values()
            if one.camera_id in seeing and one.causes and one.pose is not None
        }
        found = {}
        for ids, floor in self._floors:
            poses = {name: pose for name, pose in moved.items() if name in ids}
            for area in floor.now(seeing & ids, poses):
                found[area.area_id] = area
        return found

    def planned_shape(self, floor_id: str, area_id: str, camera_id: str) -> BaseGeometry:
        """What a camera is meant to show of an area of its floor."""
        for scene, (_, floor) in zip(self.scenes, self._floors, strict=True):
            if scene.floor.id == floor_id:
                return floor.planned_shape(area_id, camera_id)
        return MultiPolygon()

    def density(self, floor_id: str, ladder: Ladder) -> dict[str, Any]:
        """How finely a floor is shown, worked out when it is first asked for.

        Raises:
            KeyError: the site has no such floor.
        """
        key = (floor_id, ladder.id)
        if key not in self._density:
            scene = {scene.floor.id: scene for scene in self.scenes}[floor_id]
            self._density[key] = density_of(scene, ladder)
        return self._density[key]

    @cached_property
    def targets(self) -> Mapping[str, float]:
        """The healthy share wanted of each camera: more where it shows a critical area."""
        over_critical = {
            camera.id
            for camera in self.site.cameras
            for _, floor in self._floors
            if any(area.critical for area in floor.planned_of(camera.id))
        }
        return {
            camera.id: TARGET_CRITICAL_SHARE if camera.id in over_critical else TARGET_SHARE
            for camera in self.site.cameras
        }


__all__ = [
    "BLINDING",
    "TARGET_CRITICAL_SHARE",
    "TARGET_SHARE",
    "CameraNow",
    "LiveSite",
    "cameras_now",
]

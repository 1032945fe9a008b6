"""Which areas of a site are seen now: exact geometry of all floors, and which cameras are well."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from shapely.geometry import MultiPolygon
from shapely.geometry.base import BaseGeometry

from api.coverage.density import density_of
from api.coverage.floors import FloorScene, scenes_of
from api.coverage.health_store import FaultRow, HealthRow
from api.live.board import Known
from api.live.lost import lost_causes
from config import Site
from streams.records import CameraState
from vision.camera import Pose
from vision.fault_course import Fault
from vision.live_coverage import AreaNow, LiveCoverage
from vision.pixel_density import Ladder

# A camera with one of these shows nobody what the plan says that it shows.
BLINDING = frozenset(
    {Fault.DARK, Fault.GLARE, Fault.BLURRED, Fault.COVERED, Fault.MOVED, Fault.FROZEN}
)
# The worker tells a camera's health each minute; without a word it is not known to be well.
_HEALTH_SILENT_S = 150.0
TARGET_CRITICAL_SHARE = 0.98
TARGET_SHARE = 0.95


@dataclass(frozen=True, slots=True)
class CameraNow:
    """Whether a camera is well.

    Attributes:
        healthy: gives pictures in which the plan's view can be seen.
        pending: it is starting, or nobody has told of it since the service started.
        causes: catalogue keys of what is wrong; empty while it is well.
        pose: where it looks, when it was moved and that could be measured.
    """

    camera_id: str
    healthy: bool
    pending: bool
    causes: tuple[str, ...]
    pose: Pose | None = None


def cameras_now(
    site: Site, known: Known, faults: tuple[FaultRow, ...], health: Mapping[str, HealthRow]
) -> dict[str, CameraNow]:
    """Every camera of the site from what the desk knows of its stream and its pictures."""
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
        unheard = status is None and known.now - known.started_at <= known.limits.startup_grace_s
        if status is None and not unheard and not causes:
            causes.append("stale")
        listening_since = max(known.started_at, row.captured) if row is not None else None
        if listening_since is not None and known.now - listening_since > _HEALTH_SILENT_S:
            causes.append("stale")
        if row is not None and row.suspended is not None and Fault.MOVED.value not in causes:
            causes.append(Fault.MOVED.value)
        pending = not causes and (starting or unheard)
        found[camera.id] = CameraNow(
            camera.id, not causes and not pending, pending, tuple(causes), _pose(site, row)
        )
    return found


def _pose(site: Site, row: HealthRow | None) -> Pose | None:
    """The observed pose of a camera that counts as moved."""
    if row is None or row.observed is None:
        return None
    angles = row.observed
    return replace(
        site.camera(row.camera_id).camera.pose,
        pan_deg=angles.pan_deg,
        tilt_deg=max(-90.0, min(90.0, angles.tilt_deg)),
        roll_deg=angles.roll_deg,
    )


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

    def now(self, cameras: Mapping[str, CameraNow]) -> dict[str, AreaNow]:
        """All required areas by id.

        A moved camera counts with what it shows at its observed pose. Cameras that are starting
        count as seeing: the first seconds of a service are no blindness.
        """
        seeing = frozenset(one.camera_id for one in cameras.values() if one.healthy or one.pending)
        moved = {
            one.camera_id: one.pose
            for one in cameras.values()
            if one.pose is not None and set(one.causes) == {Fault.MOVED.value}
        }
        found = {}
        for ids, floor in self._floors:
            poses = {name: pose for name, pose in moved.items() if name in ids}
            for area in floor.now((seeing | poses.keys()) & ids, poses):
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

    def least_share(self, camera_id: str) -> float:
        """The healthy share wanted of a camera: more where it shows a critical area."""
        critical = {
            area.id
            for _, floor in self._floors
            for area in floor.planned_of(camera_id)
            if area.critical
        }
        return TARGET_CRITICAL_SHARE if critical else TARGET_SHARE


__all__ = [
    "BLINDING",
    "TARGET_CRITICAL_SHARE",
    "TARGET_SHARE",
    "CameraNow",
    "LiveSite",
    "cameras_now",
]

"""What the cameras that work now show, against what all of them would show.

The same exact geometry as the audit's. Shapes are worked out once for each camera; a change of
health then costs only a union, so an area that goes blind is named at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import shapely
from shapely.geometry import MultiPolygon
from shapely.geometry.base import BaseGeometry

from vision.coverage.audit import CoverageArea, CoverageCamera, Sights
from vision.coverage.blind_spots import SMALLEST_SPOT_M2
from vision.errors import GeometryError
from vision.geometry.barriers import Barriers
from vision.geometry.camera import Pose
from vision.geometry.overlap import layers

BLIND_SHARE = 0.5
_WHOLE_SHARE = 0.99
# A hundredth of a large yard is room for a crush. Two people at 4 per m2 stand on this.
_CRITICAL_LOST_M2 = 0.5


class Sightedness(StrEnum):
    """How much of its planned view an area keeps."""

    WHOLE = "whole"
    REDUCED = "reduced"
    BLIND = "blind"
    NEVER_SEEN = "never_seen"


@dataclass(frozen=True, slots=True)
class AreaNow:
    """One area at one instant.

    Attributes:
        planned_m2: seen at its level with all cameras working at their site-file pose.
        seen_m2: part of it that is seen now by as many cameras as the area asks for, or by as many
            as are meant to see it where those are fewer.
        lost_because: the cameras whose failure or turning took a part away.
        state: blind when more than half of the planned part is lost; a critical area when more
            than a hundredth of it is, or half a square metre.
    """

    area_id: str
    planned_m2: float
    seen_m2: float
    lost_because: tuple[str, ...]
    state: Sightedness
    critical: bool

    @property
    def lost_m2(self) -> float:
        return self.planned_m2 - self.seen_m2


class LiveCoverage:
    """Coverage of one floor under changing camera health."""

    def __init__(
        self,
        barriers: Barriers,
        areas: Sequence[CoverageArea],
        cameras: Sequence[CoverageCamera],
    ) -> None:
        self._barriers = barriers
        self._areas = tuple(areas)
        self._cameras = {camera.id: camera for camera in cameras}
        self._planned = self._shapes(cameras)

    def _shapes(self, cameras: Sequence[CoverageCamera]) -> dict[tuple[str, str], BaseGeometry]:
        sights = Sights(self._barriers, cameras)
        return {
            (area.id, camera.id): shapely.union_all(
                [sights.seen(camera, part, area.least_px_per_m) for part in area.surfaces]
            )
            for area in self._areas
            for camera in cameras
        }

    def planned_of(self, camera_id: str) -> tuple[CoverageArea, ...]:
        """The areas of which a camera is meant to show a part worth listing."""
        return tuple(
            area
            for area in self._areas
            if (area.id, camera_id) in self._planned
            and self._planned[area.id, camera_id].area >= SMALLEST_SPOT_M2
        )

    def planned_shape(self, area_id: str, camera_id: str) -> BaseGeometry:
        """What a camera is meant to show of an area; empty where that is nothing."""
        return self._planned.get((area_id, camera_id), MultiPolygon())

    def now(
        self, healthy: frozenset[str], observed_poses: Mapping[str, Pose] | None = None
    ) -> tuple[AreaNow, ...]:
        """All areas with only the `healthy` cameras, each at its observed pose where one is known.

        Raises:
            GeometryError: for the id of a camera that this floor does not have.
        """
        poses = observed_poses or {}
        for camera_id in (*healthy, *poses):
            if camera_id not in self._cameras:
                raise GeometryError(f"the floor has no camera {camera_id!r}")
        turned = [
            replace(camera, camera=replace(camera.camera, pose=poses[camera.id]))
            for camera in self._cameras.values()
            if camera.id in poses and camera.id in healthy
        ]
        shapes = dict(self._planned) | self._shapes(turned)
        return tuple(self._area_now(area, healthy, shapes) for area in self._areas)

    def _area_now(
        self,
        area: CoverageArea,
        healthy: frozenset[str],
        shapes: Mapping[tuple[str, str], BaseGeometry],
    ) -> AreaNow:
        meant = layers([self._planned[area.id, name] for name in self._cameras], area.redundancy)
        kept = [shapes[area.id, name] for name in self._cameras if name in healthy]
        left = layers(kept, area.redundancy)
        planned = meant[0]
        lost = shapely.union_all(
            [shapely.difference(one, now) for one, now in zip(meant, left, strict=True)]
        )
        seen = shapely.difference(planned, lost)
        guilty = tuple(
            name
            for name in self._cameras
            if (name not in healthy or shapes[area.id, name] is not self._planned[area.id, name])
            and self._planned[area.id, name].intersection(lost).area >= SMALLEST_SPOT_M2
        )
        return AreaNow(
            area.id,
            float(planned.area),
            float(seen.area),
            guilty,
            _state(area, float(planned.area), float(seen.area)),
            area.critical,
        )


def _state(area: CoverageArea, planned_m2: float, seen_m2: float) -> Sightedness:
    if planned_m2 < SMALLEST_SPOT_M2:
        return Sightedness.NEVER_SEEN
    share, lost_m2 = seen_m2 / planned_m2, planned_m2 - seen_m2
    a_little = share >= _WHOLE_SHARE and not (area.critical and lost_m2 >= _CRITICAL_LOST_M2)
    if a_little or lost_m2 < SMALLEST_SPOT_M2:
        return Sightedness.WHOLE
    if area.critical or share < BLIND_SHARE:
        return Sightedness.BLIND
    return Sightedness.REDUCED


def newly_blind(before: Sequence[AreaNow], after: Sequence[AreaNow]) -> tuple[AreaNow, ...]:
    """Areas that are blind now and were not before."""
    was = {area.area_id for area in before if area.state is Sightedness.BLIND}
    return tuple(
        area for area in after if area.state is Sightedness.BLIND and area.area_id not in was
    )


__all__ = ["AreaNow", "LiveCoverage", "Sightedness", "newly_blind"]

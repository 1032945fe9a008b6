"""Where a new camera could hang: along the inside of a floor, at a height that can be reached.

Indoors it hangs from the ceiling or a wall. Without a ceiling it needs a solid wall, or a building,
that is as high as the mount; elsewhere it needs a pole, which is told.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
import shapely
from shapely.geometry import LineString, Point
from shapely.geometry.base import BaseGeometry

from api.coverage.floors import FloorScene, ground_m
from config import Floor, Site
from vision.coverage.placement import Candidate
from vision.geometry.camera import Camera, Lens, Pose

MOUNT_STEP_M = 3.0
MOUNT_HEIGHT_M = 3.0
"""Above what people stand on below the mount."""
POLE_FREE_M = 0.5
"""How far from a wall a camera still hangs on it, by a bracket."""
_OFF_WALL_M = 0.15
_BELOW_CEILING_M = 0.2
_TILT_DEG = 20.0
_NEW_LENS = Lens.from_hfov(2560, 1440, 84.0)


def mounts(site: Site, scene: FloorScene, banned: BaseGeometry) -> Iterator[Candidate]:
    """New cameras along the inside of the floor's outline, eight directions each."""
    floor = scene.floor
    inner = floor.outline.buffer(-_OFF_WALL_M, join_style="mitre")
    private = shapely.union_all([place.polygon_xy_m for place, _ in scene.forbidden])
    numbers = itertools.count()
    for ring in shapely.get_parts(inner.boundary):
        for along in np.arange(0.0, ring.length, MOUNT_STEP_M):
            place = ring.interpolate(float(along))
            if place.intersects(banned) or place.intersects(private):
                continue
            number = next(numbers)
            height_m = _height_m(floor, ground_m(site, floor.id, place))
            for pan in range(0, 360, 45):
                pose = Pose(place.x, place.y, height_m, float(pan), _TILT_DEG)
                yield Candidate(f"mount-{number}", Camera(pose, _NEW_LENS))


def _height_m(floor: Floor, stands_m: float) -> float:
    most_m = math.inf if floor.ceiling_m is None else floor.ceiling_m - _BELOW_CEILING_M
    return min(stands_m + MOUNT_HEIGHT_M, most_m)


def needs_pole(floor: Floor, pose: Pose) -> bool:
    """Whether nothing that is drawn would hold a camera there."""
    if floor.ceiling_m is not None:
        return False
    place = Point(pose.x_m, pose.y_m)
    solid = [
        (LineString(wall.points_xy_m), wall.height_m)
        for wall in floor.walls
        if wall.material == "solid"
    ]
    solid += [(one.polygon_xy_m.exterior, one.height_m) for one in floor.obstacles]
    return not any(
        height_m >= pose.z_m and line.distance(place) <= POLE_FREE_M for line, height_m in solid
    )


__all__ = ["MOUNT_HEIGHT_M", "MOUNT_STEP_M", "POLE_FREE_M", "mounts", "needs_pole"]

"""How steeply cameras look down on faces, where an area is asked for so finely that faces matter.

Pixels per metre alone do not show a face: from straight above there is only hair. With a camera at
height h a face at distance d is seen atan((h - 1.6) / d) from above. Every place counts with the
camera that shows it least steeply.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.ops import nearest_points

from vision.arrays import Float64Array
from vision.coverage.audit import CoverageArea, CoverageCamera, Sights, Surface
from vision.coverage.pixel_density import face_pitch_deg
from vision.geometry.camera import Camera
from vision.geometry.planes import Plane

FACE_PX_PER_M = 250.0
"""The coarsest density at which an area is asked for the sake of faces."""
FACE_HEIGHT_M = 1.6
MOST_FACE_PITCH_DEG = 20.0
"""This project's limit; what is read of others lies between 13 and 20 degrees."""

_DIRECTIONS = 256
_TOUCH_M = 1e-6


@dataclass(frozen=True, slots=True)
class FaceViews:
    """The faces of one area.

    Attributes:
        steepest_deg: at the worst place that is seen.
        steep_m2: seen area in which no camera looks at faces less steeply than the limit.
    """

    steepest_deg: float
    steep_m2: float


def face_views(
    area: CoverageArea, sights: Sights, *, most_pitch_deg: float = MOST_FACE_PITCH_DEG
) -> FaceViews | None:
    """How faces are seen where the area is seen as drawn; `None` where faces do not matter."""
    if area.least_px_per_m < FACE_PX_PER_M:
        return None
    steepest, steep_m2, seen_m2 = -90.0, 0.0, 0.0
    for surface in area.surfaces:
        shapes = {
            camera.id: shape
            for camera in sights.cameras
            if not (shape := sights.seen(camera, surface, area.least_px_per_m)).is_empty
        }
        cameras = [camera for camera in sights.cameras if camera.id in shapes]
        if not cameras:
            continue
        faces = surface.walking.raised(FACE_HEIGHT_M)
        good = [
            shapely.difference(shapes[one.id], steep_ground(one, faces, most_pitch_deg))
            for one in cameras
        ]
        seen = shapely.union_all(list(shapes.values()))
        seen_m2 += float(seen.area)
        steep_m2 += float(shapely.difference(seen, shapely.union_all(good)).area)
        steepest = max(steepest, _steepest_deg(cameras, shapes, surface))
    return FaceViews(steepest, steep_m2) if seen_m2 else None


def steep_ground(camera: CoverageCamera, faces: Plane, most_pitch_deg: float) -> BaseGeometry:
    """Where faces on the plane `faces` are seen more steeply than the limit, on the plan.

    Round the mount; on a sloped plane not a circle: it ends at distance r in a direction along
    which the plane rises by s where h - s r = r tan(limit), h the height above it at the mount.
    """
    pose = camera.camera.pose
    place = np.array([pose.x_m, pose.y_m])
    above_m = pose.z_m - float(faces.z_at(place))
    if above_m <= 0.0:
        return MultiPolygon()
    turn = np.linspace(0.0, 2.0 * math.pi, _DIRECTIONS, endpoint=False)
    along = np.column_stack([np.cos(turn), np.sin(turn)])
    rise = along @ np.array([faces.slope_x, faces.slope_y])
    rate = np.maximum(math.tan(math.radians(most_pitch_deg)) + rise, 1e-9)
    reach = np.minimum(above_m / rate, camera.range_m)
    return Polygon(place + reach[:, None] * along)


def _steepest_deg(
    cameras: list[CoverageCamera], shapes: dict[str, BaseGeometry], surface: Surface
) -> float:
    """The largest pitch of the best camera, over corners and the places nearest to a mount."""
    corners = [shapely.get_coordinates(shapes[camera.id]) for camera in cameras]
    corners += [_nearest(camera.camera, shapes[camera.id]) for camera in cameras]
    points_xy_m = np.vstack(corners)
    faces = surface.walking.raised(FACE_HEIGHT_M).z_at(points_xy_m)
    pitch = np.full((len(cameras), len(points_xy_m)), np.inf)
    places = shapely.points(points_xy_m)
    for row, camera in enumerate(cameras):
        shown = shapely.distance(shapes[camera.id], places) <= _TOUCH_M
        found = face_pitch_deg(camera.camera, points_xy_m[shown], faces[shown])
        pitch[row, shown] = found
    return float(pitch.min(axis=0).max())


def _nearest(camera: Camera, shape: BaseGeometry) -> Float64Array:
    mount = shapely.Point(camera.pose.x_m, camera.pose.y_m)
    return np.asarray(shapely.get_coordinates(nearest_points(shape, mount)[0]))


__all__ = [
    "FACE_HEIGHT_M",
    "FACE_PX_PER_M",
    "MOST_FACE_PITCH_DEG",
    "FaceViews",
    "face_views",
    "steep_ground",
]

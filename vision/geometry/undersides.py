"""What a floor hides: from under it nobody sees who stands on it, nor from over it what is below.

A picture is thrown onto a plane from either side, since heads may stand above the camera. What
people walk on is solid: it shows its upper side only, and hides what a line of sight through it
would meet. From below the landing a flight of stairs is not seen, and of a gallery only what looks
over its edge. Who looks down from a gallery sees nothing of the hall right under its edge.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from vision.arrays import Float64Array
from vision.geometry.planes import Plane

_LEVEL_M = 1e-6
_LONGEST_SHADOW = 1e4


@dataclass(frozen=True, slots=True)
class Slab:
    """A walking surface as a thing that hides: how far it reaches on the plan, and its plane."""

    polygon_xy_m: BaseGeometry
    plane: Plane

    def hides(self, plane: Plane, eye_xyz_m: Float64Array) -> BaseGeometry:
        """The part of another `plane`, on the plan, that the slab hides from an eye (3,).

        A place of the slab that lies h off the plane, on the eye's side, is thrown onto it at
        1 / (1 - h / e) of its way from an eye that lies e off the plane. Straight edges stay
        straight. Of its own plane a slab hides nothing; see `hidden_from_below` for that.
        """
        off_m = float(eye_xyz_m[2] - plane.z_at(eye_xyz_m[:2]))
        if abs(off_m) < _LEVEL_M or self.polygon_xy_m.is_empty:
            return MultiPolygon()
        # h / e as a linear function of the place: slope (2,) and value at the eye's foot.
        slope = np.array([self.plane.slope_x - plane.slope_x, self.plane.slope_y - plane.slope_y])
        at_foot = float(self.plane.z_at(eye_xyz_m[:2]) - plane.z_at(eye_xyz_m[:2])) / off_m
        between = self.polygon_xy_m
        for sign, least in ((1.0, _LEVEL_M), (-1.0, 1.0 / _LONGEST_SHADOW - 1.0)):
            between = _where(between, eye_xyz_m[:2], sign * slope / off_m, sign * at_foot - least)
        if between.is_empty:
            return MultiPolygon()

        def thrown(xy_m: Float64Array) -> Float64Array:
            way = xy_m - eye_xyz_m[:2]
            share = way @ (slope / off_m) + at_foot
            return np.asarray(eye_xyz_m[:2] + way / (1.0 - share)[:, None])

        shape = shapely.transform(between, thrown)
        return shape if shape.is_valid else shapely.make_valid(shape)


def _where(
    shape: BaseGeometry, origin_xy_m: Float64Array, slope: Float64Array, value: float
) -> BaseGeometry:
    """The part of a shape where `value` + `slope` . (place - origin) is not negative."""
    steep = float(np.hypot(*slope))
    if steep < 1e-12:
        return shape if value >= 0.0 else MultiPolygon()
    left, low, right, high = shape.bounds if not shape.is_empty else (0.0, 0.0, 0.0, 0.0)
    middle = np.array([left + right, low + high]) / 2.0
    reach_m = math.hypot(right - left, high - low) + 1.0
    inwards = slope / steep
    depth_m = (value + float(slope @ (middle - origin_xy_m))) / steep
    if abs(depth_m) > reach_m:
        return shape if depth_m > 0.0 else MultiPolygon()
    along = reach_m * np.array([-inwards[1], inwards[0]])
    edge = middle - depth_m * inwards
    far = 2.0 * reach_m * inwards
    half = Polygon([edge - along, edge + along, edge + along + far, edge - along + far])
    return shapely.intersection(shape, half)


def hidden_from_below(
    polygon_xy_m: BaseGeometry, walking: Plane, plane: Plane, eye_xyz_m: Float64Array
) -> BaseGeometry:
    """The part of `plane`, on the plan, that the floor under it hides from an eye (3,) below it.

    Args:
        polygon_xy_m: how far the floor reaches on the plan.
        walking: the floor.
        plane: the floor, or a plane parallel to it and above.
    """
    below_m = float(walking.z_at(eye_xyz_m[:2])) - float(eye_xyz_m[2])
    if below_m < -_LEVEL_M:
        return MultiPolygon()
    if plane == walking:
        return polygon_xy_m
    return Slab(polygon_xy_m, walking).hides(plane, eye_xyz_m)


__all__ = ["Slab", "hidden_from_below"]

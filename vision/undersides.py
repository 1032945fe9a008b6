"""What a floor hides from below: from under it nobody sees who stands on it.

A picture is thrown onto a plane from either side, since heads may stand above the camera. What
people walk on is solid: it shows its upper side only, and hides from an eye below it what a line
of sight through it would meet. From below the landing a flight of stairs is not seen, and of a
gallery only what looks over its edge.
"""

from __future__ import annotations

import numpy as np
from shapely import affinity
from shapely.geometry import MultiPolygon
from shapely.geometry.base import BaseGeometry

from vision.arrays import Float64Array
from vision.planes import Plane

_LEVEL_M = 1e-6


def hidden_from_below(
    polygon_xy_m: BaseGeometry, walking: Plane, plane: Plane, eye_xyz_m: Float64Array
) -> BaseGeometry:
    """The part of `plane`, on the plan, that the floor itself hides from an eye (3,) below it.

    A line of sight to a plane h above the floor, from an eye e below it, passes the floor at
    e / (e + h) of its way. So the shape is the floor's own, grown from the eye by (e + h) / e.

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
    if below_m <= _LEVEL_M:
        return MultiPolygon()
    above_m = plane.z0_m - walking.z0_m
    grown = (below_m + above_m) / below_m
    return affinity.scale(polygon_xy_m, grown, grown, origin=tuple(np.asarray(eye_xyz_m[:2])))


__all__ = ["hidden_from_below"]

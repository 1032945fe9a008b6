"""Which part of a zone a camera has in its picture, judged on the head plane.

Walls and obstacles are not considered here.
"""

from __future__ import annotations

import numpy as np
import shapely

from vision.arrays import Float64Array
from vision.errors import NotVisibleError
from vision.geometry.camera import Camera
from vision.geometry.zones import Zone

MIN_ABOVE_HEADS_M = 0.2
_GRID_STEPS = 40


def zone_grid_xy_m(zone: Zone) -> Float64Array:
    """Plan points (N, 2) spread over the zone, its corners among them; N is about 1,600."""
    polygon = zone.polygon_xy_m
    left, low, right, high = polygon.bounds
    xs, ys = np.linspace(left, right, _GRID_STEPS), np.linspace(low, high, _GRID_STEPS)
    grid = np.column_stack([axis.ravel() for axis in np.meshgrid(xs, ys)])
    inside = shapely.contains_xy(polygon, grid[:, 0], grid[:, 1])
    corners = np.asarray(polygon.exterior.coords)[:, :2]
    return np.concatenate([grid[inside], corners])


def visible_share(camera: Camera, zone: Zone) -> float:
    """Share of the zone's head plane that lies in the picture, above 0 and up to 1.

    Raises:
        NotVisibleError: when the camera hangs below the head plane (it would see the horizon
            inside the zone), or the zone lies behind it or outside its picture.
    """
    grid = zone_grid_xy_m(zone)
    heads = np.column_stack([grid, zone.head_plane.z_at(grid)])
    above_m = camera.pose.z_m - float(zone.head_plane.z_at(camera.position_xyz_m[None, :2])[0])
    if above_m < MIN_ABOVE_HEADS_M:
        raise NotVisibleError(
            f"the camera hangs {above_m:.2f} m above the head plane of zone {zone.id}; it needs "
            f"at least {MIN_ABOVE_HEADS_M:g} m, or the plane's horizon runs through the zone"
        )
    uv_px, inside = camera.project(heads)
    if inside.any():
        return float(np.mean(inside))
    if np.isnan(uv_px[:, 0]).all():
        raise NotVisibleError(f"zone {zone.id} lies behind the camera")
    raise NotVisibleError(f"zone {zone.id} lies outside the camera's picture")

"""What an eye at a known height can see of a walking surface behind walls and obstacles.

Everything is exact plane geometry, no raster: walls that reach the eye's height cut the sight
completely (an angular sweep over their end points gives a star-shaped polygon); lower ones throw
a shadow that is a polygon too. On a level plane at height z, a barrier of height o at distance d
hides the stretch from d to d (h - z) / (h - o) as seen from height h. On a sloped plane the
shadow's edge is still the straight image of the barrier's top edge. A walking surface at another
height hides what a line of sight through it would meet (`vision.geometry.undersides`).

Shapely has no visibility function, and the published Python packages fail on polygons that share
edges, so the kernel is here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from vision.arrays import BoolArray, Float64Array
from vision.errors import GeometryError
from vision.geometry.barriers import Barriers, Sheets
from vision.geometry.planes import LEVEL_FLOOR, Plane

GeometryArray = NDArray[np.object_]

_MOUNT_M = 0.01
_CLEARANCE_M = 0.001
_LONGEST_SHADOW = 1e4
_SMALLEST_ANGLE_RAD = 1e-11


@dataclass(frozen=True, slots=True)
class Eye:
    """A point that looks: plan position, height, and on which side of its own wall it hangs.

    Attributes:
        x_m, y_m, z_m: in the plan frame.
        heading_deg: where it looks on the plan, counter-clockwise from +x. An eye drawn on a wall
            (within 1 cm) is moved clear of it to this side. `None`: walls through the eye do not
            hide anything.
        hung_xy_m: where it hangs, for an eye that is drawn from the errors of that: it stays on the
            side of the walls on which this place lies, wherever it looks.
    """

    x_m: float
    y_m: float
    z_m: float
    heading_deg: float | None = None
    hung_xy_m: tuple[float, float] | None = None

    def off_walls(self, barriers: Barriers) -> Float64Array:
        """Plan position (2,) of the eye, 1 mm clear of the walls it is mounted on."""
        place = np.array([self.x_m, self.y_m])
        if self.heading_deg is None or not len(barriers.drawn):
            return place
        heading = np.array(
            [math.cos(math.radians(self.heading_deg)), math.sin(math.radians(self.heading_deg))]
        )
        moved = place.copy()
        for start, end in _touching(barriers.drawn, place):
            along = (end - start) / np.linalg.norm(end - start)
            normal = np.array([-along[1], along[0]])
            side = float(normal @ heading)
            if self.hung_xy_m is not None:
                off_m = float((np.array(self.hung_xy_m) - start) @ normal)
                side = off_m if abs(off_m) >= _CLEARANCE_M / 2.0 else side
            if side < 0.0:
                normal = -normal
            clearance = float((moved - start) @ normal)
            if clearance < _CLEARANCE_M:
                moved = moved + (_CLEARANCE_M - clearance) * normal
        return moved


def _touching(sheets: Sheets, place: Float64Array) -> list[tuple[Float64Array, Float64Array]]:
    """Sheets closer than the mount distance to `place`, as (start, end) pairs."""
    starts, ends = sheets.segments_xyxy_m[:, :2], sheets.segments_xyxy_m[:, 2:]
    along = ends - starts
    length2 = np.maximum(np.sum(along**2, axis=1), 1e-18)
    share = np.clip(np.sum((place - starts) * along, axis=1) / length2, 0.0, 1.0)
    gap = np.linalg.norm(starts + share[:, None] * along - place, axis=1)
    return [(starts[i], ends[i]) for i in np.flatnonzero(gap < _MOUNT_M)]


def visible_region(
    barriers: Barriers, eye: Eye, *, plane: Plane = LEVEL_FLOOR, range_m: float = 150.0
) -> MultiPolygon:
    """The part of `plane` within a square of half side `range_m` that the eye can see.

    All round, without any lens. An eye at or below the plane is treated as if every barrier that
    rises above the eye cut the sight completely.

    Args:
        barriers: what stands in the way.
        eye: where the camera is.
        plane: the surface that is looked at, e.g. the floor, or the floor raised to head height.
        range_m: half side of the square around the eye that limits the result, metres.

    Raises:
        GeometryError: when the range or the eye is not a finite number.
    """
    if not (math.isfinite(range_m) and range_m > 0.0):
        raise GeometryError(f"the range must be a positive number of metres, got {range_m:g}")
    if not all(math.isfinite(value) for value in (eye.x_m, eye.y_m, eye.z_m)):
        raise GeometryError("an eye needs finite coordinates")
    place = eye.off_walls(barriers)
    noded, drawn = (
        _cut_by_headroom(_within(sheets, place, range_m), place, eye.z_m, plane)
        for sheets in (barriers.noded, barriers.drawn)
    )
    cuts = _cuts_sight(noded, place, eye.z_m, plane)
    ring = _star(noded.segments_xyxy_m[cuts] - np.tile(place, 2), range_m)
    region: BaseGeometry = Polygon(ring + place)
    if not region.is_valid:
        region = shapely.make_valid(region)
    low = drawn.where(~_cuts_sight(drawn, place, eye.z_m, plane))
    over = _low_shadows(low, place, eye.z_m, plane)
    doors = _cut_by_headroom(_within(barriers.lintels, place, range_m), place, eye.z_m, plane)
    at = np.array([*place, eye.z_m])
    under = np.array([slab.hides(plane, at) for slab in barriers.slabs], dtype=np.object_)
    through = _lintel_shadows(doors, place, eye.z_m, plane, range_m)
    shadows = np.concatenate([over, through, under])
    shapely.prepare(region)
    # Most low barriers of a large floor stand behind a wall, where their shadow changes nothing.
    shadows = shadows[shapely.intersects(region, shadows)]
    if len(shadows):
        region = shapely.difference(region, shapely.union_all(shadows))
    return polygonal(region)


def polygonal(geometry: BaseGeometry) -> MultiPolygon:
    """The faces of any geometry as one multi-polygon; lines and points are dropped."""
    parts = shapely.get_parts(shapely.get_parts(geometry))
    faces = parts[(shapely.get_type_id(parts) == 3) & ~shapely.is_empty(parts)]
    whole = shapely.multipolygons(faces)
    if not whole.is_valid:
        return polygonal(shapely.union_all(shapely.make_valid(faces)))
    return MultiPolygon(whole)


def _within(sheets: Sheets, place: Float64Array, range_m: float) -> Sheets:
    """Sheets whose bounding box meets the square of half side `range_m` around `place`."""
    if not len(sheets):
        return sheets
    x, y = sheets.segments_xyxy_m[:, 0::2] - place[0], sheets.segments_xyxy_m[:, 1::2] - place[1]
    keep = (
        (x.min(axis=1) < range_m)
        & (x.max(axis=1) > -range_m)
        & (y.min(axis=1) < range_m)
        & (y.max(axis=1) > -range_m)
    )
    return sheets.where(keep)


def _headroom(
    ends_xy_m: Float64Array, heights_m: Float64Array, place: Float64Array, z_m: float, plane: Plane
) -> Float64Array:
    """Gap over which sight passes above each sheet's end, measured at the eye: (N,).

    The shadow of an end at distance d reaches d * drop / headroom, where drop is the eye's height
    above the plane at its own foot; at a headroom of zero or less it has no end.
    """
    rise = plane.slope_x * (ends_xy_m[:, 0] - place[0]) + plane.slope_y * (
        ends_xy_m[:, 1] - place[1]
    )
    return np.asarray(z_m - heights_m + rise)


def _cut_by_headroom(sheets: Sheets, place: Float64Array, z_m: float, plane: Plane) -> Sheets:
    """Sheets cut where, on a sloped plane, their shadow's end starts or its length is zero."""
    drop = _drop(place, z_m, plane)
    if not len(sheets) or drop <= 0.0 or (plane.slope_x == 0.0 and plane.slope_y == 0.0):
        return sheets
    segments, heights = sheets.segments_xyxy_m, sheets.heights_m
    for limit in (drop / _LONGEST_SHADOW, drop):
        start = _headroom(segments[:, :2], heights, place, z_m, plane) - limit
        end = _headroom(segments[:, 2:], heights, place, z_m, plane) - limit
        with np.errstate(invalid="ignore"):
            crosses = np.isfinite(heights) & (start * end < 0.0)
        share = (start[crosses] / (start[crosses] - end[crosses]))[:, None]
        cut = segments[crosses]
        middle = cut[:, :2] + share * (cut[:, 2:] - cut[:, :2])
        halves = [np.hstack([cut[:, :2], middle]), np.hstack([middle, cut[:, 2:]])]
        segments = np.vstack([segments[~crosses], *halves])
        heights = np.concatenate([heights[~crosses], heights[crosses], heights[crosses]])
    return Sheets(segments, heights)


def _drop(place: Float64Array, z_m: float, plane: Plane) -> float:
    """How far the plane lies below the eye, measured straight down."""
    return z_m - float(plane.z_at(place[None])[0])


def _cuts_sight(sheets: Sheets, place: Float64Array, z_m: float, plane: Plane) -> BoolArray:
    """Sheets whose shadow has no end (judged at their middle): (N,)."""
    if not len(sheets):
        return np.zeros(0, dtype=np.bool_)
    drop = _drop(place, z_m, plane)
    if drop <= 0.0:
        return sheets.heights_m > z_m
    segments = sheets.segments_xyxy_m
    middles = (segments[:, :2] + segments[:, 2:]) / 2.0
    room = _headroom(middles, sheets.heights_m, place, z_m, plane)
    return np.asarray(room <= drop / _LONGEST_SHADOW)


def _low_shadows(sheets: Sheets, place: Float64Array, z_m: float, plane: Plane) -> GeometryArray:
    """Shadow polygons, in plan coordinates, of the sheets that sight passes over."""
    drop = _drop(place, z_m, plane)
    if drop <= 0.0 or not len(sheets):
        return np.array([], dtype=np.object_)
    segments, heights = sheets.segments_xyxy_m, sheets.heights_m
    room_start = _headroom(segments[:, :2], heights, place, z_m, plane)
    room_end = _headroom(segments[:, 2:], heights, place, z_m, plane)
    least = drop / _LONGEST_SHADOW
    stretch_start, stretch_end = (drop / np.maximum(r, least) for r in (room_start, room_end))
    starts, ends = segments[:, :2] - place, segments[:, 2:] - place
    turn = np.abs(starts[:, 0] * ends[:, 1] - starts[:, 1] * ends[:, 0])
    # A stretch of 1 or less: the barrier's top does not rise above the plane there.
    casts = (turn > 1e-9) & (np.maximum(stretch_start, stretch_end) > 1.0)
    starts, ends = starts[casts], ends[casts]
    far_start = starts * np.maximum(stretch_start[casts], 1.0)[:, None]
    far_end = ends * np.maximum(stretch_end[casts], 1.0)[:, None]
    rings = np.stack([starts, ends, far_end, far_start, starts], axis=1) + place
    if not len(rings):
        return np.array([], dtype=np.object_)
    return np.asarray(shapely.make_valid(shapely.polygons(rings)), dtype=np.object_)


def _lintel_shadows(
    sheets: Sheets, place: Float64Array, z_m: float, plane: Plane, range_m: float
) -> GeometryArray:
    """What lintels hide: everything behind the door further than sight under its lower edge.

    A lintel above the eye hides what rises behind it, such as the upper part of a flight.
    """
    drop = _drop(place, z_m, plane)
    if drop <= 0.0:
        return np.array([], dtype=np.object_)
    outlines = []
    for segment, height in zip(sheets.segments_xyxy_m, sheets.heights_m, strict=True):
        ends = segment.reshape(2, 2)
        room = _headroom(ends, np.full(2, height), place, z_m, plane)
        if room.max() <= drop / _LONGEST_SHADOW:
            continue
        rays = ends - place
        reach = np.maximum(drop / np.maximum(room, drop / _LONGEST_SHADOW), 1.0)
        beyond = rays * (40.0 * range_m / np.maximum(np.linalg.norm(rays, axis=1), 1e-9))[:, None]
        if abs(rays[0, 0] * rays[1, 1] - rays[0, 1] * rays[1, 0]) > 1e-9:
            outlines.append(Polygon(np.vstack([rays * reach[:, None], beyond[::-1]]) + place))
    return np.asarray(shapely.make_valid(np.array(outlines, dtype=np.object_)), dtype=np.object_)


def _star(segments: Float64Array, range_m: float) -> Float64Array:
    """Ring (M, 2) of the region seen from the origin among segments (N, 4) that do not cross.

    Between two neighbouring end directions the nearest segment is the same all the way, so the
    middle ray of each sector tells which it is and the sector is a triangle.
    """
    # Ends that stick out of the square are cut by its own sides in the sector's triangle.
    side = range_m * np.array([[-1, -1, 1, -1], [1, -1, 1, 1], [1, 1, -1, 1], [-1, 1, -1, -1]])
    walls = np.vstack([_clipped(segments, range_m), side])
    starts, along = walls[:, :2], walls[:, 2:] - walls[:, :2]
    angles = np.unique(np.arctan2(walls[:, 1::2], walls[:, 0::2]))
    bounds = np.append(angles, angles[0] + 2.0 * math.pi)
    wide = np.diff(bounds) > _SMALLEST_ANGLE_RAD
    low, high = bounds[:-1][wide], bounds[1:][wide]
    nearest = _nearest(starts, along, _unit((low + high) / 2.0))
    left = _on_segment(starts[nearest], along[nearest], _unit(low))
    right = _on_segment(starts[nearest], along[nearest], _unit(high))
    ring = np.stack([left, right], axis=1).reshape(-1, 2)
    return np.asarray(ring)


def _clipped(segments: Float64Array, range_m: float) -> Float64Array:
    """Segments (N, 4) cut to the square |x|, |y| <= range_m (Liang-Barsky)."""
    starts, along = segments[:, :2], segments[:, 2:] - segments[:, :2]
    enter, leave = np.zeros(len(segments)), np.ones(len(segments))
    for axis in (0, 1):
        step, origin = along[:, axis], starts[:, axis]
        with np.errstate(divide="ignore", invalid="ignore"):
            one, two = (-range_m - origin) / step, (range_m - origin) / step
        still = step == 0.0
        enter = np.where(still, enter, np.maximum(enter, np.minimum(one, two)))
        leave = np.where(still, leave, np.minimum(leave, np.maximum(one, two)))
    inside = enter < leave
    first = starts + enter[:, None] * along
    last = starts + leave[:, None] * along
    return np.column_stack([first, last])[inside]


def _unit(angles_rad: Float64Array) -> Float64Array:
    return np.column_stack([np.cos(angles_rad), np.sin(angles_rad)])


def _nearest(starts: Float64Array, along: Float64Array, rays: Float64Array) -> NDArray[np.intp]:
    """Index (R,) of the first segment that each ray (R, 2) from the origin meets."""
    # Ray t * r meets segment s + u * a where t = (s x a) / (r x a), u = (s x r) / (r x a).
    across = rays[:, :1] * along[:, 1] - rays[:, 1:] * along[:, 0]
    offset = starts[:, 0] * along[:, 1] - starts[:, 1] * along[:, 0]
    share = rays[:, 1:] * starts[:, 0] - rays[:, :1] * starts[:, 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = offset / across
        u = share / across
    missed = ~((distance > 1e-9) & (u >= -1e-9) & (u <= 1.0 + 1e-9))
    distance[missed] = math.inf
    return np.asarray(np.argmin(distance, axis=1))


def _on_segment(starts: Float64Array, along: Float64Array, rays: Float64Array) -> Float64Array:
    """Where each ray meets its own segment, held between the segment's ends: (R, 2)."""
    across = rays[:, 0] * along[:, 1] - rays[:, 1] * along[:, 0]
    share = rays[:, 1] * starts[:, 0] - rays[:, 0] * starts[:, 1]
    safe = np.where(across == 0.0, 1.0, across)
    u = np.where(across == 0.0, 0.0, np.clip(share / safe, 0.0, 1.0))
    return np.asarray(starts + u[:, None] * along)


__all__ = [
    "Eye",
    "polygonal",
    "visible_region",
]

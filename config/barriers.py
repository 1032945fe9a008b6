"""What stands on a floor and hides what is behind it, for `vision.geometry.visibility`."""

from __future__ import annotations

import math
from collections.abc import Iterable

import shapely
from shapely.geometry import LineString, Point
from shapely.geometry.base import BaseGeometry

from config.site import Door, Floor
from vision.geometry.barriers import Barriers, HeightLine
from vision.geometry.planes import LEVEL_FLOOR, Plane
from vision.geometry.undersides import Slab
from vision.geometry.zones import Zone

_TOUCH_M = 0.05


def by_walking_surface(
    shape: BaseGeometry, floor_id: str, zones: Iterable[Zone]
) -> list[tuple[BaseGeometry, Plane]]:
    """A shape on a floor's plan, cut where what people stand on changes its plane.

    A zone says what people stand on in it, the first one where two lie over each other; the rest is
    level floor, and comes last.
    """
    parts, rest = [], shape
    for zone in zones:
        if zone.floor_id != floor_id or zone.plane == LEVEL_FLOOR:
            continue
        parts.append((shapely.intersection(rest, zone.polygon_xy_m), zone.plane))
        rest = shapely.difference(rest, zone.polygon_xy_m)
    return [*parts, (rest, LEVEL_FLOOR)]


def barriers_of(floor: Floor, zones: Iterable[Zone] = (), *, all_open: bool = False) -> Barriers:
    """What hides on a floor: solid walls, obstacles, shut solid doors, lintels, and its levels.

    A wall up to the ceiling has nothing above it through which an eye could look. A door between
    higher walls has wall above it, also where the drawing leaves a gap for the
    leaf: shut it hides as high as they do, open it leaves a lintel.

    Args:
        zones: of the site; those of this floor say where people walk higher or lower than on it.
    """
    lines: list[HeightLine] = [
        (wall.points_xy_m, _top_m(floor, wall.height_m))
        for wall in floor.walls
        if wall.material == "solid"
    ]
    lines += [
        ([(x, y) for x, y, *_ in obstacle.polygon_xy_m.exterior.coords], obstacle.height_m)
        for obstacle in floor.obstacles
    ]
    lintels: list[HeightLine] = []
    for door in floor.doors:
        leaf = (door.start_xy_m, door.end_xy_m)
        around_m = _wall_above_m(floor, door)
        if door.state == "shut" and door.material == "solid" and not all_open:
            lines.append((leaf, max(around_m, door.height_m)))
        elif around_m > door.height_m:
            lintels.append((leaf, door.height_m))
    levels = by_walking_surface(floor.outline, floor.id, zones)
    slabs = [Slab(shape, plane) for shape, plane in levels] if len(levels) > 1 else []
    return Barriers.of(lines, lintels, slabs)


def _wall_above_m(floor: Floor, door: Door) -> float:
    """Height of the lower of the walls that a door hangs between; 0 where it stands free."""
    heights = []
    for end in (door.start_xy_m, door.end_xy_m):
        touching = [
            _top_m(floor, wall.height_m)
            for wall in floor.walls
            if LineString(wall.points_xy_m).distance(Point(end)) <= _TOUCH_M
        ]
        heights.append(max(touching, default=0.0))
    return min(heights)


def _top_m(floor: Floor, height_m: float) -> float:
    """Where a wall ends for an eye: nowhere, when it reaches the ceiling."""
    reaches = floor.ceiling_m is not None and height_m >= floor.ceiling_m
    return math.inf if reaches else height_m


__all__ = ["barriers_of", "by_walking_surface"]

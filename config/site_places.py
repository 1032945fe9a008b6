"""Floors, areas and zones from their keys, with the geometry checks of a plan."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import shapely
from shapely.geometry import Polygon
from shapely.validation import explain_validity

from config.key_areas import key_areas
from config.schema_problems import nearest
from config.site import (
    Area,
    Door,
    Floor,
    ForbiddenArea,
    LocalText,
    Obstacle,
    RequiredArea,
    Wall,
)
from config.site_schema import FloorKeys, ForbiddenAreaKeys, PlaneKeys, RequiredAreaKeys, ZoneKeys
from config.site_underlay import build_underlay
from config.yaml_source import KeyPath, YamlSource
from config.zone_checks import check_zone
from vision.errors import GeometryError
from vision.geometry.planes import Plane
from vision.geometry.zones import Line, Zone, ZoneType

MIN_AREA_M2 = 0.01
OPEN_WALL_M = 3.0
"""Height of a wall of which nothing is written, on a floor without a ceiling."""
LEAST_LEFT_M2 = 1e-6
"""Of a required area less obstacles and forbidden places; below this nothing is asked for."""
_TOUCH_M = 1e-3
_Points = tuple[tuple[float, float], ...]


def build_floor(keys: FloorKeys, at: KeyPath, source: YamlSource, directory: Path) -> Floor | None:
    """The floor, or `None` with the reasons reported; `directory` is the site folder."""
    before = len(source.problems)
    outline = polygon_of(keys.outline, (*at, "outline"), source)
    for index, wall in enumerate(keys.walls):
        _check_length(wall.points, (*at, "walls", index, "points"), source)
    for index, door in enumerate(keys.doors):
        _check_length((door.start, door.end), (*at, "doors", index, "to"), source)
    obstacles = tuple(_obstacles(keys, at, source))
    areas = tuple(_areas(keys, outline, at, source))
    written = {area.id: index for index, area in enumerate(keys.required_areas)}
    _check_something_left(areas, obstacles, (*at, "required_areas"), source, written)
    underlay = None
    if keys.underlay is not None:
        underlay = build_underlay(keys.underlay, (*at, "underlay"), source, directory)
    if outline is None or len(source.problems) > before:
        return None
    return Floor(
        id=keys.id,
        name=LocalText(keys.name.zh, keys.name.en),
        elevation_m=keys.elevation_m,
        outline=outline,
        building=LocalText(keys.building.zh, keys.building.en) if keys.building else None,
        ceiling_m=keys.ceiling_m,
        walls=_walls(keys),
        obstacles=obstacles,
        doors=_doors(keys),
        areas=areas,
        underlay=underlay,
    )


def _walls(keys: FloorKeys) -> tuple[Wall, ...]:
    """A wall of which no height is written goes up to the ceiling."""
    whole_m = OPEN_WALL_M if keys.ceiling_m is None else keys.ceiling_m
    return tuple(
        Wall(wall.points, whole_m if wall.height_m is None else wall.height_m, wall.material)
        for wall in keys.walls
    )


def _doors(keys: FloorKeys) -> tuple[Door, ...]:
    return tuple(
        Door(
            id=door.id,
            name=LocalText(door.name.zh, door.name.en),
            start_xy_m=door.start,
            end_xy_m=door.end,
            state=door.state,
            material=door.material,
            height_m=door.height_m,
        )
        for door in keys.doors
    )


def _obstacles(keys: FloorKeys, at: KeyPath, source: YamlSource) -> list[Obstacle]:
    found = []
    for index, item in enumerate(keys.obstacles):
        polygon = polygon_of(item.polygon, (*at, "obstacles", index, "polygon"), source)
        if polygon is not None:
            name = LocalText(item.name.zh, item.name.en)
            found.append(Obstacle(item.id, name, polygon, item.height_m))
    return found


def _areas(keys: FloorKeys, outline: Polygon | None, at: KeyPath, source: YamlSource) -> list[Area]:
    found: list[Area] = []
    written: list[tuple[KeyPath, RequiredAreaKeys | ForbiddenAreaKeys]] = []
    written += [((*at, "required_areas", i), a) for i, a in enumerate(keys.required_areas)]
    written += [((*at, "forbidden_areas", i), a) for i, a in enumerate(keys.forbidden_areas)]
    for here, area in written:
        polygon = polygon_of(area.polygon, (*here, "polygon"), source)
        if polygon is None:
            continue
        if outline is not None:
            _check_inside(polygon, outline, (*here, "polygon"), source, keys.id)
        if isinstance(area, RequiredAreaKeys):
            _check_kinds(area.key_areas, (*here, "key_areas"), source)
        found.append(_area(area, polygon, keys.id))
    return found


def _check_something_left(
    areas: tuple[Area, ...],
    obstacles: tuple[Obstacle, ...],
    at: KeyPath,
    source: YamlSource,
    written: dict[str, int],
) -> None:
    """What lies in a forbidden place or below an obstacle is not asked for; some must be left."""
    private = shapely.union_all(
        [area.polygon_xy_m for area in areas if isinstance(area, ForbiddenArea)]
    )
    solid = shapely.union_all([obstacle.polygon_xy_m for obstacle in obstacles])
    for area in areas:
        if not isinstance(area, RequiredArea):
            continue
        here = (*at, written[area.id], "polygon")
        left = area.polygon_xy_m.difference(private)
        if left.area < LEAST_LEFT_M2:
            message = f"area {area.id!r} lies wholly in a forbidden place"
            source.report(here, message, "correct the polygon, or take one of the two out")
        elif left.difference(solid).area < LEAST_LEFT_M2:
            message = f"obstacles leave nothing of area {area.id!r} to stand on"
            mend = "draw the stage as a zone's plane instead of as an obstacle"
            source.report(here, message, mend)


def _check_kinds(ids: tuple[str, ...], at: KeyPath, source: YamlSource) -> None:
    known = {kind.id for kind in key_areas()}
    for index, kind_id in enumerate(ids):
        if kind_id not in known:
            message = f"there is no key area {kind_id!r}"
            source.report((*at, index), message, nearest(kind_id, known))


def _area(keys: RequiredAreaKeys | ForbiddenAreaKeys, polygon: Polygon, floor_id: str) -> Area:
    name = LocalText(keys.name.zh, keys.name.en)
    if isinstance(keys, ForbiddenAreaKeys):
        return ForbiddenArea(keys.id, floor_id, name, polygon, keys.kind)
    return RequiredArea(
        id=keys.id,
        floor_id=floor_id,
        name=name,
        polygon_xy_m=polygon,
        level=keys.level,
        planes=keys.planes,
        head_height_m=keys.head_height_m,
        weight=keys.weight,
        critical=keys.critical,
        redundancy=keys.redundancy,
        retention_days=keys.retention_days,
        key_areas=keys.key_areas,
    )


def build_zone(keys: ZoneKeys, floor: Floor | None, at: KeyPath, source: YamlSource) -> Zone | None:
    """The zone, or `None` with the reasons reported. `floor` is `None` when it had problems."""
    before = len(source.problems)
    polygon = polygon_of(keys.polygon, (*at, "polygon"), source)
    plane = plane_of(keys.plane, (*at, "plane"), source)
    for index, exit_keys in enumerate(keys.exits):
        _check_length((exit_keys.start, exit_keys.end), (*at, "exits", index, "to"), source)
    if polygon is not None and floor is not None:
        _check_inside(polygon, floor.outline, (*at, "polygon"), source, floor.id)
    if polygon is not None and len(source.problems) == before:
        check_zone(keys, polygon, at, source)
    if polygon is None or plane is None or len(source.problems) > before:
        return None
    try:
        return Zone(
            id=keys.id,
            floor_id=keys.floor,
            type=ZoneType(keys.type),
            polygon_xy_m=polygon,
            plane=plane,
            head_height_m=keys.head_height_m,
            width_m=keys.width_m,
            axis_deg=keys.axis_deg,
            exits=tuple(Line(line.id, line.start, line.end) for line in keys.exits),
        )
    except GeometryError as error:
        source.report((*at, "polygon"), str(error), "draw the zone larger")
        return None


def polygon_of(points: _Points, at: KeyPath, source: YamlSource) -> Polygon | None:
    """A simple polygon from its corners, first corner not repeated; `None` when reported."""
    if len(points) < 3:
        message = f"a polygon needs at least three corners, got {len(points)}"
        source.report(at, message, "write the corners in order: [[x, y], [x, y], [x, y]]")
        return None
    if points[0] == points[-1]:
        message = "the first corner is repeated at the end"
        source.report(at, message, "leave the last one out; the polygon closes by itself")
        return None
    for index, (corner, following) in enumerate(itertools.pairwise(points)):
        if corner == following:
            message = f"corners {index + 1} and {index + 2} are the same point"
            source.report((*at, index + 1), message, "leave one of the two out")
            return None
    polygon = Polygon(points)
    if not polygon.is_valid:
        place = explain_validity(polygon)
        source.report(at, f"the polygon crosses or touches itself: {place}", "reorder the corners")
        return None
    if polygon.area < MIN_AREA_M2:
        message = f"the polygon has an area of {polygon.area:.4f} m²"
        source.report(at, message, "the corners lie on one line, or the unit is not metres")
        return None
    return shapely.orient_polygons(polygon)


def _check_inside(
    polygon: Polygon, outline: Polygon, at: KeyPath, source: YamlSource, floor_id: str
) -> None:
    outside_m2 = polygon.difference(outline.buffer(_TOUCH_M)).area
    if outside_m2 <= 0.0:
        return
    message = f"{outside_m2:.2f} m² lie outside the outline of floor {floor_id!r}"
    source.report(at, message, "move the corners inside, or widen the floor's outline")


def _check_length(points: _Points, at: KeyPath, source: YamlSource) -> None:
    for start, end in itertools.pairwise(points):
        if start == end:
            source.report(at, "two neighbouring points are the same", "move or remove one")
            return


def plane_of(keys: PlaneKeys, at: KeyPath, source: YamlSource) -> Plane | None:
    """The walking surface that `keys` writes; `None` with the reason reported."""
    if (keys.z is None) == (keys.through is None):
        message = "a plane is either level or drawn through points"
        source.report(at, message, "write `z: 0` or `through: [[x, y, z], ...]`, one of the two")
        return None
    if keys.through is None:
        return Plane(z0_m=keys.z or 0.0)
    try:
        return Plane.through(np.array(keys.through))
    except GeometryError as error:
        source.report((*at, "through"), str(error), "give three corners of the flight as x, y, z")
        return None

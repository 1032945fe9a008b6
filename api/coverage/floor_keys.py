"""A floor as the keys of the site file, and a site file with one floor's keys replaced.

All drawings that are exchanged (GeoJSON, DXF) carry these keys, so that a floor that goes out and
comes back is the same floor. What is not drawn (zones, cameras, names) is left untouched.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from shapely.geometry import Polygon

from api.coverage.errors import DrawingError
from config import SITE_FILE, Door, Floor, LocalText, Obstacle, RequiredArea, Wall
from config.site import ForbiddenArea

DRAWN = ("walls", "doors", "obstacles", "required_areas", "forbidden_areas")


def keys_of(floor: Floor) -> dict[str, Any]:
    """The drawn keys of a floor: outline, walls, doors, obstacles and areas."""
    return {
        "outline": _ring(floor.outline),
        "walls": [_wall(wall) for wall in floor.walls],
        "doors": [_door(door) for door in floor.doors],
        "obstacles": [_obstacle(one) for one in floor.obstacles],
        "required_areas": [_required(a) for a in floor.areas if isinstance(a, RequiredArea)],
        "forbidden_areas": [_forbidden(a) for a in floor.areas if isinstance(a, ForbiddenArea)],
    }


def _wall(wall: Wall) -> dict[str, Any]:
    points = [list(point) for point in wall.points_xy_m]
    return {"points": points, "height_m": wall.height_m, "material": wall.material}


def _door(door: Door) -> dict[str, Any]:
    return {
        "id": door.id,
        "name": _name(door.name),
        "from": list(door.start_xy_m),
        "to": list(door.end_xy_m),
        "state": door.state,
        "material": door.material,
        "height_m": door.height_m,
    }


def _obstacle(one: Obstacle) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": _name(one.name),
        "polygon": _ring(one.polygon_xy_m),
        "height_m": one.height_m,
    }


def _required(area: RequiredArea) -> dict[str, Any]:
    return {
        "id": area.id,
        "name": _name(area.name),
        "polygon": _ring(area.polygon_xy_m),
        "level": area.level,
        "planes": list(area.planes),
        "head_height_m": area.head_height_m,
        "weight": area.weight,
        "critical": area.critical,
        "redundancy": area.redundancy,
        "retention_days": area.retention_days,
    }


def _forbidden(area: ForbiddenArea) -> dict[str, Any]:
    return {
        "id": area.id,
        "name": _name(area.name),
        "polygon": _ring(area.polygon_xy_m),
        "kind": area.kind,
    }


def _name(text: LocalText) -> dict[str, str]:
    return {"zh": text.zh, "en": text.en}


def _ring(polygon: Polygon) -> list[list[float]]:
    """Corners in order, the first one not repeated."""
    return [[float(x), float(y)] for x, y, *_ in list(polygon.exterior.coords)[:-1]]


def write_floor(site_dir: Path, floor_id: str, keys: dict[str, Any], out: Path) -> Path:
    """Write the site file with one floor redrawn into an empty folder; its path.

    Check it with `xiaoan site check` before use: a drawing may hold what the site file refuses.

    Raises:
        DrawingError: the folder holds a site file already, or the site has no such floor.
    """
    target = out / SITE_FILE
    if target.exists():
        raise DrawingError(f"{target.name} already stands in that folder; choose an empty one")
    yaml = YAML()
    yaml.preserve_quotes = True
    data = yaml.load((site_dir / SITE_FILE).read_text(encoding="utf-8"))
    floors = {floor["id"]: floor for floor in data["floors"]}
    if floor_id not in floors:
        known = ", ".join(floors)
        raise DrawingError(f"{SITE_FILE}: floors: there is no floor {floor_id!r}; it has {known}")
    floor = floors[floor_id]
    for name in ("outline", *DRAWN):
        if keys.get(name):
            floor[name] = keys[name]
        elif name in DRAWN:
            floor.pop(name, None)
    out.mkdir(parents=True, exist_ok=True)
    with target.open("w", encoding="utf-8") as file:
        yaml.dump(data, file)
    return target


__all__ = ["DRAWN", "keys_of", "write_floor"]

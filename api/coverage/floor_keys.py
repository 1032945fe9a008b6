"""A floor as the keys of the site file, and a site file with one floor's keys replaced.

All drawings that are exchanged (GeoJSON, DXF) carry these keys, so that a floor that goes out and
comes back is the same floor. What is not drawn (zones, cameras, names) is left untouched.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from shapely.geometry import Polygon

from api.coverage.errors import DrawingError
from config import SITE_FILE, Door, Floor, LocalText, Obstacle, RequiredArea, Wall
from config.recording import RECORDING_FILE
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
        "key_areas": list(area.key_areas),
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
    data = read_site_file(site_dir)
    floor = floor_of(data, floor_id)
    for name in ("outline", *DRAWN):
        if keys.get(name):
            floor[name] = keys[name]
        elif name in DRAWN:
            floor.pop(name, None)
    return write_site_file(data, site_dir, out)


def read_site_file(site_dir: Path) -> Any:
    """The site file as it is written, with its comments.

    Raises:
        DrawingError: it cannot be read, or holds no site with floors.
    """
    path = site_dir / SITE_FILE
    mend = f"see `xiaoan site check {site_dir}`"
    try:
        data = _yaml().load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, YAMLError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or "it is no YAML"
        raise DrawingError(f"{path}: cannot be read ({reason}); {mend}") from error
    floors = data.get("floors") if isinstance(data, dict) else None
    whole = isinstance(floors, list) and all(
        isinstance(one, dict) and "id" in one for one in floors
    )
    if not whole or not isinstance(data.get("site"), dict):
        raise DrawingError(f"{path}: holds no site with floors; {mend}")
    return data


def floor_of(data: Any, floor_id: str) -> Any:
    """The keys of one floor of a site file.

    Raises:
        DrawingError: the site has no such floor.
    """
    floors = {floor["id"]: floor for floor in data["floors"]}
    if floor_id not in floors:
        known = ", ".join(floors)
        raise DrawingError(f"{SITE_FILE}: floors: there is no floor {floor_id!r}; it has {known}")
    return floors[floor_id]


def write_site_file(data: Any, site_dir: Path, out: Path) -> Path:
    """Write a changed site file, and the files it names, into a folder without one; its path.

    Raises:
        DrawingError: the folder holds a site file already, or cannot be written.
    """
    target = out / SITE_FILE
    try:
        if target.exists():
            raise DrawingError(f"{target.name} already stands in that folder; choose an empty one")
        out.mkdir(parents=True, exist_ok=True)
        for name in _named_files(data):
            there = out / name
            if (site_dir / name).is_file() and not there.exists():
                there.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(site_dir / name, there)
        with target.open("w", encoding="utf-8") as file:
            _yaml().dump(data, file)
    except OSError as error:
        reason = error.strerror or error
        raise DrawingError(f"{out} cannot be written ({reason}); choose another folder") from error
    return target


def _named_files(data: Any) -> list[str]:
    """Files beside the site file without which it does not load, or is audited otherwise."""
    names = [RECORDING_FILE]
    names += [floor["underlay"]["file"] for floor in data["floors"] if "underlay" in floor]
    if "profiles" in data["site"]:
        names.append(data["site"]["profiles"])
    return [str(name) for name in names]


def _yaml() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    return yaml


__all__ = ["DRAWN", "floor_of", "keys_of", "read_site_file", "write_floor", "write_site_file"]

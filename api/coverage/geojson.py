"""A floor's plan as GeoJSON in metres of its plan frame, out and back.

GeoJSON proper means degrees on the globe; a school's plan has none. The collection says so in its
member `xiaoan`, and a file without that member is refused rather than taken for metres.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from api.coverage.errors import DrawingError
from api.coverage.floor_keys import keys_of
from config import Floor, SiteCamera

_FRAME = "plan frame, metres, x right, y up"
_GROUP_OF = {
    "wall": "walls",
    "door": "doors",
    "obstacle": "obstacles",
    "required": "required_areas",
    "forbidden": "forbidden_areas",
}


def to_geojson(floor: Floor, cameras: tuple[SiteCamera, ...] = ()) -> dict[str, Any]:
    """The floor as a feature collection; cameras as points, for others to read."""
    keys = keys_of(floor)
    features = [_feature("outline", "Polygon", [_closed(keys["outline"])], {})]
    for kind, group in _GROUP_OF.items():
        features += [_feature(kind, *_geometry(kind, item), _rest(item)) for item in keys[group]]
    for camera in cameras:
        pose, lens = camera.camera.pose, camera.camera.lens
        about = {
            "id": camera.id,
            "z_m": pose.z_m,
            "pan_deg": pose.pan_deg,
            "tilt_deg": pose.tilt_deg,
            "hfov_deg": round(lens.hfov_deg, 3),
        }
        features.append(_feature("camera", "Point", [pose.x_m, pose.y_m], about))
    return {
        "type": "FeatureCollection",
        "xiaoan": {"frame": _FRAME, "floor": floor.id},
        "features": features,
    }


def _feature(kind: str, form: str, coordinates: Any, about: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": {"type": form, "coordinates": coordinates},
        "properties": {"part": kind} | about,
    }


def _geometry(kind: str, item: dict[str, Any]) -> tuple[str, Any]:
    if kind == "wall":
        return "LineString", item["points"]
    if kind == "door":
        return "LineString", [item["from"], item["to"]]
    return "Polygon", [_closed(item["polygon"])]


def _rest(item: dict[str, Any]) -> dict[str, Any]:
    drawn = ("points", "from", "to", "polygon")
    return {name: value for name, value in item.items() if name not in drawn}


def _closed(ring: list[list[float]]) -> list[list[float]]:
    return [*ring, ring[0]]


def write_geojson(floor: Floor, cameras: tuple[SiteCamera, ...], path: Path) -> None:
    """Write the floor's collection."""
    text = json.dumps(to_geojson(floor, cameras), ensure_ascii=False, indent=1)
    path.write_text(text + "\n", encoding="utf-8")


def read_geojson(path: Path) -> dict[str, Any]:
    """The floor keys that a collection holds.

    Raises:
        DrawingError: the file cannot be read, is in degrees, or a feature has the wrong form.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DrawingError(f"{path.name}: cannot be read ({error}); give a GeoJSON file") from error
    if not isinstance(data, dict) or not isinstance(data.get("features"), list):
        raise DrawingError(f"{path.name}: is no feature collection; give a GeoJSON file")
    if not isinstance(data.get("xiaoan"), dict):
        raise DrawingError(
            f"{path.name}: xiaoan: missing, so the coordinates may be degrees; convert them to "
            f'metres of the plan and add "xiaoan": {{"frame": "{_FRAME}"}}'
        )
    keys: dict[str, Any] = {group: [] for group in _GROUP_OF.values()}
    for index, feature in enumerate(data["features"]):
        try:
            _take(feature, keys)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise DrawingError(
                f"{path.name}: features[{index}]: wrong form ({error}); see a file that "
                "`xiaoan coverage export` wrote"
            ) from error
    return keys


def _take(feature: dict[str, Any], keys: dict[str, Any]) -> None:
    about = dict(feature["properties"])
    kind = about.pop("part")
    if kind == "camera":
        return
    form, coordinates = feature["geometry"]["type"], feature["geometry"]["coordinates"]
    wanted = "LineString" if kind in ("wall", "door") else "Polygon"
    if form != wanted:
        raise ValueError(f"a {kind} is a {wanted}, not a {form}")
    points = coordinates if wanted == "LineString" else coordinates[0]
    line = [[float(point[0]), float(point[1])] for point in points]
    if kind == "outline":
        keys["outline"] = line[:-1]
    elif kind == "wall":
        keys["walls"].append({"points": line} | about)
    elif kind == "door":
        keys["doors"].append({"from": line[0], "to": line[1]} | about)
    else:
        keys[_GROUP_OF[kind]].append({"polygon": line[:-1]} | about)


__all__ = ["read_geojson", "to_geojson", "write_geojson"]

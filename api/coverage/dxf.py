"""A floor's plan as DXF, out and back, and walls from the DXF of an architect.

What this program writes carries its keys as extended data, so that it comes back whole after the
lines were moved in a CAD program. Of a foreign drawing only lines and curves on layers that the
user names are taken, as walls, also those inside of blocks.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import ezdxf
from ezdxf import units
from ezdxf.document import Drawing
from ezdxf.lldxf.const import DXFError
from ezdxf.path import make_path

from api.coverage.errors import DrawingError
from api.coverage.floor_keys import keys_of
from config import Floor, SiteCamera

_APP = "XIAOAN"
_CHUNK = 80
# How far a chord may lie from its arc.
_CHORD_M = 0.02
# A block that holds itself is broken; it is not followed for ever.
_DEEPEST_BLOCK = 16
_LAYERS = {
    "outline": ("XIAOAN_OUTLINE", 8),
    "walls": ("XIAOAN_WALL", 7),
    "doors": ("XIAOAN_DOOR", 3),
    "obstacles": ("XIAOAN_OBSTACLE", 9),
    "required_areas": ("XIAOAN_REQUIRED", 5),
    "forbidden_areas": ("XIAOAN_FORBIDDEN", 6),
    "cameras": ("XIAOAN_CAMERA", 30),
}
_GROUP_OF_LAYER = {layer: group for group, (layer, _) in _LAYERS.items()}


def write_dxf(floor: Floor, cameras: Sequence[SiteCamera], path: Path) -> None:
    """Write the floor in metres; cameras as circles with a line that shows where they look."""
    drawing = ezdxf.new("R2010", units=units.M)
    drawing.appids.add(_APP)
    for layer, colour in _LAYERS.values():
        drawing.layers.add(layer, color=colour)
    space = drawing.modelspace()
    for group, items in keys_of(floor).items():
        layer = _LAYERS[group][0]
        for item in [{"polygon": items}] if group == "outline" else items:
            points, closed = _line_of(item)
            line = space.add_lwpolyline(points, close=closed, dxfattribs={"layer": layer})
            line.set_xdata(_APP, _packed(_rest(item)))
    for camera in cameras:
        pose = camera.camera.pose
        look = camera.camera.pose.axes()[2]
        attributes = {"layer": _LAYERS["cameras"][0]}
        space.add_circle((pose.x_m, pose.y_m), 0.15, dxfattribs=attributes)
        end = (pose.x_m + float(look[0]), pose.y_m + float(look[1]))
        space.add_line((pose.x_m, pose.y_m), end, dxfattribs=attributes)
        text = space.add_text(camera.id, height=0.3, dxfattribs=attributes)
        text.set_placement((pose.x_m + 0.2, pose.y_m + 0.2))
    drawing.saveas(path)


def read_dxf(
    path: Path, *, wall_layers: Sequence[str] = (), wall_height_m: float | None = None
) -> dict[str, Any]:
    """The floor keys that a drawing holds, in metres by the drawing's own unit.

    Args:
        wall_layers: layers of a foreign drawing whose lines are walls.
        wall_height_m: of those walls; `None` for walls up to the floor's ceiling.

    Raises:
        DrawingError: the file is no DXF, names no unit, or holds nothing that can be taken.
    """
    drawing = _opened(path)
    scale = _metres_per_unit(drawing, path)
    keys: dict[str, Any] = {group: [] for group in _LAYERS if group not in ("outline", "cameras")}
    wanted = {name.casefold() for name in wall_layers}
    height = {} if wall_height_m is None else {"height_m": wall_height_m}
    for entity, layer in _placed(drawing.modelspace()):
        group = _GROUP_OF_LAYER.get(layer)
        if group in (None, "cameras"):
            line = _plain(_curve(entity, scale)) if layer.casefold() in wanted else []
            if len(line) >= 2:
                keys["walls"].append({"points": line} | height)
            continue
        points = _points_of(entity, scale)
        if len(points) < 2:
            continue
        if group == "outline":
            keys["outline"] = points
        else:
            keys[group].append(_item(group, points, _unpacked(entity, path)))
    if not any(keys.values()):
        layers = ", ".join(sorted(layer.dxf.name for layer in drawing.layers))
        raise DrawingError(
            f"{path.name}: no wall or area found; name the layers of the walls. It has: {layers}"
        )
    return keys


def _opened(path: Path) -> Drawing:
    try:
        return ezdxf.readfile(path)
    except (OSError, DXFError, UnicodeDecodeError, StopIteration) as error:
        # A drawing that is cut off before its first tag ends the reader's own loop.
        reason = "it is cut off" if isinstance(error, StopIteration) else error
        raise DrawingError(
            f"{path.name}: cannot be read as DXF ({reason}); save it anew"
        ) from error


def _metres_per_unit(drawing: Drawing, path: Path) -> float:
    unit = int(drawing.header.get("$INSUNITS", 0))
    if unit == 0:
        raise DrawingError(f"{path.name}: $INSUNITS: the drawing names no unit; set it to metres")
    return float(units.conversion_factor(units.InsertUnits(unit), units.M))


def _placed(entities: Iterable[Any], layer: str = "0", depth: int = 0) -> Iterator[tuple[Any, str]]:
    """Entities with the layers they count on; blocks are taken apart, where they were inserted.

    What lies on layer 0 of a block counts on the layer of the insertion.
    """
    for entity in entities:
        own = str(entity.dxf.layer)
        here = layer if own == "0" else own
        if entity.dxftype() != "INSERT":
            yield entity, here
        elif depth < _DEEPEST_BLOCK:
            for one in entity.multi_insert() if entity.mcount > 1 else (entity,):
                yield from _placed(one.virtual_entities(), here, depth + 1)


def _curve(entity: Any, scale: float) -> list[list[float]]:
    """The corners of a line or curve; an arc becomes chords, a closed line ends where it began."""
    try:
        path = make_path(entity)
    except TypeError:
        return []  # text, dimensions, hatches: no line
    return [[p.x * scale, p.y * scale] for p in path.flattening(_CHORD_M / scale)]


def _points_of(entity: Any, scale: float) -> list[list[float]]:
    """The corners of a line that this program wrote, a closed one without its first at the end."""
    kind = entity.dxftype()
    if kind == "LINE":
        raw, closed = [entity.dxf.start, entity.dxf.end], False
    elif kind == "LWPOLYLINE":
        raw, closed = list(entity.get_points("xy")), bool(entity.closed)
    elif kind == "POLYLINE":
        raw, closed = [vertex.dxf.location for vertex in entity.vertices], bool(entity.is_closed)
    else:
        return []
    kept = _plain([[float(p[0]) * scale, float(p[1]) * scale] for p in raw])
    if closed and len(kept) > 2 and kept[0] == kept[-1]:
        kept.pop()
    return kept


def _plain(points: list[list[float]]) -> list[list[float]]:
    """To a tenth of a millimetre, no point twice running."""
    rounded = [[round(x, 4), round(y, 4)] for x, y in points]
    return [p for index, p in enumerate(rounded) if index == 0 or p != rounded[index - 1]]


def _line_of(item: dict[str, Any]) -> tuple[list[tuple[float, float]], bool]:
    if "polygon" in item:
        return [(x, y) for x, y in item["polygon"]], True
    points = item["points"] if "points" in item else [item["from"], item["to"]]
    return [(x, y) for x, y in points], False


def _item(group: str, points: list[list[float]], about: dict[str, Any]) -> dict[str, Any]:
    if group == "walls":
        return {"points": points} | about
    if group == "doors":
        return {"from": points[0], "to": points[-1]} | about
    return {"polygon": points} | about


def _rest(item: dict[str, Any]) -> dict[str, Any]:
    drawn = ("points", "from", "to", "polygon")
    return {name: value for name, value in item.items() if name not in drawn}


def _packed(about: dict[str, Any]) -> list[tuple[int, str]]:
    """JSON in strings short enough for extended data, whatever the letters."""
    text = json.dumps(about, ensure_ascii=True)
    return [(1000, text[at : at + _CHUNK]) for at in range(0, len(text), _CHUNK)]


def _unpacked(entity: Any, path: Path) -> dict[str, Any]:
    if not entity.has_xdata(_APP):
        raise DrawingError(
            f"{path.name}: layer {entity.dxf.layer}: a shape without its keys; draw it on another "
            "layer, or copy one that carries them"
        )
    text = "".join(tag.value for tag in entity.get_xdata(_APP) if tag.code == 1000)
    try:
        about = json.loads(text)
    except ValueError as error:
        raise DrawingError(
            f"{path.name}: layer {entity.dxf.layer}: damaged keys; export the floor anew"
        ) from error
    return dict(about)


__all__ = ["read_dxf", "write_dxf"]

"""Figures, shapes and names as the audit and the page hold them: rounded once, here."""

from __future__ import annotations

from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from api.coverage.document import Name, Point, Rings
from config import LocalText
from vision.geometry.visibility import polygonal

_PLAIN_M = 0.02


def metres(value: float) -> float:
    """Metres, or square metres, to three decimals."""
    return round(float(value), 3)


def point(place_xy_m: tuple[float, float]) -> Point:
    """A place on the plan."""
    return (metres(place_xy_m[0]), metres(place_xy_m[1]))


def rings(polygon: Polygon) -> Rings:
    """A polygon: its outer ring, then its holes."""
    return [
        [point((x, y)) for x, y, *_ in ring.coords]
        for ring in (polygon.exterior, *polygon.interiors)
    ]


def polygons(shape: BaseGeometry) -> list[Rings]:
    """The polygons of a shape without corners of less than 2 cm, which nobody could see."""
    return [rings(part) for part in polygonal(shape.simplify(_PLAIN_M)).geoms]


def name_part(text: LocalText) -> Name:
    """A name in both languages."""
    return Name(zh=text.zh, en=text.en)


__all__ = ["polygons", "metres", "name_part", "point", "rings"]

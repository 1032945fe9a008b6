"""Where something may stand unseen: the connected parts of a blind shape."""

from __future__ import annotations

from dataclasses import dataclass

import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from vision.geometry.visibility import polygonal

SMALLEST_SPOT_M2 = 0.05
_CIRCLE_TOLERANCE_M = 0.02


@dataclass(frozen=True, slots=True)
class BlindSpot:
    """A connected part of an area that is not assured.

    Attributes:
        radius_m: of the largest circle that fits into it: what can stand there unseen.
        centre_xy_m: of that circle.
    """

    polygon_xy_m: Polygon
    area_m2: float
    radius_m: float
    centre_xy_m: tuple[float, float]


def blind_spots(shape: BaseGeometry) -> tuple[tuple[BlindSpot, ...], float]:
    """The connected parts of a blind shape, largest first, and the area of the tiny rest, m²."""
    spots, slivers_m2 = [], 0.0
    for part in polygonal(shape).geoms:
        if part.area < SMALLEST_SPOT_M2:
            slivers_m2 += float(part.area)
            continue
        radius = shapely.maximum_inscribed_circle(part, tolerance=_CIRCLE_TOLERANCE_M)
        centre = shapely.get_coordinates(radius)[0]
        spots.append(
            BlindSpot(part, float(part.area), float(radius.length), (centre[0], centre[1]))
        )
    spots.sort(key=lambda spot: -spot.area_m2)
    return tuple(spots), slivers_m2


__all__ = ["SMALLEST_SPOT_M2", "BlindSpot", "blind_spots"]

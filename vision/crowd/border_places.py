"""Places along the border and the exits of a zone, and which camera can tell a crossing there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely
from shapely.geometry import Polygon

from vision.arrays import BoolArray, Float64Array, IntArray
from vision.crowd.movement import BAND_M
from vision.crowd.zone_view import ZoneView
from vision.geometry.zones import Line

# Neighbouring cameras part a wide exit about as finely as this.
_APART_M = 0.5
# A crossing is told by a head on one side and then on the other, both farther off than the band.
_BESIDE_M = BAND_M + 0.05
_STRAIGHT_RAD = math.radians(20.0)


@dataclass(frozen=True, slots=True, eq=False)
class BorderPlaces:
    """Places along some lines, at most half a metre apart.

    Attributes:
        xy_m: (P, 2) on the lines.
        beside_xy_m: (2, P, 2) a point on either side of each.
        lines: (P,) which of the lines each lies on. Sides of a polygon that go on in nearly the
            same direction are one: people keep to their right on either half of it.
    """

    xy_m: Float64Array
    beside_xy_m: Float64Array
    lines: IntArray

    @classmethod
    def of_polygon(cls, polygon: Polygon) -> BorderPlaces:
        corners = shapely.get_coordinates(polygon.exterior)
        sides = [(a, b) for a, b in pairwise(corners) if np.hypot(*(b - a)) > 0.0]
        return cls._along(sides, _straight(sides))

    @classmethod
    def of_line(cls, line: Line) -> BorderPlaces:
        return cls._along([(np.array(line.start_xy_m), np.array(line.end_xy_m))], [0])

    @classmethod
    def _along(
        cls, sides: Sequence[tuple[Float64Array, Float64Array]], numbers: Sequence[int]
    ) -> BorderPlaces:
        places, normals, lines = [], [], []
        for number, (start, end) in zip(numbers, sides, strict=True):
            along = end - start
            length_m = float(np.hypot(*along))
            count = max(1, math.ceil(length_m / _APART_M))
            places.append(start + (np.arange(count)[:, None] + 0.5) / count * along)
            normals.append(np.tile(np.array([-along[1], along[0]]) / length_m, (count, 1)))
            lines.append(np.full(count, number))
        xy_m, normal = np.concatenate(places), np.concatenate(normals)
        beside_xy_m = np.stack([xy_m + _BESIDE_M * normal, xy_m - _BESIDE_M * normal])
        return cls(xy_m, beside_xy_m, np.concatenate(lines))

    def nearest(self, xy_m: Float64Array) -> int:
        """Index of the place that is nearest to a point (2,)."""
        return int(np.argmin(((self.xy_m - xy_m) ** 2).sum(axis=1)))


def _straight(sides: Sequence[tuple[Float64Array, Float64Array]]) -> list[int]:
    """A number for each side of a ring; one that goes straight on from the last has the same."""
    headings = [math.atan2(*(end - start)[::-1]) for start, end in sides]
    bends = [
        abs(math.remainder(heading - before, math.tau)) > _STRAIGHT_RAD
        for before, heading in zip(headings[-1:] + headings[:-1], headings, strict=True)
    ]
    numbers = [sum(bends[: index + 1]) for index in range(len(sides))]
    # The ring may begin in the midst of a side.
    return [number % max(1, sum(bends)) for number in numbers]


class PlacesInView:
    """Some places through one camera; built once."""

    def __init__(self, places: BorderPlaces, view: ZoneView) -> None:
        grid, plane = view.grid, view.zone.head_plane
        both = places.beside_xy_m.reshape(-1, 2)
        inside = view.camera.project(np.column_stack([both, plane.z_at(both)]))[1]
        self._in_picture = inside.reshape(2, -1).all(axis=0)
        cells = grid.cell_of(both)
        # Beside the zone there is no cell to ask whether it is hidden.
        of_zone = (cells >= 0) & grid.in_zone[np.maximum(cells, 0)]
        self._cells: IntArray = np.where(of_zone, cells, -1).reshape(2, -1)
        pixels = np.append(view.pixels_per_m2.ravel(), 0.0)
        self._pixels_per_m2: Float64Array = pixels[self._cells].max(axis=0)

    def quality(self, shown: BoolArray) -> Float64Array:
        """How well a crossing is told at each place (P,), 0 where it is not.

        Args:
            shown: (rows, columns) cells of the zone that this picture shows.
        """
        # What is -1 takes the last one: no cell, nothing that hides.
        seen = np.append(shown.ravel(), True)[self._cells].all(axis=0)
        return np.where(self._in_picture & seen, 1.0 + self._pixels_per_m2, 0.0)


__all__ = ["BorderPlaces", "PlacesInView"]

"""What hides on a plan: walls, shut doors, sides of obstacles, and the wall above an open door."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry import LineString, MultiLineString
from shapely.geometry.base import BaseGeometry

from vision.arrays import BoolArray, Float64Array, read_only
from vision.errors import GeometryError
from vision.geometry.undersides import Slab

HeightLine = tuple[Sequence[tuple[float, float]], float]
"""Points of a polyline on the plan, and the height of its edge."""

SNAP_M = 0.0001
"""Barrier ends closer than this are the same point: walls drawn to touch do touch."""


@dataclass(frozen=True, slots=True)
class Sheets:
    """Upright opaque sheets on the plan, as columns.

    Attributes:
        segments_xyxy_m: (N, 4) float64, plan ends x0, y0, x1, y1 in metres.
        heights_m: (N,) float64, top edge above the plan frame's zero level; infinity for a wall
            up to the ceiling.
    """

    segments_xyxy_m: Float64Array
    heights_m: Float64Array

    def __post_init__(self) -> None:
        segments = read_only(
            self.segments_xyxy_m, name="segments_xyxy_m", dtype=np.float64, shape=(None, 4)
        )
        heights = read_only(
            self.heights_m, name="heights_m", dtype=np.float64, shape=(len(segments),)
        )
        object.__setattr__(self, "segments_xyxy_m", segments)
        object.__setattr__(self, "heights_m", heights)

    def __len__(self) -> int:
        return len(self.heights_m)

    def where(self, keep: BoolArray) -> Sheets:
        return Sheets(self.segments_xyxy_m[keep], self.heights_m[keep])


_NO_SHEETS = Sheets(np.zeros((0, 4)), np.zeros(0))


@dataclass(frozen=True, slots=True)
class Barriers:
    """What hides: walls, shut doors, sides of obstacles. Glass and open doors are not among them.

    Attributes:
        drawn: as the plan has them; they may cross and touch.
        noded: the same, cut so that they meet at their ends only.
        lintels: wall above an open door; their height is the lower edge, and they reach to the
            ceiling.
        slabs: walking surfaces at different heights: a gallery hides what is under its edge.
    """

    drawn: Sheets
    noded: Sheets
    lintels: Sheets
    slabs: tuple[Slab, ...] = ()

    @classmethod
    def of(
        cls,
        lines: Iterable[HeightLine],
        lintels: Iterable[HeightLine] = (),
        slabs: Iterable[Slab] = (),
    ) -> Barriers:
        """Barriers from polylines with a top edge each, and lintels with a lower edge each.

        Ends are snapped to a 0.1 mm grid where they are cut. Of barriers that lie on each other
        the higher counts.

        Raises:
            GeometryError: for coordinates that are not finite, or a height that is no number.
        """
        by_height = _lines_by_height(lines)
        hanging, lying = _sheets(_lines_by_height(lintels)), tuple(slabs)
        if not by_height:
            return cls(_NO_SHEETS, _NO_SHEETS, hanging, lying)
        every = [line for lines_of in by_height.values() for line in lines_of]
        pieces = _pieces(shapely.union_all(np.array(every), grid_size=SNAP_M))
        noded = Sheets(pieces, _height_of_pieces(pieces, by_height))
        return cls(_sheets(by_height), noded, hanging, lying)


def _lines_by_height(lines: Iterable[HeightLine]) -> dict[float, list[LineString]]:
    by_height: dict[float, list[LineString]] = {}
    for points_xy_m, height_m in lines:
        points = np.asarray(points_xy_m, dtype=np.float64).reshape(-1, 2)
        if not np.isfinite(points).all() or math.isnan(height_m):
            raise GeometryError("a barrier needs finite plan coordinates and a height")
        if len(points) >= 2 and np.ptp(points, axis=0).max() > 0.0:
            by_height.setdefault(float(height_m), []).append(LineString(points))
    return by_height


def _sheets(by_height: dict[float, list[LineString]]) -> Sheets:
    """The lines' straight parts as drawn."""
    if not by_height:
        return _NO_SHEETS
    segments = [_pieces(MultiLineString(lines_of)) for lines_of in by_height.values()]
    heights = np.repeat(list(by_height), [len(pieces) for pieces in segments])
    return Sheets(np.vstack(segments), heights)


def _pieces(noded: BaseGeometry) -> Float64Array:
    """Straight segments (N, 4) of noded lines."""
    lines = shapely.get_parts(noded)
    coordinates, line_index = shapely.get_coordinates(lines, return_index=True)
    long_enough = np.any(np.abs(np.diff(coordinates, axis=0)) > SNAP_M / 10.0, axis=1)
    keep = (line_index[1:] == line_index[:-1]) & long_enough
    return np.asarray(np.column_stack([coordinates[:-1], coordinates[1:]])[keep])


def _height_of_pieces(
    pieces: Float64Array, by_height: dict[float, list[LineString]]
) -> Float64Array:
    """The largest height among the source lines that run along each piece."""
    middles = shapely.points((pieces[:, :2] + pieces[:, 2:]) / 2.0)
    heights = np.full(len(pieces), -math.inf)
    nearest = np.full(len(pieces), math.inf)
    nearest_height = np.zeros(len(pieces))
    for height_m in sorted(by_height):
        distance = np.asarray(shapely.distance(MultiLineString(by_height[height_m]), middles))
        heights[distance <= 2.0 * SNAP_M] = height_m
        closer = distance <= nearest
        nearest[closer], nearest_height[closer] = distance[closer], height_m
    # Snapping can bend a long line by more than its tolerance: then the nearest source counts.
    return np.where(np.isneginf(heights), nearest_height, heights)


NO_BARRIERS = Barriers(_NO_SHEETS, _NO_SHEETS, _NO_SHEETS)


__all__ = ["NO_BARRIERS", "SNAP_M", "Barriers", "HeightLine", "Sheets"]

"""A regular grid over a zone on the plan, and the disc that density is averaged over.

Density here is the count of heads within 1 m of a place, over the part of that disc which lies in
the zone and is seen. The divisor never falls below half a disc (or the whole seen zone, where that
is smaller, but at least 1 m²): a lone pupil in a corner is not a crowd, and a disc half a metre
further in still covers the corner.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import numpy as np
import shapely
from shapely.geometry import Polygon

from vision.arrays import BoolArray, Float64Array, IntArray

CELL_M = 0.25
KERNEL_RADIUS_M = 1.0
HALF_DISC_M2 = math.pi * KERNEL_RADIUS_M**2 / 2.0
LEAST_AREA_M2 = 1.0
_SUBSAMPLES = 8
# Each set of cameras that shows a zone at the same time sees another part of it.
_MOST_DISC_AREAS = 16
# Up to so many cells one product of a matrix and all of them is several times faster than OpenCV's
# filter, most of whose cost is its start; the matrix takes 1.3 MB then.
_FEW_CELLS = 400


@dataclass(frozen=True, slots=True, eq=False)
class PlanGrid:
    """Cells of `CELL_M` over the bounding box of a zone.

    Row 0 lies at the smallest y, column 0 at the smallest x.

    Attributes:
        origin_xy_m: lower left corner of cell (0, 0).
        area_m2: (rows, columns) area of each cell that lies inside the zone.
        centres_xy_m: (rows * columns, 2) in row order.
    """

    origin_xy_m: tuple[float, float]
    area_m2: Float64Array
    centres_xy_m: Float64Array
    _disc_areas: dict[bytes, Float64Array] = field(default_factory=dict, repr=False)
    _weights: list[Float64Array] = field(default_factory=list, repr=False)

    @classmethod
    def over(cls, polygon: Polygon) -> PlanGrid:
        """The grid over the bounding box of `polygon`; its cell areas sum to the polygon's."""
        left, bottom, right, top = polygon.bounds
        columns = max(1, math.ceil((right - left) / CELL_M - 1e-9))
        rows = max(1, math.ceil((top - bottom) / CELL_M - 1e-9))
        x = left + np.arange(columns) * CELL_M
        y = bottom + np.arange(rows) * CELL_M
        grid_x, grid_y = np.meshgrid(x, y)
        area_m2 = _cell_areas_m2(polygon, grid_x, grid_y)
        centres = np.column_stack([grid_x.ravel(), grid_y.ravel()]) + CELL_M / 2.0
        area_m2.flags.writeable = False
        centres.flags.writeable = False
        return cls((left, bottom), area_m2, centres)

    @property
    def shape(self) -> tuple[int, int]:
        rows, columns = self.area_m2.shape
        return rows, columns

    @property
    def in_zone(self) -> BoolArray:
        """(rows * columns,) whether any part of the cell lies in the zone."""
        return np.asarray(self.area_m2.ravel() > 1e-9)

    def cell_of(self, points_xy_m: Float64Array) -> IntArray:
        """Flat index of the cell of each plan point (N, 2); -1 outside the grid or for NaN."""
        rows, columns = self.shape
        points = np.asarray(points_xy_m, dtype=np.float64).reshape(-1, 2)
        across = (points[:, 0] - self.origin_xy_m[0]) / CELL_M
        up = (points[:, 1] - self.origin_xy_m[1]) / CELL_M
        inside = (across >= -1e-9) & (across <= columns + 1e-9)
        inside &= (up >= -1e-9) & (up <= rows + 1e-9)
        # A point on the upper or right border belongs to the last cell.
        column = np.minimum(np.where(inside, across, 0.0).astype(np.int64), columns - 1)
        row = np.minimum(np.where(inside, up, 0.0).astype(np.int64), rows - 1)
        return np.where(inside, row * columns + column, -1)

    def disc_area_m2(self, seen: BoolArray) -> Float64Array:
        """See the function of this name."""
        key = np.asarray(seen, dtype=np.bool_).tobytes()
        known = self._disc_areas.get(key)
        if known is None:
            seen_area_m2 = np.where(seen, self.area_m2, 0.0)
            least = min(HALF_DISC_M2, max(LEAST_AREA_M2, float(seen_area_m2.sum())))
            known = np.maximum(self.disc_sum(seen_area_m2), least)
            known.flags.writeable = False
            if len(self._disc_areas) >= _MOST_DISC_AREAS:
                self._disc_areas.clear()
            self._disc_areas[key] = known
        return known

    def disc_sum(self, per_cell: Float64Array) -> Float64Array:
        """Sum of `per_cell` (rows, columns) within the 1 m disc around each cell centre."""
        padded = np.ascontiguousarray(per_cell, dtype=np.float64)
        if padded.size > _FEW_CELLS or not padded.any():
            return disc_sum(padded)
        summed = (self._disc_weights @ padded.ravel()).reshape(padded.shape)
        return np.maximum(summed, 0.0)

    @property
    def _disc_weights(self) -> Float64Array:
        """(cells, cells) with which share each cell counts in the disc around each other."""
        if not self._weights:
            cells = self.area_m2.size
            each = np.eye(cells).reshape(cells, *self.shape)
            # Symmetric: what one cell gives to the others is what they give to it.
            self._weights.append(np.stack([_filtered(one).ravel() for one in each]))
        return self._weights[0]


def _cell_areas_m2(polygon: Polygon, left_m: Float64Array, bottom_m: Float64Array) -> Float64Array:
    """(rows, columns) area of each cell inside the polygon, from the cells' lower left corners.

    Only cells at the border are cut: hundreds of thousands of whole ones would take gigabytes.
    """
    shapely.prepare(polygon)
    half_m = CELL_M / 2.0
    inside = shapely.contains_xy(polygon, left_m + half_m, bottom_m + half_m)
    area_m2 = np.where(inside, CELL_M**2, 0.0)
    cut = _at_border(polygon, left_m, bottom_m)
    x, y = left_m[cut], bottom_m[cut]
    boxes = shapely.box(x, y, x + CELL_M, y + CELL_M)
    area_m2[cut] = shapely.area(shapely.intersection(boxes, polygon))
    return area_m2


def _at_border(polygon: Polygon, left_m: Float64Array, bottom_m: Float64Array) -> BoolArray:
    """(rows, columns) cells that the polygon's border runs through, and those beside them."""
    points = shapely.get_coordinates(shapely.segmentize(polygon.boundary, CELL_M / 2.0))
    steps = (points - (left_m[0, 0], bottom_m[0, 0])) / CELL_M
    rows, columns = left_m.shape
    column = np.clip(steps[:, 0].astype(np.int64), 0, columns - 1)
    row = np.clip(steps[:, 1].astype(np.int64), 0, rows - 1)
    marked = np.zeros((rows, columns), dtype=np.uint8)
    marked[row, column] = 1
    # A point of the border is less than a cell away from the nearest of `points`.
    return np.asarray(cv2.dilate(marked, np.ones((3, 3), dtype=np.uint8)) > 0)


def disc_sum(per_cell: Float64Array) -> Float64Array:
    """As `PlanGrid.disc_sum`, for cells (rows, columns) cut out of a grid."""
    if not per_cell.any():
        return np.zeros(per_cell.shape)
    return np.maximum(_filtered(np.ascontiguousarray(per_cell, dtype=np.float64)), 0.0)


def _filtered(per_cell: Float64Array) -> Float64Array:
    summed = cv2.filter2D(per_cell, cv2.CV_64F, _DISC_KERNEL, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(summed, dtype=np.float64)


def _make_disc_kernel() -> Float64Array:
    """Share of each cell within 1 m of the centre cell's centre; odd square array."""
    reach = math.ceil(KERNEL_RADIUS_M / CELL_M)
    steps = (np.arange(_SUBSAMPLES) + 0.5) / _SUBSAMPLES - 0.5
    offsets = (np.arange(-reach, reach + 1)[:, None] + steps[None, :]).ravel() * CELL_M
    inside = offsets[:, None] ** 2 + offsets[None, :] ** 2 <= KERNEL_RADIUS_M**2
    side = 2 * reach + 1
    shares = inside.reshape(side, _SUBSAMPLES, side, _SUBSAMPLES).mean(axis=(1, 3))
    # The sampled disc is scaled to the true one, so that a full disc has exactly pi m².
    return np.asarray(shares * (math.pi * KERNEL_RADIUS_M**2 / (shares.sum() * CELL_M**2)))


_DISC_KERNEL = _make_disc_kernel()


def disc_area_m2(grid: PlanGrid, seen: BoolArray) -> Float64Array:
    """Divisor of the local density at each cell: (rows, columns) m² (see the module's text).

    Args:
        seen: (rows, columns) whether each cell is seen.

    Returns:
        read-only: it is asked several times a picture, and what is seen seldom changes.
    """
    return grid.disc_area_m2(seen)


__all__ = ["CELL_M", "KERNEL_RADIUS_M", "PlanGrid", "disc_area_m2", "disc_sum"]

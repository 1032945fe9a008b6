"""Whom each of two cameras sees on the other's side of the border between their places.

A head is placed on the head plane of its zone; one that is higher is placed further from its camera
than it stands: 0.15 m too high, 6 m from a camera 1.65 m above the plane, by 0.6 m. Where two
cameras look at each other both place a tall group beyond the border at which they take turns, and
neither would count it. So around no place fewer may count than two cameras show there, each by
itself: one of them may be wrong, both seldom are. What lies up to 2 m off weighs the less the
further off it is, as the common area of two discs of 1 m does: both miss the place by some way.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from vision.arrays import BoolArray, Float64Array, IntArray
from vision.grid import CELL_M, KERNEL_RADIUS_M, PlanGrid

# Less than this is chance: each camera misses heads of its own, and maps scatter.
_LEAST_PEOPLE = 0.5


def regained(
    grid: PlanGrid,
    cell: IntArray,
    people: Float64Array,
    origin: IntArray,
    counts: BoolArray,
    cameras: Sequence[int],
) -> BoolArray:
    """Which of N heads, or cells of density maps, count: those that do, and those regained.

    Args:
        cell: (N,) plan cell of each, -1 outside the grid.
        people: (N,) for how many each stands.
        origin: (N,) index of the camera that shows it.
        counts: (N,) whether it counts already.
        cameras: indices of those that are asked.
    """
    inside = cell >= 0
    heard = inside & np.isin(origin, cameras)
    if len(cameras) < 2 or counts[heard].all():
        return counts

    def around(which: BoolArray) -> Float64Array:
        summed = np.bincount(cell[which], people[which], grid.area_m2.size)
        return _around(grid, np.asarray(summed, dtype=np.float64))

    agreed = np.sort([around(heard & (origin == camera)) for camera in cameras], axis=0)[-2]
    counts = counts.copy()
    while True:
        missing = agreed - around(inside & counts)
        place = int(np.argmax(missing))
        if missing[place] < _LEAST_PEOPLE:
            return counts
        only = np.zeros(grid.area_m2.size)
        only[place] = 1.0
        weight = _around(grid, only)[np.maximum(cell, 0)] * people
        left = np.flatnonzero(heard & ~counts & (weight > 0.0))
        # All from one camera: two would tear one group apart.
        camera = np.bincount(origin[left], weight[left]).argmax()
        mine = left[origin[left] == camera]
        away_m = np.linalg.norm(grid.centres_xy_m[cell[mine]] - grid.centres_xy_m[place], axis=1)
        mine = mine[np.argsort(away_m, kind="stable")]
        # As large a share of them as is missing, the nearest ones.
        so_many = people[mine].sum() * missing[place] / weight[mine].sum()
        last = np.searchsorted(np.cumsum(people[mine]), so_many - _LEAST_PEOPLE)
        counts[mine[: last + 1]] = True


def _around(grid: PlanGrid, per_cell: Float64Array) -> Float64Array:
    """Sum around each cell (rows * columns,) by the weights of the module's text, 1 at most."""
    twice = grid.disc_sum(grid.disc_sum(per_cell.reshape(grid.shape)))
    return twice.ravel() * (CELL_M**2 / (math.pi * KERNEL_RADIUS_M**2))


__all__ = ["regained"]

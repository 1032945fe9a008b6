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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from vision.arrays import BoolArray, Float64Array, IntArray
from vision.geometry.grid import CELL_M, KERNEL_RADIUS_M, PlanGrid, disc_sum

# Less than this is chance: each camera misses heads of its own, and maps scatter.
_LEAST_PEOPLE = 0.5
# Weights reach so many cells.
_REACH = 2 * math.ceil(KERNEL_RADIUS_M / CELL_M)
# A grid of no more cells is looked at as a whole: to ask where costs as much.
_FEW_CELLS = 2000
_ROUNDING = 1e-6
# OpenCV filters by a Fourier transform, which leaves a trace of 1e-16 of each head everywhere. Who
# stands out of reach must not weigh for it: every weight that tells in a sum above `_ROUNDING` is
# larger than this. And of two equal places the first is taken, whatever the traces say.
_TRACE = 1e-12
_DIGITS = 9


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """N heads, or cells of density maps, of some cameras on one grid.

    Attributes:
        cell: (N,) plan cell of each, -1 outside the grid.
        people: (N,) for how many each stands.
        origin: (N,) index of the camera that shows it.
        counts: (N,) whether it counts already.
    """

    cell: IntArray
    people: Float64Array
    origin: IntArray
    counts: BoolArray


def regained(
    grid: PlanGrid,
    placed: Placed,
    cameras: Sequence[int],
    may: BoolArray | None = None,
    looked: BoolArray | None = None,
) -> BoolArray:
    """Which of N heads or cells count: those that do, and those regained.

    Args:
        cameras: indices of those that are asked.
        may: (N,) which may be regained; `None` for all.
        looked: (rows * columns,) places around which that is asked; `None` for all.
    """
    inside = placed.cell >= 0
    heard = inside & np.isin(placed.origin, cameras)
    left = heard & ~placed.counts
    if may is not None:
        left &= may
    if len(cameras) < 2 or not left.any():
        return placed.counts
    counts = placed.counts.copy()
    for window, places in _windows(grid, _may_miss(grid, placed, heard, cameras), looked):
        cell = window.cell_of(placed.cell)
        here = np.flatnonzero(cell >= 0)
        some = Placed(cell[here], placed.people[here], placed.origin[here], counts[here])
        shown = [heard[here] & (some.origin == camera) for camera in cameras]
        counts[here] = _regained_in(window, some, shown, left[here], places)
    return counts


def _may_miss(
    grid: PlanGrid, placed: Placed, heard: BoolArray, cameras: Sequence[int]
) -> BoolArray | None:
    """(rows, columns) places around which somebody may be missing at all; `None` for anywhere.

    What two cameras show there and is not counted is at least what is missing.
    """
    if grid.area_m2.size <= _FEW_CELLS:
        return None
    once, twice = np.zeros(grid.shape, dtype=np.bool_), np.zeros(grid.shape, dtype=np.bool_)
    for camera in cameras:
        which = heard & ~placed.counts & (placed.origin == camera)
        if not which.any():
            continue
        summed = np.bincount(placed.cell[which], placed.people[which], grid.area_m2.size)
        side = 2 * _REACH + 1
        most = cv2.boxFilter(
            np.asarray(summed, dtype=np.float64).reshape(grid.shape),
            cv2.CV_64F,
            (side, side),
            normalize=False,
            borderType=cv2.BORDER_CONSTANT,
        )
        enough = most >= _LEAST_PEOPLE - _ROUNDING
        twice |= once & enough
        once |= enough
    return twice


@dataclass(frozen=True, slots=True)
class _Window:
    """A part of a grid, with what reaches into it."""

    grid: PlanGrid
    rows: slice
    columns: slice

    @property
    def shape(self) -> tuple[int, int]:
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start

    def cell_of(self, cell: IntArray) -> IntArray:
        """Index in the window of cells of the grid, -1 outside it."""
        if self.shape == self.grid.shape:
            return cell
        row, column = np.divmod(cell, self.grid.shape[1])
        row, column = row - self.rows.start, column - self.columns.start
        inside = (cell >= 0) & (row >= 0) & (row < self.shape[0])
        inside &= (column >= 0) & (column < self.shape[1])
        return np.where(inside, row * self.shape[1] + column, -1)

    def away(self, cell: IntArray, place: int) -> Float64Array:
        """Distance (N,) of cells from one, in cells."""
        columns = self.shape[1]
        up, across = cell // columns - place // columns, cell % columns - place % columns
        return np.hypot(up, across)

    def around(self, cell: IntArray, people: Float64Array) -> Float64Array:
        """Sum around each cell by the weights of the module's text, which are 1 at most."""
        per_cell = np.bincount(cell, people, math.prod(self.shape)).reshape(self.shape)
        summed = self.grid.disc_sum if self.shape == self.grid.shape else disc_sum
        twice = summed(summed(np.asarray(per_cell, dtype=np.float64)))
        return twice.ravel() * (CELL_M**2 / (math.pi * KERNEL_RADIUS_M**2))


def _windows(
    grid: PlanGrid, may_miss: BoolArray | None, looked: BoolArray | None
) -> Iterator[tuple[_Window, BoolArray | None]]:
    """Parts of the grid that hold all places to look at, and which of their cells these are."""
    rows, columns = grid.shape
    if may_miss is None:
        yield _Window(grid, slice(0, rows), slice(0, columns)), looked
        return
    places = may_miss if looked is None else may_miss & looked.reshape(grid.shape)
    for part_rows, part_columns in _parts(places, 0, 0):
        core = np.zeros(grid.shape, dtype=np.bool_)
        core[part_rows, part_columns] = places[part_rows, part_columns]
        wide = _Window(grid, _widened(part_rows, rows), _widened(part_columns, columns))
        yield wide, core[wide.rows, wide.columns].ravel()


def _widened(part: slice, length: int) -> slice:
    return slice(max(0, part.start - _REACH), min(length, part.stop + _REACH))


def _parts(places: BoolArray, row: int, column: int) -> Iterator[tuple[slice, slice]]:
    """Boxes that hold all `places`, cut in halves as long as that spares a quarter of the cells.

    Args:
        row, column: of the first cell of `places` in the grid.
    """
    in_rows, in_columns = np.flatnonzero(places.any(axis=1)), np.flatnonzero(places.any(axis=0))
    if not len(in_rows):
        return
    top, left = int(in_rows[0]), int(in_columns[0])
    box = places[top : in_rows[-1] + 1, left : in_columns[-1] + 1]
    row, column = row + top, column + left
    across = box.shape[1] > box.shape[0]
    middle = box.shape[1 if across else 0] // 2
    halves = (
        [(box[:, :middle], row, column), (box[:, middle:], row, column + middle)]
        if across
        else [(box[:middle], row, column), (box[middle:], row + middle, column)]
    )
    if middle and sum(_work(half) for half, _, _ in halves) < 0.75 * _work(box):
        for half in halves:
            yield from _parts(*half)
        return
    yield slice(row, row + box.shape[0]), slice(column, column + box.shape[1])


def _work(places: BoolArray) -> int:
    """Cells of the window that the box around `places` needs."""
    in_rows, in_columns = np.flatnonzero(places.any(axis=1)), np.flatnonzero(places.any(axis=0))
    if not len(in_rows):
        return 0
    high, wide = (int(inside[-1] - inside[0]) + 1 for inside in (in_rows, in_columns))
    return (high + 2 * _REACH) * (wide + 2 * _REACH)


def _regained_in(
    window: _Window,
    placed: Placed,
    shown: Sequence[BoolArray],
    left: BoolArray,
    places: BoolArray | None,
) -> BoolArray:
    """As `regained`, in one window.

    Args:
        shown: for each camera that is asked which (N,) it shows.
        left: (N,) which may be regained.
    """
    cell, people, origin = placed.cell, placed.people, placed.origin

    def around(which: BoolArray) -> Float64Array:
        return window.around(cell[which], people[which])

    agreed = np.sort([around(which) for which in shown], axis=0)[-2]
    if places is not None:
        agreed = np.where(places, agreed, 0.0)
    counts = placed.counts.copy()
    while True:
        missing = np.round(agreed - around(counts), _DIGITS)
        if missing.max() < _LEAST_PEOPLE:
            return counts
        missing = np.where(around(left & ~counts) > _ROUNDING, missing, 0.0)
        place = int(np.argmax(missing))
        if missing[place] < _LEAST_PEOPLE:
            return counts
        reached = window.around(np.array([place]), np.ones(1))[cell]
        near, weight = np.flatnonzero(left & ~counts & (reached > _TRACE)), reached * people
        # All from one camera: two would tear one group apart.
        camera = np.round(np.bincount(origin[near], weight[near]), _DIGITS).argmax()
        mine = near[origin[near] == camera]
        mine = mine[np.argsort(window.away(cell[mine], place), kind="stable")]
        # As large a share of them as is missing, the nearest ones.
        so_many = people[mine].sum() * missing[place] / weight[mine].sum()
        last = np.searchsorted(np.cumsum(people[mine]), so_many - _LEAST_PEOPLE)
        counts[mine[: last + 1]] = True


__all__ = ["Placed", "regained"]

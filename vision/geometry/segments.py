"""Where the nearest place of some straight lines is, for many points at once.

As shapely tells it, at a tenth of its cost for the few lines and points of a picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from vision.arrays import Float64Array
from vision.geometry.zones import Line


class Segments:
    """Straight lines on the plan from start (L, 2) to end (L, 2), in metres."""

    def __init__(self, start_xy_m: Float64Array, end_xy_m: Float64Array) -> None:
        self._start = np.asarray(start_xy_m, dtype=np.float64)[:, None]
        self._along = np.asarray(end_xy_m, dtype=np.float64)[:, None] - self._start
        # A line of no length is its one point.
        self._square = np.maximum((self._along**2).sum(axis=2), 1e-18)

    @staticmethod
    def of_lines(lines: Sequence[Line]) -> Segments:
        """Exit lines, at least one; every picture asks for the same ones."""
        return _of_lines(tuple(lines))

    @classmethod
    def of_ring(cls, corners_xy_m: Float64Array) -> Segments:
        """The sides of a closed ring of corners (L + 1, 2), the first of which is the last."""
        return cls(corners_xy_m[:-1, :2], corners_xy_m[1:, :2])

    def to_nearest(self, points_xy_m: Float64Array) -> tuple[Float64Array, Float64Array]:
        """From each of N points to the nearest place of any line: (N, 2), and how far it is (N,).

        NaN for a point of NaN.
        """
        offset = points_xy_m[None] - self._start
        share = (offset * self._along).sum(axis=2) / self._square
        away = np.minimum(np.maximum(share, 0.0), 1.0)[:, :, None] * self._along - offset
        far_m = np.hypot(away[:, :, 0], away[:, :, 1])
        if len(far_m) == 1:
            return away[0], far_m[0]
        nearest, each = np.argmin(far_m, axis=0), np.arange(len(points_xy_m))
        return away[nearest, each], far_m[nearest, each]


@lru_cache(maxsize=256)
def _of_lines(lines: tuple[Line, ...]) -> Segments:
    return Segments(
        np.array([line.start_xy_m for line in lines]),
        np.array([line.end_xy_m for line in lines]),
    )


__all__ = ["Segments"]

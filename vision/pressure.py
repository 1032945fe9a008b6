"""Crowd pressure: density times the variance of the local velocity.

Helbing, Johansson and Al-Abideen 2007 (PRE 75, 046109): P = density x Var(v), with the local
velocity averaged within 1 m and its variance taken over some seconds. In ordinary two-way flow P is
high at low density, so it is told only where density is at least `LEAST_DENSITY_PER_M2`.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from vision.arrays import Float64Array
from vision.density import points_in_disc
from vision.grid import PlanGrid
from vision.instants import Utc

WINDOW_S = 10.0
LEAST_DENSITY_PER_M2 = 3.0
# Velocities change over tenths of a second; more samples than this only cost time.
_EVERY_S = 0.4
_FEWEST_SAMPLES = 12
# Over most of the window fewer do: one picture a second is all that a machine short of time takes.
_LONG_S, _FEWEST_OF_LONG = 8.0, 8


class LocalPressure:
    """Remembers the local mean velocity of one zone over the last `WINDOW_S`."""

    def __init__(self, grid: PlanGrid) -> None:
        self._grid = grid
        self._past: deque[tuple[Utc, Float64Array]] = deque()

    def update(self, points_xy_m: Float64Array, velocity_mps: Float64Array, at: Utc) -> None:
        """Take the places (N, 2) and velocities (N, 2, NaN where unknown) of one picture."""
        if self._past and at - self._past[-1][0] < _EVERY_S - 1e-6:
            return
        known = np.isfinite(velocity_mps).all(axis=1)
        places, moving = points_xy_m[known], velocity_mps[known]
        count = points_in_disc(self._grid, places, np.ones(len(places)))
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.stack(
                [points_in_disc(self._grid, places, moving[:, axis]) / count for axis in (0, 1)]
            )
        self._past.append((at, mean))
        while at - self._past[0][0] > WINDOW_S:
            self._past.popleft()

    def highest_per_s2(self, density_per_m2: Float64Array) -> float | None:
        """The largest pressure where the local density (rows, columns) reaches the least one.

        0 where it nowhere does; `None` where it does and velocities are not known long enough.
        """
        dense = density_per_m2 >= LEAST_DENSITY_PER_M2
        if not dense.any():
            return 0.0
        if not self._past:
            return None
        history = np.stack([mean for _, mean in self._past])[:, :, dense]  # (T, 2, cells)
        known = np.isfinite(history).all(axis=1, keepdims=True)
        samples = known.sum(axis=0)  # (1, cells)
        covered_s = self._past[-1][0] - self._past[0][0]
        enough = samples[0] >= (_FEWEST_SAMPLES if covered_s < _LONG_S else _FEWEST_OF_LONG)
        if not enough.any():
            return None
        # As numpy's nanvar, without its copies.
        among = np.maximum(samples, 1)
        off = history - np.where(known, history, 0.0).sum(axis=0) / among
        variance = (np.square(np.where(known, off, 0.0)).sum(axis=0) / among).sum(axis=0)
        return float(np.max((variance * density_per_m2[dense])[enough]))


__all__ = ["LEAST_DENSITY_PER_M2", "WINDOW_S", "LocalPressure"]

"""Crowd pressure: density times the variance of the local velocity.

Helbing, Johansson and Al-Abideen 2007 (PRE 75, 046109): P = density x Var(v), with the local
velocity averaged within 1 m and its variance taken over some seconds. In ordinary two-way flow P is
high at low density, so it is told only where density is at least `LEAST_DENSITY_PER_M2`.

A crowd that is pushed to and fro moves as one. Where some stand and others walk past, or one head
is taken for another, the mean of so few people changes too, by chance alone: by their spread over
their number (the variance of a sample mean). That much is no pressure and is taken away. What is
left must half of the dense place have: at its rim each step changes of whom the mean is taken.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np

from vision.arrays import BoolArray, Float64Array
from vision.crowd.density import points_in_disc
from vision.geometry.grid import PlanGrid
from vision.instants import Utc

WINDOW_S = 10.0
LEAST_DENSITY_PER_M2 = 3.0
# Velocities change over tenths of a second; more samples than this only cost time.
_EVERY_S = 0.4
_FEWEST_SAMPLES = 12
# Over most of the window fewer do: one picture a second is all that a machine short of time takes.
_LONG_S, _FEWEST_OF_LONG = 8.0, 8
# Of fewer people their spread is not known.
_FEWEST_PEOPLE = 3


class _Moment(NamedTuple):
    """The local mean velocity (2, rows, columns) of one picture, NaN where it is not known, and how
    much of its variance is chance (rows, columns)."""

    at: Utc
    mean_mps: Float64Array
    chance_m2_s2: Float64Array


class LocalPressure:
    """Remembers the local mean velocity of one zone over the last `WINDOW_S`."""

    def __init__(self, grid: PlanGrid) -> None:
        self._grid = grid
        self._past: deque[_Moment] = deque()

    def update(self, points_xy_m: Float64Array, velocity_mps: Float64Array, at: Utc) -> None:
        """Take the places (N, 2) and velocities (N, 2, NaN where unknown) of one picture."""
        if self._past and at - self._past[-1].at < _EVERY_S - 1e-6:
            return
        known = np.isfinite(velocity_mps).all(axis=1)
        places, moving = points_xy_m[known], velocity_mps[known]
        count = self._sum(places, np.ones(len(places)))
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.stack([self._sum(places, moving[:, axis]) / count for axis in (0, 1)])
            square = self._sum(places, (moving**2).sum(axis=1)) / count
            # Spread of the people about their mean (over n - 1), over n.
            chance = np.maximum(square - (mean**2).sum(axis=0), 0.0) / (count - 1.0)
        mean[:, count < _FEWEST_PEOPLE] = np.nan
        self._past.append(_Moment(at, mean, chance))
        while at - self._past[0].at > WINDOW_S:
            self._past.popleft()

    def _sum(self, places: Float64Array, values: Float64Array) -> Float64Array:
        return points_in_disc(self._grid, places, values)

    def of_dense_per_s2(self, density_per_m2: Float64Array) -> float | None:
        """The pressure that at least half of the dense place has.

        Dense is where the local density (rows, columns) reaches the least one. 0 where it nowhere
        does; `None` where it does and velocities are not known long enough.
        """
        dense = density_per_m2 >= LEAST_DENSITY_PER_M2
        if not dense.any():
            return 0.0
        if not self._past:
            return None
        history = np.stack([moment.mean_mps for moment in self._past])[:, :, dense]  # (T, 2, cells)
        chance = np.stack([moment.chance_m2_s2 for moment in self._past])[:, dense]
        known: BoolArray = np.asarray(np.isfinite(history).all(axis=1))  # (T, cells)
        samples = known.sum(axis=0)
        covered_s = self._past[-1].at - self._past[0].at
        enough = samples >= (_FEWEST_SAMPLES if covered_s < _LONG_S else _FEWEST_OF_LONG)
        if not enough.any():
            return None
        # As numpy's nanvar, without its copies.
        among = np.maximum(samples, 1)
        both = known[:, None]
        off = history - np.where(both, history, 0.0).sum(axis=0) / among
        variance = (np.square(np.where(both, off, 0.0)).sum(axis=0) / among).sum(axis=0)
        by_chance = np.where(known, chance, 0.0).sum(axis=0) / among
        pressure = np.maximum(variance - by_chance, 0.0) * density_per_m2[dense]
        return float(np.median(pressure[enough]))


__all__ = ["LEAST_DENSITY_PER_M2", "WINDOW_S", "LocalPressure"]

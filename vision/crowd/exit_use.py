"""How much of an exit's clear width people really use: a leaf that stays shut, a thing in the way.

No leaf is looked at. Where people whose lanes were spread over the width bend towards one part of
the line, and nobody crosses anywhere else, the rest of it is taken to let nobody through. Those who
walk in file beside each other do not bend, and use what they like.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from vision.arrays import BoolArray, Float64Array, IntArray
from vision.geometry.zones import Line
from vision.instants import Utc

# The lane of a head is where it was first seen at least this far before the line.
LANE_FROM_M = 1.2
# Who crosses this far beside the own lane has bent towards the opening.
BEND_M = 0.3
# Width that one body needs: shoulders of a pupil, added to the spread of the head centres.
BODY_M = 0.45
# Our judgement: five crossings within 12 s, of which the newest eight count, and 0.4 of them bent.
WINDOW_S = 12.0
_FEWEST, _MOST, _LEAST_BENT = 5, 8, 0.4
_FORGET_S = 5.0


@dataclass(frozen=True, slots=True)
class UsedWidth:
    """The part of an exit that people use.

    Attributes:
        share: of its clear width, 0..1; 1 where nobody bends towards a part of it.
        flow_per_m_s: crossings per metre of that part and second.
    """

    share: float
    flow_per_m_s: float


class ExitUse:
    """Remembers lanes and crossings of one exit line."""

    def __init__(self, line: Line) -> None:
        self._start = np.array(line.start_xy_m)
        along = np.array(line.end_xy_m) - self._start
        self._clear_m = float(np.hypot(*along))
        self._along = along / self._clear_m
        self._lanes: dict[int, tuple[float, Utc]] = {}
        self._crossings: deque[tuple[Utc, float, float | None]] = deque()

    def update(
        self,
        ids: IntArray,
        xy_m: Float64Array,
        inside: BoolArray,
        crossed: frozenset[int],
        at: Utc,
    ) -> None:
        """Take the heads (N,) of one picture, their places (N, 2), whether each stands in the
        zone, and the ids that crossed the line with this picture."""
        offset = xy_m - self._start
        places = offset @ self._along
        before = np.abs(self._along[0] * offset[:, 1] - self._along[1] * offset[:, 0])
        for head, place, far_m, within in zip(
            ids.tolist(), places.tolist(), before.tolist(), inside.tolist(), strict=True
        ):
            lane = self._lanes.get(head)
            if lane is not None:
                self._lanes[head] = (lane[0], at)
            elif within and far_m >= LANE_FROM_M:
                self._lanes[head] = (place, at)
            if head in crossed:
                self._crossings.append((at, place, None if lane is None else lane[0]))
        while self._crossings and at - self._crossings[0][0] > WINDOW_S:
            self._crossings.popleft()
        self._lanes = {
            head: lane for head, lane in self._lanes.items() if at - lane[1] <= _FORGET_S
        }

    def used(self) -> UsedWidth | None:
        """From the newest crossings; `None` with fewer than five of them in the window."""
        newest = list(self._crossings)[-_MOST:]
        lasted_s = newest[-1][0] - newest[0][0] if newest else 0.0
        if len(newest) < _FEWEST or lasted_s <= 0.0:
            return None
        places = [place for _, place, _ in newest]
        low, high = min(places), max(places)
        bent = sum(
            lane is not None and not low - BEND_M <= lane <= high + BEND_M for _, _, lane in newest
        )
        used_m = (
            min(high - low + BODY_M, self._clear_m)
            if bent >= _LEAST_BENT * len(newest)
            else self._clear_m
        )
        return UsedWidth(used_m / self._clear_m, (len(newest) - 1) / lasted_s / used_m)

    def restart(self) -> None:
        """Forget everything: there was a gap in the pictures."""
        self._lanes.clear()
        self._crossings.clear()


__all__ = ["BEND_M", "BODY_M", "LANE_FROM_M", "WINDOW_S", "ExitUse", "UsedWidth"]

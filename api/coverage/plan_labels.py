"""Places for the labels of a drawing: no label covers another or a sign that must stay readable."""

from __future__ import annotations

import math
from dataclasses import dataclass

Box = tuple[float, float, float, float]
"""Left, low, right, high, in points."""

_DIRECTIONS_DEG = (0.0, 90.0, 180.0, 270.0, 45.0, 135.0, 225.0, 315.0)
_DISTANCES = (1.0, 2.2, 3.6, 5.2, 7.0)
_GAP_PT = 1.5


@dataclass(frozen=True, slots=True)
class PlacedLabel:
    """Where a label goes.

    Attributes:
        apart: it stands so far from its sign that a line must lead to it.
    """

    box: Box
    apart: bool


class LabelPlaces:
    """The room of one drawing; whatever is placed or taken is kept free of later labels."""

    def __init__(self, frame: Box) -> None:
        self._frame = frame
        self._taken: list[Box] = []

    def take(self, box: Box) -> None:
        """Keep `box` free of labels."""
        self._taken.append(box)

    def place(
        self, at: tuple[float, float], size: tuple[float, float], reach: float
    ) -> PlacedLabel:
        """The nearest free place for a label of `size` beside the sign at `at`.

        Args:
            reach: half the size of the sign, in points; 0 for a label that may lie on its place.

        Returns:
            The first free place; where there is none, the one that covers least.
        """
        wide, high = size
        best, least, apart = _around(at, (wide, high), 0.0, 0.0, reach), math.inf, False
        options = [(0.0, 0.0)] if reach == 0.0 else []
        options += [(far, turn) for far in _DISTANCES for turn in _DIRECTIONS_DEG]
        for far, turn in options:
            box = _around(at, (wide, high), far, turn, reach)
            covered = sum(_common(box, taken) for taken in self._taken) + self._outside(box)
            if covered < least:
                best, least, apart = box, covered, far > _DISTANCES[0]
            if covered == 0.0:
                break
        self._taken.append(_grown(best))
        return PlacedLabel(best, apart)

    def _outside(self, box: Box) -> float:
        """How much of a box lies outside the frame."""
        whole = (box[2] - box[0]) * (box[3] - box[1])
        return max(0.0, whole - _common(box, self._frame))


def _around(
    at: tuple[float, float], size: tuple[float, float], far: float, turn: float, reach: float
) -> Box:
    """A box of `size` whose nearest edge lies in direction `turn` from the sign."""
    wide, high = size
    if far == 0.0:
        return (at[0] - wide / 2, at[1] - high / 2, at[0] + wide / 2, at[1] + high / 2)
    along, up = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    away = max(reach, high / 2) * far
    x = at[0] + along * (away + wide / 2)
    y = at[1] + up * (away + high / 2)
    return (x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)


def _common(a: Box, b: Box) -> float:
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    return wide * high if wide > 0.0 and high > 0.0 else 0.0


def _grown(box: Box) -> Box:
    return (box[0] - _GAP_PT, box[1] - _GAP_PT, box[2] + _GAP_PT, box[3] + _GAP_PT)


__all__ = ["Box", "LabelPlaces", "PlacedLabel"]

"""By which exit or side of a zone its heads came in.

People who turn on a landing walk against those behind them and meet nobody: all came in by one way.
Two classes that meet came in by two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

from vision.instants import Utc

_FORGET_S = 5.0
# Our judgement: farther than this nobody gets between two pictures 0.4 s apart, and less may be the
# jitter of a head that stands.
STEP_M, INWARDS_M = 0.7, 0.3


class Way(NamedTuple):
    """Where people come in: `exit_number` from 1 and side 0, or exit 0 and a side of the border."""

    exit_number: int
    side: int


class WaysIn:
    """Remembers the way of each head that was seen to come in."""

    def __init__(self) -> None:
        self._ways: dict[int, tuple[Way, Utc]] = {}
        self._found: dict[int, tuple[float, Way, Utc]] = {}

    def came_in(self, head: int, way: Way, at: Utc) -> None:
        """An exit is the better name for a place at the border."""
        known = self._ways.get(head)
        if known is None or way.exit_number or not known[0].exit_number:
            self._ways[head] = (way, at)

    def stands(self, head: int, depth_m: float, at: Utc, nearest: Callable[[], Way]) -> None:
        """Note that a head is in the zone, and how far inwards from the border.

        First found a step inside at the most, and farther in now: it came in between two pictures,
        by the way that was `nearest` when it was found. Who stands keeps the way.
        """
        known = self._found.get(head)
        first_m, way = (depth_m, nearest()) if known is None else known[:2]
        self._found[head] = (first_m, way, at)
        went_in = first_m <= STEP_M and depth_m >= first_m + INWARDS_M
        if head in self._ways:
            self._ways[head] = (self._ways[head][0], at)
        elif went_in:
            self._ways[head] = (way, at)

    def went_out(self, head: int) -> None:
        self._ways.pop(head, None)
        self._found.pop(head, None)

    def of(self, heads: Iterable[int], at: Utc) -> Counter[Way | None]:
        """How many of these heads came in by each way; `None` for those not seen to come in."""
        counted: Counter[Way | None] = Counter()
        for head in heads:
            known = self._ways.get(head)
            counted[None if known is None else known[0]] += 1
            if known is not None:
                self._ways[head] = (known[0], at)
        self._ways = {
            head: entry for head, entry in self._ways.items() if at - entry[1] <= _FORGET_S
        }
        self._found = {
            head: entry for head, entry in self._found.items() if at - entry[2] <= _FORGET_S
        }
        return counted

    def restart(self) -> None:
        """Forget everything: there was a gap in the pictures."""
        self._ways.clear()
        self._found.clear()


def one_way_share(counted: Counter[Way | None]) -> float | None:
    """Share of these people that is known to have come in by one and the same way.

    Who was not seen to come in may have come by any other. `None` without people.
    """
    everybody = counted.total()
    known = [count for way, count in counted.items() if way is not None]
    return max(known, default=0) / everybody if everybody else None


__all__ = ["Way", "WaysIn", "one_way_share"]

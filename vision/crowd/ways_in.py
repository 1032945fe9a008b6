"""By which exit or side of a zone its heads came in, and by which they go out.

People who turn on a landing, or who come from two sides and leave by one flight, may walk against
each other and meet nobody: they came in where nobody goes out. Of two classes that meet one comes
in where the other goes out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

from vision.crowd.movement import FLOW_WINDOW_S
from vision.instants import Utc

_FORGET_S = 5.0
# Fewer who went out tell no way, nor does one that has less than this share of them, or one of
# them only: at one picture a second a head is now and then taken for its neighbour.
_FEWEST_OUT, _FEWEST_BY_A_WAY, _LEAST_OUT_SHARE = 3, 2, 0.2
# Our judgement: farther than this nobody gets between two pictures 0.4 s apart, and less may be the
# jitter of a head that stands.
STEP_M, INWARDS_M = 0.7, 0.3


class Way(NamedTuple):
    """Where people come in or go out.

    `exit_number` from 1 and side 0, or exit 0 and a side of the border.
    """

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


class WaysOut:
    """Remembers by which way each head went out, for as long as flows are counted."""

    def __init__(self) -> None:
        self._ways: dict[int, tuple[Way, Utc]] = {}

    def went_out(self, head: int, way: Way, at: Utc) -> None:
        """An exit is the better name for a place at the border."""
        known = self._ways.get(head)
        if known is None or way.exit_number or not known[0].exit_number:
            self._ways[head] = (way, at)

    def counted(self, at: Utc) -> Counter[Way]:
        """How many went out by each way within the last `FLOW_WINDOW_S`."""
        self._ways = {
            head: entry for head, entry in self._ways.items() if at - entry[1] <= FLOW_WINDOW_S
        }
        return Counter(way for way, _ in self._ways.values())

    def restart(self) -> None:
        """Forget everything: there was a gap in the pictures."""
        self._ways.clear()


def share_that_may_meet(came_in: Counter[Way | None], went_out: Counter[Way]) -> float | None:
    """Share of these people that may have come in where others go out; `None` without people.

    Who was not seen to come in may have come by any way. As long as too few went out to tell, all
    may meet but those of the one way by which most came in.
    """
    everybody = came_in.total()
    if not everybody:
        return None
    known = {way: count for way, count in came_in.items() if way is not None}
    if went_out.total() < _FEWEST_OUT:
        return 1.0 - max(known.values(), default=0) / everybody
    fewest = max(_FEWEST_BY_A_WAY, _LEAST_OUT_SHARE * went_out.total())
    meet_nobody = sum(count for way, count in known.items() if went_out[way] < fewest)
    return 1.0 - meet_nobody / everybody


__all__ = ["Way", "WaysIn", "WaysOut", "share_that_may_meet"]

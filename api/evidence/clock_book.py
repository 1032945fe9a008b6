"""How far the wall clock is believed when something is to be deleted, over all runs of the service.

What a clock that ran ahead has deleted cannot be had back, so wall time counts only as far as it
has run evenly for six hours of running. A school's PC that runs for less a day collects these hours
over days: of the time between two runs nothing is known, and it counts later.

Where the clock jumps by days, due dates move with it: what was written while it stood far back is
not due because somebody puts it right. Pure; `Retention` keeps it in a file.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise

from vision.instants import Utc

_DAY_S = 86_400.0
STEADY_S = 6 * 3_600.0
# A time server may move the clock so far between two looks.
SLACK_S = 60.0
# Smaller jumps leave due dates as they are: a computer that slept over a weekend is no wrong clock.
_SHIFT_S = 7 * _DAY_S
# No service is off for so long; a clock that was never set may be put right while it is.
_LONGEST_OFF_S = 365 * _DAY_S
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Look:
    """Wall time, and how long the service had run by then since the first look that counts."""

    wall: Utc
    ran_s: float


@dataclass(frozen=True, slots=True)
class ClockBook:
    """What was seen of the wall clock.

    Attributes:
        looks: since the last jump, oldest first; no more than `believed` needs.
        shifted_days: by how many days due dates were moved in all.
    """

    looks: tuple[Look, ...] = ()
    shifted_days: int = 0

    @property
    def believed(self) -> Utc | None:
        """The clock of six running hours ago, carried on by what ran since; `None` while there are
        no six hours."""
        if not self.looks or self.looks[-1].ran_s < STEADY_S:
            return None
        newest = self.looks[-1]
        off_s = sum(
            (late.wall - early.wall) - (late.ran_s - early.ran_s)
            for early, late in pairwise(self.looks)
            if late.ran_s >= newest.ran_s - STEADY_S
        )
        return newest.wall.plus(-off_s)

    def looked(self, wall: Utc, ran_s: float | None) -> tuple[ClockBook, int]:
        """The book after one more look, and by how many days due dates are to be moved.

        Args:
            ran_s: monotonic time since the last look; `None` at the first one of a run.
        """
        if not self.looks:
            return ClockBook((Look(wall, 0.0),), self.shifted_days), 0
        passed_s = wall - self.looks[-1].wall
        jump_s = self._jump_s(passed_s, ran_s)
        if jump_s is None:
            look = Look(wall, self.looks[-1].ran_s + (ran_s or 0.0))
            return ClockBook(_needed((*self.looks, look)), self.shifted_days), 0
        days = round(jump_s / _DAY_S) if abs(jump_s) >= _SHIFT_S else 0
        return ClockBook((Look(wall, 0.0),), self.shifted_days + days), days

    def _jump_s(self, passed_s: float, ran_s: float | None) -> float | None:
        """How far the clock jumped since the last look; `None` where it ran, or may have."""
        if ran_s is not None:
            jump_s = passed_s - ran_s
            return jump_s if abs(jump_s) > SLACK_S else None
        behind_s = -self.shifted_days * _DAY_S
        if 0.0 < behind_s <= passed_s + _DAY_S:
            # It stood back, and was put right between two runs.
            return behind_s
        return passed_s if passed_s < -SLACK_S or passed_s > _LONGEST_OFF_S else None

    def to_json(self) -> bytes:
        """For the file."""
        looks = [[look.wall.ns, look.ran_s] for look in self.looks]
        book = {"format": _FORMAT, "looks": looks, "shifted_days": self.shifted_days}
        return json.dumps(book).encode()

    @classmethod
    def from_json(cls, content: bytes) -> ClockBook:
        """An empty book where the file holds none: the six hours begin anew."""
        try:
            book = json.loads(content)
            looks = tuple(Look(Utc(int(ns)), float(ran_s)) for ns, ran_s in book["looks"])
            return cls(looks, int(book["shifted_days"]))
        except (ValueError, TypeError, KeyError):
            return cls()


def _needed(looks: tuple[Look, ...]) -> tuple[Look, ...]:
    """Without what is older than six running hours, and one for many runs that were too short."""
    if len(looks) > 2 and looks[-3].ran_s == looks[-1].ran_s:
        looks = (*looks[:-2], looks[-1])
    older = [n for n, look in enumerate(looks) if look.ran_s <= looks[-1].ran_s - STEADY_S]
    return looks[max(older, default=0) :]


__all__ = ["SLACK_S", "STEADY_S", "ClockBook", "Look"]

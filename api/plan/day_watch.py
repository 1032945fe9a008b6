"""Whether the machine's day is believed before the ledger moves by it.

A machine with an empty battery or a wrong hand on its clock stands weeks away for a moment. The
ledger takes the next night at once. A farther step, ahead or back, waits until the day has stood
for a while, and beyond `MOST_NIGHTS` until an administrator has said that the day is right.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from api.plan.ledger import MOST_NIGHTS
from vision.instants import Monotonic

# Less than the time between two looks, so that the second look of a day finds it settled.
SETTLES_S = 240.0


class Standing(StrEnum):
    """What to think of the machine's day; texts `plan.day.<value>`."""

    BELIEVED = "believed"
    WAITS = "waits"
    ASKS = "asks"
    WENT_BACK = "went_back"


@dataclass(frozen=True, slots=True)
class DayNote:
    """What pages say about the day: the ledger's and the machine's."""

    standing: Standing
    ledger: date
    machine: date


@dataclass(slots=True)
class DayWatch:
    """How long the machine has shown the same day."""

    day: date
    since: Monotonic

    def see(self, machine: date, at: Monotonic) -> None:
        """Note the machine's day at every look, also where nothing is to be rolled."""
        if machine != self.day:
            self.day, self.since = machine, at

    def judge(self, ledger: date | None, at: Monotonic, *, confirmed: bool) -> Standing:
        """Whether the ledger, which stands at `ledger`, may go to the day that was seen.

        `confirmed` says that an administrator vouches for the day.
        """
        nights = 0 if ledger is None else (self.day - ledger).days
        if nights in (0, 1) or confirmed:
            return Standing.BELIEVED
        if abs(nights) > MOST_NIGHTS:
            return Standing.ASKS
        settled = at - self.since >= SETTLES_S
        return Standing.BELIEVED if settled else Standing.WAITS

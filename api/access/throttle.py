"""Slows down guessing: per account and address, and per address; never an account as a whole.

A stranger who guesses at a name cannot keep its owner out, who sits at another address, and a
desk that is signed in never comes here at all. Where many sit behind one address, what others there
mistype does not keep out who has signed in from it before.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from streams.clock import Clock
from vision.instants import Monotonic

FREE_TRIES = 5
FREE_TRIES_OF_ADDRESS = 50
_FIRST_WAIT_S = 2.0
_LONGEST_WAIT_S = 900.0
_FORGET_S = 3_600.0
_MOST_KEYS = 10_000


@dataclass(slots=True)
class _Tries:
    count: int
    last: Monotonic


@dataclass(slots=True)
class Throttle:
    """Counts failures in memory; the oldest keys are forgotten when there are too many."""

    clock: Clock
    _tries: OrderedDict[tuple[str, str], _Tries] = field(default_factory=OrderedDict)
    _known: OrderedDict[tuple[str, str], None] = field(default_factory=OrderedDict)

    def wait_s(self, account: str, address: str) -> float:
        """Seconds until the next try is looked at; 0 when it is at once."""
        own_s = self._left_s((account, address), FREE_TRIES)
        if (account, address) in self._known:
            return own_s
        return max(own_s, self._left_s(("", address), FREE_TRIES_OF_ADDRESS))

    def failed(self, account: str, address: str) -> None:
        now = self.clock.monotonic()
        for key in ((account, address), ("", address)):
            tries = self._tries.pop(key, None)
            stale = tries is None or now - tries.last > _FORGET_S
            self._tries[key] = _Tries(1 if stale or tries is None else tries.count + 1, now)
        while len(self._tries) > _MOST_KEYS:
            self._tries.popitem(last=False)

    def succeeded(self, account: str, address: str) -> None:
        """A right password clears what that person mistyped, not what the address did to others."""
        self._tries.pop((account, address), None)
        self._known.pop((account, address), None)
        self._known[account, address] = None
        while len(self._known) > _MOST_KEYS:
            self._known.popitem(last=False)

    def _left_s(self, key: tuple[str, str], free: int) -> float:
        tries = self._tries.get(key)
        if tries is None or tries.count < free:
            return 0.0
        wait_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0 ** min(tries.count - free, 20))
        return max(0.0, wait_s - (self.clock.monotonic() - tries.last))

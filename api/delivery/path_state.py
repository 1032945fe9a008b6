"""What is known of one path: misses, faults and the circuit breaker. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from vision.instants import Monotonic, Utc

MISSES_FOR_FAULT = 3
TRIPS_AFTER = 3
FIRST_PAUSE_S = 2.0
LONGEST_PAUSE_S = 30.0


class PathHealth(StrEnum):
    """UNKNOWN until the first check."""

    UNKNOWN = "unknown"
    UP = "up"
    DEGRADED = "degraded"
    FAULT = "fault"


class Breaker(StrEnum):
    """OPEN: nothing is tried. HALF: one trial is under way."""

    CLOSED = "closed"
    OPEN = "open"
    HALF = "half"


@dataclass(frozen=True, slots=True)
class PathState:
    """State of a path.

    Attributes:
        health: after the misses in a row; `since` when it became so.
        misses: failed checks and attempts since the last good one; checks alone make a fault, so
            that a burst of failing attempts does not end a path before its next check.
        failures: failed attempts in a row, for the breaker; `retry_at` when it lets one through.
    """

    since: Utc
    health: PathHealth = PathHealth.UNKNOWN
    misses: int = 0
    failures: int = 0
    breaker: Breaker = Breaker.CLOSED
    retry_at: Monotonic | None = None
    pause_s: float = FIRST_PAUSE_S
    last_receipt: Utc | None = None
    detail: str = ""

    def good(self, now: Utc, detail: str, *, receipt: bool = False) -> PathState:
        """A check or an attempt went well."""
        return replace(
            self._moved(PathHealth.UP, now),
            misses=0,
            failures=0,
            breaker=Breaker.CLOSED,
            pause_s=FIRST_PAUSE_S,
            last_receipt=now if receipt else self.last_receipt,
            detail=detail,
        )

    def missed_check(self, now: Utc, detail: str) -> PathState:
        """A check failed; the third in a row is a fault."""
        misses = self.misses + 1
        health = PathHealth.FAULT if misses >= MISSES_FOR_FAULT else PathHealth.DEGRADED
        return replace(self._moved(health, now), misses=misses, detail=detail)

    def broken(self, now: Utc, detail: str) -> PathState:
        """The path cannot work as it is set up: a fault at once."""
        moved = self._moved(PathHealth.FAULT, now)
        return replace(moved, misses=MISSES_FOR_FAULT, detail=detail)

    def failed_attempt(self, now: Utc, instant: Monotonic, detail: str) -> PathState:
        """A message did not get through; the breaker opens after some in a row."""
        health = PathHealth.DEGRADED if self.health is not PathHealth.FAULT else PathHealth.FAULT
        failures = self.failures + 1
        state = replace(self._moved(health, now), failures=failures, detail=detail)
        if failures < TRIPS_AFTER and self.breaker is Breaker.CLOSED:
            return state
        again = self.breaker is Breaker.HALF
        pause_s = min(self.pause_s * 2.0, LONGEST_PAUSE_S) if again else self.pause_s
        return replace(state, breaker=Breaker.OPEN, pause_s=pause_s, retry_at=instant.plus(pause_s))

    def lets_through(self, instant: Monotonic) -> bool:
        """Whether an attempt may use the path now."""
        if self.breaker is Breaker.CLOSED:
            return True
        if self.retry_at is None or self.breaker is Breaker.HALF:
            return False
        return instant >= self.retry_at

    def trying(self) -> PathState:
        """An attempt starts; an open breaker lets only this one through."""
        return self if self.breaker is Breaker.CLOSED else replace(self, breaker=Breaker.HALF)

    def untried(self, instant: Monotonic) -> PathState:
        """The attempt was cut short and says nothing; an open breaker may be tried again."""
        if self.breaker is Breaker.CLOSED:
            return self
        return replace(self, breaker=Breaker.OPEN, retry_at=instant)

    def _moved(self, health: PathHealth, now: Utc) -> PathState:
        if health is self.health:
            return self
        return replace(self, health=health, since=now)

"""Whether recordings may be deleted for their age: not while the wall clock may be ahead.

What a clock deletes that was set to another year, by a person or by an empty battery, cannot be had
back. A time that is far after the newest recording, or after the last look, is either that or a
time in which nothing was recorded; so age counts only once it has stood for `STEADY_S`. The budget
in bytes goes on counting meanwhile.
"""

from __future__ import annotations

from streams.clock import Clock
from vision.instants import Monotonic, Utc

# Long enough for somebody to see a wrong date; the evidence waits as long.
STEADY_S = 6 * 3_600.0
# The longest time without a recording of which nobody asks: a PC that is off every night, and over
# a weekend, must not keep pictures for ever because it never runs for six hours.
_GAP_S = 3 * 86_400.0
# The longest step of the clock of which nobody asks.
_STEP_S = 60.0


class Ageing:
    """Used by the writer's thread alone."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = clock.monotonic()
        self._ahead_s = self._offset_s()
        self._from: dict[str, Monotonic] = {}

    def found(self, camera_id: str, newest: Utc | None) -> None:
        """A ring was counted whose newest recording began then."""
        if newest is not None and self._clock.utc() - newest > _GAP_S:
            self._from[camera_id] = self._clock.monotonic().plus(STEADY_S)

    def counts_for(self, camera_id: str) -> bool:
        """Whether age counts for this camera now; looks at the clock."""
        now, ahead_s = self._clock.monotonic(), self._offset_s()
        if ahead_s - self._ahead_s > _STEP_S:
            self._began = now.plus(STEADY_S)
        self._ahead_s = ahead_s
        return now >= self._began and now >= self._from.get(camera_id, now)

    def _offset_s(self) -> float:
        """Wall time less monotonic time."""
        return self._clock.utc_at(Monotonic(0)).ns / 1e9


__all__ = ["STEADY_S", "Ageing"]

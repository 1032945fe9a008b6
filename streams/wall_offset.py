"""Wall time against monotonic time: a jump must not pass unseen."""

from __future__ import annotations

from streams.clock import SET_BACK_S, Clock
from streams.errors import WorkerError
from vision.instants import Monotonic

# Dwells and counts cannot follow a wall clock that jumps; a fresh start can.
_CLOCK_STEP_S = SET_BACK_S
# A process that is started anew has ended long before, and live cameras have spoken.
SET_FORWARD_S = 10.0
_ZERO = Monotonic(0)


class WallOffset:
    """Notices that wall time jumped against monotonic time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset_ns = self._now_ns()
        self._suspected = False

    def _now_ns(self) -> int:
        return self._clock.utc().ns - self._clock.monotonic().ns

    def check(self) -> None:
        """Raises `WorkerError` when a jump is seen twice; a slow correction is followed.

        Twice, because the process may be held up between the readings of the two clocks.
        """
        offset_ns = self._now_ns()
        step_s = (offset_ns - self._offset_ns) / 1e9
        if abs(step_s) <= _CLOCK_STEP_S:
            self._offset_ns, self._suspected = offset_ns, False
        elif self._suspected:
            raise WorkerError(f"the machine's wall clock jumped by {step_s:.1f} s; starting anew")
        else:
            self._suspected = True


class SetForward:
    """Notices that the wall clock was set forward: all that was told before looks old by it, and
    nothing is lost for that.

    A process ends for it, and the next one asks anew; one that does not end believes the new clock
    once everybody had time to speak.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._zero = clock.utc_at(_ZERO)
        self._until: Monotonic | None = None

    def lately(self) -> bool:
        """Whether it was, up to `SET_FORWARD_S` ago; to be asked every few seconds."""
        before, self._zero = self._zero, self._clock.utc_at(_ZERO)
        if self._zero - before > _CLOCK_STEP_S:
            self._until = self._clock.monotonic().plus(SET_FORWARD_S)
        return self._until is not None and self._clock.monotonic() < self._until


__all__ = ["SET_FORWARD_S", "SetForward", "WallOffset"]

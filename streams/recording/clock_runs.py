"""Which setting of the wall clock a time was told by: a clock that was set back tells times twice.

Within one run of the computer its monotonic time puts all in order. Of two runs only one order is
known: what was told by the earlier one lies before the later one began.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from streams.clock import Clock
from vision.instants import Monotonic, Utc

# Time servers set a clock back by as much now and then; it changes nothing that anybody sees.
_SAME_S = 10.0


@dataclass(frozen=True, slots=True)
class ClockRun:
    """How the wall clock stood to the computer's own.

    Attributes:
        zero: what the wall clock told when monotonic time began, by what it told later.
        boot: see `Clock.boot`.
    """

    zero: Utc
    boot: str

    @classmethod
    def of(cls, clock: Clock) -> Self:
        """As it stands now."""
        return cls(clock.utc_at(Monotonic(0)), clock.boot)

    def goes_on_from(self, before: ClockRun, until: Utc) -> bool:
        """Whether what was told up to `until` by another setting is of the times that this one
        tells; not where the clock was set back in between, nor where this is the older one."""
        if self.boot and before.boot and self.boot != before.boot:
            return until <= self.zero.plus(_SAME_S)
        # Set forward it leaves a time out, and tells none twice.
        return before.zero - self.zero <= _SAME_S

    def begun_after(self, before: ClockRun, until: Utc) -> Utc:
        """The moment by this setting after which the one before, which told `until`, was over."""
        same_run = bool(self.boot) and self.boot == before.boot
        return self.zero.plus(until - before.zero) if same_run else self.zero


__all__ = ["ClockRun"]

"""The one clock that everything in `streams` reads, and a simulated one for tests and replays.

Its wall time is an offset to monotonic time that follows the machine's wall clock. A wall clock
that is set forward is followed at once. One that is set back by up to `SET_BACK_S`, as time servers
do, is followed by running slower for a while, so that times of records and of pictures do not run
back; a larger step back is followed at once, and `streams.wall_offset` ends the process for it.
Everything in a process reads the same offset, so its cameras agree whenever each connected.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from vision.instants import Monotonic, Utc

# A wall clock that is set back by more is followed at once.
SET_BACK_S = 2.0
# Our judgement: 2 s are caught up with in 40 s, and speeds on the plan read a twentieth too high.
_SLOWER_SHARE = 0.05
_POLL_S = 0.002
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Clock(Protocol):
    """Reads both kinds of time and waits; injected wherever time matters."""

    @property
    def boot(self) -> str:
        """Of which run of the computer monotonic time tells; empty where nobody says."""
        ...

    def monotonic(self) -> Monotonic:
        """For durations."""
        ...

    def utc(self) -> Utc:
        """For records. Runs back only where the wall clock was set back by over `SET_BACK_S`."""
        ...

    def utc_at(self, moment: Monotonic) -> Utc:
        """Wall time of a moment, by the offset of now."""
        ...

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until `event` is set or `seconds` have passed; returns whether it is set."""
        ...


class FollowedWall:
    """The offset of wall time to monotonic time (see the module). Thread-safe.

    Args:
        monotonic_ns, wall_ns: read the two clocks.
    """

    def __init__(self, monotonic_ns: Callable[[], int], wall_ns: Callable[[], int]) -> None:
        self._monotonic_ns = monotonic_ns
        self._wall_ns = wall_ns
        self._lock = threading.Lock()
        first_ns = wall_ns()
        self._looked_ns = monotonic_ns()
        self._offset_ns = first_ns - self._looked_ns

    def offset_ns(self) -> int:
        """Nanoseconds to add to a monotonic time now."""
        with self._lock:
            # The process may be held up between two readings: what is known are two bounds.
            before_ns, wall_ns = self._monotonic_ns(), self._wall_ns()
            after_ns = self._monotonic_ns()
            least_ns, most_ns = wall_ns - after_ns, wall_ns - before_ns
            if self._offset_ns > most_ns:
                self._offset_ns = self._back_to(most_ns, after_ns - self._looked_ns)
            self._offset_ns = max(self._offset_ns, least_ns)
            self._looked_ns = after_ns
            return self._offset_ns

    def _back_to(self, most_ns: int, passed_ns: int) -> int:
        if self._offset_ns - most_ns > SET_BACK_S * 1e9:
            return most_ns
        return max(most_ns, self._offset_ns - round(_SLOWER_SHARE * passed_ns))


class SystemClock:
    """The machine's own clocks."""

    def __init__(self) -> None:
        self._wall = FollowedWall(time.monotonic_ns, time.time_ns)
        self._boot = _boot_id()

    @property
    def boot(self) -> str:
        return self._boot

    def monotonic(self) -> Monotonic:
        return Monotonic(time.monotonic_ns())

    def utc(self) -> Utc:
        return self.utc_at(self.monotonic())

    def utc_at(self, moment: Monotonic) -> Utc:
        return Utc(moment.ns + self._wall.offset_ns())

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.wait(max(seconds, 0.0))


def _boot_id() -> str:
    """Linux's own name of this run of the computer."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


class SimulatedClock:
    """A clock that stands still until it is advanced; each is a run of the computer of its own.

    With `self_advancing`, a wait moves the clock itself and returns at once: for code that runs in
    one thread. Otherwise a wait blocks until another thread calls `advance` far enough.
    """

    def __init__(
        self, start: Utc = Utc(1_800_000_000_000_000_000), *, self_advancing: bool = False
    ) -> None:
        self._start = start
        self._boot = uuid4().hex
        self._elapsed_ns = 0
        self._self_advancing = self_advancing
        self._lock = threading.Lock()
        self._wall = FollowedWall(
            lambda: self._elapsed_ns, lambda: self._start.ns + self._elapsed_ns
        )

    @property
    def boot(self) -> str:
        return self._boot

    def monotonic(self) -> Monotonic:
        with self._lock:
            return Monotonic(self._elapsed_ns)

    def utc(self) -> Utc:
        return self.utc_at(self.monotonic())

    def utc_at(self, moment: Monotonic) -> Utc:
        return Utc(moment.ns + self._wall.offset_ns())

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._elapsed_ns += round(seconds * 1e9)

    def step_utc(self, seconds: float) -> None:
        """Move the machine's wall clock, as a time server does; `utc` follows as `SystemClock`."""
        with self._lock:
            self._start = self._start.plus(seconds)

    def wait(self, event: threading.Event, seconds: float) -> bool:
        if self._self_advancing:
            if not event.is_set():
                self.advance(max(seconds, 0.0))
            return event.is_set()
        deadline = self.monotonic().plus(seconds)
        while self.monotonic() < deadline:
            if event.wait(_POLL_S):
                return True
        return event.is_set()


__all__ = ["SET_BACK_S", "Clock", "FollowedWall", "SimulatedClock", "SystemClock"]

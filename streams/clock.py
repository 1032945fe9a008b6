"""The one clock that everything in `streams` reads, and a simulated one for tests and replays."""

from __future__ import annotations

import threading
import time
from typing import Protocol

from vision.instants import Monotonic, Utc

_POLL_S = 0.002


class Clock(Protocol):
    """Reads both kinds of time and waits; injected wherever time matters."""

    def monotonic(self) -> Monotonic:
        """For durations."""
        ...

    def utc(self) -> Utc:
        """For records."""
        ...

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait until `event` is set or `seconds` have passed; returns whether it is set."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def monotonic(self) -> Monotonic:
        return Monotonic(time.monotonic_ns())

    def utc(self) -> Utc:
        return Utc(time.time_ns())

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.wait(max(seconds, 0.0))


class SimulatedClock:
    """A clock that stands still until it is advanced.

    With `self_advancing`, a wait moves the clock itself and returns at once: for code that runs in
    one thread. Otherwise a wait blocks until another thread calls `advance` far enough.
    """

    def __init__(
        self, start: Utc = Utc(1_800_000_000_000_000_000), *, self_advancing: bool = False
    ) -> None:
        self._start = start
        self._elapsed_ns = 0
        self._self_advancing = self_advancing
        self._lock = threading.Lock()

    def monotonic(self) -> Monotonic:
        with self._lock:
            return Monotonic(self._elapsed_ns)

    def utc(self) -> Utc:
        with self._lock:
            return Utc(self._start.ns + self._elapsed_ns)

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._elapsed_ns += round(seconds * 1e9)

    def step_utc(self, seconds: float) -> None:
        """Move wall time alone, as a time server does."""
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


__all__ = ["Clock", "SimulatedClock", "SystemClock"]

"""Readings on their way into the spool, a few at a time: each commit waits for the disk.

What is urgent goes at once, and takes along what waits before it, so that the order stays. A killed
worker loses readings of the last moment; the next ones tell the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from streams.clock import Clock
from streams.records import URGENT_KINDS
from streams.reporting import AnyRecord
from vision.instants import Monotonic

WAITS_S = 0.2


class RecordBuffer:
    """Used by one thread, which also calls `flush` now and then, and at the end."""

    def __init__(
        self,
        store: Callable[[Sequence[AnyRecord]], None],
        clock: Clock,
        on_urgent: Callable[[], None],
    ) -> None:
        """`store` keeps records durably; `on_urgent` is called after it took urgent ones."""
        self._store = store
        self._clock = clock
        self._on_urgent = on_urgent
        self._waiting: list[AnyRecord] = []
        self._since: Monotonic | None = None

    def append(self, records: Sequence[AnyRecord]) -> None:
        self._waiting.extend(records)
        now = self._clock.monotonic()
        self._since = self._since or now
        urgent = any(record.kind in URGENT_KINDS for record in records)
        if urgent or now - self._since >= WAITS_S:
            self.flush()
        if urgent:
            self._on_urgent()

    def flush(self) -> None:
        """Store what waits."""
        records, self._waiting, self._since = self._waiting, [], None
        if records:
            self._store(records)


__all__ = ["WAITS_S", "RecordBuffer"]

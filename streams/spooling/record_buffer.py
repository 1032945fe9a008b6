"""Records on their way into the spool, stored by a thread of its own: a commit waits for the disk.

A disk takes some milliseconds for each commit and, when it is busy, tenths of a second; pictures
must not wait for it. What is urgent is stored at once, with what waits before it, so that the order
stays. A killed worker loses readings of the last moment; the next ones tell the same.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Sequence

import structlog

from streams.clock import Clock
from streams.errors import SpoolError
from streams.records import URGENT_KINDS
from streams.spooling.reporting import AnyRecord

_log = structlog.get_logger(__name__)

# Short: the uploader lingers after it, and a reading waits for both.
WAITS_S = 0.05
_MOST_WAITING = 20_000


class RecordBuffer:
    """`append` is called by the analysis thread, `run` is the work of another one."""

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
        self._lock = threading.Lock()
        self._waiting: list[AnyRecord] = []
        self._wake = threading.Event()
        self._refused = False

    def append(self, records: Sequence[AnyRecord]) -> None:
        """Take records; returns at once."""
        with self._lock:
            self._waiting.extend(records)
        if _urgent(records):
            self._wake.set()

    def wake(self) -> None:
        """Store what waits now."""
        self._wake.set()

    def run(self, stop: threading.Event) -> None:
        """Store until `stop` is set (and `wake` called), then once more what is left."""
        with contextlib.suppress(SpoolError):
            while not stop.is_set():
                self._clock.wait(self._wake, WAITS_S)
                self._wake.clear()
                self.flush()
            self.flush()

    def flush(self) -> None:
        """Store what waits; what a database refuses waits for the next time.

        Raises:
            SpoolError: the spool is closed.
        """
        with self._lock:
            records, self._waiting = self._waiting, []
        if not records:
            return
        try:
            self._store(records)
        except sqlite3.Error as error:
            if not self._refused:
                _log.error("records cannot be stored for now", reason=str(error))
            self._refused = True
            with self._lock:
                self._waiting = _bounded([*records, *self._waiting])
            return
        self._refused = False
        if _urgent(records):
            self._on_urgent()


def _bounded(records: Sequence[AnyRecord]) -> list[AnyRecord]:
    """Without the oldest readings beyond the bound; what is urgent is never dropped."""
    excess = len(records) - _MOST_WAITING
    kept = []
    for record in records:
        if excess > 0 and record.kind not in URGENT_KINDS:
            excess -= 1
        else:
            kept.append(record)
    return kept


def _urgent(records: Sequence[AnyRecord]) -> bool:
    return any(record.kind in URGENT_KINDS for record in records)


__all__ = ["WAITS_S", "RecordBuffer"]

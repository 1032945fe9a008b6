"""Which core a process runs on, and how many of its threads decode at a time.

Workers that move between cores, and decode threads that all run at once, wait for each other: for
Python's lock, which a thread keeps while it is off its core, and for pictures that another one
pushed out of the cache. On two cores with 16 cameras a worker that stays on its core and decodes
one picture at a time analyses three quarters more.
"""

from __future__ import annotations

import os
import threading
from types import TracebackType

import structlog

_log = structlog.get_logger(__name__)


def usable_cores() -> tuple[int, ...]:
    """Numbers of the cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


def core_of(worker: int, workers: int, cores: tuple[int, ...]) -> int | None:
    """The core of a worker; `None` lets it move, where the cores cannot be shared out evenly."""
    if not cores or workers % len(cores):
        return None
    return cores[worker % len(cores)]


def stay_on(core: int) -> None:
    """Keep this process and the threads that it will start on one core, where that can be done."""
    try:
        os.sched_setaffinity(0, {core})
    except (AttributeError, OSError) as error:
        _log.warning("the worker cannot be kept on a core", core=core, reason=str(error))


class Turns:
    """As many decode at a time as the process has cores; a context manager of each decode."""

    def __init__(self) -> None:
        self._making = threading.Lock()
        self._free: threading.Semaphore | None = None

    def __enter__(self) -> None:
        # Counted at the first use: by then the worker has its core.
        if self._free is None:
            with self._making:
                self._free = self._free or threading.Semaphore(len(usable_cores()))
        self._free.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._free is not None:
            self._free.release()


__all__ = ["Turns", "core_of", "stay_on", "usable_cores"]

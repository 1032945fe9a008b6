"""Which core a process runs on, and how many of its threads decode at a time.

Workers that move between cores, and decode threads that all run at once, wait for each other: for
Python's lock, which a thread keeps while it is off its core, and for pictures that another one
pushed out of the cache. Decision 0015 has what was measured.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import TracebackType

import structlog

_log = structlog.get_logger(__name__)

# A core with so much to spare is lent to a worker that was behind for so many seconds, and given
# back after a minute in which it was not needed.
_SPARE_SHARE = 0.3
_LENT_AFTER_TURNS = 5
_BACK_AFTER_TURNS = 60


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


def move_to(cores: Collection[int]) -> None:
    """Let every thread of this process run on these cores."""
    for thread in Path("/proc/self/task").iterdir():
        # A thread that has just ended needs no core.
        with contextlib.suppress(OSError):
            os.sched_setaffinity(int(thread.name), cores)


class IdleTime:
    """How idle each core was since the last look, from the kernel's own count."""

    def __init__(self, stat: Path = Path("/proc/stat")) -> None:
        self._stat = stat
        self._before: dict[int, tuple[int, int]] = {}

    def shares(self) -> dict[int, float]:
        """Idle share of each core, 0..1; empty at the first look and where nobody counts."""
        now = _ticks(self._stat)
        found = {}
        for core, (idle, total) in now.items():
            idle_before, total_before = self._before.get(core, (idle, total))
            if total > total_before:
                found[core] = (idle - idle_before) / (total - total_before)
        self._before = now
        return found


def _ticks(stat: Path) -> dict[int, tuple[int, int]]:
    """Idle ticks, waiting for disks included, and all ticks of each core."""
    try:
        lines = stat.read_text(encoding="ascii").splitlines()
    except OSError:
        return {}
    found = {}
    for line in lines:
        name, *numbers = line.split()
        if name.startswith("cpu") and name[3:].isdigit():
            ticks = [int(number) for number in numbers[:8]]
            found[int(name[3:])] = (ticks[3] + ticks[4], sum(ticks))
    return found


class CoreKeeper:
    """Lends an idle core to a worker that falls behind on its own, and takes it back.

    Places are divided at the start by what cameras cost then; a stair that fills makes one worker
    dearer than another. `turn` is called once a second by one thread.
    """

    def __init__(
        self,
        home: int | None,
        idle: Callable[[], Mapping[int, float]],
        move: Callable[[Collection[int]], None] = move_to,
    ) -> None:
        """`home` is the worker's own core; `None` for one that moves freely anyway."""
        self._home = home
        self._idle = idle
        self._move = move
        self._lent: int | None = None
        self._turns = 0

    @property
    def lent(self) -> int | None:
        """The core that the worker uses beside its own."""
        return self._lent

    def status(self) -> dict[str, int | None]:
        """The worker's own core and the borrowed one."""
        return {"home": self._home, "lent": self._lent}

    def turn(self, *, behind: bool) -> None:
        """Weigh the last second; `behind` while frames are lost or rates are lowered."""
        if self._home is None:
            return
        idle = {core: share for core, share in self._idle().items() if core != self._home}
        if self._lent is None:
            spare = max(idle, key=lambda core: idle[core], default=None)
            wanted = behind and spare is not None and idle[spare] >= _SPARE_SHARE
            self._turns = self._turns + 1 if wanted else 0
            if spare is not None and self._turns >= _LENT_AFTER_TURNS:
                self._change(spare)
        else:
            needed = behind or idle.get(self._lent, 1.0) < _SPARE_SHARE
            self._turns = 0 if needed else self._turns + 1
            if self._turns >= _BACK_AFTER_TURNS:
                self._change(None)

    def _change(self, lent: int | None) -> None:
        home = self._home
        if home is None:
            return
        self._lent, self._turns = lent, 0
        self._move({home} if lent is None else {home, lent})
        _log.info("a worker that is behind uses an idle core too", own=home, lent=lent)


class Turns:
    """As many decode at a time as the process has cores; a context manager of each decode."""

    def __init__(self) -> None:
        self._making = threading.Lock()
        self._free: threading.Lock | threading.Semaphore | None = None

    def __enter__(self) -> None:
        # Counted at the first use: by then the worker has its core.
        if self._free is None:
            with self._making:
                self._free = self._free or _free(len(usable_cores()))
        self._free.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._free is not None:
            self._free.release()


def _free(cores: int) -> threading.Lock | threading.Semaphore:
    """For one at a time a lock: a semaphore of one is the same at several times the cost."""
    return threading.Lock() if cores == 1 else threading.Semaphore(cores)


__all__ = ["CoreKeeper", "IdleTime", "Turns", "core_of", "move_to", "stay_on", "usable_cores"]

"""Starts processes, watches them, and starts them again.

A process that ends is started anew after a wait that doubles from half a second to thirty, and
begins again at half a second once it ran well for a minute. One that stops giving signs of life is
killed and treated alike; one that gave none at all has twice as long at its next start, since a
machine that is short of time would end it at the same point for ever. Processes are started by the
thread that calls `run`, which must live as long as they do (Linux ties PR_SET_PDEATHSIG to it), and
never by fork after threads: `subprocess` uses vfork and exec without any code between.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import Protocol

import structlog

from streams.clock import Clock
from streams.errors import SupervisorError
from streams.heartbeat import HEARTBEAT_FD
from vision.instants import Monotonic, Utc

_log = structlog.get_logger(__name__)

_CHILD_PROGRAM = Path(__file__).with_name("child.py")
_PIPE_READ_BYTES = 4096


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """A process to keep running.

    Attributes:
        name: unique; stands in events and logs.
        argv: program and arguments.
        env: added to the supervisor's own environment.
        gives_heartbeat: it beats on the pipe named by `XIAOAN_HEARTBEAT_FD`; a process that does
            not is judged only by whether it runs.
        stop_grace_s: between SIGTERM and SIGKILL.
        stop_group: neighbours of one group are stopped at once; one without stops alone.
        waits_for: a process whose first sign of life its own first start waits for.
        waits_at_most_s: and for how long, since the other may never give one.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    gives_heartbeat: bool = True
    stop_grace_s: float = 3.0
    stop_group: str = ""
    waits_for: str = ""
    waits_at_most_s: float = 60.0


@dataclass(frozen=True, slots=True)
class SupervisorSettings:
    """Times of the supervisor.

    Attributes:
        first_wait_s, longest_wait_s: bounds of the doubling wait before a restart.
        healthy_s: a process that ran this long starts the waits anew.
        silent_s: longest silence between two heartbeats.
        startup_s: longest silence before the first one; it doubles with each start that gave none.
        longest_startup_s: and grows no further.
    """

    first_wait_s: float = 0.5
    longest_wait_s: float = 30.0
    healthy_s: float = 60.0
    silent_s: float = 10.0
    startup_s: float = 60.0
    longest_startup_s: float = 240.0
    poll_s: float = 0.2


class EventKind(StrEnum):
    """What happened to a process."""

    STARTED = "started"
    EXITED = "exited"
    HUNG = "hung"
    NOT_STARTED = "not_started"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class SupervisorEvent:
    """One event.

    Attributes:
        exit_code: negative for the number of the signal that ended it.
        restart_in_s: wait before the next start; `None` when there is none.
    """

    kind: EventKind
    name: str
    at: Utc
    pid: int | None = None
    exit_code: int | None = None
    restart_in_s: float | None = None
    detail: str = ""


class Child(Protocol):
    """A running process."""

    @property
    def pid(self) -> int: ...

    def exit_code(self) -> int | None:
        """`None` while it runs."""
        ...

    def beats(self) -> int:
        """Heartbeats since the last call."""
        ...

    def terminate(self) -> None: ...

    def kill(self) -> None: ...

    def close(self) -> None:
        """Release what belongs to it, once it has ended."""
        ...


class Spawn(Protocol):
    """Starts a process; raises `SupervisorError`."""

    def __call__(self, spec: ProcessSpec) -> Child: ...


class SubprocessChild:
    """A real process in a session of its own, which dies with this one."""

    def __init__(self, spec: ProcessSpec) -> None:
        read_end, write_end = os.pipe()
        os.set_blocking(read_end, False)
        self._pipe = read_end
        environment = {**os.environ, **spec.env, HEARTBEAT_FD: str(write_end)}
        # -I -S: the small program needs neither the user's site nor the project.
        command = [sys.executable, "-I", "-S", str(_CHILD_PROGRAM), str(os.getpid()), *spec.argv]
        try:
            self._process = subprocess.Popen(  # noqa: S603  # argv is the service's own
                command,
                env=environment,
                pass_fds=(write_end,),
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            os.close(read_end)
            raise SupervisorError(
                f"{spec.name}: {spec.argv[0]} cannot be started: {error.strerror}"
            ) from error
        finally:
            os.close(write_end)

    @property
    def pid(self) -> int:
        return self._process.pid

    def exit_code(self) -> int | None:
        if self._process.returncode is None and self._has_ended():
            # What it started shares its session and must not outlive it. Until `poll` reaps the
            # process, its id cannot belong to anybody else.
            self.kill()
        return self._process.poll()

    def beats(self) -> int:
        try:
            return len(os.read(self._pipe, _PIPE_READ_BYTES))
        except BlockingIOError:
            return 0

    def terminate(self) -> None:
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def close(self) -> None:
        os.close(self._pipe)

    def _has_ended(self) -> bool:
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self._process.pid, options) is not None

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


class Supervisor:
    """Keeps the processes of `specs` running until told to stop.

    Args:
        specs: started in this order and stopped in the opposite one.
        on_event: called from the thread of `run`.
        spawn: starts a process; tests give a fake.
    """

    def __init__(
        self,
        specs: Sequence[ProcessSpec],
        *,
        clock: Clock,
        on_event: Callable[[SupervisorEvent], None] | None = None,
        settings: SupervisorSettings | None = None,
        spawn: Spawn = SubprocessChild,
    ) -> None:
        names = [spec.name for spec in specs]
        if len(set(names)) != len(names):
            raise SupervisorError(f"two processes have one name: {', '.join(sorted(names))}")
        self._clock = clock
        self._on_event = on_event
        self._settings = settings or SupervisorSettings()
        self._spawn = spawn
        self._desks = [_Desk(spec) for spec in specs]
        self._began: Monotonic | None = None

    def run(self, stop: threading.Event) -> None:
        """Start everything, watch until `stop` is set, then stop everything."""
        try:
            while not stop.is_set():
                self.step()
                self._clock.wait(stop, self._settings.poll_s)
        finally:
            self.stop_all()

    def step(self) -> None:
        """Look once at each process, and start those that are due."""
        self._began = self._began or self._clock.monotonic()
        for desk in self._desks:
            if desk.child is not None:
                self._look(desk, desk.child)
            elif self._is_due(desk, self._began):
                self._start(desk)

    def stop_all(self) -> None:
        """Stop the processes in the opposite order of their start, a group at a time."""
        running = [desk for desk in reversed(self._desks) if desk.child is not None]
        for _, group in groupby(running, lambda desk: desk.spec.stop_group or desk.spec.name):
            self._stop([*group])

    def pids(self) -> dict[str, int]:
        """Process ids of those that run, by name."""
        return {desk.spec.name: desk.child.pid for desk in self._desks if desk.child is not None}

    def _is_due(self, desk: _Desk, began: Monotonic) -> bool:
        now = self._clock.monotonic()
        if desk.due is not None:
            return now >= desk.due
        awaited = [other for other in self._desks if other.spec.name == desk.spec.waits_for]
        silent = any(other.last_beat is None for other in awaited)
        return not silent or now - began >= desk.spec.waits_at_most_s

    def _start(self, desk: _Desk) -> None:
        try:
            child = self._spawn(desk.spec)
        except SupervisorError as error:
            wait_s = self._plan_restart(desk)
            self._tell(desk, EventKind.NOT_STARTED, restart_in_s=wait_s, detail=str(error))
            return
        desk.child = child
        desk.started = self._clock.monotonic()
        desk.last_beat = None
        desk.heard = not desk.spec.gives_heartbeat
        self._tell(desk, EventKind.STARTED, pid=child.pid)

    def _look(self, desk: _Desk, child: Child) -> None:
        now = self._clock.monotonic()
        code = child.exit_code()
        if code is not None:
            self._after_end(desk, child, code)
            return
        if child.beats() > 0:
            desk.last_beat = now
            desk.heard, desk.unheard = True, 0
        if desk.spec.gives_heartbeat and self._silent(desk, now):
            child.kill()
            self._tell(desk, EventKind.HUNG, pid=child.pid)
            desk.unheard += not desk.heard
            # The next look finds it ended; until then it is not reported again.
            desk.last_beat = now

    def _silent(self, desk: _Desk, now: Monotonic) -> bool:
        settings = self._settings
        if desk.last_beat is None:
            patience_s = settings.startup_s * 2.0 ** min(desk.unheard, 32)
            return now - desk.started > min(patience_s, settings.longest_startup_s)
        return now - desk.last_beat > settings.silent_s

    def _after_end(self, desk: _Desk, child: Child, code: int) -> None:
        if desk.heard and self._clock.monotonic() - desk.started >= self._settings.healthy_s:
            desk.failures = 0
        desk.child = None
        child.close()
        wait_s = self._plan_restart(desk)
        self._tell(desk, EventKind.EXITED, pid=child.pid, exit_code=code, restart_in_s=wait_s)

    def _plan_restart(self, desk: _Desk) -> float:
        settings = self._settings
        wait_s = min(settings.first_wait_s * 2.0 ** min(desk.failures, 32), settings.longest_wait_s)
        desk.failures += 1
        desk.due = self._clock.monotonic().plus(wait_s)
        return wait_s

    def _stop(self, desks: list[_Desk]) -> None:
        for desk in desks:
            desk.kill_at = self._clock.monotonic().plus(desk.spec.stop_grace_s)
            if desk.child is not None:
                desk.child.terminate()
        never = threading.Event()
        while desks := [desk for desk in desks if not self._has_stopped(desk)]:
            self._clock.wait(never, self._settings.poll_s / 4)

    def _has_stopped(self, desk: _Desk) -> bool:
        """Whether it has ended by itself; one whose time is over is killed, again and again."""
        child, now = desk.child, self._clock.monotonic()
        if child is None:
            return True
        if child.exit_code() is None:
            if now >= desk.kill_at:
                child.kill()
                desk.kill_at = now.plus(desk.spec.stop_grace_s)
            return False
        desk.child = None
        child.close()
        self._tell(desk, EventKind.STOPPED, pid=child.pid, exit_code=child.exit_code())
        return True

    def _tell(
        self,
        desk: _Desk,
        kind: EventKind,
        *,
        pid: int | None = None,
        exit_code: int | None = None,
        restart_in_s: float | None = None,
        detail: str = "",
    ) -> None:
        event = SupervisorEvent(
            kind=kind,
            name=desk.spec.name,
            at=self._clock.utc(),
            pid=pid,
            exit_code=exit_code,
            restart_in_s=restart_in_s,
            detail=detail,
        )
        _log.info("process", event_kind=kind.value, name=desk.spec.name, pid=pid, code=exit_code)
        if self._on_event is not None:
            self._on_event(event)


class _Desk:
    """What is remembered of one process."""

    def __init__(self, spec: ProcessSpec) -> None:
        self.spec = spec
        self.child: Child | None = None
        self.started = Monotonic(0)
        self.last_beat: Monotonic | None = None
        self.heard = False
        self.unheard = 0
        self.due: Monotonic | None = None
        self.kill_at = Monotonic(0)
        self.failures = 0


__all__ = [
    "Child",
    "EventKind",
    "ProcessSpec",
    "Spawn",
    "SubprocessChild",
    "Supervisor",
    "SupervisorEvent",
    "SupervisorSettings",
]

"""The supervisor with fake processes in simulated time, and with real ones."""

import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from config.errors import SettingsError
from streams.clock import SimulatedClock, SystemClock
from streams.errors import SupervisorError
from streams.heartbeat import HEARTBEAT_FD, Heartbeat
from streams.supervisor import (
    EventKind,
    ProcessSpec,
    SubprocessChild,
    Supervisor,
    SupervisorEvent,
    SupervisorSettings,
)

CHECKOUT = Path(__file__).resolve().parents[2]


class FakeChild:
    """A process that runs until the test or a signal ends it."""

    def __init__(self, name: str, pid: int, log: list[str]) -> None:
        self.name, self.pid, self._log = name, pid, log
        self.code: int | None = None
        self.waiting_beats = 0
        self.ignores_terminate = False
        self.closed = False

    def exit_code(self) -> int | None:
        return self.code

    def beats(self) -> int:
        beats, self.waiting_beats = self.waiting_beats, 0
        return beats

    def terminate(self) -> None:
        self._log.append(f"terminate {self.name}")
        if not self.ignores_terminate:
            self.code = -15

    def kill(self) -> None:
        self._log.append(f"kill {self.name}")
        self.code = -9

    def close(self) -> None:
        self.closed = True


class Bench:
    def __init__(self, *specs: ProcessSpec) -> None:
        self.clock = SimulatedClock(self_advancing=True)
        self.children: list[FakeChild] = []
        self.events: list[SupervisorEvent] = []
        self.log: list[str] = []
        self.refusals: deque[SupervisorError] = deque()
        self.supervisor = Supervisor(
            specs or (ProcessSpec("w1", ("worker",)),),
            clock=self.clock,
            on_event=self.events.append,
            spawn=self.spawn,
        )

    def spawn(self, spec: ProcessSpec) -> FakeChild:
        if self.refusals:
            raise self.refusals.popleft()
        self.log.append(f"start {spec.name}")
        child = FakeChild(spec.name, 100 + len(self.children), self.log)
        self.children.append(child)
        return child

    def run_for(self, seconds: float, each_step: Callable[[], None] = lambda: None) -> None:
        end = self.clock.monotonic().plus(seconds)
        while self.clock.monotonic() < end:
            self.supervisor.step()
            each_step()
            self.clock.advance(0.1)

    def told(self) -> list[tuple[str, float | None]]:
        return [(event.kind.value, event.restart_in_s) for event in self.events]


def test_a_process_that_ends_is_started_again_after_growing_waits() -> None:
    bench = Bench()

    def crash() -> None:
        bench.children[-1].code = 1

    bench.run_for(150.0, crash)
    waits = [event.restart_in_s for event in bench.events if event.kind is EventKind.EXITED]
    assert waits[:8] == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    assert all(child.closed for child in bench.children[:-1])


def test_a_minute_of_health_starts_the_waits_anew() -> None:
    bench = Bench()

    def beat() -> None:
        bench.children[-1].waiting_beats = 1

    for _ in range(3):
        bench.supervisor.step()
        bench.children[-1].code = 1
        bench.run_for(5.0, beat)
    bench.run_for(61.0, beat)
    bench.children[-1].code = 1
    bench.run_for(1.0, beat)
    waits = [event.restart_in_s for event in bench.events if event.kind is EventKind.EXITED]
    assert waits == [0.5, 1.0, 2.0, 0.5]


def test_a_process_that_ends_well_is_started_again_too() -> None:
    bench = Bench()
    bench.supervisor.step()
    bench.children[0].code = 0
    bench.run_for(1.0)
    assert [kind for kind, _ in bench.told()] == ["started", "exited", "started"]


def test_silence_after_the_first_heartbeat_is_a_hung_process() -> None:
    bench = Bench()
    bench.supervisor.step()
    bench.children[0].waiting_beats = 1
    bench.run_for(10.0)
    assert bench.log == ["start w1"]
    bench.run_for(1.5)
    assert bench.log == ["start w1", "kill w1", "start w1"]
    assert bench.told() == [("started", None), ("hung", None), ("exited", 0.5), ("started", None)]


def test_a_process_that_beats_is_left_alone() -> None:
    bench = Bench()

    def beat() -> None:
        bench.children[0].waiting_beats = 1

    bench.run_for(300.0, beat)
    assert bench.log == ["start w1"]


def test_before_the_first_heartbeat_a_process_has_a_minute_to_load() -> None:
    bench = Bench()
    bench.run_for(59.0)
    assert bench.log == ["start w1"]
    bench.run_for(3.0)
    assert bench.log[:2] == ["start w1", "kill w1"]


def test_a_machine_that_is_too_slow_to_load_in_a_minute_gets_longer() -> None:
    """Killed at the same point again and again it would never watch anything."""
    bench = Bench()
    bench.run_for(1_000.0)
    times = [(event.kind, event.at) for event in bench.events]
    begun = [at for kind, at in times if kind is EventKind.STARTED]
    given_up = [at for kind, at in times if kind is EventKind.HUNG]
    lives = [end - start for start, end in zip(begun, given_up, strict=False)]
    assert lives[:4] == pytest.approx([60.0, 120.0, 240.0, 240.0], abs=1.0)
    waits = [event.restart_in_s for event in bench.events if event.kind is EventKind.EXITED]
    assert waits[:3] == [0.5, 1.0, 2.0]


def test_one_that_has_loaded_is_asked_for_the_usual_time_again() -> None:
    bench = Bench()
    bench.run_for(62.0)
    bench.children[-1].waiting_beats = 1
    bench.run_for(1.0)
    bench.children[-1].code = 1
    bench.run_for(2.0)
    bench.run_for(62.0)
    assert bench.log.count("kill w1") == 2


def test_a_process_without_heartbeat_is_judged_by_running_only() -> None:
    bench = Bench(ProcessSpec("api", ("api",), gives_heartbeat=False))
    bench.run_for(600.0)
    assert bench.log == ["start api"]


@pytest.mark.parametrize(
    ("answers_after_s", "starts_after_s"), [(0.0, 0.2), (7.0, 7.2), (1e9, 20.0)]
)
def test_one_that_waits_starts_after_the_first_sign_of_the_other_or_at_last(
    answers_after_s: float, starts_after_s: float
) -> None:
    worker = ProcessSpec("w1", ("worker",), waits_for="api", waits_at_most_s=20.0)
    bench = Bench(ProcessSpec("api", ("api",)), worker)
    began = bench.clock.monotonic()
    while "start w1" not in bench.log:
        bench.supervisor.step()
        bench.clock.advance(0.1)
        if bench.clock.monotonic() - began >= answers_after_s:
            bench.children[0].waiting_beats = 1
    assert bench.log == ["start api", "start w1"]
    assert bench.clock.monotonic() - began == pytest.approx(starts_after_s, abs=0.21)


def test_one_that_fails_leaves_the_others_alone() -> None:
    bench = Bench(ProcessSpec("api", ("api",)), ProcessSpec("w1", ("worker",)))
    bench.supervisor.step()
    bench.children[1].code = -9
    bench.run_for(2.0)
    assert bench.log == ["start api", "start w1", "start w1"]
    assert bench.supervisor.pids() == {"api": 100, "w1": 102}


def test_stop_goes_in_the_opposite_order_and_one_by_one() -> None:
    bench = Bench(*(ProcessSpec(name, (name,)) for name in ("api", "w1", "w2")))
    bench.supervisor.step()
    bench.supervisor.stop_all()
    assert bench.log[3:] == ["terminate w2", "terminate w1", "terminate api"]
    assert all(child.closed for child in bench.children)
    assert bench.supervisor.pids() == {}


def test_a_group_stops_at_once_and_before_what_it_sends_to() -> None:
    workers = (
        ProcessSpec(name, (name,), stop_grace_s=3.0, stop_group="workers") for name in ("w1", "w2")
    )
    bench = Bench(ProcessSpec("api", ("api",)), *workers)
    bench.supervisor.step()
    for child in bench.children[1:]:
        child.ignores_terminate = True
    start = bench.clock.monotonic()
    bench.supervisor.stop_all()
    assert bench.log[3:] == [
        "terminate w2", "terminate w1", "kill w2", "kill w1", "terminate api"
    ]  # fmt: skip
    assert bench.clock.monotonic() - start == pytest.approx(3.0, abs=0.1)
    assert bench.supervisor.pids() == {}


def test_one_that_does_not_stop_is_killed_after_its_grace() -> None:
    bench = Bench(ProcessSpec("w1", ("worker",), stop_grace_s=3.0))
    bench.supervisor.step()
    bench.children[0].ignores_terminate = True
    start = bench.clock.monotonic()
    bench.supervisor.stop_all()
    assert bench.log[1:] == ["terminate w1", "kill w1"]
    assert bench.clock.monotonic() - start == pytest.approx(3.0, abs=0.1)


def test_run_stops_everything_at_its_end() -> None:
    bench = Bench()
    stop = threading.Event()
    stop.set()
    bench.supervisor.step()
    bench.supervisor.run(stop)
    assert bench.log == ["start w1", "terminate w1"]


def test_one_that_cannot_be_started_is_told_and_tried_again() -> None:
    bench = Bench()
    bench.refusals.append(SupervisorError("w1: worker cannot be started: No such file"))
    bench.run_for(1.0)
    assert bench.told() == [("not_started", 0.5), ("started", None)]
    assert "No such file" in bench.events[0].detail


def test_two_processes_of_one_name_are_refused() -> None:
    with pytest.raises(SupervisorError, match="two processes have one name"):
        Bench(ProcessSpec("w1", ("a",)), ProcessSpec("w1", ("b",)))


# With real processes.

BEAT = "import os, time\nwhile True: os.write(int(os.environ['XIAOAN_HEARTBEAT_FD']), b'.'); "


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def wait_until(condition: Callable[[], bool], seconds: float = 60.0) -> bool:
    """A generous deadline: it bounds a failing test and never decides a passing one."""
    pause = threading.Event()
    for _ in range(round(seconds / 0.02)):
        if condition():
            return True
        pause.wait(0.02)
    return condition()


def test_a_killed_process_is_started_again_for_real() -> None:
    events: list[SupervisorEvent] = []
    supervisor = Supervisor(
        [ProcessSpec("w1", python(BEAT + "time.sleep(0.1)"))],
        clock=SystemClock(),
        on_event=events.append,
    )
    supervisor.step()
    first = supervisor.pids()["w1"]
    os.kill(first, signal.SIGKILL)

    def again() -> bool:
        supervisor.step()
        return supervisor.pids().get("w1", first) != first

    assert wait_until(again)
    supervisor.stop_all()
    assert [event.kind.value for event in events] == ["started", "exited", "started", "stopped"]
    assert events[1].exit_code == -9


def test_a_stopped_process_counts_as_hung_for_real() -> None:
    events: list[SupervisorEvent] = []
    supervisor = Supervisor(
        [ProcessSpec("w1", python(BEAT + "time.sleep(0.05)"))],
        clock=SystemClock(),
        on_event=events.append,
        settings=SupervisorSettings(silent_s=1.0),
    )
    supervisor.step()
    desk = supervisor._desks[0]

    def beaten() -> bool:
        supervisor.step()
        return desk.last_beat is not None

    assert wait_until(beaten)
    pid = supervisor.pids()["w1"]
    os.kill(pid, signal.SIGSTOP)

    def hung() -> bool:
        supervisor.step()
        return EventKind.HUNG in {event.kind for event in events}

    assert wait_until(hung)
    supervisor.stop_all()
    assert not psutil.pid_exists(pid)


def test_what_a_process_started_does_not_outlive_it(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    code = (
        "import pathlib, subprocess, sys\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"pathlib.Path({str(note)!r}).write_text(str(p.pid)); sys.exit(3)"
    )
    child = SubprocessChild(ProcessSpec("w1", python(code)))
    assert wait_until(lambda: child.exit_code() is not None)
    assert child.exit_code() == 3
    child.close()
    grandchild = int(note.read_text())
    assert wait_until(lambda: not psutil.pid_exists(grandchild) or _is_zombie(grandchild))


def test_processes_die_with_a_killed_supervisor() -> None:
    code = (
        "import sys, threading\n"
        "from streams.clock import SystemClock\n"
        "from streams.supervisor import ProcessSpec, Supervisor\n"
        "s = Supervisor([ProcessSpec('w', (sys.executable, '-c', 'import time; time.sleep(600)'))],"
        " clock=SystemClock())\n"
        "s.step(); print('pid', s.pids()['w'], flush=True); s.run(threading.Event())"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=CHECKOUT
    ) as process:
        assert process.stdout is not None
        child_pid = next(int(line.split()[1]) for line in process.stdout if line.startswith("pid "))
        assert psutil.pid_exists(child_pid)
        process.kill()
    assert wait_until(lambda: not psutil.pid_exists(child_pid) or _is_zombie(child_pid))


def _is_zombie(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_program_that_does_not_exist_ends_and_is_tried_again() -> None:
    events: list[SupervisorEvent] = []
    supervisor = Supervisor(
        [ProcessSpec("w1", ("/nonexistent/program",))], clock=SystemClock(), on_event=events.append
    )

    def ended() -> bool:
        supervisor.step()
        return EventKind.EXITED in {event.kind for event in events}

    assert wait_until(ended)
    supervisor.stop_all()


def test_starting_and_ending_many_processes_leaks_no_descriptor() -> None:
    before = psutil.Process().num_fds()
    for _ in range(10):
        child = SubprocessChild(ProcessSpec("w1", python("")))
        assert wait_until(lambda child=child: child.exit_code() is not None)  # type: ignore[misc]
        child.close()
    assert psutil.Process().num_fds() == before


def test_a_heartbeat_reaches_the_other_end_and_never_blocks() -> None:
    read_end, write_end = os.pipe()
    heart = Heartbeat.from_environment({HEARTBEAT_FD: str(write_end)})
    for _ in range(100_000):  # more than any pipe holds
        heart.beat()
    assert os.read(read_end, 3) == b"..."
    os.close(read_end)
    heart.beat()
    heart.close()
    heart.beat()


@pytest.mark.parametrize("text", ["", "none", "-1"])
def test_without_a_supervisor_a_heartbeat_does_nothing(text: str) -> None:
    heart = Heartbeat.from_environment({HEARTBEAT_FD: text})
    heart.beat()
    heart.close()
    assert heart._descriptor is None


@pytest.mark.parametrize("text", ["987654", "9" * 30, "9" * 5000])
def test_a_heartbeat_of_another_process_is_refused_by_name(text: str) -> None:
    with pytest.raises(SettingsError, match=r"XIAOAN_HEARTBEAT_FD.*mend: remove"):
        Heartbeat.from_environment({HEARTBEAT_FD: text})

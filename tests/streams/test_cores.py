"""Workers and their cores."""

import os
import subprocess
import sys
import threading
from collections.abc import Collection
from pathlib import Path

import pytest

from streams.cores import CoreKeeper, IdleTime, Turns, core_of, usable_cores


@pytest.mark.parametrize(
    ("workers", "cores", "expected"),
    [
        (2, (0, 1), [0, 1]),
        (4, (2, 5), [2, 5, 2, 5]),
        (1, (0, 1), [None]),
        (3, (0, 1), [None, None, None]),
        (1, (), [None]),
    ],
)
def test_workers_stay_on_a_core_each_where_the_cores_can_be_shared_out(
    workers: int, cores: tuple[int, ...], expected: list[int | None]
) -> None:
    assert [core_of(worker, workers, cores) for worker in range(workers)] == expected


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity")
def test_a_process_that_stays_on_a_core_decodes_one_picture_at_a_time() -> None:
    program = (
        "from streams.cores import *; core = usable_cores()[-1]; stay_on(core); turns = Turns()\n"
        "with turns: print(usable_cores() == (core,), turns._free.acquire(blocking=False))"
    )
    command = [sys.executable, "-c", program]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout.split() == ["True", "False"]


def test_at_most_as_many_threads_as_cores_hold_a_turn() -> None:
    turns, most = Turns(), [0]
    holding, lock = [0], threading.Lock()
    gate = threading.Barrier(6)

    def work() -> None:
        gate.wait()
        for _ in range(50):
            with turns:
                with lock:
                    holding[0] += 1
                    most[0] = max(most[0], holding[0])
                with lock:
                    holding[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= most[0] <= len(usable_cores())


def test_a_turn_is_given_back_after_a_fault() -> None:
    turns = Turns()
    for _ in range(2 * len(usable_cores())):
        with pytest.raises(ValueError, match="damaged"), turns:
            raise ValueError("damaged")


class Machine:
    """Two cores; the worker lives on the first."""

    def __init__(self, home: int | None = 0) -> None:
        self.idle = {0: 0.0, 1: 0.6}
        self.moves: list[set[int]] = []
        self.keeper = CoreKeeper(home, lambda: self.idle, self.move)

    def move(self, cores: Collection[int]) -> None:
        self.moves.append(set(cores))

    def seconds(self, count: int, *, behind: bool) -> None:
        for _ in range(count):
            self.keeper.turn(behind=behind)


def test_a_worker_that_is_behind_uses_an_idle_core_and_gives_it_back() -> None:
    machine = Machine()
    machine.seconds(4, behind=True)
    assert machine.moves == []
    machine.seconds(1, behind=True)
    assert machine.moves == [{0, 1}]
    assert machine.keeper.lent == 1
    # While it uses the other core, that one has little to spare: that is no reason to leave it.
    machine.idle[1] = 0.1
    machine.seconds(300, behind=False)
    assert machine.keeper.lent == 1
    machine.idle[1] = 0.9
    machine.seconds(59, behind=False)
    machine.seconds(1, behind=True)
    machine.seconds(59, behind=False)
    assert machine.keeper.lent == 1
    machine.seconds(1, behind=False)
    assert machine.moves == [{0, 1}, {0}]


@pytest.mark.parametrize(
    ("home", "spare", "behind"), [(0, 0.2, True), (0, 0.9, False), (None, 0.9, True)]
)
def test_no_core_is_lent_where_none_is_idle_or_none_is_needed(
    home: int | None, spare: float, behind: bool
) -> None:
    machine = Machine(home)
    machine.idle[1] = spare
    machine.seconds(60, behind=behind)
    assert machine.moves == []


def test_idle_time_is_read_from_the_kernel_by_difference(tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    idle = IdleTime(stat)
    assert idle.shares() == {}
    stat.write_text("cpu  9 9 9 9\ncpu0 100 0 0 900 0 0 0 0 0 0\ncpu1 0 0 0 50 50 0 0 0 0 0\n")
    assert idle.shares() == {}
    stat.write_text("cpu  9 9 9 9\ncpu0 175 0 0 925 0 0 0 0 0 0\ncpu1 0 0 0 100 100 0 0 0 0 0\n")
    assert idle.shares() == {0: 0.25, 1: 1.0}


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity")
def test_every_thread_of_a_process_is_moved() -> None:
    program = (
        "import os, threading\n"
        "from streams.cores import *\n"
        "cores = usable_cores(); stay_on(cores[0]); seen = []\n"
        "ready, go = threading.Event(), threading.Event()\n"
        "def work(): ready.set(); go.wait(); seen.append(usable_cores())\n"
        "thread = threading.Thread(target=work); thread.start(); ready.wait()\n"
        "move_to(cores); go.set(); thread.join(); print(seen == [cores] == [usable_cores()])"
    )
    command = [sys.executable, "-c", program]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout.split() == ["True"]

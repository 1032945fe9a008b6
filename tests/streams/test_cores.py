"""Workers and their cores."""

import os
import subprocess
import sys
import threading

import pytest

from streams.cores import Turns, core_of, usable_cores


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

import threading

import pytest

from streams.clock import FollowedWall, SimulatedClock, SystemClock
from vision.instants import Utc


def test_a_simulated_clock_moves_both_times_together() -> None:
    clock = SimulatedClock(Utc(1_000_000_000))
    start = clock.monotonic()
    clock.advance(2.5)
    assert clock.monotonic() - start == 2.5
    assert clock.utc() == Utc(3_500_000_000)


def test_a_step_of_wall_time_leaves_durations_alone() -> None:
    clock = SimulatedClock(Utc(0))
    start = clock.monotonic()
    clock.step_utc(3600.0)
    assert clock.monotonic() - start == 0.0
    assert clock.utc() == Utc(3_600_000_000_000)


def test_a_self_advancing_wait_takes_simulated_time_only() -> None:
    clock = SimulatedClock(self_advancing=True)
    start = clock.monotonic()
    assert clock.wait(threading.Event(), 3600.0) is False
    assert clock.monotonic() - start == 3600.0


def test_a_blocked_wait_ends_when_another_thread_advances() -> None:
    clock = SimulatedClock()
    results: list[bool] = []
    waiter = threading.Thread(target=lambda: results.append(clock.wait(threading.Event(), 10.0)))
    waiter.start()
    clock.advance(11.0)
    waiter.join(10.0)
    assert results == [False]


def test_a_set_event_ends_a_wait_at_once() -> None:
    event = threading.Event()
    event.set()
    for clock in (SystemClock(), SimulatedClock(), SimulatedClock(self_advancing=True)):
        assert clock.wait(event, 3600.0) is True


def test_the_system_clock_never_runs_back() -> None:
    clock = SystemClock()
    first, second = clock.monotonic(), clock.monotonic()
    assert second >= first
    assert clock.utc() > Utc.from_iso("2026-01-01T00:00:00Z")


@pytest.mark.parametrize("back_s", [0.001, 0.5, 1.0, 2.0])
def test_a_small_step_back_slows_wall_time_until_it_is_made_up_for(back_s: float) -> None:
    clock = SimulatedClock(Utc(0))
    clock.step_utc(-back_s)
    previous, seconds = clock.utc(), 0
    assert previous == Utc(0)
    while clock.utc().ns > seconds * 10**9 - round(back_s * 1e9):
        clock.advance(1.0)
        seconds += 1
        assert 0.95 <= clock.utc() - previous <= 1.0
        previous = clock.utc()
    # A twentieth of a second each second.
    assert seconds == -(-back_s // 0.05)


def test_a_large_step_back_is_followed_at_once_also_when_small_ones_add_up_to_it() -> None:
    clock = SimulatedClock(Utc(0))
    clock.step_utc(-2.001)
    assert clock.utc() == Utc(-2_001_000_000)
    for _ in range(3):
        clock.step_utc(-0.6)
        assert clock.utc() == Utc(-2_001_000_000)
    clock.step_utc(-0.6)
    assert clock.utc() == Utc(-4_401_000_000)


def test_a_process_that_is_held_up_between_two_clocks_sees_no_step() -> None:
    """Five seconds pass between the readings of the two clocks, before and after."""
    monotonic_s = iter([5, 6, 6, 6, 12, 12, 17])
    wall_s = iter([100, 106, 111, 112])
    wall = FollowedWall(lambda: next(monotonic_s) * 10**9, lambda: next(wall_s) * 10**9)
    # The first reading was held up: wall time is 100 s ahead, and 95 s is all that is known.
    assert wall.offset_ns() == 100 * 10**9
    assert wall.offset_ns() == 100 * 10**9
    assert wall.offset_ns() == 100 * 10**9

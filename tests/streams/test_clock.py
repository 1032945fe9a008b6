import threading

from streams.clock import SimulatedClock, SystemClock
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

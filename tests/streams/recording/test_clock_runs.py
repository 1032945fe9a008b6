"""Which setting of the clock told a time, within one run of the computer and over two."""

from __future__ import annotations

import pytest

from streams.clock import SimulatedClock, SystemClock
from streams.recording import ClockRun
from tests.streams.recording.films import START

HOUR_S = 3_600.0


@pytest.mark.parametrize(
    ("boots", "zero_s", "until_s", "goes_on"),
    [
        # The same setting, one that a time server put right, and one that was set forward.
        ("aa", 0.0, 9 * HOUR_S, True),
        ("aa", 1.5, 9 * HOUR_S, True),
        ("aa", -HOUR_S, 9 * HOUR_S, True),
        # It was set back.
        ("aa", HOUR_S, 9 * HOUR_S, False),
        # An earlier run of the computer ends before this one begins, or its clock was ahead.
        ("ba", -9 * HOUR_S, -60.0, True),
        ("ba", -9 * HOUR_S, 60.0, False),
        # A later one, asked for by what an earlier clock told.
        ("ba", 2 * HOUR_S, 3 * HOUR_S, False),
        # Notes that tell no boot.
        ("-a", 0.0, HOUR_S, True),
        ("-a", -9 * HOUR_S, HOUR_S, True),
        ("-a", HOUR_S, 2 * HOUR_S, False),
    ],
)
def test_what_was_told_before(boots: str, zero_s: float, until_s: float, goes_on: bool) -> None:
    before, now = (boot.strip("-") for boot in boots)
    run = ClockRun(START, now)
    assert run.goes_on_from(ClockRun(START.plus(zero_s), before), START.plus(until_s)) is goes_on


def test_a_clock_that_is_set_back_begins_when_what_it_told_before_was_over() -> None:
    clock = SimulatedClock(START)
    clock.advance(9 * HOUR_S)
    before, until = ClockRun.of(clock), clock.utc()
    clock.step_utc(-HOUR_S)
    run = ClockRun.of(clock)
    assert not run.goes_on_from(before, until)
    assert run.begun_after(before, until) == clock.utc()
    other = SimulatedClock(START.plus(7 * HOUR_S))
    assert ClockRun.of(other).begun_after(before, until) == START.plus(7 * HOUR_S)


def test_the_machine_names_this_run_of_it() -> None:
    assert SystemClock().boot == SystemClock().boot
    assert SimulatedClock().boot != SimulatedClock().boot

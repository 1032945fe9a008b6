import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.backoff import Backoff, BackoffSettings


def test_waits_double_up_to_the_longest() -> None:
    settings = BackoffSettings(first_s=0.5, longest_s=4.0, jitter=0.0)
    backoff = Backoff(settings, random.Random(1))
    assert [backoff.next_wait_s() for _ in range(6)] == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0]
    assert backoff.failures == 6


def test_reset_begins_anew() -> None:
    backoff = Backoff(BackoffSettings(jitter=0.0), random.Random(1))
    backoff.next_wait_s()
    backoff.next_wait_s()
    backoff.reset()
    assert backoff.next_wait_s() == 0.5


@pytest.mark.parametrize(("floor_s", "expected_s"), [(0.0, 0.5), (60.0, 60.0)])
def test_a_floor_overrides_the_wait(floor_s: float, expected_s: float) -> None:
    backoff = Backoff(BackoffSettings(jitter=0.0), random.Random(1))
    assert backoff.next_wait_s(floor_s) == expected_s


@given(seed=st.integers(0, 2**32), failures=st.integers(1, 2000))
def test_jitter_shortens_by_at_most_half_and_never_passes_the_longest(
    seed: int, failures: int
) -> None:
    settings = BackoffSettings(first_s=0.5, longest_s=5.0, jitter=0.5)
    backoff = Backoff(settings, random.Random(seed))
    waits = [backoff.next_wait_s() for _ in range(min(failures, 40))]
    for number, wait_s in enumerate(waits):
        full_s = min(0.5 * 2.0**number, 5.0)
        assert full_s / 2 <= wait_s <= full_s


def test_many_failures_do_not_overflow() -> None:
    backoff = Backoff(BackoffSettings(jitter=0.0), random.Random(1))
    for _ in range(5000):
        wait_s = backoff.next_wait_s()
    assert wait_s == 5.0

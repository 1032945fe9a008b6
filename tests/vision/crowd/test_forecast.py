"""What the last seconds of a zone foretell: by hand, at each limit."""

import math

import pytest

from tests.vision.risk_cases import START
from vision.crowd.forecast import (
    Sample,
    grown_by,
    newest_of,
    recent_speed_mps,
    rise_per_s,
    robust_slope,
    since_clear,
    stops,
    time_to_reach,
)


def samples(
    count: int, *, every_s: float = 1.0, per_s: float = 0.1, std: float = 0.0, wave: float = 0.0
) -> list[Sample]:
    """Density 1 at first, rising; `wave` is added to and taken from every other sample."""
    return [
        Sample(START.plus(n * every_s), 1.0 + per_s * n * every_s + wave * (-1) ** n, std)
        for n in range(count)
    ]


@pytest.mark.parametrize(
    ("history", "per_s"),
    [
        (samples(10), 0.1),
        (samples(8), 0.1),
        (samples(7), None),  # too few
        (samples(8, every_s=0.9), 0.1),  # 6.3 s of 10 s
        (samples(8, every_s=0.8), None),  # 5.6 s
        (samples(10, per_s=0.045), 0.045),  # 0.405 per m2 in 9 s
        (samples(10, per_s=0.044), None),  # 0.396
        (samples(10, std=0.85), 0.1),  # 0.9 per m2, and one standard error
        (samples(10, std=0.95), None),
        (samples(10, per_s=-0.1), None),
        (samples(10, per_s=0.0), None),
        ([], None),
        (samples(200, every_s=0.05), 0.1),  # more than are compared in pairs
    ],
)
def test_a_rise_stands_out_or_is_none(history: list[Sample], per_s: float | None) -> None:
    found = rise_per_s(history, 10.0)
    assert found == (None if per_s is None else pytest.approx(per_s))


@pytest.mark.parametrize(("wave", "rises"), [(0.2, True), (0.5, False)])
def test_a_rise_stands_out_of_the_up_and_down_of_a_crowd(wave: float, *, rises: bool) -> None:
    """0.9 per m2 against twice 1.25 times the mean step from the slope."""
    assert (rise_per_s(samples(10, wave=wave), 10.0) is not None) == rises


def test_only_the_last_seconds_are_looked_at() -> None:
    fell = samples(11, per_s=-0.5)
    rose = [
        Sample(START.plus(10.0 + n), sample.density_per_m2, 0.0)
        for n, sample in enumerate(samples(11), start=1)
    ]
    assert rise_per_s([*fell, *rose], 10.0) == pytest.approx(0.1)
    assert [one.at - START for one in newest_of([*fell, *rose], 2.0)] == [19.0, 20.0, 21.0]


@pytest.mark.parametrize(
    ("density", "threshold", "seconds"), [(1.9, 2.4, 5.0), (2.4, 2.4, 0.0), (3.0, 2.4, 0.0)]
)
def test_time_to_a_threshold(density: float, threshold: float, seconds: float) -> None:
    assert time_to_reach(samples(10), density, threshold, 10.0) == pytest.approx(seconds)
    assert time_to_reach(samples(10, per_s=0.0), density, threshold, 10.0) is None


def test_one_wild_sample_in_ten_turns_no_slope() -> None:
    times = [float(n) for n in range(10)]
    values = [0.1 * time for time in times]
    values[4] = 50.0
    assert robust_slope(times, values) == pytest.approx(0.1)
    # The median of an even number of slopes lies between the two in the middle: 1, 2, 3 and
    # 5/2, 3, 4 of four points.
    assert robust_slope([0.0, 1.0, 2.0, 3.0], [0.0, 1.0, 3.0, 6.0]) == pytest.approx(2.0)
    assert robust_slope([0.0, 0.0, 1.0], [5.0, 1.0, 3.0]) == pytest.approx(0.0)


def walked(*speeds_mps: float | None) -> list[Sample]:
    return [Sample(START.plus(n), 1.0, 0.1, speed) for n, speed in enumerate(speeds_mps)]


@pytest.mark.parametrize(
    ("speeds_mps", "count"),
    [
        ((), None),
        ((None, None), None),
        ((0.5, 0.5), 0),
        ((0.05, 0.05), 0),  # it stood from the first on
        ((0.5, 0.05), 1),
        ((0.5, 0.05, 0.05), 1),
        ((0.5, 0.05, 0.2, 0.05), 1),  # it did not walk in between
        ((0.5, 0.05, 0.5, 0.05), 2),
        ((0.5, 0.2, None, 0.05), 1),
        ((0.4, 0.1), 0),  # neither above the one nor below the other
    ],
)
def test_how_often_a_crowd_stopped(speeds_mps: tuple[float | None, ...], count: int | None) -> None:
    assert stops(walked(*speeds_mps), stand_mps=0.1, walk_mps=0.4) == count


@pytest.mark.parametrize(
    ("speeds_mps", "recent"),
    [
        ((), None),
        ((None, None), None),
        ((9.0, 0.1, 0.2, 0.3, 0.4, 0.5), 0.3),  # the first is 5 s old
        ((0.1, 0.2, 0.3, 0.4, 0.6), 0.3),  # that of 4 s ago still counts
        ((None, 0.1, None, 0.5, None), 0.3),
    ],
)
def test_the_recent_speed_is_the_median_of_four_seconds(
    speeds_mps: tuple[float | None, ...], recent: float | None
) -> None:
    found = recent_speed_mps(walked(*speeds_mps))
    assert found == (None if recent is None else pytest.approx(recent))
    assert found is None or not math.isnan(found)


@pytest.mark.parametrize(
    ("counts", "by"),
    [
        ((9, 9, 9), None),  # too short a time to tell
        ((4,) * 15 + (9,) * 5, 5),
        ((9,) * 5 + (4,) * 10 + (9,) * 5, 5),  # others left before they came
        ((9,) * 20, 0),
        ((9, 9, 8, 9, 9) * 4, 0),  # one is missed now and then
        ((9,) * 15 + (4,) * 5, 0),
    ],
)
def test_how_many_more_are_there_than_when_they_were_fewest(
    counts: tuple[int, ...], by: float | None
) -> None:
    history = [Sample(START.plus(n), 1.0, 0.0, people=count) for n, count in enumerate(counts)]
    assert grown_by(history) == by


@pytest.mark.parametrize(
    ("densities", "left"),
    [
        ((2.0, 2.0, 2.0), 3),
        ((0.0, 0.0, 2.0, 2.0), 2),  # those before have left
        ((2.0, 0.0, 0.0, 2.0), 1),
        ((2.0, 0.0, 2.0, 2.0), 4),  # one picture in which somebody is missed
        ((2.0, 0.0, 0.0), 0),
        ((), 0),
    ],
)
def test_since_when_a_crowd_stands(densities: tuple[float, ...], left: int) -> None:
    history = [Sample(START.plus(n), density, 0.0) for n, density in enumerate(densities)]
    assert list(since_clear(history, 1.2)) == history[len(history) - left :]

"""A fault over time, sample by sample: when it opens, since when, and when it closes."""

import pytest

from vision.health.fault_course import Course, Fault, HealthEvent, Persistence, Sign, step
from vision.instants import Utc

START = Utc.from_iso("2026-09-01T00:00:00Z")
EVERY_S = 10.0


def after(
    samples: str, persistence: Persistence, measured: dict[int, float] | None = None
) -> list[HealthEvent]:
    """The events of samples 10 s apart: `x` shows the sign, `.` does not, a blank is none.

    Each sample measured 5, or what `measured` says of it.
    """
    course, events = Course(), []
    for place, sample in enumerate(samples):
        if sample == " ":
            continue
        sign = Sign((measured or {}).get(place, 5.0), 3.0, sample == "x")
        at = START.plus(place * EVERY_S)
        course, event = step(course, Fault.DARK, at, sign, persistence)
        events += [] if event is None else [event]
    return events


def places(events: list[HealthEvent]) -> list[tuple[bool, int, int]]:
    """Whether each opened, at which sample, and since which."""
    return [
        (one.opened, round((one.at - START) / EVERY_S), round((one.since - START) / EVERY_S))
        for one in events
    ]


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ("xx", []),
        ("xxx", [(True, 2, 0)]),
        (".x.x.x", [(True, 5, 1)]),
        # The window is 60 s, both ends in it.
        ("x  x  x", [(True, 6, 0)]),
        ("x  x   x", []),
        ("x  x   xx", [(True, 8, 3)]),
        # It opens once however long it lasts.
        ("xxxxxxxxxxxx", [(True, 2, 0)]),
        ("xxx..", [(True, 2, 0)]),
        ("xxx...", [(True, 2, 0), (False, 5, 0)]),
        # Three good samples in a row, and what opened it is forgotten with them.
        ("xxx..x..x..", [(True, 2, 0)]),
        ("xxx...xx", [(True, 2, 0), (False, 5, 0)]),
        ("xxx...xxx", [(True, 2, 0), (False, 5, 0), (True, 8, 6)]),
        ("xxx......", [(True, 2, 0), (False, 5, 0)]),
    ],
)
def test_three_signs_in_a_minute_open_and_three_good_samples_close(
    samples: str, expected: list[tuple[bool, int, int]]
) -> None:
    events = after(samples, Persistence(window_s=60.0, samples=3, clear_samples=3))
    assert places(events) == expected


def test_an_event_tells_what_was_compared_and_how_long_it_lasted() -> None:
    opened, closed = after("xxx...", Persistence(), {2: 7.5, 5: 1.5})
    assert (opened.fault, opened.measured, opened.limit) == (Fault.DARK, 7.5, 3.0)
    assert (closed.measured, closed.limit) == (1.5, 3.0)
    assert (opened.duration_s, closed.duration_s) == (20.0, 50.0)


@pytest.mark.parametrize(("samples", "opens"), [("xx.x", False), ("xx.xx", False), (".xxx", True)])
def test_what_does_not_flicker_begins_anew_after_a_sample_without_it(
    samples: str, *, opens: bool
) -> None:
    events = after(samples, Persistence(samples=3, unbroken=True))
    assert bool(events) == opens


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        ({0: 10.0, 1: 12.0, 2: 14.0}, []),  # 4 lie between the first and the newest
        ({0: 10.0, 1: 12.0, 2: 12.0, 3: 12.0}, [(True, 2, 0)]),  # exactly 2 still agree
        ({0: 16.0, 1: 12.0, 2: 12.0, 3: 12.0}, [(True, 3, 1)]),  # since the first that agrees
        ({0: -12.0, 1: 12.0, 2: -12.0, 3: 12.0}, []),  # as far, the other way
    ],
)
def test_signs_count_together_when_they_measured_about_the_same(
    measured: dict[int, float], expected: list[tuple[bool, int, int]]
) -> None:
    events = after("x" * len(measured), Persistence(samples=3, spread=2.0), measured)
    assert places(events) == expected

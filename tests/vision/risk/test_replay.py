"""Recorded measurements under another profile."""

import dataclasses

import pytest

from tests.vision.risk_cases import START, crowd, profile
from vision.risk.profiles import LevelThreshold, ZoneProfile
from vision.risk.readings import Level, ZoneReading
from vision.risk.replay import Change, Spell, compared, judged_again, spells


def recorded(densities: list[tuple[float, float]], chosen: ZoneProfile) -> tuple[ZoneReading, ...]:
    """One reading a second; parts of (seconds, density), judged by `chosen`."""
    raw: list[ZoneReading] = []
    for lasts_s, density in densities:
        for _ in range(round(lasts_s)):
            at = START.plus(float(len(raw)))
            measured = dataclasses.replace(crowd(density), captured_at=at)
            raw.append(ZoneReading("stair", at, Level.L0, (), measured, None, chosen.id))
    return judged_again(raw, chosen)


def lower(factor: float) -> ZoneProfile:
    base = profile()
    levels = tuple(
        LevelThreshold(limit.threshold_per_m2 * factor, limit.dwell_s, "test")
        for limit in base.levels
    )
    return profile(levels=levels)


DAY = [(30.0, 0.5), (60.0, 2.2), (120.0, 0.2), (60.0, 1.8), (120.0, 0.1)]


def test_the_same_profile_gives_the_same_alarms() -> None:
    old = recorded(DAY, profile())
    assert judged_again(old, profile()) == old
    (pair,) = compared(spells(old), spells(judged_again(old, profile())))
    assert (pair.change, pair.moved_s) == (Change.SAME, 0.0)


def test_a_lower_threshold_raises_and_a_higher_one_misses() -> None:
    old = recorded(DAY, profile())
    # 2.2 per m² passes L2 (2.0) after a dwell of 10 s and 1 s of smoothing; 1.8 does not.
    (first,) = spells(old)
    assert first.peak is Level.L2
    assert 40.0 <= first.starts_at - START <= 42.0
    pairs = compared(spells(old), spells(judged_again(old, lower(0.85))))
    assert [pair.change for pair in pairs] == [Change.SAME, Change.RAISED]
    pairs = compared(spells(old), spells(judged_again(old, lower(1.2))))
    assert [pair.change for pair in pairs] == [Change.MISSED]


def spell(start_s: float, end_s: float, peak: Level = Level.L2) -> Spell:
    return Spell("stair", START.plus(start_s), START.plus(end_s), peak, ())


@pytest.mark.parametrize(
    ("old", "new", "changes", "moved"),
    [
        ([spell(0, 10)], [spell(5, 12)], [Change.MOVED], [5.0]),
        ([spell(0, 10)], [spell(0.5, 9)], [Change.SAME], [0.5]),
        ([spell(0, 10)], [spell(0, 10, Level.L3)], [Change.MOVED], [0.0]),
        ([spell(0, 10)], [spell(11, 20)], [Change.MISSED, Change.RAISED], [None, None]),
        ([spell(50, 60)], [spell(0, 5), spell(45, 70)], [Change.RAISED, Change.MOVED],
         [None, -5.0]),
        ([], [], [], []),
    ],
)  # fmt: skip
def test_side_by_side(
    old: list[Spell], new: list[Spell], changes: list[Change], moved: list[float | None]
) -> None:
    pairs = compared(old, new)
    assert [pair.change for pair in pairs] == changes
    assert [pair.moved_s for pair in pairs] == moved


def test_what_was_not_measured_stays_unknown_and_splits_no_alarm() -> None:
    old = list(recorded([(20.0, 0.5), (60.0, 2.2)], profile()))
    hole = dataclasses.replace(old[50], level=Level.UNKNOWN, measurement=None)
    old[50] = hole
    again = judged_again(old, profile())
    assert again[50] is hole
    assert len(spells(again)) == 1

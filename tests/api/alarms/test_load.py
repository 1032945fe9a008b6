"""Operator load, counted by hand."""

from __future__ import annotations

import pytest

from api.alarms.load import Load, operator_load
from api.alarms.values import Action, AlarmState, Evidence, HistoryEntry
from tests.api.alarms.test_machine import START
from vision.risk.readings import Level

UNSEEN = AlarmState.UNACKNOWLEDGED


def line(action: Action, at_s: float, priority: int = 3) -> HistoryEntry:
    evidence = Evidence(Level.L2)
    return HistoryEntry(action, START.plus(at_s), None, "system", None, UNSEEN, priority, evidence)


def load(*lines: tuple[int, HistoryEntry], length_s: float = 3600.0) -> Load:
    return operator_load(lines, (), START, START.plus(length_s))


def test_a_quiet_hour() -> None:
    found = load((1, line(Action.OPENED, 10.0)), (1, line(Action.ACKNOWLEDGED, 40.0)))
    assert (found.announced, found.peak_per_10_min, found.flood_share) == (1, 1, 0.0)
    assert found.average_per_10_min == pytest.approx(1 / 6)
    assert found.acknowledge_median_s == 30.0


def test_ten_alarms_at_once_are_a_flood_of_ten_minutes() -> None:
    """All ten come at 600 s, so the 10 minutes before hold ten of them until 1200 s: 1/6 hour."""
    found = load(*((n, line(Action.OPENED, 600.0)) for n in range(10)))
    assert found.peak_per_10_min == 10
    assert found.flood_share == pytest.approx(600.0 / 3600.0)


def test_nine_alarms_are_no_flood() -> None:
    found = load(*((n, line(Action.OPENED, 600.0)) for n in range(9)))
    assert (found.peak_per_10_min, found.flood_share) == (9, 0.0)


def test_three_moves_within_a_minute_chatter() -> None:
    moves = (Action.OPENED, Action.RETURNED, Action.REPEATED)
    quick = [(1, line(action, 20.0 * i)) for i, action in enumerate(moves)]
    slow = [(2, line(action, 40.0 * i)) for i, action in enumerate(moves)]
    assert load(*quick, *slow).chattering == 1


def test_priorities_are_counted_and_an_empty_span_is_refused() -> None:
    lines = [(p, line(Action.OPENED, p * 1.0, p)) for p in (1, 2, 3, 3)]
    assert load(*lines).by_priority == (1, 1, 2, 0)
    with pytest.raises(ValueError, match="empty"):
        operator_load((), (), START, START)

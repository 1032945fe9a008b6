"""States of an occurrence, merging rules and the chasing ladder: tables without a database."""

from dataclasses import replace
from datetime import date

import pytest

from api.plan.chasing import ladder
from api.plan.merging import counting_rules
from api.plan.states import Slot, State, state_on, takes, with_record
from config.plan import applies, load_catalogue, load_units

PLAN = load_catalogue()
UNITS = {unit.id: unit for unit in load_units()}
MONTH = Slot(date(2026, 3, 1), date(2026, 3, 31), 1, 0, State.UPCOMING, daily=False)
DAY = Slot(date(2026, 3, 2), date(2026, 3, 2), 2, 0, State.OPEN, daily=True)

PASSING = [
    (MONTH, date(2026, 2, 28), State.UPCOMING),
    (MONTH, date(2026, 3, 1), State.OPEN),
    (MONTH, date(2026, 3, 31), State.OPEN),
    (MONTH, date(2026, 4, 1), State.OVERDUE),
    (DAY, date(2026, 3, 2), State.OPEN),
    (DAY, date(2026, 3, 3), State.MISSED),
    (replace(MONTH, state=State.EXEMPT), date(2026, 4, 1), State.EXEMPT),
    (replace(MONTH, state=State.MERGED), date(2026, 4, 1), State.MERGED),
    (replace(DAY, state=State.MISSED), date(2026, 3, 2), State.MISSED),
]


@pytest.mark.parametrize(("slot", "today", "expected"), PASSING)
def test_days_pass(slot: Slot, today: date, expected: State) -> None:
    assert state_on(slot, today) is expected


TAKING = [
    (MONTH, date(2026, 3, 5), date(2026, 3, 5), True),
    (MONTH, date(2026, 2, 27), date(2026, 3, 5), False),  # last month's work
    (replace(MONTH, state=State.OVERDUE), date(2026, 4, 2), date(2026, 4, 2), True),
    (replace(MONTH, state=State.SUBMITTED), date(2026, 3, 6), date(2026, 3, 6), False),
    (replace(MONTH, state=State.EXEMPT), date(2026, 3, 6), date(2026, 3, 6), False),
    (DAY, date(2026, 3, 2), date(2026, 3, 2), True),
    (DAY, date(2026, 3, 2), date(2026, 3, 3), False),  # a round is not filled in a day later
    (replace(DAY, state=State.MISSED), date(2026, 3, 2), date(2026, 3, 3), False),
]


@pytest.mark.parametrize(("slot", "happened", "submitted", "expected"), TAKING)
def test_which_work_counts(slot: Slot, happened: date, submitted: date, expected: bool) -> None:
    assert takes(slot, happened, submitted) is expected


def test_quota_lateness_and_merging() -> None:
    first = with_record(DAY, date(2026, 3, 2), merged=False)
    assert (first.done, first.state) == (1, State.OPEN)
    assert with_record(first, date(2026, 3, 2), merged=False).state is State.SUBMITTED
    assert with_record(MONTH, date(2026, 3, 9), merged=True).state is State.MERGED
    assert with_record(MONTH, date(2026, 4, 9), merged=True).state is State.LATE


COUNTING = [
    ("sample-primary", "drill", "fire", False, ["R-3.10.1-6", "R-2.7.2-1"]),
    ("sample-primary", "drill", "stampede", False, ["R-3.12.1-2", "R-2.7.2-1"]),
    ("sample-primary", "drill", "earthquake", False, ["R-2.7.2-1"]),
    ("sample-primary", "drill", "bus", False, ["R-2.7.2-1"]),  # it has no buses
    ("sample-middle", "drill", "bus", False, ["R-3.11.3-1", "R-2.7.2-1"]),
    ("sample-kindergarten", "drill", "fire", False, ["R-3.10.1-6", "R-2.7.2-2"]),
    ("sample-primary", "inspection", "self", False, ["R-1.2.4-1"]),
    ("sample-primary", "inspection", "self", True, ["R-1.2.4-1", "R-3.9.1-5"]),
    ("sample-primary", "meeting", "deployment", False, []),
    ("bureau", "meeting", "deployment", False, ["R-1.1.2-1"]),
]


@pytest.mark.parametrize(("unit", "kind", "kind_type", "receipt", "expected"), COUNTING)
def test_what_one_record_counts_for(
    unit: str, kind: str, kind_type: str, receipt: bool, expected: list[str]
) -> None:
    found = counting_rules(PLAN, UNITS[unit], kind, kind_type, has_receipt=receipt)
    assert [one.rule.id for one in found] == expected
    assert [one.merged for one in found] == [position > 0 for position in range(len(found))]


@pytest.mark.parametrize("unit_id", list(UNITS))
def test_no_rule_is_shadowed_by_another_that_takes_the_same_record(unit_id: str) -> None:
    unit = UNITS[unit_id]
    for rule in (rule for rule in PLAN.rules() if applies(rule, unit)):
        for kind_type in rule.accepts.types or ("any",):
            found = counting_rules(PLAN, unit, rule.accepts.kind, kind_type, has_receipt=True)
            assert rule.id in [counting.rule.id for counting in found]


LADDERS = [
    ("R-1.1.2-1", {-7: "grid_owner", -1: "grid_owner", 0: "safety_director", 3: "bureau_safety"}),
    ("R-3.9.1-2", {1: "safety_director"}),
    ("R-3.9.1-5", {-3: "grid_owner", 0: "principal", 1: "bureau_safety"}),
    ("R-3.10.1-2", {-90: "grid_owner", -7: "grid_owner", 1: "principal"}),
]


@pytest.mark.parametrize(("rule_id", "roles"), LADDERS)
def test_the_ladder_names_a_role_for_each_day(rule_id: str, roles: dict[int, str]) -> None:
    steps = ladder(PLAN.rule(rule_id))
    assert {day: steps[day].role for day in roles} == roles
    assert all(step.day == day for day, step in steps.items())
    assert steps[max(steps)].name == f"T+{max(steps)}"

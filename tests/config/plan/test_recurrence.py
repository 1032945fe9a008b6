"""Due days: traps of the calendar, windows, terms, incidents, certificates."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.plan import (
    Occurrence,
    RecurrenceError,
    Rule,
    SchoolCalendar,
    certificate_due,
    certificate_expiry,
    expand_year,
    incident_due_days,
    load_calendar,
    load_catalogue,
    raw_due_days,
)
from config.plan.recurrence import place, window_start
from config.plan.values import DayKind

PLAN = load_catalogue()
CALENDAR = load_calendar()
BUS = PLAN.rule("R-3.11.4-2")
YEARLY_RULES = [rule for rule in PLAN.rules() if rule.expected_raw is not None]


def rule(identity: str) -> Rule:
    return PLAN.rule(identity)


def test_half_months_end_on_the_15th_and_on_the_last_day() -> None:
    days = raw_due_days(rule("R-3.9.1-5"), 2027, CALENDAR)
    assert days[:4] == (date(2027, 1, 15), date(2027, 1, 31), date(2027, 2, 15), date(2027, 2, 28))
    assert len(days) == 24


# Due days moved back by hand on the calendar of 2026.
PLACED = [
    # 31 May 2026 is a Sunday: the Friday before. 1 May is a holiday but the window starts there.
    ("R-1.2.4-2", date(2026, 5, 31), date(2026, 5, 29), date(2026, 5, 1)),
    # 28 Feb 2026 is a Saturday but a make-up day.
    ("R-2.6.2-1", date(2026, 2, 28), date(2026, 2, 28), date(2026, 1, 1)),
    ("R-1.1.3-1", date(2026, 6, 30), date(2026, 6, 30), date(2026, 4, 1)),
    ("R-3.9.2-6", date(2026, 12, 31), date(2026, 12, 31), date(2026, 7, 1)),
    ("R-3.9.1-5", date(2026, 8, 15), date(2026, 8, 14), date(2026, 8, 1)),
    ("R-3.9.1-5", date(2026, 8, 31), date(2026, 8, 31), date(2026, 8, 16)),
    # The campaign of winter and spring starts in November of the year before.
    ("R-3.9.2-1", date(2026, 4, 30), date(2026, 4, 30), date(2025, 11, 1)),
    ("R-3.9.2-3", date(2026, 12, 31), date(2026, 12, 31), date(2026, 9, 1)),
    ("R-3.10.1-6", date(2026, 6, 30), date(2026, 6, 30), date(2026, 3, 1)),
    # Mid-Autumn Friday 25 September 2026 is a holiday: the Thursday before, same week.
    ("R-3.9.1-3", date(2026, 9, 25), date(2026, 9, 24), date(2026, 9, 21)),
    # 1 March 2026 is a Sunday; 28 February is a make-up day.
    ("R-3.11.4-1", date(2026, 3, 1), date(2026, 2, 28), date(2026, 2, 15)),
    ("R-4.15.1-1", date(2026, 3, 30), date(2026, 3, 30), date(2026, 3, 30)),
]


@pytest.mark.parametrize(("identity", "raw", "due", "start"), PLACED)
def test_windows_and_moved_days(identity: str, raw: date, due: date, start: date) -> None:
    assert raw in raw_due_days(rule(identity), raw.year, CALENDAR)
    assert place(rule(identity), raw, CALENDAR) == Occurrence(identity, raw, due, start)


def test_a_week_without_school_is_exempt_not_moved_into_july() -> None:
    weekly = {o.raw_due: o for o in expand_year(rule("R-3.9.1-3"), 2026, CALENDAR)}
    assert weekly[date(2026, 8, 7)].exempt
    assert weekly[date(2026, 10, 2)].due == date(2026, 9, 30)
    assert weekly[date(2026, 5, 1)].due == date(2026, 4, 30)


def test_daily_rounds_follow_make_up_days_and_holidays() -> None:
    rounds = {o.raw_due: o.exempt for o in expand_year(rule("R-3.9.1-2"), 2026, CALENDAR)}
    assert len(rounds) == 365
    assert not rounds[date(2026, 5, 9)]  # a Saturday with lessons
    assert rounds[date(2026, 5, 4)]  # a Monday off
    assert rounds[date(2026, 7, 20)]  # summer
    assert not rounds[date(2026, 3, 2)]


def test_the_fortnight_starts_anew_each_term() -> None:
    lessons = raw_due_days(rule("R-4.14.1-1"), 2027, CALENDAR)
    spring = [day for day in lessons if day.month in range(3, 8)]
    autumn = [day for day in lessons if day.month >= 9]
    # Spring 2027 starts on Monday 1 March; autumn on Wednesday 1 September, week of 30 August.
    assert spring[:2] == [date(2027, 3, 5), date(2027, 3, 19)]
    assert autumn[:2] == [date(2027, 9, 3), date(2027, 9, 17)]
    # The tail of autumn 2026, which started in the week of 31 August 2026.
    assert lessons[0] == date(2027, 1, 8)


def test_a_year_that_nobody_entered_warns_and_still_expands() -> None:
    missing = {(w.year, w.missing) for w in CALENDAR.warnings(2026, 2027)}
    assert (2027, "holidays") in missing
    assert (2026, "holidays") not in missing
    october = [o for o in expand_year(rule("R-3.9.1-2"), 2027, CALENDAR) if o.raw_due.month == 10]
    assert len(october) == 31
    # Without the State Council's notice 1 October 2027 counts as the Friday that it is.
    assert not october[0].exempt


def test_half_a_year_from_31_august_ends_in_february() -> None:
    assert certificate_expiry(BUS, date(2026, 8, 31)) == date(2027, 2, 28)
    assert certificate_expiry(BUS, date(2027, 8, 31)) == date(2028, 2, 29)
    assert certificate_expiry(BUS, date(2026, 8, 31), date(2027, 2, 15)) == date(2027, 2, 15)
    # 28 February 2027 is a Sunday: work falls due on the Friday before.
    due = certificate_due(BUS, date(2026, 8, 31), CALENDAR)
    assert (due.raw_due, due.due) == (date(2027, 2, 28), date(2027, 2, 26))


def test_an_incident_asks_for_a_report_each_day_until_it_is_closed() -> None:
    days = incident_due_days(rule("R-2.8.2-1"), date(2026, 10, 1), date(2026, 10, 4), CALENDAR)
    assert [o.due for o in days] == [date(2026, 10, day) for day in (1, 2, 3, 4)]


@pytest.mark.parametrize("identity", ["R-2.8.2-1", "R-3.11.4-2"])
def test_anchored_rules_have_no_year(identity: str) -> None:
    with pytest.raises(RecurrenceError, match=identity):
        raw_due_days(rule(identity), 2026, CALENDAR)


def test_rules_of_the_year_have_no_anchor() -> None:
    with pytest.raises(RecurrenceError, match="not anchored on certificates"):
        certificate_expiry(rule("R-1.1.1-1"), date(2026, 1, 1))
    with pytest.raises(RecurrenceError, match="not anchored on incidents"):
        incident_due_days(rule("R-1.1.1-1"), date(2026, 1, 1), date(2026, 1, 2), CALENDAR)
    daily = replace(BUS, rrule="FREQ=DAILY")
    with pytest.raises(RecurrenceError, match="months or years"):
        certificate_expiry(daily, date(2026, 1, 1))


@given(st.sampled_from(YEARLY_RULES), st.integers(2019, 2040))
def test_every_occurrence_lies_in_its_own_window(any_rule: Rule, year: int) -> None:
    found = expand_year(any_rule, year, CALENDAR)
    for one in found:
        assert one.window_start <= one.due <= one.raw_due
        assert one.exempt or CALENDAR.is_day(one.due, any_rule.calendar)
    dues = [one.due for one in found if not one.exempt]
    assert len(set(dues)) == len(dues)
    assert found == expand_year(any_rule, year, CALENDAR)


@given(st.dates(date(2000, 1, 1), date(2060, 12, 31)))
def test_half_a_year_later_is_six_calendar_months(issued: date) -> None:
    expiry = certificate_expiry(BUS, issued)
    months = (expiry.year - issued.year) * 12 + expiry.month - issued.month
    assert months == 6
    last_of_month = (expiry + timedelta(days=1)).day == 1
    assert expiry.day == issued.day or (expiry.day < issued.day and last_of_month)


def test_a_term_window_outside_any_term_is_the_month() -> None:
    bare = SchoolCalendar(id="bare", default_terms=(), terms=(), years={})
    assert window_start(rule("R-3.10.1-6"), date(2026, 6, 30), bare) == date(2026, 6, 1)
    assert not bare.is_day(date(2026, 6, 30), DayKind.SCHOOL_DAYS)

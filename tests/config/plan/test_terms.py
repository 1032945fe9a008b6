"""Terms under any name and on any days: no day of work is asked for twice."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from config.plan import CalendarYear, SchoolCalendar, Term, load_calendar, load_catalogue
from config.plan.recurrence import place, raw_due_days
from config.plan.school_calendar import Holiday, faults_beside, year_faults
from config.plan.values import Scope

CALENDAR = load_calendar()
PER_TERM = [rule for rule in load_catalogue().rules() if rule.scope is Scope.PER_TERM]
NEW_YEAR = (Holiday(date(2026, 1, 1), "元旦"),)


def term(name: str, start: int, length: int) -> Term:
    first = date(2026, 1, 1) + timedelta(days=start)
    return Term(name, first, first + timedelta(days=length))


TERMS = st.lists(
    st.builds(
        term,
        st.sampled_from(("spring", "autumn", "第二学期", "夏令营")),
        st.integers(0, 364),
        st.integers(1, 250),
    ),
    max_size=4,
).map(tuple)


@given(TERMS)
def test_no_day_is_due_twice_whatever_was_entered(terms: tuple[Term, ...]) -> None:
    """Also of a year that was entered before such faults were looked for."""
    calendar = CALENDAR.with_year(CalendarYear(2026, NEW_YEAR, terms=terms))
    for rule in PER_TERM:
        for year in (2025, 2026, 2027):
            days = raw_due_days(rule, year, calendar)
            assert list(days) == sorted(set(days))


@given(TERMS)
def test_terms_without_a_fault_lie_one_after_the_other(terms: tuple[Term, ...]) -> None:
    entered = CalendarYear(2026, NEW_YEAR, terms=terms)
    calendar = CALENDAR.with_year(entered)
    if any(year_faults(entered)) or any(faults_beside(calendar, 2026)):
        return
    held = [one for year in (2025, 2026, 2027) for one in calendar.terms_starting_in(year)]
    assert all(earlier.end < later.start for earlier, later in pairwise(held))


@given(st.permutations(("spring", "autumn", "上学期", "下学期")))
def test_names_change_no_day(names: list[str]) -> None:
    def calendar(first: str, second: str) -> SchoolCalendar:
        terms = (term(first, 59, 131), term(second, 243, 136))
        return replace(CALENDAR, terms=terms)

    plain, named = calendar("spring", "autumn"), calendar(names[0], names[1])
    for rule in PER_TERM:
        assert raw_due_days(rule, 2026, named) == raw_due_days(rule, 2026, plain)


def test_work_of_a_term_counts_though_it_ends_before_the_day_that_is_asked() -> None:
    """The term's drill is due by 30 June; the pupils left on the 26th, and it was held in April."""
    drill = next(rule for rule in load_catalogue().rules() if rule.id == "R-3.10.1-6")
    spring = Term("spring", date(2026, 3, 2), date(2026, 6, 26))
    calendar = CALENDAR.with_year(CalendarYear(2026, NEW_YEAR, terms=(spring,)))
    assert place(drill, date(2026, 6, 30), calendar).window_start == spring.start

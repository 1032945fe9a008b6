"""Figures counted by hand, periods, and rows that disagree."""

from dataclasses import replace
from datetime import date

import pytest

from api.plan.hazards import Hazard, HazardLevel, HazardState
from api.plan.reports.agreement import of_district
from api.plan.reports.duty_figures import NO_DUTIES, duty_figures
from api.plan.reports.gathering import Gathered, Totals
from api.plan.reports.hazard_figures import HazardFigures, figures
from api.plan.reports.periods import Period, ReportKind, half_of, month_of, period_of, week_of
from api.plan.reports.sheet import plan_paper, rate_words
from api.plan.reports.tables_of_work import hazard_figures, hazard_sheet
from api.plan.reports.write_xlsx import sheet_names
from api.plan.states import State
from config.plan import load_calendar, load_catalogue, load_edition

BASE_HAZARD = Hazard(
    1, "东楼梯", "扶手", HazardLevel.ORDINARY, HazardState.ASSIGNED, "王芳", date(2026, 3, 5)
)
SHUT = replace(BASE_HAZARD, state=HazardState.CLOSED)
HAZARDS = (
    BASE_HAZARD,  # found in the period, open
    replace(BASE_HAZARD, found=date(2026, 2, 20)),  # carried over, open
    replace(SHUT, found=date(2026, 2, 20), closed=date(2026, 3, 1)),  # carried, closed
    replace(SHUT, level=HazardLevel.MAJOR, closed=date(2026, 3, 15)),  # found, closed
    replace(SHUT, closed=date(2026, 3, 16)),  # found, closed after the period
    replace(SHUT, found=date(2026, 1, 1), closed=date(2026, 2, 28)),  # closed before
    replace(BASE_HAZARD, found=date(2026, 3, 16)),  # found after
    replace(BASE_HAZARD, due=date(2026, 3, 10), fixer="张强"),  # found, open, overdue
    replace(BASE_HAZARD, state=HazardState.DRAFT),  # a camera's draft
)


def test_the_hazards_of_a_half_month_counted_by_hand() -> None:
    found = figures(half_of(date(2026, 3, 8)), HAZARDS)
    assert found == HazardFigures(2, 4, 1, 2, 4, 1, major_planned=0, major=1, again=0)
    assert found.closing_rate == pytest.approx(2 / 6)
    assert found.expected_open == found.still_open


# Day of the paper, and the day by which a hazard of the half-month to 15 March must be mended.
OVERDUE = [
    (date(2026, 3, 9), date(2026, 3, 10), 0),  # made before its period ends, not yet due
    (date(2026, 3, 10), date(2026, 3, 10), 0),
    (date(2026, 3, 11), date(2026, 3, 10), 1),
    (date(2026, 3, 20), date(2026, 3, 14), 1),  # made after: as it stood on the 15th
    (date(2026, 3, 20), date(2026, 3, 15), 0),
]


@pytest.mark.parametrize(("today", "due", "overdue"), OVERDUE)
def test_a_hazard_is_overdue_once_its_day_has_passed(today: date, due: date, overdue: int) -> None:
    hazard = replace(BASE_HAZARD, due=due, fixer="张强")
    unit, period = load_edition().unit("sample-primary"), half_of(date(2026, 3, 8))
    totals = Totals({}, 0, 0, 1, 0, 1)
    found = Gathered(unit, period, today, today, (), (), (), (), (), (hazard,), (), (), totals)
    assert hazard_figures(found).overdue == overdue


AGAIN = [
    (("东 楼梯",), 1),  # closed before the period at the same place, written with a blank
    (("西楼梯",), 0),
    ((), 0),
]


@pytest.mark.parametrize(("earlier", "again"), AGAIN)
def test_a_place_that_was_mended_before_counts_as_found_again(
    earlier: tuple[str, ...], again: int
) -> None:
    assert figures(half_of(date(2026, 3, 8)), (BASE_HAZARD,), earlier).again == again


def test_found_again_within_the_period() -> None:
    first = replace(SHUT, found=date(2026, 3, 1), closed=date(2026, 3, 4))
    later = replace(BASE_HAZARD, id=2, found=date(2026, 3, 6))
    assert figures(half_of(date(2026, 3, 8)), (first, later)).again == 1


def test_each_state_stands_in_one_column() -> None:
    found = duty_figures(tuple(State))
    assert found.total == len(State) == 9
    assert (found.on_time, found.merged, found.late, found.overdue, found.missed) == (3, 1, 1, 1, 1)
    assert (found.to_come, found.exempt) == (2, 1)
    assert found.asked + found.to_come + found.exempt == found.total
    assert found.rate == pytest.approx(0.5)
    assert (found + found).total == 18
    assert NO_DUTIES.rate is None
    assert (rate_words(None), rate_words(1 / 3)) == ("—", "33.3%")


SHARES = [(1.0, "100.0%"), (2999 / 3000, "99.9%"), (0.9994, "99.9%"), (0.98, "98.0%"), (0, "0.0%")]


@pytest.mark.parametrize(("share", "words"), SHARES)
def test_only_a_whole_share_is_a_hundred_per_cent(share: float, words: str) -> None:
    assert rate_words(share) == words


def test_a_hazard_that_was_closed_later_stands_open_in_an_earlier_paper() -> None:
    period = half_of(date(2026, 3, 8))
    later = replace(SHUT, found=date(2026, 3, 1), closed=date(2026, 3, 20), accepted_by="李明")
    within = replace(later, id=2, closed=date(2026, 3, 15))
    unit = load_edition().unit("sample-primary")
    totals = Totals({}, 0, 0, 2, 1, 1)
    today = date(2026, 3, 25)
    hazards = (later, within)
    found = Gathered(unit, period, today, today, (), (), (), (), (), hazards, (), (), totals)
    rows = [(row[8], row[10], row[11]) for row in hazard_sheet(found).rows]
    assert rows == [("期末未销", "", ""), ("已销号", "李明", "2026-03-15")]
    assert hazard_figures(found).still_open == 1


def test_a_district_that_is_not_the_sum_of_its_schools() -> None:
    one = (HazardFigures(1, 2, 0, 1, 2, 0), duty_figures([State.LATE, State.SUBMITTED]))
    fitting = Totals({State.LATE: 2, State.SUBMITTED: 2}, 0, 2, 4, 2, 4)
    assert of_district([one, one], fitting) == ()
    wrong = of_district([one], fitting)
    assert {row.what for row in wrong} >= {"hazards_found", "duties_total", "duties_late"}
    assert all(row.row == "total" for row in wrong)


PERIODS = [
    (half_of(date(2027, 3, 15)), "2027-03-01", "2027-03-15", "2027-03上"),
    (half_of(date(2027, 2, 16)), "2027-02-16", "2027-02-28", "2027-02下"),
    (half_of(date(2028, 2, 29)), "2028-02-16", "2028-02-29", "2028-02下"),
    (half_of(date(2026, 12, 31)), "2026-12-16", "2026-12-31", "2026-12下"),
    (week_of(date(2026, 3, 22)), "2026-03-16", "2026-03-22", "2026年第12周"),
    (week_of(date(2027, 1, 1)), "2026-12-28", "2027-01-03", "2026年第53周"),
    (month_of(date(2026, 2, 3)), "2026-02-01", "2026-02-28", "2026-02"),
]


@pytest.mark.parametrize(("period", "first", "last", "name"), PERIODS)
def test_periods(period: Period, first: str, last: str, name: str) -> None:
    assert period == Period(date.fromisoformat(first), date.fromisoformat(last), name)


def test_between_terms_the_term_that_ended_last_is_judged() -> None:
    calendar = load_calendar()
    spring = period_of(ReportKind.EVALUATION, date(2026, 5, 1), calendar)
    assert spring.name == "2026春季学期"
    assert period_of(ReportKind.EVALUATION, date(2026, 8, 1), calendar) == spring
    winter = period_of(ReportKind.EVALUATION, date(2027, 1, 5), calendar)
    assert winter.name == "2026秋季学期"


def test_the_plan_table_has_a_line_for_each_section_and_measure() -> None:
    (sheet,) = plan_paper(load_catalogue()).sheets
    assert [len(row) for row in sheet.rows].count(1) == 5
    assert len(sheet.rows) == 41


def test_names_of_worksheets_are_short_plain_and_each_once() -> None:
    (sheet,) = plan_paper(load_catalogue()).sheets
    long = [replace(sheet, title="甲/乙:丙" + "长" * 40) for _ in range(3)]
    names = sheet_names(long)
    assert len(set(names)) == 3
    assert all(len(name) <= 31 and not set(name) & set("[]:*?/\\") for name in names)

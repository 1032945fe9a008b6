"""Whom a rule binds, and the calendar file."""

from datetime import date
from pathlib import Path

import pytest

from config.plan import (
    PlanFileError,
    Unit,
    applies,
    load_calendar,
    load_catalogue,
    load_units,
    needed,
)
from config.plan.school_calendar import SHIPPED_CALENDAR, Term
from config.plan.units import UnitKind
from config.plan.values import DayKind

PLAN = load_catalogue()
UNITS = {unit.id: unit for unit in load_units()}


def bound(unit: Unit) -> set[str]:
    return {rule.id for rule in PLAN.rules() if applies(rule, unit)}


def test_no_bus_no_bus_duty() -> None:
    with_buses = bound(UNITS["sample-middle"])
    without = bound(UNITS["sample-primary"])
    assert with_buses - without == {"R-3.11.3-1", "R-3.11.4-1", "R-3.11.4-2"}
    assert without <= with_buses


def test_each_kind_of_unit_has_its_own_rules() -> None:
    kindergarten = bound(UNITS["sample-kindergarten"])
    assert "R-2.7.2-2" in kindergarten
    assert "R-2.7.2-1" not in kindergarten
    bureau = bound(UNITS["bureau"])
    assert len(bureau) == 9
    assert not bureau & kindergarten


def test_a_switched_off_measure_binds_nobody() -> None:
    unit = Unit(
        id="x",
        name_zh="某校",
        name_en="X",
        kind=UnitKind.PRIMARY,
        switched_off=("3.9.2", "R-1.2.4-1"),
    )
    assert not any(identity.startswith("R-3.9.2-") for identity in bound(unit))
    assert "R-1.2.4-1" not in bound(unit)
    assert "R-4.14.1-1" not in bound(unit)  # it has no class
    assert "R-1.2.4-2" in bound(unit)


def test_lessons_count_for_each_class() -> None:
    lesson = PLAN.rule("R-4.14.1-1")
    assert needed(lesson, UNITS["sample-primary"]) == 24
    assert needed(PLAN.rule("R-3.11.1-1"), UNITS["sample-primary"]) == 2


DAYS = [
    (date(2026, 10, 1), False, False),
    (date(2026, 10, 10), True, True),  # make-up Saturday
    (date(2026, 10, 11), False, False),  # Sunday
    (date(2026, 2, 14), True, False),  # make-up Saturday in the holidays
    (date(2026, 9, 1), True, True),
    (date(2027, 1, 15), True, True),  # last day of autumn
    (date(2027, 1, 18), True, False),
]


@pytest.mark.parametrize(("day", "workday", "school_day"), DAYS)
def test_days_of_the_shipped_calendar(day: date, workday: bool, school_day: bool) -> None:
    calendar = load_calendar()
    assert calendar.is_day(day, DayKind.WORKDAYS) is workday
    assert calendar.is_day(day, DayKind.SCHOOL_DAYS) is school_day
    assert calendar.is_day(day, DayKind.ALL_DAYS)


def test_holidays_have_names() -> None:
    assert load_calendar().holiday_name(date(2026, 10, 3)) == "国庆节"
    assert load_calendar().holiday_name(date(2026, 10, 9)) == ""
    assert load_calendar().holiday_name(date(2031, 10, 1)) == ""


def test_an_entered_term_replaces_the_default(tmp_path: Path) -> None:
    path = tmp_path / "district.yaml"
    text = SHIPPED_CALENDAR.read_text("utf-8").replace(
        "terms: []",
        "terms:\n- {name: spring, start: 2026-03-09, end: 2026-07-10}\nclosed_days: [2026-06-05]",
    )
    path.write_text(text, "utf-8")
    calendar = load_calendar(path)
    spring, autumn = calendar.terms_starting_in(2026)
    assert spring == Term("spring", date(2026, 3, 9), date(2026, 7, 10))
    assert autumn == Term("autumn", date(2026, 9, 1), date(2027, 1, 15))
    assert not calendar.is_day(date(2026, 3, 5), DayKind.SCHOOL_DAYS)
    assert not calendar.is_day(date(2026, 6, 5), DayKind.SCHOOL_DAYS)
    assert {w.missing for w in calendar.warnings(2026, 2026)} == {"autumn"}


@pytest.mark.parametrize(
    ("written", "year", "last"),
    [
        ("06-30", 2026, date(2026, 6, 30)),
        ("07-31", 2026, date(2026, 7, 31)),
        ("02-29", 2027, date(2027, 2, 28)),
        ("02-29", 2028, date(2028, 2, 29)),
    ],
)
def test_a_default_term_ends_on_any_day(
    tmp_path: Path, written: str, year: int, last: date
) -> None:
    path = tmp_path / "district.yaml"
    default = "start: '01-05', end: '%s'"
    text = SHIPPED_CALENDAR.read_text("utf-8")
    old = "start: '03-01', end: '07-15'"
    assert old in text
    path.write_text(text.replace(old, default % written), "utf-8")
    assert load_calendar(path).terms_starting_in(year)[0].end == last


NAMED = [("春季", "春季"), ("autumn", "autumn"), ("spring", "spring")]


@pytest.mark.parametrize(("name", "first"), NAMED)
def test_an_entered_term_replaces_the_default_of_its_days_whatever_it_is_called(
    tmp_path: Path, name: str, first: str
) -> None:
    path = tmp_path / "district.yaml"
    entered = f"terms:\n- {{name: {name}, start: 2026-03-02, end: 2026-06-30}}"
    path.write_text(SHIPPED_CALENDAR.read_text("utf-8").replace("terms: []", entered), "utf-8")
    calendar = load_calendar(path)
    spring, autumn = calendar.terms_starting_in(2026)
    assert (spring.name, spring.start) == (first, date(2026, 3, 2))
    assert (autumn.name, autumn.start) == ("autumn", date(2026, 9, 1))
    assert {one.missing for one in calendar.warnings(2026, 2026)} == {"autumn"}


def test_a_further_term_beside_the_defaults_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "district.yaml"
    summer = "terms:\n- {name: summer, start: 2026-07-20, end: 2026-08-15}"
    path.write_text(SHIPPED_CALENDAR.read_text("utf-8").replace("terms: []", summer), "utf-8")
    names = [term.name for term in load_calendar(path).terms_starting_in(2026)]
    assert names == ["spring", "summer", "autumn"]


BROKEN_CALENDARS = [
    ("terms: []", "terms:\n- {name: spring, start: 2026-07-10, end: 2026-03-09}", "ends before"),
    ("day: 2026-10-04", "day: 2025-10-04", "is not in 2026"),
    ("make_up_days: [2026-01-04", "make_up_days: [2026-01-01", "a holiday and a make-up day"),
    ("day: 2026-10-04", "day: 2026-10-34", "expected a day, got"),
    ("'03-01'", "'13-01'", "13-01 is no day of the year — mend: write it as MM-DD"),
    ("'03-01'", "'3-1'", "3-1 is no day of the year"),
    ("'03-01'", "'04-31'", "04-31 is no day of the year"),
    ("terms: []", "terms:\n- {name: spring, start: 2026-03-02, end: 2026-07-03}\n"
     "- {name: spring, start: 2026-08-31, end: 2027-01-22}", "two terms called spring begin"),
    ("terms: []", "terms:\n- {name: spring, start: 2026-03-02, end: 2026-09-05}\n"
     "- {name: autumn, start: 2026-09-01, end: 2027-01-22}", "term autumn overlaps the one before"),
    ("terms: []", "terms:\n- {name: spring, start: 2026-03-02, end: 2027-07-03}", "250 days"),
    ("terms: []", "terms:\n- {name: 春季, start: 2026-03-02, end: 2026-09-05}",
     "term 春季 overlaps the default term 2026 autumn — mend: correct the days, or enter"),
    ("terms: []", "terms:\n- {name: autumn, start: 2026-09-01, end: 2027-03-05}",
     "term autumn overlaps the default term 2027 spring"),
    ("terms: []", "terms:\n- {name: autumn, start: 2026-09-01, end: 2027-03-05}\n"
     "- {name: spring, start: 2027-03-01, end: 2027-07-05}",
     "term spring overlaps the term 2026 autumn"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "message"), BROKEN_CALENDARS)
def test_broken_calendars_are_refused_by_line(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = tmp_path / "district.yaml"
    text = SHIPPED_CALENDAR.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(PlanFileError) as caught:
        load_calendar(path)
    assert message in str(caught.value)
    assert all(problem.line > 0 for problem in caught.value.problems)


BROKEN_UNITS = [
    ("units: []\n", "no unit"),
    ("schools: []\n", "unknown key"),
    ("units:\n- {id: a, name_zh: 甲, name_en: A, kind: primary}\n" * 2, "twice"),
    (
        "units:\n- {id: a, name_zh: 甲, name_en: A, kind: primary}\n"
        "- {id: a, name_zh: 乙, name_en: B, kind: primary}\n",
        "stands 2 times",
    ),
    # With no time between them every pupil at the gate would be one out of hours.
    (
        "units:\n- {id: a, name_zh: 甲, name_en: A, kind: primary, gate_hours: 08:00-07:20}\n",
        "units[0].gate_hours: 校门 07:20 关闭，不在 08:00 开放之后",
    ),
    (
        "units:\n- {id: a, name_zh: 甲, name_en: A, kind: primary, gate_hours: 7-8}\n",
        "gate_hours: '7-8' 的写法不对 — 改法 mend: 写成 07:20-08:00 这样的时段\n",
    ),
    (
        "units:\n- {id: A B, name_zh: 甲, name_en: A, kind: primary}\n",
        "units[0].id: 'A B' 的写法不对 — 改法 mend: 用小写字母、数字、连字符",
    ),
    # A report, the wall and every page would stand under no name.
    (
        "units:\n- {id: a, name_zh: '', name_en: A, kind: primary}\n",
        "units[0].name_zh: 不能为空 — 改法 mend: 写上文字",
    ),
    ("units:\n- {id: a, name_zh: 甲, name_en: ' ', kind: primary}\n", "name_en: 不能为空"),
    ("units:\n- {id: a, name_zh: 甲, name_en: A, kind: castle}\n", "kindergarten"),
]


@pytest.mark.parametrize(("text", "message"), BROKEN_UNITS)
def test_broken_units_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "units.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(PlanFileError) as caught:
        load_units(path)
    assert message in str(caught.value)

"""The school calendar: terms, public holidays and make-up days, as the bureau keeps them.

A year that is not in the file is not an error: its days follow the plain week and the default
terms, and `SchoolCalendar.warnings` says so, so that every page can carry the banner.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass

from config.plan.plan_file import read_values, refuse_problems
from config.plan.values import DayKind

SHIPPED_CALENDAR = Path(__file__).with_name("calendars") / "china.yaml"

_STRICT = ConfigDict(extra="forbid")
_SATURDAY = 5
_ONE_DAY = timedelta(days=1)
MonthDay = Annotated[str, Field(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])$")]


@dataclass(frozen=True, slots=True, config=_STRICT)
class Term:
    """One term, first and last day included."""

    name: str
    start: date
    end: date


@dataclass(frozen=True, slots=True, config=_STRICT)
class DefaultTerm:
    """A term of any year as `MM-DD`; an end before the start lies in the next year."""

    name: str
    start: MonthDay
    end: MonthDay

    def of(self, year: int) -> Term:
        last_year = year + 1 if self.end < self.start else year
        start = date.fromisoformat(f"{year:04d}-{self.start}")
        return Term(self.name, start, date.fromisoformat(f"{last_year:04d}-{self.end}"))


@dataclass(frozen=True, slots=True, config=_STRICT)
class Holiday:
    """One public holiday."""

    day: date
    name: str


@dataclass(frozen=True, slots=True, config=_STRICT)
class YearDays:
    """What is known of one calendar year."""

    holidays: tuple[Holiday, ...]
    make_up_days: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True, config=_STRICT)
class CalendarYear:
    """One calendar year as the bureau enters it; it replaces all that the calendar had for it.

    Attributes:
        terms: those that begin in the year; the default stands in for one that is not entered.
        closed_days: days of the year without school that are no public holidays.
    """

    year: int
    holidays: tuple[Holiday, ...] = ()
    make_up_days: tuple[date, ...] = ()
    terms: tuple[Term, ...] = ()
    closed_days: tuple[date, ...] = ()


class CalendarFaultKind(StrEnum):
    """What can be wrong in a calendar; texts `plan.school_year.fault.<value>`."""

    TERM_ENDS_EARLY = "term_ends_early"
    TERM_TWICE = "term_twice"
    TERMS_OVERLAP = "terms_overlap"
    OTHER_YEAR = "other_year"
    BOTH = "both"
    NO_HOLIDAY = "no_holiday"


@dataclass(frozen=True, slots=True)
class CalendarFault:
    """One fault; `what` is the day or the term that it is about."""

    kind: CalendarFaultKind
    what: str


@dataclass(frozen=True, slots=True)
class CalendarWarning:
    """A gap of the calendar: `missing` is `holidays` or the name of a term."""

    year: int
    missing: str


@dataclass(frozen=True, slots=True, config=_STRICT)
class SchoolCalendar:
    """One calendar; several schools may share it.

    Attributes:
        terms: entered terms; they replace the default of the same name that starts in that year.
        years: calendar year -> its holidays and make-up days.
        closed_days: further days without school (exams elsewhere, a snow day).
    """

    id: str
    default_terms: tuple[DefaultTerm, ...]
    terms: tuple[Term, ...]
    years: dict[int, YearDays]
    closed_days: tuple[date, ...] = ()

    def entered_year(self, year: int) -> CalendarYear:
        """What was entered for `year`; empty where nothing was."""
        days = self.years.get(year, YearDays(()))
        return CalendarYear(
            year,
            days.holidays,
            days.make_up_days,
            tuple(term for term in self.terms if term.start.year == year),
            tuple(day for day in self.closed_days if day.year == year),
        )

    def with_year(self, entered: CalendarYear) -> SchoolCalendar:
        """This calendar with `entered` in place of what it had for that year."""
        year = entered.year
        terms = [term for term in self.terms if term.start.year != year]
        closed = [day for day in self.closed_days if day.year != year]
        return replace(
            self,
            terms=tuple(sorted((*terms, *entered.terms), key=lambda term: term.start)),
            years={**self.years, year: YearDays(entered.holidays, entered.make_up_days)},
            closed_days=tuple(sorted((*closed, *entered.closed_days))),
        )

    def terms_starting_in(self, year: int) -> tuple[Term, ...]:
        """The terms that begin in `year`, in order; defaults where none was entered."""
        entered = {term.name: term for term in self.terms if term.start.year == year}
        names = {default.name for default in self.default_terms}
        terms = [entered.get(default.name, default.of(year)) for default in self.default_terms]
        terms += [term for name, term in entered.items() if name not in names]
        return tuple(sorted(terms, key=lambda term: term.start))

    def term_of(self, day: date) -> Term | None:
        """The term that `day` lies in."""
        for year in (day.year, day.year - 1):
            for term in self.terms_starting_in(year):
                if term.start <= day <= term.end:
                    return term
        return None

    def is_day(self, day: date, kind: DayKind) -> bool:
        """Whether `day` is of `kind`."""
        if kind is DayKind.ALL_DAYS:
            return True
        workday = self._is_workday(day)
        if kind is DayKind.WORKDAYS or not workday:
            return workday
        return day not in self.closed_days and self.term_of(day) is not None

    def last_day_on_or_before(self, day: date, kind: DayKind, not_before: date) -> date | None:
        """The nearest day of `kind` going back from `day`, none if that is before `not_before`."""
        while day >= not_before:
            if self.is_day(day, kind):
                return day
            day -= _ONE_DAY
        return None

    def holiday_name(self, day: date) -> str:
        """Name of the public holiday on `day`, or an empty text."""
        year = self.years.get(day.year)
        if year is None:
            return ""
        return next((holiday.name for holiday in year.holidays if holiday.day == day), "")

    def warnings(self, first_year: int, last_year: int) -> tuple[CalendarWarning, ...]:
        """What the bureau has not entered for these years, both included."""
        return tuple(self._warnings(first_year, last_year))

    def _warnings(self, first_year: int, last_year: int) -> Iterator[CalendarWarning]:
        for year in range(first_year, last_year + 1):
            if year not in self.years:
                yield CalendarWarning(year, "holidays")
            entered = {term.name for term in self.terms if term.start.year == year}
            for default in self.default_terms:
                if default.name not in entered:
                    yield CalendarWarning(year, default.name)

    def _is_workday(self, day: date) -> bool:
        year = self.years.get(day.year)
        if year is not None:
            if day in year.make_up_days:
                return True
            if any(holiday.day == day for holiday in year.holidays):
                return False
        return day.weekday() < _SATURDAY


def year_faults(entered: CalendarYear) -> Iterator[CalendarFault]:
    """What is wrong within one entered year."""
    kinds = CalendarFaultKind
    names = Counter(term.name for term in entered.terms)
    ordered = sorted(entered.terms, key=lambda term: term.start)
    for term in ordered:
        if term.end <= term.start:
            yield CalendarFault(kinds.TERM_ENDS_EARLY, term.name)
        if term.start.year != entered.year:
            yield CalendarFault(kinds.OTHER_YEAR, term.start.isoformat())
    for name, count in names.items():
        if count > 1:
            yield CalendarFault(kinds.TERM_TWICE, name)
    for earlier, later in pairwise(ordered):
        if later.start <= earlier.end:
            yield CalendarFault(kinds.TERMS_OVERLAP, later.name)
    yield from _day_faults(entered)
    if not entered.holidays:
        # A year without a single holiday is one that nobody has entered.
        yield CalendarFault(kinds.NO_HOLIDAY, str(entered.year))


def _day_faults(entered: CalendarYear) -> Iterator[CalendarFault]:
    listed = [holiday.day for holiday in entered.holidays]
    for day in (*listed, *entered.make_up_days, *entered.closed_days):
        if day.year != entered.year:
            yield CalendarFault(CalendarFaultKind.OTHER_YEAR, day.isoformat())
    for day in sorted(set(listed) & set(entered.make_up_days)):
        yield CalendarFault(CalendarFaultKind.BOTH, day.isoformat())


_FILE_WORDS = {
    CalendarFaultKind.OTHER_YEAR: ("{0} is not in {1}", "move it to its own year"),
    CalendarFaultKind.BOTH: ("{0} is a holiday and a make-up day", "keep one of the two"),
}

_ADAPTER = TypeAdapter(SchoolCalendar)
YEAR_ADAPTER = TypeAdapter(CalendarYear)
"""A `CalendarYear` as JSON and back."""


def load_calendar(path: Path | None = None) -> SchoolCalendar:
    """The calendar in `path`, or the shipped seed. Raises `PlanFileError` with every fault."""
    if path is None:
        return _shipped_calendar()
    return _load(path)


@lru_cache(maxsize=1)
def _shipped_calendar() -> SchoolCalendar:
    return _load(SHIPPED_CALENDAR)


def _load(path: Path) -> SchoolCalendar:
    calendar, source = read_values(path, _ADAPTER)
    for position, term in enumerate(calendar.terms):
        if term.end <= term.start:
            message = f"term {term.name} ends before it starts"
            source.report(("terms", position), message, "swap the days")
    for year in calendar.years:
        for fault in _day_faults(calendar.entered_year(year)):
            message, mend = _FILE_WORDS[fault.kind]
            source.report(("years", str(year)), message.format(fault.what, year), mend)
    refuse_problems(source)
    return calendar

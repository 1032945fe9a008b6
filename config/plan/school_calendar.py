"""The school calendar: terms, public holidays and make-up days, as the bureau keeps them.

A year that is not in the file is not an error: its days follow the plain week and the default
terms, and `SchoolCalendar.warnings` says so, so that every page can carry the banner.
"""

from __future__ import annotations

import re
from calendar import isleap
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import chain, pairwise
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass
from pydantic_core import PydanticCustomError

from config.plan.plan_file import read_values, refuse_problems
from config.plan.values import DayKind
from config.yaml_source import KeyPath

SHIPPED_CALENDAR = Path(__file__).with_name("calendars") / "china.yaml"

_STRICT = ConfigDict(extra="forbid")
_SATURDAY = 5
_ONE_DAY = timedelta(days=1)
_LONGEST_TERM = timedelta(days=250)
_MONTH_DAY = re.compile(r"[0-9]{2}-[0-9]{2}")
_LEAP_YEAR, _LEAP_DAY, _LAST_OF_FEBRUARY = 2028, "02-29", "02-28"


def _month_day(written: str) -> str:
    try:
        if _MONTH_DAY.fullmatch(written):
            date.fromisoformat(f"{_LEAP_YEAR}-{written}")
            return written
    except ValueError:
        pass
    raise PydanticCustomError("month_day", "{given} is no day of the year", {"given": written})


MonthDay = Annotated[str, AfterValidator(_month_day)]
"""`MM-DD`; `02-29` is the last day of February."""


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
        return Term(self.name, _day_of(year, self.start), _day_of(last_year, self.end))


def _day_of(year: int, month_day: str) -> date:
    leap = month_day == _LEAP_DAY and not isleap(year)
    return date.fromisoformat(f"{year:04d}-{_LAST_OF_FEBRUARY if leap else month_day}")


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
    OVERLAPS_DEFAULT = "overlaps_default"
    OVERLAPS_BESIDE = "overlaps_beside"
    TERM_TOO_LONG = "term_too_long"
    OTHER_YEAR = "other_year"
    BOTH = "both"
    NO_HOLIDAY = "no_holiday"


@dataclass(frozen=True, slots=True)
class CalendarFault:
    """One fault; `what` is the day or the term it is about, `other` one it runs into."""

    kind: CalendarFaultKind
    what: str
    other: Term | None = None


@dataclass(frozen=True, slots=True)
class CalendarWarning:
    """A gap of the calendar: `missing` is `holidays` or the name of a term."""

    year: int
    missing: str


@dataclass(frozen=True, slots=True, config=_STRICT)
class SchoolCalendar:
    """One calendar; several schools may share it.

    Attributes:
        terms: entered terms; each replaces the default of its year in whose days it lies most,
            whatever it is called, or, outside of all their days, the one that bears its name.
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
        entered = (term for term in self.terms if term.start.year == year)
        return tuple(sorted((*entered, *self.stand_ins(year)), key=lambda term: term.start))

    def stand_ins(self, year: int) -> tuple[Term, ...]:
        """The default terms of `year` that hold because no entered one replaces them."""
        defaults = [default.of(year) for default in self.default_terms]
        entered = (term for term in self.terms if term.start.year == year)
        replaced = {_replaced(term, defaults) for term in entered}
        return tuple(default for default in defaults if default not in replaced)

    def term_of(self, day: date) -> Term | None:
        """The term that `day` lies in."""
        for year in (day.year, day.year - 1):
            for term in self.terms_starting_in(year):
                if term.start <= day <= term.end:
                    return term
        return None

    def term_begun_by(self, day: date) -> Term | None:
        """The term that `day` lies in, between terms the one that ended last."""
        terms = (*self.terms_starting_in(day.year - 1), *self.terms_starting_in(day.year))
        begun = [term for term in terms if term.start <= day]
        return max(begun, key=lambda term: term.start, default=None)

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
            for term in self.stand_ins(year):
                yield CalendarWarning(year, term.name)

    def _is_workday(self, day: date) -> bool:
        year = self.years.get(day.year)
        if year is not None:
            if day in year.make_up_days:
                return True
            if any(holiday.day == day for holiday in year.holidays):
                return False
        return day.weekday() < _SATURDAY


def _replaced(term: Term, defaults: Sequence[Term]) -> Term | None:
    """The default that `term` stands for. A name alone does not tell: a bureau may call it its own,
    and one default beside it would ask for the work of the same days twice."""
    shared, default = max(
        ((_days_shared(term, one), one) for one in defaults),
        key=lambda pair: pair[0],
        default=(0, None),
    )
    if shared > 0:
        return default
    return next((one for one in defaults if one.name == term.name), None)


def _days_shared(one: Term, other: Term) -> int:
    return (min(one.end, other.end) - max(one.start, other.start)).days + 1


def year_faults(entered: CalendarYear) -> Iterator[CalendarFault]:
    """What is wrong within one entered year."""
    kinds = CalendarFaultKind
    names = Counter(term.name for term in entered.terms)
    ordered = sorted(entered.terms, key=lambda term: term.start)
    for term in ordered:
        if term.end <= term.start:
            yield CalendarFault(kinds.TERM_ENDS_EARLY, term.name)
        if term.end - term.start > _LONGEST_TERM:
            yield CalendarFault(kinds.TERM_TOO_LONG, term.name)
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


def faults_beside(calendar: SchoolCalendar, year: int) -> Iterator[CalendarFault]:
    """Terms entered for `year` that run into a default term, or into one of the year beside."""
    entered = [term for term in calendar.terms if term.start.year == year]
    beside = [calendar.terms_starting_in(one) for one in (year - 1, year, year + 1)]
    for pair in pairwise(sorted(chain.from_iterable(beside), key=lambda term: term.start)):
        earlier, later = pair
        own = [term for term in pair if term in entered]
        if later.start > earlier.end or not own or len(own) == len(pair):
            continue
        other = later if own[0] is earlier else earlier
        kinds = CalendarFaultKind
        kind = kinds.OVERLAPS_BESIDE if other in calendar.terms else kinds.OVERLAPS_DEFAULT
        yield CalendarFault(kind, own[0].name, other)


def _day_faults(entered: CalendarYear) -> Iterator[CalendarFault]:
    listed = [holiday.day for holiday in entered.holidays]
    for day in (*listed, *entered.make_up_days, *entered.closed_days):
        if day.year != entered.year:
            yield CalendarFault(CalendarFaultKind.OTHER_YEAR, day.isoformat())
    for day in sorted(set(listed) & set(entered.make_up_days)):
        yield CalendarFault(CalendarFaultKind.BOTH, day.isoformat())


_FILE_WORDS = {
    CalendarFaultKind.TERM_ENDS_EARLY: ("term {0} ends before it starts", "swap the days"),
    CalendarFaultKind.TERM_TWICE: ("two terms called {0} begin in {1}", "name them apart"),
    CalendarFaultKind.TERMS_OVERLAP: ("term {0} overlaps the one before", "correct the days"),
    CalendarFaultKind.OVERLAPS_DEFAULT: (
        "term {0} overlaps the default term {2}",
        "correct the days, or enter {2} as well",
    ),
    CalendarFaultKind.OVERLAPS_BESIDE: ("term {0} overlaps the term {2}", "correct the days"),
    CalendarFaultKind.TERM_TOO_LONG: (
        f"term {{0}} is longer than {_LONGEST_TERM.days} days",
        "correct the year of its last day",
    ),
    CalendarFaultKind.OTHER_YEAR: ("{0} is not in {1}", "move it to its own year"),
    CalendarFaultKind.BOTH: ("{0} is a holiday and a make-up day", "keep one of the two"),
}
_OF_DAYS = (CalendarFaultKind.OTHER_YEAR, CalendarFaultKind.BOTH)

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
    calendar, source = read_values(path, _ADAPTER, SchoolCalendar)
    for year in sorted({*calendar.years, *(term.start.year for term in calendar.terms)}):
        for fault in (*year_faults(calendar.entered_year(year)), *faults_beside(calendar, year)):
            # A file may know a year's terms before the notice of its holidays is out.
            if fault.kind is not CalendarFaultKind.NO_HOLIDAY:
                message, mend = _FILE_WORDS[fault.kind]
                at: KeyPath = ("years", str(year))
                if fault.kind not in _OF_DAYS:
                    at = _place_of(calendar, fault.what, year)
                other = fault.other
                named = "" if other is None else f"{other.start.year} {other.name}"
                words = (fault.what, year, named)
                source.report(at, message.format(*words), mend.format(*words))
    refuse_problems(source)
    return calendar


def _place_of(calendar: SchoolCalendar, name: str, year: int) -> KeyPath:
    """Where the last term of this name that begins in the year stands in the file."""
    places = [
        position
        for position, term in enumerate(calendar.terms)
        if term.name == name and term.start.year == year
    ]
    return ("terms", places[-1])

"""Periods of the papers: half of a month, week, month, term; named as offices write them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from api.plan.errors import StepRefusal
from config.plan import SchoolCalendar
from config.texts import text

_WEEK = timedelta(days=7)
_DAY = timedelta(days=1)


class ReportKind(StrEnum):
    """A paper that a unit makes for a period."""

    HALF_MONTH = "half_month"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    EVALUATION = "evaluation"


@dataclass(frozen=True, slots=True)
class Period:
    """Days `first` to `last`, both included; `name` is part of file names: `2027-03上`."""

    first: date
    last: date
    name: str

    def holds(self, day: date | None) -> bool:
        return day is not None and self.first <= day <= self.last


def half_of(day: date) -> Period:
    """The half of a month that `day` lies in: to the 15th, and from the 16th."""
    if day.day <= 15:
        return Period(day.replace(day=1), day.replace(day=15), f"{day:%Y-%m}上")
    return Period(day.replace(day=16), _month_end(day), f"{day:%Y-%m}下")


def week_of(day: date) -> Period:
    """Monday to Sunday; named by the ISO week."""
    first = day - timedelta(days=day.weekday())
    year, week, _ = day.isocalendar()
    return Period(first, first + _WEEK - _DAY, f"{year}年第{week:02d}周")


def month_of(day: date) -> Period:
    return Period(day.replace(day=1), _month_end(day), f"{day:%Y-%m}")


def term_of(calendar: SchoolCalendar, day: date) -> Period:
    """The term that `day` lies in, between terms the one that ended last.

    Raises `StepRefusal` for a calendar that has none.
    """
    term = calendar.term_begun_by(day)
    if term is None:
        raise StepRefusal("plan_no_term", day=day.isoformat())
    name = text(f"plan.term.{term.name}", "zh") if term.name in ("spring", "autumn") else term.name
    return Period(term.start, term.end, f"{term.start.year}{name}")


def period_of(kind: ReportKind, day: date, calendar: SchoolCalendar) -> Period:
    """The period that a paper of `kind` for `day` covers."""
    match kind:
        case ReportKind.HALF_MONTH:
            return half_of(day)
        case ReportKind.WEEKLY:
            return week_of(day)
        case ReportKind.MONTHLY:
            return month_of(day)
        case ReportKind.EVALUATION:
            return term_of(calendar, day)


def _month_end(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1) - _DAY

"""From a rule to the days on which its work falls due. Pure: no clock, no files.

A rule is expanded in three steps: the RRULE gives the raw due days of a plan year (the calendar
year); each gets the window in which the work counts; then the school calendar moves the due day
back to the nearest fitting day inside the window, or exempts the occurrence when there is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from dateutil.relativedelta import relativedelta
from dateutil.rrule import rrulestr

from config.plan.errors import RecurrenceError
from config.plan.school_calendar import SchoolCalendar, Term
from config.plan.values import Adjust, Rule, Scope, Window

# "At the start of the term" names no span; two weeks lets the work fall before the first lesson.
# A bureau that means something else changes the rule.
TERM_START_LEAD = timedelta(days=14)

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One time that a duty falls due.

    Attributes:
        raw_due: the day that the RRULE gives; with the rule's id it names the occurrence for good,
            however the calendar is edited later.
        due: the day after adjustment; equal to `raw_due` when exempt.
        window_start: first day on which work counts for this occurrence.
        exempt: the school calendar has no fitting day in the window.
    """

    rule_id: str
    raw_due: date
    due: date
    window_start: date
    exempt: bool = False


def raw_due_days(rule: Rule, year: int, calendar: SchoolCalendar) -> tuple[date, ...]:
    """Due days of plan year `year` as the RRULE gives them, before the school calendar.

    A rule that repeats within each term is expanded for the terms that begin in `year`, from the
    Monday of the first week, so that odd and even weeks start anew; days before the term's first
    day do not count. The tail of the autumn term falls in the next plan year and is given there.

    Raises `RecurrenceError` for a rule that is anchored on an incident or a certificate.
    """
    first, last = date(year, 1, 1), date(year, 12, 31)
    if rule.scope is Scope.YEAR:
        return _expand(rule.rrule, first, first, last)
    if rule.scope is Scope.PER_TERM:
        terms = (*calendar.terms_starting_in(year - 1), *calendar.terms_starting_in(year))
        # A day names one occurrence, also where two terms hold it.
        days = {day for term in terms for day in _term_days(rule, term)}
        return tuple(sorted(day for day in days if first <= day <= last))
    raise RecurrenceError(
        f"{rule.id} repeats {rule.scope.value}: give the record it is anchored on"
    )


def raw_count(rule: Rule, year: int, calendar: SchoolCalendar) -> int:
    """The inventory's `expected_raw`: due days of the year or of the terms that begin in it.

    It leaves out the tail that the previous year's autumn term has in January.
    """
    if rule.scope is not Scope.PER_TERM:
        return len(raw_due_days(rule, year, calendar))
    days = (day for term in calendar.terms_starting_in(year) for day in _term_days(rule, term))
    return sum(1 for day in days if day.year == year)


def expand_year(rule: Rule, year: int, calendar: SchoolCalendar) -> tuple[Occurrence, ...]:
    """All occurrences of `rule` whose raw due day lies in `year`, in order."""
    return tuple(place(rule, raw_due, calendar) for raw_due in raw_due_days(rule, year, calendar))


def place(rule: Rule, raw_due: date, calendar: SchoolCalendar) -> Occurrence:
    """One raw due day with its window, adjusted to the school calendar."""
    start = window_start(rule, raw_due, calendar)
    not_before = raw_due if rule.adjust is Adjust.NONE else start
    due = calendar.last_day_on_or_before(raw_due, rule.calendar, not_before)
    if due is None:
        return Occurrence(rule.id, raw_due, raw_due, start, exempt=True)
    return Occurrence(rule.id, raw_due, due, start)


def window_start(rule: Rule, raw_due: date, calendar: SchoolCalendar) -> date:
    """First day of the window that ends on `raw_due`."""
    month_start = raw_due.replace(day=1)
    monday = raw_due - timedelta(days=raw_due.weekday())
    match rule.window:
        case Window.DAY:
            return raw_due
        case Window.WEEK:
            return monday
        case Window.TWO_WEEKS:
            start = monday - timedelta(days=7)
            term = calendar.term_of(raw_due)
            return start if term is None else max(start, term.start)
        case Window.HALF_MONTH:
            return month_start if raw_due.day <= 15 else raw_due.replace(day=16)
        case Window.MONTH:
            return month_start
        case Window.QUARTER:
            return month_start.replace(month=(raw_due.month - 1) // 3 * 3 + 1)
        case Window.HALF_YEAR:
            return month_start.replace(month=1 if raw_due.month <= 6 else 7)
        case Window.YEAR:
            return month_start.replace(month=1)
        case Window.TERM:
            # A term may end before the last day on which its work is asked for.
            term = calendar.term_begun_by(raw_due)
            return month_start if term is None else term.start
        case Window.TERM_START:
            return raw_due - TERM_START_LEAD
        case Window.CAMPAIGN:
            first_month = rule.window_start_month or raw_due.month
            year = raw_due.year if first_month <= raw_due.month else raw_due.year - 1
            return date(year, first_month, 1)


def incident_due_days(
    rule: Rule, occurred_on: date, last_day: date, calendar: SchoolCalendar
) -> tuple[Occurrence, ...]:
    """Follow-up reports of one incident, from the day it happened to `last_day`, both included.

    Raises `RecurrenceError` for a rule that is not anchored on incidents.
    """
    if rule.scope is not Scope.PER_INCIDENT:
        raise RecurrenceError(f"{rule.id} is not anchored on incidents")
    days = _expand(rule.rrule, occurred_on, occurred_on, last_day)
    return tuple(place(rule, day, calendar) for day in days)


def certificate_expiry(rule: Rule, issued_on: date, printed_expiry: date | None = None) -> date:
    """The day until which a certificate holds: the printed one, else issue plus the interval.

    Months are added by the calendar, cut to the month's last day: half a year from 31 August is
    the last day of February, where an RRULE would skip to the next 31 August.

    Raises `RecurrenceError` for a rule that is not anchored on certificates.
    """
    if rule.scope is not Scope.PER_CERTIFICATE:
        raise RecurrenceError(f"{rule.id} is not anchored on certificates")
    if printed_expiry is not None:
        return printed_expiry
    return issued_on + relativedelta(months=_interval_months(rule))


def certificate_due(
    rule: Rule, issued_on: date, calendar: SchoolCalendar, printed_expiry: date | None = None
) -> Occurrence:
    """When the successor of a certificate falls due: on its expiry, or the workday before."""
    expiry = certificate_expiry(rule, issued_on, printed_expiry)
    due = calendar.last_day_on_or_before(expiry, rule.calendar, issued_on)
    return Occurrence(rule.id, expiry, due or expiry, issued_on + _ONE_DAY)


def _interval_months(rule: Rule) -> int:
    parts = dict(part.split("=", 1) for part in rule.rrule.split(";"))
    months = {"MONTHLY": 1, "YEARLY": 12}.get(parts["FREQ"])
    if months is None:
        raise RecurrenceError(f"{rule.id}: a certificate renews by months or years: {rule.rrule}")
    return months * int(parts.get("INTERVAL", "1"))


def _term_days(rule: Rule, term: Term) -> tuple[date, ...]:
    monday = term.start - timedelta(days=term.start.weekday())
    return _expand(rule.rrule, monday, term.start, term.end)


def _expand(rrule: str, anchor: date, first: date, last: date) -> tuple[date, ...]:
    midnight = time()
    rule = rrulestr(rrule, dtstart=datetime.combine(anchor, midnight))
    moments = rule.between(
        datetime.combine(first, midnight), datetime.combine(last, midnight), inc=True
    )
    return tuple(moment.date() for moment in moments)

"""`/api/v1/plan/calendars`: the bureau enters a year of the school calendar, and sees what moves.

What is entered holds at once and in this service alone; the calendar's file can be fetched for
services of other schools.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response
from pydantic import Field, StringConstraints

from api.access.rights import Right
from api.place_names import Name
from api.plan import calendar_store
from api.plan.asking import PREFIX, PlanDep, PlanKeeper
from api.plan.calendar_file import calendar_text
from api.plan.errors import FormRefusal, NotFoundRefusal
from api.plan.ledger import Changes
from api.plan.page_frame import Answer, Frame, page
from api.plan.scopes import Part
from api.plan.service import PlanService
from api.plan.states import State
from api.plan.tables import day_of
from api.plan.viewer import PlanViewer
from api.problems import responses
from api.schemas import Body, with_examples
from config.moments import Day
from config.plan import CalendarYear, SchoolCalendar, Term
from config.plan.holiday_notice import read_notice
from config.plan.school_calendar import (
    CalendarFault,
    Holiday,
    faults_beside,
    year_faults,
)
from config.texts import text

router = APIRouter(prefix=PREFIX, tags=["plan"])
page_router = APIRouter(prefix="/plan", tags=["plan pages"], include_in_schema=False)

MOST_SHOWN = 60
_READ = responses(401, 403, 404, 422, 503)
_CHANGE = responses(401, 403, 404, 409, 415, 422, 503)

Year = Annotated[int, Path(ge=2000, le=2100, description="calendar year, in the school's own time")]
CalendarName = Annotated[
    str,
    Query(
        alias="calendar",
        pattern=r"^[A-Za-z0-9_.-]{0,60}$",
        description="file name of the calendar; empty for the one that units have by default",
    ),
]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20)]
SettingsPage = Annotated[PlanViewer, Depends(page(Right.ADMINISTER_PLAN, Part.SETTINGS))]


class HolidayBody(Body):
    """One public holiday."""

    day: Day
    name: Title


class TermBody(Body):
    """One term, first and last day included."""

    name: Title
    start: Day
    end: Day


_YEAR_EXAMPLE: dict[str, Any] = {
    "holidays": [{"day": "2027-01-01", "name": "元旦"}],
    "make_up_days": ["2027-02-20"],
    "terms": [{"name": "spring", "start": "2027-03-01", "end": "2027-07-09"}],
    "closed_days": [],
}


class YearIn(Body):
    """One calendar year; it replaces all that the calendar had for it."""

    model_config = with_examples(_YEAR_EXAMPLE)

    holidays: Annotated[tuple[HolidayBody, ...], Field(max_length=100)]
    make_up_days: Annotated[tuple[Day, ...], Field(max_length=60)] = ()
    terms: Annotated[tuple[TermBody, ...], Field(max_length=6)] = ()
    closed_days: Annotated[tuple[Day, ...], Field(max_length=120)] = ()

    def entered(self, year: int, calendar: SchoolCalendar) -> CalendarYear:
        """The year for `calendar`. Raises `FormRefusal` with every fault."""
        entered = CalendarYear(
            year,
            tuple(sorted((Holiday(h.day, h.name) for h in self.holidays), key=lambda h: h.day)),
            tuple(sorted(set(self.make_up_days))),
            tuple(Term(term.name, term.start, term.end) for term in self.terms),
            tuple(sorted(set(self.closed_days))),
        )
        faults = (*year_faults(entered), *faults_beside(calendar.with_year(entered), year))
        if faults:
            zh, en = (
                comma.join(_fault_words(one, lang) for one in faults)
                for lang, comma in (("zh", "；"), ("en", "; "))
            )
            raise FormRefusal("plan_form_wrong", fields=Name(zh, en))
        return entered


class MoveOut(Body):
    """One occurrence that stands otherwise; `due_on` is null where the calendar exempts it."""

    unit_id: str
    rule_id: str
    was_due_on: date | None
    due_on: date | None


class ChangesOut(Body):
    """What entering a year changes in the ledger's days to come."""

    added: int
    moved: int
    exempted: int
    dropped: int
    shown: tuple[MoveOut, ...] = Field(description="the first of those that are moved or exempted")


class YearOut(YearIn):
    """What holds for a year."""

    model_config = with_examples({**_YEAR_EXAMPLE, "entered_by": "李明"})

    entered_by: str = Field(description="empty when it stands in the calendar's file or nowhere")


class NoticeIn(Body):
    """The words of the State Council's notice."""

    model_config = with_examples({"words": "三、清明节：4月4日（周六）至6日（周一）放假，共3天。"})

    words: Annotated[str, StringConstraints(min_length=1, max_length=10_000)]


class NoticeOut(Body):
    """The days that the notice gives."""

    holidays: tuple[HolidayBody, ...]
    make_up_days: tuple[date, ...]
    unread: tuple[str, ...] = Field(description="sentences with a day that were not understood")


@router.get("/calendars/{year}", responses=_READ)
async def year_of(
    year: Year, plan: PlanDep, viewer: PlanKeeper, calendar: CalendarName = ""
) -> YearOut:
    """What was entered for a year."""
    del viewer
    known = _known(plan, calendar).entered_year(year)
    async with plan.database.read() as connection:
        by = await calendar_store.entered_by(connection, calendar, year)
    return YearOut(
        holidays=tuple(HolidayBody(day=one.day, name=one.name) for one in known.holidays),
        make_up_days=known.make_up_days,
        terms=tuple(TermBody(name=t.name, start=t.start, end=t.end) for t in known.terms),
        closed_days=known.closed_days,
        entered_by="" if by is None else by.author,
    )


@router.post("/calendars/{year}/preview", responses=_CHANGE)
async def preview_year(
    year: Year, body: YearIn, plan: PlanDep, viewer: PlanKeeper, calendar: CalendarName = ""
) -> ChangesOut:
    """What would move, changing nothing."""
    entered = body.entered(year, _known(plan, calendar))
    return await _told(plan, viewer, await plan.calendar_changes(calendar, entered))


@router.post("/calendars/{year}", responses=_CHANGE)
async def enter_year(
    year: Year, body: YearIn, plan: PlanDep, viewer: PlanKeeper, calendar: CalendarName = ""
) -> ChangesOut:
    """Put the year in force; what is still to come moves with it, the past stays."""
    entered = body.entered(year, _known(plan, calendar))
    found = await plan.enter_year(calendar, entered, viewer.name)
    return await _told(plan, viewer, found)


@router.post("/calendars/{year}/notice", responses=_CHANGE)
async def notice(year: Year, body: NoticeIn, viewer: PlanKeeper) -> NoticeOut:
    """Read the days out of the notice's words; nothing is entered."""
    del viewer
    found = read_notice(body.words, year)
    return NoticeOut(
        holidays=tuple(HolidayBody(day=one.day, name=one.name) for one in found.holidays),
        make_up_days=found.make_up_days,
        unread=found.unread,
    )


@router.get("/calendar-file", responses=_READ, response_class=Response)
async def calendar_file(plan: PlanDep, viewer: PlanKeeper, calendar: CalendarName = "") -> Response:
    """The whole calendar as a file for the plan folders of other services."""
    del viewer
    known = _known(plan, calendar)
    name = calendar or "calendar.yaml"
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(calendar_text(known), media_type="application/yaml", headers=headers)


@page_router.get("/school-year")
async def school_year_page(
    request: Request,
    plan: PlanDep,
    viewer: SettingsPage,
    year: Annotated[int | None, Query(ge=2000, le=2100)] = None,
    calendar: CalendarName = "",
) -> Answer:
    """Terms, holidays and make-up days of a year, to be entered and looked through."""
    today = plan.today()
    gaps = sorted({one.year for one in plan.warnings()})
    chosen = year or (gaps[0] if gaps else today.year)
    values = {
        "year": chosen,
        "calendar": calendar,
        "calendars": sorted(plan.edition.calendars),
        "terms": _known(plan, calendar).terms_starting_in(chosen),
        "titles": {name: rule.zh for name, rule in plan.edition.rules_known(chosen).items()},
        "unit_names": {one.id: [one.name_zh, one.name_en] for one in plan.visible(viewer)},
    }
    return Frame(request, plan, viewer).draw("school_year.html", values)


def _known(plan: PlanService, calendar: str) -> SchoolCalendar:
    try:
        return plan.edition.calendars[calendar]
    except KeyError as error:
        raise NotFoundRefusal("plan_calendar_unknown", name=calendar) from error


async def _told(plan: PlanService, viewer: PlanViewer, found: Changes) -> ChangesOut:
    """Counts of all units; single rows of those that the viewer sees."""
    names = await plan.unit_ids()
    moves = [
        MoveOut(
            unit_id=names[row["unit_no"]],
            rule_id=row["rule_id"],
            was_due_on=None if old["state"] == State.EXEMPT else day_of(old["due_day"]),
            due_on=None if row["state"] == State.EXEMPT else day_of(row["due_day"]),
        )
        for old, row in found.moved
    ]
    exempted = [one for one in moves if one.due_on is None]
    rest: Iterable[MoveOut] = (
        one for one in moves if one.due_on != one.was_due_on and viewer.sees(one.unit_id)
    )
    return ChangesOut(
        added=len(found.fresh),
        moved=len(moves) - len(exempted),
        exempted=len(exempted),
        dropped=len(found.dropped),
        shown=tuple(rest)[:MOST_SHOWN],
    )


def _fault_words(fault: CalendarFault, lang: str) -> str:
    key = f"plan.school_year.fault.{fault.kind.value}"
    what = _term_words(fault.what, lang)
    if fault.other is None:
        return text(key, lang, what=what)
    year, other = fault.other.start.year, _term_words(fault.other.name, lang)
    return text(key, lang, what=what, year=year, other=other)


def _term_words(name: str, lang: str) -> str:
    return text(f"plan.term.{name}", lang) if name in ("spring", "autumn") else name

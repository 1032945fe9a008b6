"""The plan's pages of a unit's time: today, board, calendar and ledger."""

from __future__ import annotations

from calendar import Calendar as Weeks
from collections import Counter
from datetime import date, timedelta
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request

from api.access.rights import Right
from api.plan import certificate_store, feeds, task_store
from api.plan.asking import PlanDep, UnitId
from api.plan.chasing import task_step
from api.plan.errors import NotFoundRefusal
from api.plan.forms import OWN_ROUTES, fills_in, form_address
from api.plan.page_frame import Answer, Frame, Start, absent, local_clock
from api.plan.scopes import Part
from api.plan.service import PlanService
from api.plan.sights import shown, sight_of
from api.plan.states import DONE, State
from api.plan.today import Line, UnitCounts, between, counts_by_unit, notices_on, today_of
from api.plan.viewer import PlanViewer
from config.plan import Measure, Unit, applies
from config.plan.values import Scope, Window

router = APIRouter(prefix="/plan", tags=["plan pages"], include_in_schema=False)

Month = Annotated[str | None, Query(pattern=r"^20\d\d-(0[1-9]|1[0-2])$")]
Only = Literal["", "todo", "periodic"]
Mine = Annotated[str, Query(pattern=r"^[a-z_]{0,30}$")]
STEP_ROLES = ("grid_owner", "safety_director", "principal", "bureau_safety", "bureau_leader")


@router.get("")
async def start(request: Request, plan: PlanDep, viewer: Start) -> Answer:
    """One's own unit's day; who sees several gets the list of them."""
    visible = plan.visible(viewer)
    if len(visible) == 1:
        return await today_page(request, visible[0].id, plan, viewer)
    counts = await unit_counts(plan, visible)
    return Frame(request, plan, viewer).draw("units.html", {"counts": counts})


@router.get("/units/{unit_id}")
async def today_page(
    request: Request, unit_id: UnitId, plan: PlanDep, viewer: Start, role: Mine = ""
) -> Answer:
    """What one unit has to do today, for the part that the viewer's roles see.

    `role` keeps only the reminders of one rung of the ladder.
    """
    scope = viewer.scope(unit_id)
    try:
        async with plan.reading(viewer, unit_id) as (connection, desk):
            sight = sight_of(plan, viewer, unit_id)
            found = await today_of(connection, desk.unit_no, desk.today, sight.rows())
            notices = await notices_on(connection, desk.unit_no, desk.today)
            ending = await certificate_store.ending(connection, desk.unit_no, desk.today)
            missing = await certificate_store.kinds_missing(connection, desk)
            tasks = await task_store.listed(connection, desk.unit_no)
    except NotFoundRefusal as error:
        raise absent(error) from error
    has = scope.parts.__contains__
    values = {
        "unit": desk.unit,
        "found": found,
        "notices": [one for one in notices if sight.shows(one) and role in ("", one.role)],
        "ending": [one for one in ending if scope.allows("certificate", one.kind)],
        "missing": [kind for kind in missing if scope.allows("certificate", kind)],
        "urgent": [one for one in found.pending if one.due <= desk.today],
        "later": [one for one in found.pending if one.due > desk.today],
        # What comes every day fills no list of what is coming.
        "soon": [one for one in found.soon if not _is_daily(plan, one)],
        "record_form": partial(form_address, plan, viewer, unit_id)
        if fills_in(viewer, unit_id)
        else None,
        "tasks": tasks if has(Part.TASKS) else (),
        "rung": task_step,
        "kinds": plan.edition.kinds.by_id,
        "forms": [
            name
            for name, kind in plan.edition.kinds.by_id.items()
            if name not in OWN_ROUTES
            and any(scope.allows(name, one) for one in kind.types or ("",))
        ],
        "step_roles": STEP_ROLES,
        "role": role,
    }
    return Frame(request, plan, viewer).draw("today.html", values)


@router.get("/units/{unit_id}/board")
async def board_page(request: Request, unit_id: UnitId, plan: PlanDep, viewer: Start) -> Answer:
    """The plan's 36 rows, word for word, with how each stands this year."""
    first = date(plan.today().year, 1, 1)
    lines, unit = await _lines(plan, viewer, unit_id, first, date(first.year, 12, 31))
    values: dict[str, Any] = {"unit": unit}
    values["sections"] = plan.edition.catalogue_of(first.year).sections
    values |= {"standing": _standing(plan, lines), "why_empty": lambda one: _why_empty(one, unit)}
    return Frame(request, plan, viewer).draw("board.html", values)


@router.get("/units/{unit_id}/ledger")
async def ledger_page(
    request: Request,
    unit_id: UnitId,
    plan: PlanDep,
    viewer: Start,
    month: Month = None,
    only: Only = "",
) -> Answer:
    """A month of the ledger, line by line: all, what is not done, or without the daily rounds."""
    first, last = _month(plan, month)
    lines, unit = await _lines(plan, viewer, unit_id, first, last)
    if only == "todo":
        undone = (State.OPEN, State.UPCOMING, State.OVERDUE, State.MISSED)
        lines = tuple(line for line in lines if line.state in undone)
    elif only == "periodic":
        lines = tuple(line for line in lines if not _is_daily(plan, line))
    values = {"unit": unit, "lines": lines, "first": first, "only": only, **_moves(first, last)}
    return Frame(request, plan, viewer).draw("ledger.html", values)


@router.get("/units/{unit_id}/calendar")
async def calendar_page(
    request: Request, unit_id: UnitId, plan: PlanDep, viewer: Start, month: Month = None
) -> Answer:
    """A month as a calendar sheet: what falls due on which day, holidays and terms."""
    first, last = _month(plan, month)
    lines, unit = await _lines(plan, viewer, unit_id, first, last)
    person = None if viewer.may(Right.REVIEW_PLAN, unit_id) else viewer.name
    async with plan.reading(viewer, unit_id) as (connection, desk):
        granted = await feeds.listed(connection, desk.unit_no, person)
    by_day: dict[date, list[Line]] = {}
    for line in lines:
        if not _is_daily(plan, line):
            by_day.setdefault(line.due, []).append(line)
    calendar = plan.edition.calendar_of(unit)
    weeks = Weeks().monthdatescalendar(first.year, first.month)
    values = {
        "unit": unit,
        "first": first,
        "weeks": weeks,
        "by_day": by_day,
        "holiday": calendar.holiday_name,
        "term_of": calendar.term_of,
        "feeds": granted,
        "clock": local_clock(plan.zone),
        **_moves(first, last),
    }
    return Frame(request, plan, viewer).draw("calendar.html", values)


async def unit_counts(
    plan: PlanService, visible: tuple[Unit, ...]
) -> list[tuple[Unit, UnitCounts]]:
    """Counts of the units that a viewer sees, the most overdue first."""
    units = {unit.id: unit for unit in visible}
    async with plan.database.read() as connection:
        found = await counts_by_unit(connection, plan.today())
    return [(units[one.unit_id], one) for one in found if one.unit_id in units]


async def _lines(
    plan: PlanService, viewer: PlanViewer, unit_id: str, first: date, last: date
) -> tuple[tuple[Line, ...], Unit]:
    try:
        async with plan.reading(viewer, unit_id) as (connection, desk):
            lines = await between(connection, desk.unit_no, first, last)
    except NotFoundRefusal as error:
        raise absent(error) from error
    return shown(plan, viewer, unit_id, lines), desk.unit


def _month(plan: PlanService, month: str | None) -> tuple[date, date]:
    first = date.fromisoformat(f"{month}-01") if month else plan.today().replace(day=1)
    return first, (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def _moves(first: date, last: date) -> dict[str, str]:
    previous, following = first - timedelta(days=1), last + timedelta(days=1)
    return {"previous": f"{previous:%Y-%m}", "next": f"{following:%Y-%m}"}


def _is_daily(plan: PlanService, line: Line) -> bool:
    rule = plan.edition.rule_of(line.rule_id, line.plan_year)
    return rule is not None and rule.window is Window.DAY


def _why_empty(measure: Measure, unit: Unit) -> str:
    """Why the year's ledger has no row for a measure; end of a key `plan.board.<this>`."""
    if not measure.rules:
        return "no_rule"
    binding = [rule for rule in measure.rules if applies(rule, unit)]
    if not binding:
        return "not_ours"
    if all(rule.scope in (Scope.PER_INCIDENT, Scope.PER_CERTIFICATE) for rule in binding):
        return "on_event"
    return "not_in_ledger"


def _standing(plan: PlanService, lines: tuple[Line, ...]) -> dict[str, dict[str, int]]:
    """Measure id -> how many of its occurrences are done, overdue, missed, to come."""
    groups: dict[State, str] = dict.fromkeys(DONE, "done") | {
        State.OVERDUE: "overdue",
        State.MISSED: "missed",
        State.OPEN: "open",
        State.UPCOMING: "upcoming",
    }
    standing: dict[str, Counter[str]] = {}
    for line in lines:
        rule = plan.edition.rule_of(line.rule_id, line.plan_year)
        if rule is not None and line.state in groups:
            standing.setdefault(rule.measure_id, Counter())[groups[line.state]] += 1
    return {name: dict(counts) for name, counts in standing.items()}

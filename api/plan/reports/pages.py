"""Pages of the papers: make and fetch them, the term's evaluation, one row of the ledger."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from sqlalchemy import select

from api.access.rights import Right
from api.plan import history, record_store
from api.plan.asking import Number, PlanDep, UnitId
from api.plan.errors import NotFoundRefusal, StepRefusal
from api.plan.forms import form_address
from api.plan.hazard_store import HAZARDS
from api.plan.hazard_withdrawing import TAKES_BACK, offered, withdrawn_hazards
from api.plan.page_frame import (
    Answer,
    Frame,
    HazardsPage,
    PageRefusal,
    PapersPage,
    ScoresPage,
    Start,
    absent,
    local_clock,
)
from api.plan.reports import issued
from api.plan.reports.evaluation import reference_in
from api.plan.reports.making import prepare
from api.plan.reports.measures import measures_of
from api.plan.reports.periods import ReportKind, term_of
from api.plan.reports.routes import evaluated
from api.plan.reports.sheet import reference_words
from api.plan.reports.writing import Form
from api.plan.sights import sight_of
from api.plan.states import State
from api.plan.tables import PLAN_COUNTS, PLAN_RECORDS
from api.plan.today import one_line
from api.plan.words import term_name
from api.problems import problem_body
from config.moments import Day

router = APIRouter(prefix="/plan", tags=["plan pages"], include_in_schema=False)

AnyDay = Annotated[Day | None, Query()]
# Where a row that a deduction names can be looked at, below the unit's address.
PLACES = {
    "occurrence": "rows/{number}",
    "record": "records/{number}",
    "hazard": "hazards/{number}",
    "incident": "incidents#incident-{number}",
    "task": "tasks#task-{number}",
}


@router.get("/units/{unit_id}/reports")
async def reports_page(
    request: Request,
    unit_id: UnitId,
    plan: PlanDep,
    viewer: PapersPage,
    kind: ReportKind = ReportKind.HALF_MONTH,
    day: AnyDay = None,
) -> Answer:
    """What the paper would say, what is missing, buttons to make it, and all that were made."""
    chosen = day or plan.today()
    prepared, refusal = None, None
    try:
        async with plan.reading(viewer, unit_id) as (connection, desk):
            papers = await issued.listed(connection, desk.unit_no)
            gone = await record_store.withdrawn_numbers(connection, desk.unit_no)
            gone_hazards = await withdrawn_hazards(connection, desk.unit_no)
        prepared = await prepare(plan, viewer, unit_id, kind, chosen)
    except NotFoundRefusal as error:
        raise absent(error) from error
    except StepRefusal as error:
        refusal = problem_body(error.code, error.values)
    values = {
        "unit": desk.unit,
        "kind": kind,
        "kinds": tuple(ReportKind),
        "forms": tuple(Form),
        "day": chosen,
        "papers": papers,
        "gone_from": lambda paper: sorted(gone & (paper.records or frozenset())),
        "hazards_gone_from": lambda paper: issued.hazards_gone(paper, gone_hazards),
        "prepared": prepared,
        "refusal": refusal,
        "place_of": place_of,
        "reference_words": reference_words,
        "zone": plan.zone,
    }
    return Frame(request, plan, viewer).draw("reports.html", values)


@router.get("/units/{unit_id}/evaluation")
async def evaluation_page(
    request: Request, unit_id: UnitId, plan: PlanDep, viewer: ScoresPage, day: AnyDay = None
) -> Answer:
    """The term in three columns; every point leads to the rows that it rests on."""
    chosen = day or plan.today()
    frame = Frame(request, plan, viewer)
    found, evaluation, refusal = None, None, None
    try:
        async with plan.reading(viewer, unit_id) as (_, desk):
            unit, term = desk.unit, term_of(desk.calendar, chosen)
            named = desk.calendar.term_begun_by(chosen)
        found, evaluation = await evaluated(plan, viewer, unit_id, chosen)
    except NotFoundRefusal as error:
        raise absent(error) from error
    except StepRefusal as error:
        refusal = problem_body(error.code, error.values)
    judges = ["self"]
    if viewer.may(Right.SUPERVISE_PLAN, unit_id):
        judges.append("bureau")
    values = {
        "unit": unit,
        "day": chosen,
        "found": found,
        "evaluation": evaluation,
        "refusal": refusal,
        "measures": measures_of(plan.edition, term),
        "term": "" if named is None else term_name(named, frame.language),
        "judges": judges,
        "place_of": place_of,
        "reference_in": reference_in,
    }
    return frame.draw("evaluation.html", values)


@router.get("/units/{unit_id}/rows/{number}")
async def row_page(
    request: Request, unit_id: UnitId, number: Number, plan: PlanDep, viewer: Start
) -> Answer:
    """One occurrence of the ledger: how it stands, the records counted in it, what was said."""
    try:
        async with plan.reading(viewer, unit_id) as (connection, desk):
            line = await one_line(connection, desk.unit_no, number)
            counted = PLAN_COUNTS.c
            columns = PLAN_RECORDS.c
            query = (
                select(
                    *(columns.id, columns.title, columns.author, counted.merged),
                    *(columns.kind, columns.kind_type),
                )
                .join(PLAN_COUNTS, counted.record_id == columns.id)
                .where(counted.occurrence_id == number)
                .order_by(columns.id)
            )
            scope = viewer.scope(unit_id)
            found = (await connection.execute(query)).all()
            records = [one for one in found if scope.allows(one.kind, one.kind_type)]
            entries = await history.of_subject(connection, f"occurrence:{number}")
    except NotFoundRefusal as error:
        raise absent(error) from error
    if not sight_of(plan, viewer, unit_id).shows(line):
        raise PageRefusal(404, "absent.html")
    takes = line.state in (State.UPCOMING, State.OPEN, State.OVERDUE)
    values = {
        "unit": desk.unit,
        "line": line,
        "records": records,
        "entries": entries,
        "clock": local_clock(plan.zone),
        "form": form_address(plan, viewer, unit_id, line) if takes else "",
        "may_explain": viewer.may(Right.WRITE_PLAN, unit_id),
    }
    return Frame(request, plan, viewer).draw("row.html", values)


@router.get("/units/{unit_id}/hazards/{number}")
async def hazard_page(
    request: Request, unit_id: UnitId, number: Number, plan: PlanDep, viewer: HazardsPage
) -> Answer:
    """One hazard, also a closed one, with every step that was taken."""
    try:
        async with plan.reading(viewer, unit_id) as (connection, desk):
            hazard = await HAZARDS.one(connection, desk.unit_no, number)
            entries = await history.of_subject(connection, f"hazard:{number}")
            files = await record_store.files_of(connection, desk.unit_no, f"hazard:{number}")
    except NotFoundRefusal as error:
        raise absent(error) from error
    values = {
        "unit": desk.unit,
        "hazard": hazard,
        "entries": entries,
        "files": files,
        "taken_back": next((one for one in entries if one.action in TAKES_BACK), None),
        "may_withdraw": offered(viewer, unit_id),
        "clock": local_clock(plan.zone),
    }
    return Frame(request, plan, viewer).draw("hazard.html", values)


def place_of(unit_id: str, reference: str) -> str:
    """Address of the row `occurrence:12`, `record:3` ... of a unit."""
    kind, _, number = reference.partition(":")
    return f"/plan/units/{unit_id}/" + PLACES[kind].format(number=number)

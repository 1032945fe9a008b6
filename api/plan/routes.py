"""`/api/v1/plan/...`: today, records, hazards, incidents and their history.

A unit that the viewer may not see answers 404, as does everything in it.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from sqlalchemy import select

from api.plan import counting, hazard_store, hazards, history, incident_store, incidents
from api.plan.bodies import (
    AssignIn,
    ExplainIn,
    FixedIn,
    HazardIn,
    HazardOut,
    HistoryOut,
    IncidentIn,
    IncidentOut,
    LineOut,
    NothingIn,
    ReceiptIn,
    RecordIn,
    RecordOut,
    ReportIn,
    TodayOut,
    UnitOut,
    VersionIn,
)
from api.plan.errors import NotFoundRefusal
from api.plan.service import PlanService, PlanViewer
from api.plan.tables import PLAN_HISTORY
from api.plan.today import Line, between, counts_by_unit, today_of
from api.plan.words import warning_name
from api.problems import responses
from api.schemas import NameBody
from config.plan import Unit
from vision.instants import Utc

router = APIRouter(prefix="/api/v1/plan", tags=["plan"])

MOST_DAYS = 400


def _service(request: Request) -> PlanService:
    service: PlanService = request.app.state.plan
    return service


PlanDep = Annotated[PlanService, Depends(_service)]


def _viewer(request: Request, plan: PlanDep) -> PlanViewer:
    return plan.viewer_of(request)


ViewerDep = Annotated[PlanViewer, Depends(_viewer)]
UnitId = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Number = Annotated[int, Path(ge=1, le=2**53)]
_READ = responses(401, 404, 422, 503)
_CHANGE = responses(401, 403, 404, 409, 415, 422, 503)


@router.get("/units", responses=responses(401, 503))
async def units(plan: PlanDep, viewer: ViewerDep) -> tuple[UnitOut, ...]:
    """The units this viewer may see, most overdue work first."""
    visible = {unit.id: unit for unit in plan.visible(viewer)}
    async with plan.database.read() as connection:
        counts = await counts_by_unit(connection, plan.today())
    return tuple(
        UnitOut.of(one, _name(visible[one.unit_id])) for one in counts if one.unit_id in visible
    )


@router.get("/units/{unit_id}/today", responses=_READ)
async def today(unit_id: UnitId, plan: PlanDep, viewer: ViewerDep) -> TodayOut:
    """What a unit has to do today."""
    async with plan.reading(viewer, unit_id) as (connection, desk):
        found = await today_of(connection, desk.unit_no, desk.today)
    return TodayOut(
        unit_id=unit_id,
        name=_name(desk.unit),
        day=desk.today,
        warnings=tuple(warning_name(warning) for warning in plan.warnings()),
        pending=_lines(plan, found.pending),
        soon=_lines(plan, found.soon),
        **TodayOut.counts(found),
    )


@router.get("/units/{unit_id}/occurrences", responses=_READ)
async def occurrences(
    unit_id: UnitId,
    plan: PlanDep,
    viewer: ViewerDep,
    first: Annotated[date, Query(alias="from")],
    last: Annotated[date, Query(alias="to")],
) -> tuple[LineOut, ...]:
    """Everything that falls due in a period of at most 400 days."""
    last = min(last, first + timedelta(MOST_DAYS))
    async with plan.reading(viewer, unit_id) as (connection, desk):
        return _lines(plan, await between(connection, desk.unit_no, first, last))


@router.post("/units/{unit_id}/records", responses=_CHANGE)
async def hand_in(unit_id: UnitId, body: RecordIn, plan: PlanDep, viewer: ViewerDep) -> RecordOut:
    """Store a record and count it in every duty it satisfies."""
    record = counting.NewRecord(
        client_key=body.client_key,
        kind=body.kind,
        kind_type=body.kind_type,
        happened=body.happened_on,
        title=body.title,
        author=viewer.name,
        source="camera" if body.from_camera else "person",
        receipt_no=body.receipt_no,
        body=body.details,
    )
    async with plan.writing(viewer, unit_id) as (connection, desk):
        return RecordOut.of(await counting.hand_in(connection, desk, record))


@router.post("/units/{unit_id}/records/{number}/confirm", responses=_CHANGE)
async def confirm(
    unit_id: UnitId, number: Number, body: NothingIn, plan: PlanDep, viewer: ViewerDep
) -> RecordOut:
    """A person takes over a camera's draft; now it counts."""
    del body
    async with plan.writing(viewer, unit_id) as (connection, desk):
        return RecordOut.of(await counting.confirm(connection, desk, number, viewer.name))


@router.post("/units/{unit_id}/records/{number}/receipt", responses=_CHANGE)
async def receipt(
    unit_id: UnitId, number: Number, body: ReceiptIn, plan: PlanDep, viewer: ViewerDep
) -> RecordOut:
    """Note the upload's receipt; duties that ask for it are counted."""
    async with plan.writing(viewer, unit_id) as (connection, desk):
        stored = await counting.add_receipt(connection, desk, number, viewer.name, body.receipt_no)
        return RecordOut.of(stored)


@router.post("/units/{unit_id}/records/{number}/review", responses=_CHANGE)
async def review(
    unit_id: UnitId, number: Number, body: NothingIn, plan: PlanDep, viewer: ViewerDep
) -> RecordOut:
    """Another person has read the record."""
    del body
    async with plan.writing(viewer, unit_id) as (connection, desk):
        return RecordOut.of(await counting.review(connection, desk, number, viewer.name))


@router.post("/units/{unit_id}/occurrences/{number}/explain", status_code=204, responses=_CHANGE)
async def explain(
    unit_id: UnitId, number: Number, body: ExplainIn, plan: PlanDep, viewer: ViewerDep
) -> None:
    """Say why a daily round was missed; it stays missed."""
    async with plan.writing(viewer, unit_id) as (connection, desk):
        await counting.explain_missed(connection, desk, number, viewer.name, body.note)


@router.get("/units/{unit_id}/hazards", responses=_READ)
async def list_hazards(
    unit_id: UnitId, plan: PlanDep, viewer: ViewerDep, closed: bool = False
) -> tuple[HazardOut, ...]:
    """A unit's hazards; with `closed` the closed ones too."""
    async with plan.reading(viewer, unit_id) as (connection, desk):
        found = await hazard_store.listed(connection, desk.unit_no, open_only=not closed)
    return tuple(HazardOut.of(hazard) for hazard in found)


@router.post("/units/{unit_id}/hazards", responses=_CHANGE)
async def add_hazard(
    unit_id: UnitId, body: HazardIn, plan: PlanDep, viewer: ViewerDep
) -> HazardOut:
    """Register a hazard; a camera's stays a draft until a person confirms it."""
    state = hazards.HazardState.DRAFT if body.from_camera else hazards.HazardState.REGISTERED
    async with plan.writing(viewer, unit_id) as (connection, desk):
        fresh = hazards.Hazard(
            id=0,
            location=body.location,
            description=body.description,
            level=body.level,
            state=state,
            found_by=viewer.name,
            found=desk.today,
        )
        stored = await hazard_store.add(
            connection,
            desk,
            fresh,
            client_key=body.client_key,
            source="camera" if body.from_camera else "person",
            grade=body.grade,
        )
    return HazardOut.of(stored)


@router.post("/units/{unit_id}/hazards/{number}/assign", responses=_CHANGE)
async def assign_hazard(
    unit_id: UnitId, number: Number, body: AssignIn, plan: PlanDep, viewer: ViewerDep
) -> HazardOut:
    """Give it to a fixer with a day."""
    fix = hazards.FixPlan(body.fixer, body.due_on, body.measures, body.funds, body.emergency_plan)
    note = body.model_dump(mode="json", exclude={"version"})
    async with plan.writing(viewer, unit_id) as (connection, desk):
        moved = await hazard_store.step(
            connection,
            desk,
            number,
            "assigned",
            viewer.name,
            lambda hazard: hazards.assign(hazard, fix, desk.today),
            version=body.version,
            note=note,
        )
    return HazardOut.of(moved)


@router.post("/units/{unit_id}/hazards/{number}/fixed", responses=_CHANGE)
async def fixed_hazard(
    unit_id: UnitId, number: Number, body: FixedIn, plan: PlanDep, viewer: ViewerDep
) -> HazardOut:
    """The viewer says that it is mended."""
    async with plan.writing(viewer, unit_id) as (connection, desk):
        moved = await hazard_store.step(
            connection,
            desk,
            number,
            "fixed",
            viewer.name,
            lambda hazard: hazards.submit(hazard, viewer.name, body.note),
            version=body.version,
            note={"note": body.note},
        )
    return HazardOut.of(moved)


@router.post("/units/{unit_id}/hazards/{number}/{verb}", responses=_CHANGE)
async def move_hazard(
    unit_id: UnitId,
    number: Number,
    verb: hazards.Verb,
    body: VersionIn,
    plan: PlanDep,
    viewer: ViewerDep,
) -> HazardOut:
    """Confirm a draft, start the work, accept it, give it back, or put it on public supervision.

    Whoever mends a hazard can neither accept it nor give it back.
    """
    async with plan.writing(viewer, unit_id) as (connection, desk):
        moved = await hazard_store.step(
            connection,
            desk,
            number,
            verb.value,
            viewer.name,
            lambda hazard: hazards.take(hazard, verb, viewer.name, desk.today),
            version=body.version,
        )
    return HazardOut.of(moved)


@router.get("/units/{unit_id}/incidents", responses=_READ)
async def list_incidents(
    unit_id: UnitId, plan: PlanDep, viewer: ViewerDep
) -> tuple[IncidentOut, ...]:
    """A unit's incidents, newest first."""
    async with plan.reading(viewer, unit_id) as (connection, desk):
        found = await incident_store.listed(connection, desk.unit_no)
    return tuple(_incident(incident, desk.now) for incident in found)


@router.post("/units/{unit_id}/incidents", responses=_CHANGE)
async def add_incident(
    unit_id: UnitId, body: IncidentIn, plan: PlanDep, viewer: ViewerDep
) -> IncidentOut:
    """Register an incident; the time for its first report runs from when it happened."""
    occurred = Utc.from_datetime(body.occurred_at)
    fresh = incidents.Incident(
        id=0,
        category=body.category,
        place=body.place,
        occurred=occurred,
        first_due=occurred.plus(incident_store.FIRST_REPORT_WITHIN.total_seconds()),
        state=incidents.IncidentState.HAPPENED,
        author=viewer.name,
    )
    async with plan.writing(viewer, unit_id) as (connection, desk):
        stored = await incident_store.add(connection, desk, fresh, client_key=body.client_key)
    return _incident(stored, desk.now)


@router.post("/units/{unit_id}/incidents/{number}/reports", responses=_CHANGE)
async def report_incident(
    unit_id: UnitId, number: Number, body: ReportIn, plan: PlanDep, viewer: ViewerDep
) -> IncidentOut:
    """Note a report that a person has sent; nothing is sent by itself."""
    async with plan.writing(viewer, unit_id) as (connection, desk):
        moved = await incident_store.step(
            connection,
            desk,
            number,
            f"report_{body.kind.value}",
            viewer.name,
            lambda incident: incidents.report(incident, body.kind),
            version=body.version,
            note={"channel": body.channel, "content": body.content},
        )
    return _incident(moved, desk.now)


@router.post("/units/{unit_id}/incidents/{number}/close", responses=_CHANGE)
async def close_incident(
    unit_id: UnitId, number: Number, body: VersionIn, plan: PlanDep, viewer: ViewerDep
) -> IncidentOut:
    """Close an incident after its final report."""
    async with plan.writing(viewer, unit_id) as (connection, desk):
        moved = await incident_store.step(
            connection,
            desk,
            number,
            "closed",
            viewer.name,
            lambda incident: incidents.close(incident, desk.now),
            version=body.version,
        )
    return _incident(moved, desk.now)


@router.get("/units/{unit_id}/history/{kind}/{number}", responses=_READ)
async def history_of(
    unit_id: UnitId,
    kind: Annotated[str, Path(pattern="^(record|hazard|incident|occurrence)$")],
    number: Number,
    plan: PlanDep,
    viewer: ViewerDep,
) -> tuple[HistoryOut, ...]:
    """Every step that was taken, oldest first."""
    subject = f"{kind}:{number}"
    async with plan.reading(viewer, unit_id) as (connection, desk):
        owner = select(PLAN_HISTORY.c.unit_no).where(PLAN_HISTORY.c.subject == subject).limit(1)
        if (await connection.execute(owner)).scalar_one_or_none() != desk.unit_no:
            raise NotFoundRefusal("plan_unknown", number=number)
        entries = await history.of_subject(connection, subject)
    return tuple(
        HistoryOut(
            action=entry.action,
            actor=entry.actor,
            at=entry.at.to_datetime(),
            body=dict(entry.body),
        )
        for entry in entries
    )


def _name(unit: Unit) -> NameBody:
    return NameBody(zh=unit.name_zh, en=unit.name_en)


def _lines(plan: PlanService, lines: tuple[Line, ...]) -> tuple[LineOut, ...]:
    titles = {rule.id: rule.zh for rule in plan.edition.catalogue.rules()}
    return tuple(LineOut.of(line, titles.get(line.rule_id, line.rule_id)) for line in lines)


def _incident(incident: incidents.Incident, now: Utc) -> IncidentOut:
    return IncidentOut.of(incident, late=incidents.first_report_late(incident, now))

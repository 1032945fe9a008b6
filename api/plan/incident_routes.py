"""`/api/v1/plan/units/.../incidents`: what happened, and the reports that people sent."""

from __future__ import annotations

from fastapi import APIRouter

from api.plan import incident_store, incident_withdrawing, incidents
from api.plan.asking import (
    CHANGE,
    PREFIX,
    READ,
    IncidentReader,
    IncidentWriter,
    Number,
    PlanDep,
    UnitId,
)
from api.plan.bodies import VersionIn
from api.plan.incident_bodies import IncidentIn, IncidentOut, LessonsIn, MistakeIn, ReportIn
from api.plan.incident_store import INCIDENTS
from api.plan.shelf import Step
from vision.instants import Utc

router = APIRouter(prefix=PREFIX, tags=["plan"])


@router.get("/units/{unit_id}/incidents", responses=READ)
async def list_incidents(
    unit_id: UnitId, plan: PlanDep, viewer: IncidentReader
) -> tuple[IncidentOut, ...]:
    """A unit's incidents, newest first."""
    async with plan.reading(viewer, unit_id) as (connection, desk):
        found = await incident_store.listed(connection, desk.unit_no)
    return tuple(_incident(incident, desk.now) for incident in found)


@router.post("/units/{unit_id}/incidents", responses=CHANGE)
async def add_incident(
    unit_id: UnitId, body: IncidentIn, plan: PlanDep, viewer: IncidentWriter
) -> IncidentOut:
    """Register an incident; the time for its first report runs from when it happened."""
    occurred = Utc.from_datetime(body.occurred_at)
    fresh = incidents.Incident(
        id=0,
        category=body.category,
        place=body.place,
        occurred=occurred,
        first_due=occurred.plus(plan.edition.first_report_minutes * 60.0),
        state=incidents.IncidentState.HAPPENED,
        author=viewer.name,
    )
    async with plan.writing(viewer, unit_id) as (connection, desk):
        stored = await incident_store.add(connection, desk, fresh, client_key=body.client_key)
    return _incident(stored, desk.now)


@router.post("/units/{unit_id}/incidents/{number}/reports", responses=CHANGE)
async def report_incident(
    unit_id: UnitId, number: Number, body: ReportIn, plan: PlanDep, viewer: IncidentWriter
) -> IncidentOut:
    """Note a report that a person has sent; nothing is sent by itself."""
    note = {"channel": body.channel, "content": body.content}
    step = Step(f"report_{body.kind.value}", viewer.name, body.version, note)
    async with plan.writing(viewer, unit_id) as (connection, desk):
        moved = await incident_store.report(connection, desk, number, body.kind, step)
    return _incident(moved, desk.now)


@router.post("/units/{unit_id}/incidents/{number}/close", responses=CHANGE)
async def close_incident(
    unit_id: UnitId, number: Number, body: VersionIn, plan: PlanDep, viewer: IncidentWriter
) -> IncidentOut:
    """Close an incident after its final report."""
    step = Step("closed", viewer.name, body.version)
    async with plan.writing(viewer, unit_id) as (connection, desk):
        moved = await INCIDENTS.step(
            connection, desk, number, step, lambda incident: incidents.close(incident, desk.now)
        )
    return _incident(moved, desk.now)


@router.post("/units/{unit_id}/incidents/{number}/lessons", responses=CHANGE)
async def review_incident(
    unit_id: UnitId, number: Number, body: LessonsIn, plan: PlanDep, viewer: IncidentWriter
) -> IncidentOut:
    """Write down what was learnt from a closed incident (复盘)."""
    step = Step("reviewed", viewer.name, body.version, {"lessons": body.lessons})
    async with plan.writing(viewer, unit_id) as (connection, desk):
        moved = await INCIDENTS.step(connection, desk, number, step, incidents.review)
    return _incident(moved, desk.now)


@router.post("/units/{unit_id}/incidents/{number}/withdraw", responses=CHANGE)
async def withdraw_incident(
    unit_id: UnitId, number: Number, body: MistakeIn, plan: PlanDep, viewer: IncidentWriter
) -> IncidentOut:
    """Take back an incident that was entered by mistake, before any report or after all were."""
    step = Step("withdrawn", viewer.name, body.version, {"reason": body.reason})
    async with plan.writing(viewer, unit_id) as (connection, desk):
        moved = await incident_withdrawing.withdraw_incident(connection, desk, number, step)
    return _incident(moved, desk.now)


def _incident(incident: incidents.Incident, now: Utc) -> IncidentOut:
    return IncidentOut.of(incident, late=incidents.first_report_late(incident, now))

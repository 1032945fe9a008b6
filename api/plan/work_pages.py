"""Pages of a unit's work: forms of records, hazards, incidents, certificates, tasks."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import FileResponse

from api.access.guard import PUBLIC
from api.access.rights import Right
from api.plan import certificate_store, hazard_store, incident_store, task_store
from api.plan.asking import PlanDep, UnitId
from api.plan.errors import NotFoundRefusal
from api.plan.forms import OWN_ROUTES
from api.plan.hazard_withdrawing import offered
from api.plan.hazards import Hazard, HazardLevel
from api.plan.incident_withdrawing import reports_of
from api.plan.page_frame import (
    STATIC,
    Answer,
    CertificatesPage,
    Frame,
    HazardsPage,
    IncidentsPage,
    PageRefusal,
    RecordsPage,
    TasksPage,
    absent,
)

router = APIRouter(prefix="/plan", tags=["plan pages"], include_in_schema=False)


@router.get("/worker.js", dependencies=[PUBLIC])
async def worker() -> FileResponse:
    """The script that keeps empty forms for phones without a network; it holds no data."""
    return FileResponse(STATIC / "worker.js", media_type="text/javascript")


@router.get("/units/{unit_id}/form/{kind}")
async def form_page(
    request: Request,
    unit_id: UnitId,
    kind: Annotated[str, Path(pattern=r"^[a-z_]{1,30}$")],
    plan: PlanDep,
    viewer: RecordsPage,
) -> Answer:
    """The empty form of one kind of record; it holds no data, so that a phone may keep it."""
    found = plan.edition.kinds.by_id.get(kind)
    units = {unit.id: unit for unit in plan.visible(viewer)}
    if found is None or kind in OWN_ROUTES or unit_id not in units:
        raise PageRefusal(404, "absent.html")
    scope = viewer.scope(unit_id)
    types = {name: one for name, one in (found.types or {}).items() if scope.allows(kind, name)}
    if not types and not scope.allows(kind):
        raise PageRefusal(403, "absent.html")
    values = {"unit": units[unit_id], "kind_id": kind, "kind": found, "types": types}
    return Frame(request, plan, viewer).draw("form.html", values)


@router.get("/units/{unit_id}/hazards")
async def hazards_page(
    request: Request, unit_id: UnitId, plan: PlanDep, viewer: HazardsPage, settled: bool = False
) -> Answer:
    """Open hazards as a board, and a form for a new one; with `settled` the others as a list."""
    try:
        async with plan.reading(viewer, unit_id) as (connection, desk):
            if settled:
                hazards = await hazard_store.settled(connection, desk.unit_no)
            else:
                found = await hazard_store.listed(connection, desk.unit_no)
                hazards = tuple(sorted(found, key=lambda one: _urgency(one, desk.today)))
    except NotFoundRefusal as error:
        raise absent(error) from error
    values = {
        "unit": desk.unit,
        "hazards": hazards,
        "settled": settled,
        "may_withdraw": offered(viewer, unit_id),
        "grading": plan.edition.grading,
        "supervises": viewer.may(Right.SUPERVISE_PLAN, unit_id),
    }
    return Frame(request, plan, viewer).draw("hazards.html", values)


@router.get("/units/{unit_id}/incidents")
async def incidents_page(
    request: Request, unit_id: UnitId, plan: PlanDep, viewer: IncidentsPage
) -> Answer:
    """Incidents with the time left for the first report, and what to do next."""
    try:
        async with plan.reading(viewer, unit_id) as (connection, desk):
            incidents = await incident_store.listed(connection, desk.unit_no)
            reports = await reports_of(connection, desk.unit_no)
    except NotFoundRefusal as error:
        raise absent(error) from error
    values = {"unit": desk.unit, "incidents": incidents, "now": desk.now, "zone": plan.zone}
    scope = viewer.scope(unit_id)
    values["reports"] = {
        number: [one for one in found if scope.allows(one.kind, one.kind_type)]
        for number, found in reports.items()
    }
    return Frame(request, plan, viewer).draw("incidents.html", values)


@router.get("/units/{unit_id}/certificates")
async def certificates_page(
    request: Request, unit_id: UnitId, plan: PlanDep, viewer: CertificatesPage
) -> Answer:
    """Certificates, the first to end on top, and a form for a new one."""
    try:
        async with plan.reading(viewer, unit_id) as (connection, desk):
            found = await certificate_store.listed(connection, desk.unit_no)
    except NotFoundRefusal as error:
        raise absent(error) from error
    scope = viewer.scope(unit_id)
    types = plan.edition.kinds.by_id["certificate"].types or {}
    values = {
        "unit": desk.unit,
        "certificates": [one for one in found if scope.allows("certificate", one.kind)],
        "types": {name: one for name, one in types.items() if scope.allows("certificate", name)},
    }
    return Frame(request, plan, viewer).draw("certificates.html", values)


@router.get("/units/{unit_id}/tasks")
async def tasks_page(request: Request, unit_id: UnitId, plan: PlanDep, viewer: TasksPage) -> Answer:
    """Tasks out of findings, the first to fall due on top."""
    try:
        async with plan.reading(viewer, unit_id) as (connection, desk):
            tasks = await task_store.listed(connection, desk.unit_no)
    except NotFoundRefusal as error:
        raise absent(error) from error
    return Frame(request, plan, viewer).draw("tasks.html", {"unit": desk.unit, "tasks": tasks})


def _urgency(hazard: Hazard, today: date) -> tuple[bool, bool, date, int]:
    """Late ones first, then major ones, then the first to fall due."""
    due = hazard.due or date.max
    return due >= today, hazard.level is not HazardLevel.MAJOR, due, hazard.id

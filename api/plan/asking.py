"""What every route of the plan asks for: the plan, who asks with which right, and forms of ids."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Path, Request

from api.access.actor import Actor
from api.access.guard import needs, right_missing, typed_name
from api.access.rights import Right
from api.place_names import Name
from api.plan.scopes import Part
from api.plan.service import PlanService
from api.plan.viewer import PlanViewer
from api.problems import responses
from api.routes.shift import name_of


def _service(request: Request) -> PlanService:
    service: PlanService = request.app.state.plan
    return service


PlanDep = Annotated[PlanService, Depends(_service)]
UnitId = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Number = Annotated[int, Path(ge=1, le=2**53)]
PREFIX = "/api/v1/plan"
READ = responses(401, 403, 404, 422, 503)
CHANGE = responses(401, 403, 404, 409, 415, 422, 503)


def asks(right: Right, part: Part) -> Callable[..., Awaitable[PlanViewer]]:
    """A dependency that gives the viewer with `right` on `part` of the unit in the path.

    Raises `Problem`: 401 when nobody is signed in, or nobody has typed a name at a shared desk;
    404 for a unit outside the viewer's own; 403 without the right or for another part.
    """
    guard = needs(right)

    async def viewer(request: Request, actor: Actor = Depends(guard)) -> PlanViewer:
        found = PlanViewer(name_of(actor, typed_name(request)), actor)
        check_part(found, request.path_params.get("unit_id"), right, part)
        return found

    return viewer


def check_part(viewer: PlanViewer, unit_id: str | None, right: Right, part: Part) -> None:
    """Raises `Problem` 403 when the viewer's roles do not reach `part` there."""
    if part not in viewer.scope(unit_id).parts:
        raise right_missing(right, Name.said(f"plan.part.{part.value}"))


def may_withdraw(viewer: PlanViewer, unit_id: str) -> bool:
    """Whether the viewer may take records of this unit back: who hands them in or reviews them."""
    return any(viewer.may(right, unit_id) for right in (Right.WRITE_PLAN, Right.REVIEW_PLAN))


async def _withdrawer(
    unit_id: UnitId, viewer: PlanViewer = Depends(asks(Right.SEE_PLAN, Part.RECORDS))
) -> PlanViewer:
    if not may_withdraw(viewer, unit_id):
        raise right_missing(Right.WRITE_PLAN, Name.said(f"plan.part.{Part.RECORDS.value}"))
    return viewer


LedgerReader = Annotated[PlanViewer, Depends(asks(Right.SEE_PLAN, Part.LEDGER))]
RecordReader = Annotated[PlanViewer, Depends(asks(Right.SEE_PLAN, Part.RECORDS))]
RecordWriter = Annotated[PlanViewer, Depends(asks(Right.WRITE_PLAN, Part.RECORDS))]
RecordReviewer = Annotated[PlanViewer, Depends(asks(Right.REVIEW_PLAN, Part.RECORDS))]
RecordWithdrawer = Annotated[PlanViewer, Depends(_withdrawer)]
HazardReader = Annotated[PlanViewer, Depends(asks(Right.SEE_PLAN, Part.HAZARDS))]
HazardReporter = Annotated[PlanViewer, Depends(asks(Right.REPORT_HAZARD, Part.HAZARDS))]
HazardWriter = Annotated[PlanViewer, Depends(asks(Right.WRITE_PLAN, Part.HAZARDS))]
IncidentReader = Annotated[PlanViewer, Depends(asks(Right.SEE_PLAN, Part.INCIDENTS))]
IncidentWriter = Annotated[PlanViewer, Depends(asks(Right.WRITE_PLAN, Part.INCIDENTS))]
CertificateReader = Annotated[PlanViewer, Depends(asks(Right.SEE_PLAN, Part.CERTIFICATES))]
CertificateWriter = Annotated[PlanViewer, Depends(asks(Right.WRITE_PLAN, Part.CERTIFICATES))]
TaskReader = Annotated[PlanViewer, Depends(asks(Right.SEE_PLAN, Part.TASKS))]
TaskWriter = Annotated[PlanViewer, Depends(asks(Right.WRITE_PLAN, Part.TASKS))]
ScoreReader = Annotated[PlanViewer, Depends(asks(Right.SEE_PLAN, Part.SCORES))]
ScoreWriter = Annotated[PlanViewer, Depends(asks(Right.WRITE_PLAN, Part.SCORES))]
Exporter = Annotated[PlanViewer, Depends(asks(Right.EXPORT_PLAN, Part.PAPERS))]
PlanKeeper = Annotated[PlanViewer, Depends(asks(Right.ADMINISTER_PLAN, Part.SETTINGS))]

"""The audit of the running site: on the page, as JSON and as PDF, the same figures."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response

from api.access import audit as access_audit
from api.access.guard import ActorDep, needs
from api.access.rights import Right
from api.coverage import signed
from api.coverage.audits import pdf_of
from api.coverage.bodies import (
    AuditNowBody,
    AuditReadBody,
    SignedAuditBody,
    SignedAuditsBody,
)
from api.coverage.document import AuditDocument, Confirmation
from api.coverage.errors import CoverageError
from api.coverage.routes import ItemId, WatchDep, WhoDep
from api.place_names import Name
from api.problems import Problem, responses
from api.service import ServiceDep

router = APIRouter(prefix="/api/v1", tags=["coverage"])

LadderId = Annotated[Literal["dori-2014", "iec-2025"], Query()]
_SEE = [Depends(needs(Right.SEE_COVERAGE))]
_REFUSALS = responses(401, 403, 409, 422, 503)
_SIGNED = responses(401, 403, 404, 409, 422, 503)
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {}, "application/pdf": {}}, "description": "the file"}
}


def _asked(watch: WatchDep, ladder: str) -> AuditDocument | None:
    try:
        return watch.audits.ask(ladder)
    except CoverageError as error:
        raise audit_refused(error) from error


def audit_refused(error: CoverageError) -> Problem:
    return Problem(409, "audit_refused", reason=Name(zh=error.chinese, en=error.english))


def _ready(watch: WatchDep, ladder: str) -> AuditDocument:
    found = _asked(watch, ladder)
    if found is None:
        raise Problem(409, "audit_not_ready", headers={"Retry-After": "2"})
    return found


@router.get("/coverage/audit", dependencies=_SEE, responses=_REFUSALS)
async def audit(watch: WatchDep, ladder: LadderId = "dori-2014") -> AuditNowBody:
    """The audit with the record of 30 days; not ready while it is made, which the first starts."""
    found = _asked(watch, ladder)
    document = None if found is None else found.model_dump(mode="json")
    return AuditNowBody(ready=found is not None, document=document)


@router.post(
    "/coverage/audit",
    dependencies=[Depends(needs(Right.RUN_COVERAGE))],
    responses=_REFUSALS,
    status_code=204,
)
async def audit_anew(
    watch: WatchDep, service: ServiceDep, actor: ActorDep, ladder: LadderId = "dori-2014"
) -> None:
    """Make the audit anew, with the record up to now."""
    watch.audits.forget(ladder)
    _asked(watch, ladder)
    act = access_audit.Act("coverage.audited", watch.site.id, {"ladder": ladder})
    async with service.desk.database.write() as connection:
        await access_audit.append(connection, actor, act, service.desk.clock.utc())


@router.post(
    "/coverage/audit/confirm",
    dependencies=[Depends(needs(Right.RUN_COVERAGE))],
    responses=_REFUSALS,
    status_code=204,
)
async def confirm_audit(
    body: AuditReadBody, watch: WatchDep, service: ServiceDep, who: WhoDep, actor: ActorDep
) -> None:
    """The person read the audit of this sha256 and stands for it: the report is no draft then."""
    now = service.desk.clock.utc()

    async def keep(document: AuditDocument) -> None:
        told = {"signed": who, "read": body.sha256, "sha256": document.sha256}
        act = access_audit.Act("coverage.audit_confirmed", watch.site.id, told)
        async with service.desk.database.write() as connection:
            await signed.keep(connection, document)
            await access_audit.append(connection, actor, act, now)

    signature = Confirmation(name=who, at=now.iso())
    if await watch.audits.confirm(body.ladder, body.sha256, signature, keep) is None:
        raise Problem(409, "audit_another")


@router.get(
    "/coverage/audit.json",
    dependencies=_SEE,
    response_class=Response,
    responses=_REFUSALS | _FILE,
)
async def audit_json(watch: WatchDep, ladder: LadderId = "dori-2014") -> Response:
    """The audit as the command writes it: `xiaoan coverage confirm` takes it."""
    text = _ready(watch, ladder).model_dump_json(indent=1) + "\n"
    return _file(text.encode(), "application/json", "audit.json")


@router.get(
    "/coverage/audit.pdf",
    dependencies=_SEE,
    response_class=Response,
    responses=_REFUSALS | _FILE,
)
async def audit_pdf(watch: WatchDep, ladder: LadderId = "dori-2014") -> Response:
    """The report; a draft until a named person confirmed it."""
    return await _pdf(watch, _ready(watch, ladder), "audit.pdf")


@router.get("/coverage/audits", dependencies=_SEE, responses=responses(401, 403, 503))
async def signed_audits(service: ServiceDep) -> SignedAuditsBody:
    """The audits that people confirmed; they are kept for good."""
    async with service.desk.database.read() as connection:
        found = await signed.kept(connection)
    return SignedAuditsBody(audits=tuple(SignedAuditBody.of(one) for one in found))


@router.get(
    "/coverage/audits/{audit_id}/audit.json",
    dependencies=_SEE,
    response_class=Response,
    responses=_SIGNED | _FILE,
)
async def signed_json(audit_id: ItemId, service: ServiceDep) -> Response:
    """A confirmed audit as it was confirmed."""
    document = await _signed(service, audit_id)
    text = document.model_dump_json(indent=1) + "\n"
    return _file(text.encode(), "application/json", f"audit-{audit_id}.json")


@router.get(
    "/coverage/audits/{audit_id}/audit.pdf",
    dependencies=_SEE,
    response_class=Response,
    responses=_SIGNED | _FILE,
)
async def signed_pdf(audit_id: ItemId, watch: WatchDep, service: ServiceDep) -> Response:
    """The report of a confirmed audit."""
    return await _pdf(watch, await _signed(service, audit_id), f"audit-{audit_id}.pdf")


async def _signed(service: ServiceDep, audit_id: int) -> AuditDocument:
    async with service.desk.database.read() as connection:
        found = await signed.document_of(connection, audit_id)
    if found is None:
        raise Problem(404, "audit_unknown")
    return found


async def _pdf(watch: WatchDep, document: AuditDocument, name: str) -> Response:
    try:
        data = await pdf_of(document, watch.site.folder)
    except CoverageError as error:
        raise audit_refused(error) from error
    return _file(data, "application/pdf", name)


def _file(data: bytes, kind: str, name: str) -> Response:
    return Response(
        data, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )

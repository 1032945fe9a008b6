"""`/api/v1/plan/units/.../certificates`: papers with an end, and what they let be used."""

from __future__ import annotations

from fastapi import APIRouter

from api.plan import certificate_store
from api.plan.asking import (
    CHANGE,
    PREFIX,
    READ,
    CertificateReader,
    CertificateWriter,
    PlanDep,
    UnitId,
)
from api.plan.certificate_bodies import CertificateIn, CertificateOut
from api.plan.forms import check_kind, checked

router = APIRouter(prefix=PREFIX, tags=["plan"])


@router.get("/units/{unit_id}/certificates", responses=READ)
async def list_certificates(
    unit_id: UnitId, plan: PlanDep, viewer: CertificateReader, renewed: bool = False
) -> tuple[CertificateOut, ...]:
    """A unit's certificates, the first to end on top; with `renewed` the replaced ones too."""
    async with plan.reading(viewer, unit_id) as (connection, desk):
        found = await certificate_store.listed(connection, desk.unit_no, renewed=renewed)
    scope = viewer.scope(unit_id)
    return tuple(
        CertificateOut.of(one, desk.today) for one in found if scope.allows("certificate", one.kind)
    )


@router.post("/units/{unit_id}/certificates", responses=CHANGE)
async def add_certificate(
    unit_id: UnitId, body: CertificateIn, plan: PlanDep, viewer: CertificateWriter
) -> CertificateOut:
    """Hand in a certificate: a record that counts, and the day on which its successor is due."""
    check_kind(plan, viewer, unit_id, "certificate", body.kind)
    details = checked(plan, "certificate", body.kind, body.details())
    new = certificate_store.NewCertificate(
        client_key=body.client_key,
        kind=body.kind,
        subject=body.subject,
        number=body.number,
        issued=body.issued_on,
        printed_expiry=body.expires_on,
        author=viewer.name,
        body=details,
    )
    async with plan.writing(viewer, unit_id) as (connection, desk):
        stored, record = await certificate_store.register(connection, desk, new)
    return CertificateOut.of(stored, desk.today, record)

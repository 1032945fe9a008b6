"""Takes any record back, with what hangs on its kind: a certificate, a report, a drill's task."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from api.plan import camera_store
from api.plan.certificate_withdrawing import withdraw_certificate
from api.plan.counting import Desk, Stored
from api.plan.incident_withdrawing import withdraw_report
from api.plan.record_store import Record
from api.plan.withdrawing import withdraw


async def take_back(
    connection: AsyncConnection, desk: Desk, record: Record, person: str, reason: str
) -> Stored:
    """Raises `StepRefusal` for a record that was taken back before, or that others rest on."""
    if record.kind == "certificate":
        return await withdraw_certificate(connection, desk, record.id, person, reason)
    if record.kind == "incident_report":
        return await withdraw_report(connection, desk, record, person, reason)
    stored = await withdraw(connection, desk, record.id, person, reason)
    if record.kind == "drill" and not record.is_draft:
        await camera_store.uncheck_drill(connection, desk, record)
    return stored

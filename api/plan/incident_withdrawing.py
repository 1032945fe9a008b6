"""Takes back what was entered by mistake: an incident's report, or an incident that was none."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from api.plan import anchored, incidents, record_store
from api.plan.counting import Desk, Stored
from api.plan.incident_store import INCIDENTS
from api.plan.incidents import Incident, IncidentState, ReportKind
from api.plan.record_store import Record
from api.plan.shelf import Step
from api.plan.withdrawing import withdraw

_ENDED = (IncidentState.FINAL, IncidentState.CLOSED, IncidentState.REVIEWED)


async def withdraw_report(
    connection: AsyncConnection, desk: Desk, record: Record, person: str, reason: str
) -> Stored:
    """Take back one report of an incident, which stands as if it had never been sent.

    Raises as `withdrawing.withdraw`, and `StepRefusal` for a first report that others followed.
    """
    taken = await withdraw(connection, desk, record.id, person, reason)
    number = int(record.details["incident"])
    kind = ReportKind(record.kind_type)
    left = await reports_of(connection, desk.unit_no)
    standing = [ReportKind(one.kind_type) for one in left.get(number, ()) if one.stands]
    before = await INCIDENTS.one(connection, desk.unit_no, number)
    note = {"record": record.id, "kind": kind.value, "reason": reason}
    step = Step("report_withdrawn", person, before.version, note)
    after = await INCIDENTS.step(
        connection,
        desk,
        number,
        step,
        lambda incident: incidents.without_report(incident, kind, standing),
    )
    if before.state in _ENDED and after.state not in _ENDED:
        await anchored.ask_again(connection, desk, number, _next_day(record.happened))
    return taken


async def withdraw_incident(
    connection: AsyncConnection, desk: Desk, number: int, step: Step
) -> Incident:
    """Take back an incident of which no report was sent, or none that stands.

    Raises `NotFoundRefusal`; `StepRefusal` while a report stands.
    """
    after = await INCIDENTS.step(connection, desk, number, step, incidents.withdraw)
    await anchored.nothing_asked(connection, desk, number)
    return after


async def reports_of(connection: AsyncConnection, unit_no: int) -> Mapping[int, tuple[Record, ...]]:
    """Incident -> its reports in the order in which they were sent, those taken back too."""
    found: dict[int, tuple[Record, ...]] = {}
    for one in await record_store.of_kind(connection, unit_no, "incident_report"):
        number = int(one.details["incident"])
        found[number] = (*found.get(number, ()), one)
    return found


def _next_day(day: date) -> date:
    return day + timedelta(days=1)

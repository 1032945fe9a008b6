"""Incidents in the database, their reports as records, and the follow-ups that fall due."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.plan import anchored, incidents
from api.plan.counting import Desk, NewRecord, hand_in
from api.plan.errors import StepRefusal
from api.plan.incidents import Incident, IncidentState, ReportKind
from api.plan.shelf import Shelf, Step
from api.plan.tables import PLAN_INCIDENTS
from vision.instants import Utc

_I = PLAN_INCIDENTS.c


async def add(
    connection: AsyncConnection, desk: Desk, incident: Incident, *, client_key: str
) -> Incident:
    """Store a new incident; the same key again gives the stored one back.

    Raises `StepRefusal` when another unit used the key, or for an instant in the future.
    """
    query = select(_I.id).where(_I.client_key == client_key)
    local = f"{incident.occurred.to_datetime().astimezone(desk.zone):%Y-%m-%d %H:%M}"
    if (await connection.execute(query)).first() is None and incident.occurred > desk.now:
        raise StepRefusal("plan_in_the_future", day=local)
    note = {"category": incident.category, "place": incident.place}
    step = Step("happened", incident.author, 1, note)
    extra = {"client_key": client_key}
    stored = await INCIDENTS.add(connection, desk, incident, step=step, extra=extra)
    if stored.state is IncidentState.HAPPENED:
        await anchored.ask_for_reports(connection, desk, stored.id)
    return stored


async def report(
    connection: AsyncConnection, desk: Desk, number: int, kind: ReportKind, step: Step
) -> Incident:
    """Note a report that a person has sent: a record of its own, counted for the day it is due.

    Raises `NotFoundRefusal`, `StepRefusal`.
    """
    moved = await INCIDENTS.step(
        connection, desk, number, step, lambda incident: incidents.report(incident, kind)
    )
    record = NewRecord(
        # A report that was taken back is not counted any more, and its key stays used.
        client_key=f"incident-{number}-step-{moved.version}",
        kind="incident_report",
        kind_type=kind.value,
        happened=desk.today,
        title=f"{moved.category} {moved.place}",
        author=step.person,
        body={"incident": number, "sequence": moved.reports, **step.note},
    )
    await hand_in(connection, desk, record)
    if moved.state is IncidentState.FINAL:
        await anchored.no_more_reports(connection, desk, number)
    return moved


async def listed(
    connection: AsyncConnection, unit_no: int, limit: int = 200
) -> tuple[Incident, ...]:
    """Incidents of a unit, newest first."""
    query = (
        select(PLAN_INCIDENTS)
        .where(_I.unit_no == unit_no)
        .order_by(_I.occurred_ns.desc())
        .limit(limit)
    )
    return tuple(_incident(row) for row in (await connection.execute(query)).mappings())


def _incident(row: RowMapping | Mapping[str, Any]) -> Incident:
    return Incident(
        id=row["id"],
        category=row["category"],
        place=row["place"],
        occurred=Utc(row["occurred_ns"]),
        first_due=Utc(row["first_due_ns"]),
        state=IncidentState(row["state"]),
        author=row["author"],
        reports=row["reports"],
        closed=None if row["closed_ns"] is None else Utc(row["closed_ns"]),
        version=row["version"],
    )


def _columns(incident: Incident) -> dict[str, Any]:
    return {
        "category": incident.category,
        "place": incident.place,
        "occurred_ns": incident.occurred.ns,
        "first_due_ns": incident.first_due.ns,
        "state": incident.state,
        "author": incident.author,
        "reports": incident.reports,
        "closed_ns": None if incident.closed is None else incident.closed.ns,
        "version": incident.version,
    }


INCIDENTS: Shelf[Incident] = Shelf("incident", PLAN_INCIDENTS, _incident, _columns)

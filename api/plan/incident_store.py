"""Incidents in the database, each step with its line of history in the same transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.plan.counting import Desk
from api.plan.errors import NotFoundRefusal, StepRefusal
from api.plan.history import Entry, append
from api.plan.incidents import Incident, IncidentState
from api.plan.tables import PLAN_INCIDENTS
from vision.instants import Utc

_I = PLAN_INCIDENTS.c
# Until the bureau sets its own limit; places differ, and this is nobody's norm.
FIRST_REPORT_WITHIN = timedelta(minutes=30)


async def add(
    connection: AsyncConnection, desk: Desk, incident: Incident, *, client_key: str
) -> Incident:
    """Store a new incident; the same key again gives the stored one back.

    Raises `StepRefusal` when another unit used the key, or for an instant in the future.
    """
    query = select(PLAN_INCIDENTS).where(_I.client_key == client_key)
    known = (await connection.execute(query)).mappings().first()
    if known is not None:
        if known["unit_no"] != desk.unit_no:
            raise StepRefusal("plan_key_used")
        return _incident(known)
    if incident.occurred > desk.now:
        raise StepRefusal("plan_in_the_future", day=incident.occurred.iso())
    values = {**_columns(incident), "unit_no": desk.unit_no, "client_key": client_key}
    inserted = await connection.execute(insert(PLAN_INCIDENTS).values(values).returning(_I.id))
    number = int(inserted.scalar_one())
    body = {"category": incident.category, "place": incident.place}
    await _note(connection, desk, number, "happened", incident.author, body)
    return await one(connection, desk.unit_no, number)


async def one(connection: AsyncConnection, unit_no: int, number: int) -> Incident:
    """Raises `NotFoundRefusal`, also for another unit's incident."""
    query = select(PLAN_INCIDENTS).where(_I.id == number, _I.unit_no == unit_no)
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        raise NotFoundRefusal("plan_unknown", number=number)
    return _incident(row)


async def step(
    connection: AsyncConnection,
    desk: Desk,
    number: int,
    action: str,
    person: str,
    move: Callable[[Incident], Incident],
    *,
    version: int,
    note: Mapping[str, Any] | None = None,
) -> Incident:
    """Take one step. Raises `NotFoundRefusal`; `StepRefusal` when it changed since `version`."""
    before = await one(connection, desk.unit_no, number)
    if before.version != version:
        raise StepRefusal("plan_changed", number=number)
    after = move(before)
    await connection.execute(update(PLAN_INCIDENTS).where(_I.id == number).values(_columns(after)))
    body = {"from": before.state.value, "to": after.state.value, **(note or {})}
    await _note(connection, desk, number, action, person, body)
    return after


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


async def _note(
    connection: AsyncConnection,
    desk: Desk,
    number: int,
    action: str,
    person: str,
    body: Mapping[str, Any],
) -> None:
    subject = f"incident:{number}"
    await append(connection, Entry(desk.unit_no, subject, action, person, desk.now, body))


def _incident(row: RowMapping) -> Incident:
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

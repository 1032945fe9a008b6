"""Hazards in the database."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import RowMapping, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.plan.counting import Desk
from api.plan.hazards import NEVER_WAS, SETTLED, Hazard, HazardLevel, HazardState
from api.plan.shelf import Shelf, Step
from api.plan.tables import PLAN_HAZARDS, day_number, day_of

_H = PLAN_HAZARDS.c


async def add(
    connection: AsyncConnection,
    desk: Desk,
    hazard: Hazard,
    *,
    client_key: str,
    source: str,
    grade: Mapping[str, Any],
) -> Hazard:
    """Store a new hazard; the same key again gives the stored one back.

    Raises `StepRefusal` when another unit used the key.
    """
    extra = {
        "client_key": client_key,
        "source": source,
        "grade_json": json.dumps(grade, ensure_ascii=False, sort_keys=True),
    }
    note = {"location": hazard.location, "level": hazard.level.value, **grade}
    step = Step("found", hazard.found_by, 1, note)
    return await HAZARDS.add(connection, desk, hazard, step=step, extra=extra)


async def listed(
    connection: AsyncConnection, unit_no: int, *, open_only: bool = True, limit: int = 200
) -> tuple[Hazard, ...]:
    """Hazards of a unit, those due first on top."""
    query = select(PLAN_HAZARDS).where(_H.unit_no == unit_no)
    if open_only:
        query = query.where(_H.state.not_in(SETTLED))
    # Undated ones last; the databases differ in where they put them by themselves.
    query = query.order_by(_H.due_day.is_(None), _H.due_day, _H.id).limit(limit)
    return tuple(_hazard(row) for row in (await connection.execute(query)).mappings())


async def settled(
    connection: AsyncConnection, unit_no: int, *, limit: int = 200
) -> tuple[Hazard, ...]:
    """Hazards of a unit that are closed or were taken back, the newest first."""
    query = (
        select(PLAN_HAZARDS)
        .where(_H.unit_no == unit_no, _H.state.in_(SETTLED))
        .order_by(_H.id.desc())
        .limit(limit)
    )
    return tuple(_hazard(row) for row in (await connection.execute(query)).mappings())


async def in_period(
    connection: AsyncConnection, unit_no: int, first: date, last: date
) -> tuple[Hazard, ...]:
    """Hazards found or closed from `first` to `last`, or open then.

    Rows that were closed before they were found come too, so that figures can name them.
    """
    first_day, last_day = day_number(first), day_number(last)
    open_then = or_(_H.closed_day.is_(None), _H.closed_day >= first_day)
    query = (
        select(PLAN_HAZARDS)
        .where(
            _H.unit_no == unit_no,
            _H.state.not_in(NEVER_WAS),
            or_(and_(_H.found_day <= last_day, open_then), _H.closed_day < _H.found_day),
        )
        .order_by(_H.found_day, _H.id)
    )
    return tuple(_hazard(row) for row in (await connection.execute(query)).mappings())


def _hazard(row: RowMapping) -> Hazard:
    return Hazard(
        id=row["id"],
        location=row["location"],
        description=row["description"],
        level=HazardLevel(row["level"]),
        state=HazardState(row["state"]),
        found_by=row["found_by"],
        found=day_of(row["found_day"]),
        grade_id=json.loads(row["grade_json"]).get("grade", ""),
        fixer=row["fixer"],
        due=None if row["due_day"] is None else day_of(row["due_day"]),
        fix_note=row["fix_note"],
        fixed_by=row["fixed_by"],
        accepted_by=row["accepted_by"],
        closed=None if row["closed_day"] is None else day_of(row["closed_day"]),
        version=row["version"],
    )


def _columns(hazard: Hazard) -> dict[str, Any]:
    return {
        "location": hazard.location,
        "description": hazard.description,
        "level": hazard.level,
        "state": hazard.state,
        "found_by": hazard.found_by,
        "found_day": day_number(hazard.found),
        "fixer": hazard.fixer,
        "due_day": None if hazard.due is None else day_number(hazard.due),
        "fix_note": hazard.fix_note,
        "fixed_by": hazard.fixed_by,
        "accepted_by": hazard.accepted_by,
        "closed_day": None if hazard.closed is None else day_number(hazard.closed),
        "version": hazard.version,
    }


HAZARDS: Shelf[Hazard] = Shelf("hazard", PLAN_HAZARDS, _hazard, _columns)

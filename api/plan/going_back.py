"""Takes back nights that the ledger was rolled ahead of its day, because a clock stood ahead."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import and_, delete, exists, func, not_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.plan.anchors import INCIDENT
from api.plan.camera_store import CAMERAS
from api.plan.history import SYSTEM, Entry, append
from api.plan.states import State
from api.plan.tables import (
    PLAN_COUNTS,
    PLAN_NOTICES,
    PLAN_OCCURRENCES,
    PLAN_RECORDS,
    PLAN_ROLLS,
    PLAN_UNITS,
    day_number,
    day_of,
)
from vision.instants import Utc

_T = PLAN_OCCURRENCES.c
_R = PLAN_RECORDS.c
_N = PLAN_NOTICES.c


@dataclass(frozen=True, slots=True)
class WentBack:
    """What was taken back.

    Attributes:
        stood: the day to which the ledger had been rolled.
        restored: occurrences that are open or upcoming again, or no longer late.
        future_records: records of people that name a day which is still to come; they stay.
    """

    stood: date
    nights: int
    restored: int
    future_records: int


async def go_back(connection: AsyncConnection, today: date, now: Utc) -> WentBack | None:
    """Bring a ledger that stands ahead of `today` back to it; `None` when it does not.

    Nights, their notices, and what cameras drafted for days to come are gone; the state of each
    occurrence is the one that its days and records give it today.
    """
    day = day_number(today)
    stood = (await connection.execute(select(func.max(PLAN_ROLLS.c.day)))).scalar_one_or_none()
    if stood is None or stood <= day:
        return None
    await connection.execute(delete(PLAN_NOTICES).where(_N.at_day > day))
    nights = await connection.execute(delete(PLAN_ROLLS).where(PLAN_ROLLS.c.day > day))
    await _drop_follow_ups(connection, day)
    restored = await _restore_undone(connection, day) + await _restore_done(connection, day)
    still_to_come = _R.happened_day > day
    drafts = and_(still_to_come, _R.state == "draft", _R.author == CAMERAS)
    await connection.execute(delete(PLAN_RECORDS).where(drafts))
    count = select(func.count()).select_from(PLAN_RECORDS).where(still_to_come)
    records = int((await connection.execute(count)).scalar_one())
    found = WentBack(day_of(stood), nights.rowcount, restored, records)
    await append(connection, await _entry(connection, found, today, now))
    return found


async def _drop_follow_ups(connection: AsyncConnection, day: int) -> None:
    """Reports that an incident was asked for on days which have not come."""
    asked = and_(_T.anchor.startswith(INCIDENT), _T.due_day > day, _T.done == 0)
    numbers = select(_T.id).where(asked)
    await connection.execute(delete(PLAN_NOTICES).where(_N.occurrence_id.in_(numbers)))
    await connection.execute(delete(PLAN_OCCURRENCES).where(asked))


async def _restore_undone(connection: AsyncConnection, day: int) -> int:
    """What passed as missed or overdue, or opened, before its day."""
    passed = _T.state.in_((State.MISSED, State.OVERDUE))
    still_due = _T.due_day >= day
    early = and_(_T.state == State.OPEN, _T.window_start_day > day)
    closed = await connection.execute(
        update(PLAN_OCCURRENCES)
        .where(or_(early, and_(passed, still_due, _T.window_start_day > day)))
        .values(state=State.UPCOMING, settled_day=None)
    )
    opened = await connection.execute(
        update(PLAN_OCCURRENCES)
        .where(passed, still_due, _T.window_start_day <= day)
        .values(state=State.OPEN, settled_day=None)
    )
    return closed.rowcount + opened.rowcount


async def _restore_done(connection: AsyncConnection, day: int) -> int:
    """What was handed in while the clock stood ahead was handed in by today."""
    own = exists().where(PLAN_COUNTS.c.occurrence_id == _T.id, not_(PLAN_COUNTS.c.merged))
    late = and_(_T.state == State.LATE, _T.settled_day > day, _T.due_day >= day)
    restored = 0
    for condition, state in ((own, State.SUBMITTED), (not_(own), State.MERGED)):
        changed = await connection.execute(
            update(PLAN_OCCURRENCES).where(late, condition).values(state=state, settled_day=day)
        )
        restored += changed.rowcount
    await connection.execute(
        update(PLAN_OCCURRENCES).where(_T.settled_day > day).values(settled_day=day)
    )
    return restored


async def _entry(connection: AsyncConnection, found: WentBack, today: date, now: Utc) -> Entry:
    first = (await connection.execute(select(func.min(PLAN_UNITS.c.unit_no)))).scalar_one()
    body: dict[str, Any] = {
        "from": found.stood.isoformat(),
        "to": today.isoformat(),
        "nights": found.nights,
        "restored": found.restored,
        "future_records": found.future_records,
    }
    return Entry(int(first), "ledger", "went_back", SYSTEM, now, body)

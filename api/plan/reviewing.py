"""When a duty counts as read by the bureau: once everything that is counted in it was."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import exists, not_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.plan.states import State
from api.plan.tables import PLAN_COUNTS, PLAN_OCCURRENCES, PLAN_RECORDS

_T = PLAN_OCCURRENCES.c
_C = PLAN_COUNTS.c
_R = PLAN_RECORDS.c


async def mark_reviewed(connection: AsyncConnection, occurrences: Sequence[int]) -> None:
    """Those that were handed in on time and of whose records none is unread."""
    unread = exists(
        select(_C.record_id)
        .join(PLAN_RECORDS, _R.id == _C.record_id)
        .where(_C.occurrence_id == _T.id, _R.state != State.REVIEWED)
    )
    await connection.execute(
        update(PLAN_OCCURRENCES)
        .where(_T.id.in_(occurrences), _T.state == State.SUBMITTED, not_(unread))
        .values(state=State.REVIEWED)
    )

"""Work of a fortnight that the calendar cuts otherwise goes to the one that holds its day.

A term that begins a week later swaps odd and even weeks: the running fortnight is asked for no
more, two others are, and a lesson that was given is not to be given again for that.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import RowMapping, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.plan.classes import has_its_class
from api.plan.reviewing import mark_reviewed
from api.plan.states import DONE, State
from api.plan.tables import PLAN_COUNTS, PLAN_OCCURRENCES, PLAN_RECORDS, day_number, day_of
from config.plan import PlanEdition

_T = PLAN_OCCURRENCES.c
_C = PLAN_COUNTS.c
_R = PLAN_RECORDS.c
Key = tuple[int, str, int]
_GIVES = (*DONE, State.UPCOMING, State.OPEN, State.EXEMPT)


@dataclass(frozen=True, slots=True)
class _Work:
    """One record in the row that it is counted in."""

    record_id: int
    happened_day: int
    merged: bool
    body: Mapping[str, Any]


async def take_over(
    connection: AsyncConnection,
    edition: PlanEdition,
    left: Sequence[Mapping[Any, Any]],
    asked: Collection[Key],
    today: date,
) -> None:
    """Move the work of rows that nothing asks for to those that hold its day.

    A row from which work goes is exempt, as nothing asks for it; the rest of its work stays there.
    One that was overdue in part stays as it is.
    """
    for row in left:
        if row["state"] not in _GIVES:
            continue
        from_here = 0
        for work in await _work_of(connection, int(row["id"])):
            target = await _target(connection, edition, row, work, asked)
            if target is not None:
                await _move(connection, row, target, work, today)
                from_here += 1
        if from_here:
            await connection.execute(
                update(PLAN_OCCURRENCES)
                .where(_T.id == row["id"])
                .values(done=row["done"] - from_here, state=State.EXEMPT, settled_day=None)
            )


async def _work_of(connection: AsyncConnection, occurrence_id: int) -> list[_Work]:
    query = (
        select(_C.record_id, _C.merged, _R.happened_day, _R.body_json)
        .join(PLAN_RECORDS, _R.id == _C.record_id)
        .where(_C.occurrence_id == occurrence_id)
        .order_by(_C.record_id)
    )
    return [
        _Work(
            row.record_id,
            row.happened_day,
            bool(row.merged),
            json.loads(row.body_json),
        )
        for row in await connection.execute(query)
    ]


async def _target(
    connection: AsyncConnection,
    edition: PlanEdition,
    row: Mapping[Any, Any],
    work: _Work,
    asked: Collection[Key],
) -> RowMapping | None:
    """The row of the same duty that is asked for, holds the day and lacks this work."""
    query = (
        select(PLAN_OCCURRENCES)
        .where(
            _T.unit_no == row["unit_no"],
            _T.rule_id == row["rule_id"],
            _T.anchor == "",
            # An exempt one is a row from which the work was moved, and that is asked for again.
            _T.state.in_((State.UPCOMING, State.OPEN, State.EXEMPT)),
            _T.window_start_day <= work.happened_day,
            _T.due_day >= work.happened_day,
            _T.done < _T.needed,
        )
        .order_by(_T.due_day)
    )
    for one in (await connection.execute(query)).mappings():
        if (one["unit_no"], one["rule_id"], one["raw_due_day"]) not in asked:
            continue
        rule = edition.rule_of(one["rule_id"], day_of(one["raw_due_day"]).year)
        if rule and not await has_its_class(connection, rule, int(one["id"]), work.body):
            return one
    return None


async def _move(
    connection: AsyncConnection,
    row: Mapping[Any, Any],
    target: RowMapping,
    work: _Work,
    today: date,
) -> None:
    await connection.execute(
        update(PLAN_COUNTS)
        .where(_C.occurrence_id == row["id"], _C.record_id == work.record_id)
        .values(occurrence_id=target["id"])
    )
    done = target["done"] + 1
    values: dict[str, Any] = {"done": done}
    if done >= target["needed"]:
        settled = row["settled_day"] or day_number(today)
        in_time = State.MERGED if work.merged else State.SUBMITTED
        late = settled > target["due_day"]
        values |= {"state": State.LATE if late else in_time, "settled_day": settled}
    await connection.execute(update(PLAN_OCCURRENCES).where(_T.id == target["id"]).values(values))
    await mark_reviewed(connection, [int(target["id"])])

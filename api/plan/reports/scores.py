"""Points that a school itself and the bureau take from a term's measures, each with its rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.plan.counting import Desk
from api.plan.errors import NotFoundRefusal, StepRefusal
from api.plan.history import Entry, append
from api.plan.reports.periods import Period
from api.plan.tables import (
    PLAN_HAZARDS,
    PLAN_INCIDENTS,
    PLAN_OCCURRENCES,
    PLAN_RECORDS,
    PLAN_SCORES,
    PLAN_TASKS,
    day_number,
)

_S = PLAN_SCORES.c
_OWNERS = {
    "occurrence": PLAN_OCCURRENCES,
    "record": PLAN_RECORDS,
    "hazard": PLAN_HAZARDS,
    "incident": PLAN_INCIDENTS,
    "task": PLAN_TASKS,
}


class Judge(StrEnum):
    """Who takes points: 自评 or 区评."""

    OWN = "self"
    BUREAU = "bureau"


@dataclass(frozen=True, slots=True)
class Score:
    """Points taken for one measure; `references` are rows of the unit, such as `record:12`."""

    measure_id: str
    judge: Judge
    tenths: int
    reason: str
    references: tuple[str, ...]
    author: str


async def scores_of(connection: AsyncConnection, unit_no: int, period: Period) -> tuple[Score, ...]:
    """All scores of a unit's term."""
    query = select(PLAN_SCORES).where(_S.unit_no == unit_no, *_of(period)).order_by(_S.id)
    return tuple(
        Score(
            measure_id=row["measure_id"],
            judge=Judge(row["judge"]),
            tenths=row["deducted_tenths"],
            reason=row["reason"],
            references=tuple(json.loads(row["references_json"])),
            author=row["author"],
        )
        for row in (await connection.execute(query)).mappings()
    )


async def give(connection: AsyncConnection, desk: Desk, period: Period, score: Score) -> None:
    """Write or replace a score; what stood before is in the history.

    Raises:
        NotFoundRefusal: the plan has no such measure, or a row that is named is not the unit's.
        StepRefusal: points are taken without a reason or without a row.
    """
    try:
        desk.plan.measure(score.measure_id)
    except KeyError as error:
        raise NotFoundRefusal("plan_measure_unknown", measure=score.measure_id) from error
    if score.tenths and not (score.reason and score.references):
        raise StepRefusal("plan_score_needs_rows", measure=score.measure_id)
    await _refuse_foreign(connection, desk.unit_no, score.references)
    values = {
        "deducted_tenths": score.tenths,
        "reason": score.reason,
        "references_json": json.dumps(score.references),
        "author": score.author,
        "at_ns": desk.now.ns,
    }
    own = (_S.unit_no == desk.unit_no, _S.measure_id == score.measure_id, _S.judge == score.judge)
    changed = await connection.execute(update(PLAN_SCORES).where(*own, *_of(period)).values(values))
    if changed.rowcount == 0:
        key = {
            "unit_no": desk.unit_no,
            "first_day": day_number(period.first),
            "last_day": day_number(period.last),
            "measure_id": score.measure_id,
            "judge": score.judge,
        }
        await connection.execute(insert(PLAN_SCORES).values({**key, **values}))
    subject = f"score:{period.first}:{score.measure_id}"
    body = {
        "judge": score.judge.value,
        "deducted_tenths": score.tenths,
        "reason": score.reason,
        "references": list(score.references),
    }
    await append(connection, Entry(desk.unit_no, subject, "scored", score.author, desk.now, body))


async def _refuse_foreign(
    connection: AsyncConnection, unit_no: int, references: Sequence[str]
) -> None:
    for name in references:
        kind, _, number = name.partition(":")
        owner = _OWNERS[kind].c
        query = select(owner.id).where(owner.id == int(number), owner.unit_no == unit_no)
        if (await connection.execute(query)).first() is None:
            raise NotFoundRefusal("plan_row_unknown", row=name)


def _of(period: Period) -> tuple[ColumnElement[bool], ...]:
    return (
        _S.first_day == day_number(period.first),
        _S.last_day == day_number(period.last),
    )

"""Points that a school itself and the bureau take from a term's measures, each with its rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.plan.counting import Desk
from api.plan.errors import NotFoundRefusal, StepRefusal
from api.plan.history import Entry, append
from api.plan.reports.measures import measures_of
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
    """The scores of a unit's term, the newest of each measure and judge."""
    query = select(PLAN_SCORES).where(_S.unit_no == unit_no, _in(period))
    rows = (await connection.execute(query.order_by(_S.at_ns, _S.id))).mappings()
    newest = {(row["measure_id"], row["judge"]): row for row in rows}
    return tuple(
        Score(
            measure_id=row["measure_id"],
            judge=Judge(row["judge"]),
            tenths=row["deducted_tenths"],
            reason=row["reason"],
            references=tuple(json.loads(row["references_json"])),
            author=row["author"],
        )
        for row in newest.values()
    )


async def give(connection: AsyncConnection, desk: Desk, period: Period, score: Score) -> None:
    """Write or replace a score; what stood before is in the history.

    Raises:
        NotFoundRefusal: no plan of the term has the measure, or a row that is named is not the
            unit's.
        StepRefusal: points are taken without a reason or without a row.
    """
    if score.measure_id not in {one.id for one in measures_of(desk.edition, period)}:
        raise NotFoundRefusal("plan_measure_unknown", measure=score.measure_id)
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
    key = {"unit_no": desk.unit_no, "measure_id": score.measure_id, "judge": score.judge}
    own = [PLAN_SCORES.c[name] == value for name, value in key.items()]
    await connection.execute(delete(PLAN_SCORES).where(*own, _in(period)))
    days = {"first_day": day_number(period.first), "last_day": day_number(period.last)}
    await connection.execute(insert(PLAN_SCORES).values({**key, **days, **values}))
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


def _in(period: Period) -> ColumnElement[bool]:
    """Scores whose term has its middle in the period: its days may have been entered anew since."""
    first, last = day_number(period.first), day_number(period.last)
    return (_S.first_day + _S.last_day).between(2 * first, 2 * last)

"""How the duties of a period stood when it ended, whatever was done since.

The day on which an occurrence was settled stands in its row; the day on which each record was
counted stands in the history, which nobody changes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, and_, case, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.plan.states import DONE, State
from api.plan.tables import PLAN_COUNTS, PLAN_HISTORY, PLAN_OCCURRENCES, day_number
from api.plan.today import Line
from api.plan.withdrawing import COUNTED_INSTEAD
from vision.instants import Utc

_T = PLAN_OCCURRENCES.c
_C = PLAN_COUNTS.c
_H = PLAN_HISTORY.c
_COUNTING = ("handed_in", "confirmed", "receipt")
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Stand:
    """The end of a day that has passed: its day, and the instant at which it was over."""

    day: date
    over: Utc


def state_then(stand: Stand) -> ColumnElement[str]:
    """State of an occurrence of the period as it was then, for the database to count."""
    later = and_(_T.state.in_(DONE), _T.settled_day > day_number(stand.day))
    return case((later, State.OVERDUE.value), else_=_T.state)


async def lines_then(
    connection: AsyncConnection, lines: Sequence[Line], stand: Stand
) -> tuple[Line, ...]:
    """`lines` as they stood: what was settled since was overdue, or was to come."""
    later = await _settled_since(connection, lines, stand)
    partly = {line.id for line in lines if line.done and line.state not in DONE}
    done = await _done_then(connection, sorted(later | partly), stand)
    return tuple(_then(line, later, done, stand) for line in lines)


def _then(line: Line, later: Collection[int], done: Mapping[int, int], stand: Stand) -> Line:
    state = line.state
    if line.id in later:
        state = State.OVERDUE if line.due <= stand.day else State.OPEN
    if state is State.OPEN and line.window_start > stand.day:
        state = State.UPCOMING
    return replace(line, state=state, done=done.get(line.id, line.done))


async def _settled_since(
    connection: AsyncConnection, lines: Sequence[Line], stand: Stand
) -> set[int]:
    """Those that were done or missed after the day; overdue ones of later days were to come."""
    ids = [line.id for line in lines]
    found = {line.id for line in lines if line.state is State.OVERDUE and line.due > stand.day}
    for start in range(0, len(ids), _CHUNK):
        query = select(_T.id).where(
            _T.id.in_(ids[start : start + _CHUNK]), _T.settled_day > day_number(stand.day)
        )
        settled = set((await connection.execute(query)).scalars())
        # A round that was missed on the day is settled by the night after it.
        found |= settled - {
            line.id for line in lines if line.state is State.MISSED and line.due <= stand.day
        }
    return found


async def _done_then(
    connection: AsyncConnection, ids: Sequence[int], stand: Stand
) -> Mapping[int, int]:
    """Records that were counted in each of these by then; 0 stands for those without any."""
    done: Counter[int] = Counter(dict.fromkeys(ids, 0))
    for start in range(0, len(ids), _CHUNK):
        query = (
            select(_C.occurrence_id, _C.record_id, _T.rule_id)
            .join(PLAN_OCCURRENCES, _T.id == _C.occurrence_id)
            .where(_C.occurrence_id.in_(ids[start : start + _CHUNK]))
        )
        counts = (await connection.execute(query)).all()
        since = await _counted_since(connection, {row.record_id for row in counts}, stand)
        for row in counts:
            done[row.occurrence_id] += (row.record_id, row.rule_id) not in since
    return done


async def _counted_since(
    connection: AsyncConnection, records: set[int], stand: Stand
) -> set[tuple[int, str]]:
    """Record and rule of what was counted after the day was over."""
    subjects = [f"record:{number}" for number in sorted(records)]
    found: set[tuple[int, str]] = set()
    for start in range(0, len(subjects), _CHUNK):
        query = select(_H.subject, _H.body_json).where(
            _H.subject.in_(subjects[start : start + _CHUNK]),
            or_(
                and_(_H.action.in_(_COUNTING), _H.at_ns >= stand.over.ns),
                _H.action == COUNTED_INSTEAD,
            ),
        )
        for row in await connection.execute(query):
            body: dict[str, Any] = json.loads(row.body_json)
            # It took a withdrawn record's place as of the day on which it was handed in itself.
            if body.get("handed_in", "9999-12-31") <= stand.day.isoformat():
                continue
            number = int(row.subject.partition(":")[2])
            found |= {(number, name.partition("@")[0]) for name in body.get("counted", ())}
    return found

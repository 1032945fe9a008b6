"""What one unit has in one period, read in one view of the database.

Rows and totals come by different queries: `Totals` are counted by the database alone, so that a
paper can be held against them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import RowMapping, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.plan import hazard_store
from api.plan.counting import Desk
from api.plan.hazard_withdrawing import withdrawn_hazards
from api.plan.hazards import NEVER_WAS, Hazard
from api.plan.reports.periods import Period
from api.plan.reports.photos import Photo, photos_of
from api.plan.reports.standing import Stand, lines_then, state_then
from api.plan.states import STANDS, RecordState, State
from api.plan.tables import (
    PLAN_COUNTS,
    PLAN_HAZARDS,
    PLAN_OCCURRENCES,
    PLAN_RECORDS,
    day_number,
    day_of,
)
from api.plan.today import Line, between
from api.plan.withdrawing import withdrawals_of
from config.plan import Unit

MOST_LINES = 20_000

_T = PLAN_OCCURRENCES.c
_R = PLAN_RECORDS.c
_H = PLAN_HAZARDS.c


@dataclass(frozen=True, slots=True)
class Count:
    """One record in one occurrence; `merged` marks all but a record's first."""

    occurrence_id: int
    rule_id: str
    record_id: int
    merged: bool
    record_is_draft: bool
    same_unit: bool
    record_is_withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class RecordLine:
    """One record of the period as the papers list it."""

    id: int
    kind: str
    kind_type: str
    happened: date
    title: str
    author: str
    receipt_no: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class WithdrawnLine:
    """A record that was taken back: who did it, on which day, and why."""

    record: RecordLine
    person: str
    on: date
    reason: str


@dataclass(frozen=True, slots=True)
class WithdrawnHazardLine:
    """A hazard that was taken back: who did it, on which day, and why."""

    hazard: Hazard
    person: str
    on: date
    reason: str


@dataclass(frozen=True, slots=True)
class Totals:
    """Counted by the database, not from the rows of the paper."""

    by_state: Mapping[State, int]
    counts: int
    hazards_before: int
    hazards_found: int
    hazards_closed: int
    hazards_after: int


@dataclass(frozen=True, slots=True)
class Gathered:
    """A unit's period.

    Attributes:
        lines: occurrences that fall due in the period, as they stood on the day `as_of`.
        ledger: the same ones as they stand now.
        as_of: the end of the period where the paper is of a past one, else today.
        counts: records counted in these occurrences.
        record_counts: where the period's records are counted, also in occurrences that fall due
            later.
        withdrawn, withdrawn_hazards: what was taken back, of the period or in it; it counts
            nowhere.
        hazards: found or closed in the period, or open in it.
        earlier_places: places of hazards that were closed before.
        photos: pictures that belong to these records and hazards.
    """

    unit: Unit
    period: Period
    today: date
    as_of: date
    lines: tuple[Line, ...]
    ledger: tuple[Line, ...]
    counts: tuple[Count, ...]
    record_counts: tuple[Count, ...]
    records: tuple[RecordLine, ...]
    hazards: tuple[Hazard, ...]
    earlier_places: tuple[str, ...]
    photos: tuple[Photo, ...]
    totals: Totals
    withdrawn: tuple[WithdrawnLine, ...] = ()
    withdrawn_hazards: tuple[WithdrawnHazardLine, ...] = ()

    def records_of(self, kind: str, *types: str) -> tuple[RecordLine, ...]:
        return tuple(
            one
            for one in self.records
            if one.kind == kind and (not types or one.kind_type in types)
        )


async def gather(
    connection: AsyncConnection, desk: Desk, period: Period, stand: Stand | None = None
) -> Gathered:
    """Read the period of the desk's unit, its duties as they stand now or stood at `stand`."""
    number = desk.unit_no
    ledger = await between(connection, number, period.first, period.last, MOST_LINES)
    hazards = await hazard_store.in_period(connection, number, period.first, period.last)
    records = await _records(connection, number, period)
    subjects = [f"record:{one.id}" for one in records] + [f"hazard:{one.id}" for one in hazards]
    return Gathered(
        unit=desk.unit,
        period=period,
        today=desk.today,
        as_of=desk.today if stand is None else stand.day,
        lines=ledger if stand is None else await lines_then(connection, ledger, stand),
        ledger=ledger,
        counts=await _counts(connection, number, _due_in(period)),
        record_counts=await _counts(connection, number, _happened_in(period)),
        records=records,
        withdrawn=await _withdrawn(connection, desk, period),
        withdrawn_hazards=await _withdrawn_hazards(connection, desk, period),
        hazards=hazards,
        earlier_places=await _earlier_places(connection, number, period),
        photos=await photos_of(connection, number, subjects),
        totals=await totals_of(connection, (number,), period, stand),
    )


async def totals_of(
    connection: AsyncConnection,
    units: Sequence[int],
    period: Period,
    stand: Stand | None = None,
) -> Totals:
    """Totals of these units together; states as they are now or were at `stand`."""
    due = and_(_T.unit_no.in_(units), _due_in(period))
    state = (_T.state if stand is None else state_then(stand)).label("state_of_line")
    by_state = select(state, func.count()).where(due).group_by(state)
    states = {State(row[0]): int(row[1]) for row in await connection.execute(by_state)}
    counted = select(func.count()).select_from(PLAN_COUNTS.join(PLAN_OCCURRENCES)).where(due)
    first, last = day_number(period.first), day_number(period.last)
    open_then = or_(_H.closed_day.is_(None), _H.closed_day >= first)
    open_after = or_(_H.closed_day.is_(None), _H.closed_day > last)
    hazards = select(
        _summed(and_(_H.found_day < first, open_then)),
        _summed(_H.found_day.between(first, last)),
        _summed(_H.closed_day.between(first, last)),
        _summed(and_(_H.found_day <= last, open_after)),
    ).where(_H.unit_no.in_(units), _H.state.not_in(NEVER_WAS))
    before, found, closed, after = (await connection.execute(hazards)).one()
    count = int((await connection.execute(counted)).scalar_one())
    return Totals(states, count, int(before), int(found), int(closed), int(after))


def _due_in(period: Period) -> Any:
    return _T.due_day.between(day_number(period.first), day_number(period.last))


def _happened_in(period: Period) -> Any:
    return _R.happened_day.between(day_number(period.first), day_number(period.last))


def _summed(condition: Any) -> Any:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


async def _counts(connection: AsyncConnection, unit_no: int, which: Any) -> tuple[Count, ...]:
    columns = PLAN_COUNTS.c
    query = (
        select(_T.id, _T.rule_id, columns.record_id, columns.merged, _R.state, _R.unit_no)
        .join(PLAN_OCCURRENCES, _T.id == columns.occurrence_id)
        .join(PLAN_RECORDS, _R.id == columns.record_id)
        .where(_T.unit_no == unit_no, which)
        .order_by(columns.record_id, columns.merged, columns.occurrence_id)
    )
    return tuple(
        Count(
            *(row[0], row[1], row[2], bool(row[3]), row[4] == RecordState.DRAFT),
            *(row[5] == unit_no, row[4] == RecordState.WITHDRAWN),
        )
        for row in await connection.execute(query)
    )


async def _records(
    connection: AsyncConnection, unit_no: int, period: Period
) -> tuple[RecordLine, ...]:
    query = (
        select(PLAN_RECORDS)
        .where(_R.unit_no == unit_no, _R.state.in_(STANDS), _happened_in(period))
        .order_by(_R.happened_day, _R.id)
    )
    return tuple(_record_line(row) for row in (await connection.execute(query)).mappings())


async def _withdrawn(
    connection: AsyncConnection, desk: Desk, period: Period
) -> tuple[WithdrawnLine, ...]:
    """Records of the period that were taken back, and others that were taken back in it.

    A record may stand in a paper that was made before: the next paper has to say so.
    """
    query = (
        select(PLAN_RECORDS)
        .where(_R.unit_no == desk.unit_no, _R.state == RecordState.WITHDRAWN)
        .order_by(_R.happened_day, _R.id)
    )
    records = [_record_line(row) for row in (await connection.execute(query)).mappings()]
    taken = await withdrawals_of(connection, [one.id for one in records])
    lines = [
        WithdrawnLine(one, who.person, desk.day(who.at), who.reason)
        for one in records
        if (who := taken.get(one.id)) is not None
    ]
    return tuple(one for one in lines if period.holds(one.record.happened) or period.holds(one.on))


async def _withdrawn_hazards(
    connection: AsyncConnection, desk: Desk, period: Period
) -> tuple[WithdrawnHazardLine, ...]:
    """Hazards that had stood open in the period, and others that were taken back in it."""
    lines = [
        WithdrawnHazardLine(one.hazard, one.why.person, desk.day(one.why.at), one.why.reason)
        for one in await withdrawn_hazards(connection, desk.unit_no)
    ]
    return tuple(
        one
        for one in lines
        if period.holds(one.on)
        or (one.hazard.found <= period.last and (one.hazard.closed or one.on) >= period.first)
    )


def _record_line(row: RowMapping) -> RecordLine:
    return RecordLine(
        id=row["id"],
        kind=row["kind"],
        kind_type=row["kind_type"],
        happened=day_of(row["happened_day"]),
        title=row["title"],
        author=row["author"],
        receipt_no=row["receipt_no"],
        details=json.loads(row["body_json"]),
    )


async def _earlier_places(
    connection: AsyncConnection, unit_no: int, period: Period
) -> tuple[str, ...]:
    query = (
        select(_H.location)
        .where(
            _H.unit_no == unit_no,
            _H.closed_day < day_number(period.first),
            _H.state.not_in(NEVER_WAS),
        )
        .distinct()
    )
    return tuple((await connection.execute(query)).scalars())

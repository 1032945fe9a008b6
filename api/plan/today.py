"""What is to be done today: one unit's list, and the bureau's counts over all units."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.plan.errors import NotFoundRefusal
from api.plan.states import State
from api.plan.tables import (
    PENDING,
    PLAN_HAZARDS,
    PLAN_NOTICES,
    PLAN_OCCURRENCES,
    PLAN_UNITS,
    UPCOMING,
    day_number,
    day_of,
)

SOON = timedelta(days=14)
MOST_LINES = 200

_T = PLAN_OCCURRENCES.c
_COLUMNS = (
    *(_T.id, _T.rule_id, _T.raw_due_day, _T.anchor, _T.window_start_day, _T.due_day, _T.needed),
    *(_T.done, _T.state, _T.note),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One occurrence as a list shows it.

    Attributes:
        plan_year: the year whose plan asks for it and says what its rule means.
    """

    id: int
    rule_id: str
    plan_year: int
    anchor: str
    window_start: date
    due: date
    needed: int
    done: int
    state: State
    note: str


@dataclass(frozen=True, slots=True)
class Today:
    """One unit's day. Lists are cut to `MOST_LINES`; the counts are whole."""

    pending: tuple[Line, ...]
    soon: tuple[Line, ...]
    overdue: int
    open: int
    missed_this_week: int
    open_hazards: int
    overdue_hazards: int


@dataclass(frozen=True, slots=True)
class UnitCounts:
    """One unit in the bureau's list."""

    unit_id: str
    open: int
    overdue: int
    oldest_due: date | None
    missed_this_week: int


@dataclass(frozen=True, slots=True)
class Notice:
    """One reminder: which occurrence of which year's plan, which rung, for whom."""

    occurrence_id: int
    rule_id: str
    plan_year: int
    due: date
    step: str
    role: str


async def today_of(
    connection: AsyncConnection,
    unit_no: int,
    today: date,
    only: ColumnElement[bool] | None = None,
) -> Today:
    """What `unit_no` has to do today, overdue work first; with `only`, of those rows alone."""
    day = day_number(today)
    own = _T.unit_no == unit_no
    if only is not None:
        own = and_(own, only)
    # Sorted here: asked to sort, SQLite walks through all ten years in the order of due days.
    pending = await lines(connection, select(*_COLUMNS).where(own, PENDING))
    soon = (
        select(*_COLUMNS)
        .where(UPCOMING, _T.window_start_day <= day + SOON.days, own)
        .order_by(_T.due_day, _T.id)
    )
    hazards = PLAN_HAZARDS.c
    unsettled = (hazards.unit_no == unit_no, hazards.state.not_in(("closed", "draft", "withdrawn")))
    open_hazards = select(func.count()).where(*unsettled)
    return Today(
        pending=tuple(sorted(pending, key=lambda one: (one.due, one.id))[:MOST_LINES]),
        soon=await lines(connection, soon.limit(MOST_LINES)),
        overdue=sum(1 for one in pending if one.state is State.OVERDUE),
        open=sum(1 for one in pending if one.state is State.OPEN),
        missed_this_week=int(
            (
                await connection.execute(
                    select(func.count()).where(
                        own, _T.due_day.between(day - 7, day), _T.state == State.MISSED
                    )
                )
            ).scalar_one()
        ),
        open_hazards=int((await connection.execute(open_hazards)).scalar_one()),
        overdue_hazards=int(
            (await connection.execute(open_hazards.where(hazards.due_day < day))).scalar_one()
        ),
    )


async def counts_by_unit(connection: AsyncConnection, today: date) -> tuple[UnitCounts, ...]:
    """Every unit's open and overdue work, most overdue first: the bureau's red list."""
    units = await connection.execute(select(PLAN_UNITS.c.unit_no, PLAN_UNITS.c.unit_id))
    names = {row.unit_no: row.unit_id for row in units}
    query = (
        select(_T.unit_no, _T.state, func.count(), func.min(_T.due_day))
        .where(PENDING)
        .group_by(_T.unit_no, _T.state)
    )
    day = day_number(today)
    missed = (
        select(_T.unit_no, func.count())
        .where(
            _T.unit_no.in_(names),
            _T.due_day.between(day - 7, day),
            _T.state == State.MISSED,
        )
        .group_by(_T.unit_no)
    )
    missed_by_unit = {row[0]: int(row[1]) for row in await connection.execute(missed)}
    found: dict[int, dict[str, tuple[int, int]]] = {}
    for unit_no, state, count, oldest in await connection.execute(query):
        found.setdefault(unit_no, {})[state] = (count, oldest)
    counts = [
        UnitCounts(
            unit_id=name,
            open=found.get(number, {}).get(State.OPEN, (0, 0))[0],
            overdue=found.get(number, {}).get(State.OVERDUE, (0, 0))[0],
            oldest_due=(
                day_of(found[number][State.OVERDUE][1])
                if State.OVERDUE in found.get(number, {})
                else None
            ),
            missed_this_week=missed_by_unit.get(number, 0),
        )
        for number, name in names.items()
    ]
    return tuple(sorted(counts, key=lambda one: (-one.overdue, one.unit_id)))


async def between(
    connection: AsyncConnection, unit_no: int, first: date, last: date, limit: int = 5_000
) -> tuple[Line, ...]:
    """All occurrences of a unit that fall due from `first` to `last`, both included."""
    days = _T.due_day.between(day_number(first), day_number(last))
    query = select(*_COLUMNS).where(_T.unit_no == unit_no, days).order_by(_T.due_day, _T.id)
    return await lines(connection, query.limit(limit))


async def one_line(connection: AsyncConnection, unit_no: int, number: int) -> Line:
    """One occurrence. Raises `NotFoundRefusal`, also for another unit's."""
    query = select(*_COLUMNS).where(_T.unit_no == unit_no, _T.id == number)
    found = await lines(connection, query)
    if not found:
        raise NotFoundRefusal("plan_unknown", number=number)
    return found[0]


async def notices_on(connection: AsyncConnection, unit_no: int, today: date) -> tuple[Notice, ...]:
    """The reminders that last night's roll wrote for a unit."""
    notices = PLAN_NOTICES.c
    query = (
        select(_T.id, _T.rule_id, _T.raw_due_day, _T.due_day, notices.step, notices.role)
        .join(PLAN_OCCURRENCES, _T.id == notices.occurrence_id)
        .where(notices.at_day == day_number(today), notices.unit_no == unit_no)
        .order_by(_T.due_day, _T.id)
    )
    return tuple(
        Notice(
            *(row.id, row.rule_id, day_of(row.raw_due_day).year),
            *(day_of(row.due_day), row.step, row.role),
        )
        for row in await connection.execute(query)
    )


async def lines(connection: AsyncConnection, query: Select[tuple[object, ...]]) -> tuple[Line, ...]:
    """The rows of a query over `_COLUMNS` as values."""
    return tuple(
        Line(
            id=row.id,
            rule_id=row.rule_id,
            plan_year=day_of(row.raw_due_day).year,
            anchor=row.anchor,
            window_start=day_of(row.window_start_day),
            due=day_of(row.due_day),
            needed=row.needed,
            done=row.done,
            state=State(row.state),
            note=row.note,
        )
        for row in await connection.execute(query)
    )

"""The ledger of occurrences in the database: filled ahead, moved on each night, counted by records.

Rows are written for the next weeks and months only; what the calendar or a school's profile
changes is put right each night as long as the day has not passed. The past is never rewritten;
only work of a fortnight that the calendar cuts otherwise goes to the one that holds its day.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.plan import anchored, taking_over
from api.plan.chasing import FIRST_STEP_DAY, LAST_STEP_DAY, ladder
from api.plan.rule_rows import rows_of
from api.plan.states import State
from api.plan.tables import (
    PENDING,
    PLAN_NOTICES,
    PLAN_OCCURRENCES,
    PLAN_ROLLS,
    PLAN_UNITS,
    UPCOMING,
    day_number,
    day_of,
)
from config.plan import Occurrence, PlanEdition, Rule, Unit, applies, expand_year, needed
from config.plan.values import Scope, Window
from vision.instants import Utc

# Daily rounds are many and need no preparation; everything else is worth seeing a year ahead.
DAILY_HORIZON = timedelta(days=45)
HORIZON = timedelta(days=400)
# A machine that was off makes up for so many nights one by one, so that every notice is written.
MOST_NIGHTS = 31
# A due day moves back to a fitting day, at most over the longest holidays.
FARTHEST_MOVE = timedelta(days=62)
_CHUNK = 5_000

_T = PLAN_OCCURRENCES.c
Key = tuple[int, str, int]


@dataclass(frozen=True, slots=True)
class Rolled:
    """What one night changed."""

    day: date
    added: int
    opened: int
    overdue: int
    missed: int
    notices: int


class Expansions:
    """Occurrences by calendar, rule and year, worked out once for all units of an edition."""

    def __init__(self, edition: PlanEdition) -> None:
        self.edition = edition
        self._known: dict[tuple[str, str, int], tuple[Occurrence, ...]] = {}

    def of(self, rule: Rule, unit: Unit, year: int) -> tuple[Occurrence, ...]:
        key = (unit.calendar, rule.id, year)
        if key not in self._known:
            self._known[key] = expand_year(rule, year, self.edition.calendar_of(unit))
        return self._known[key]


def occurrence_rows(
    expansions: Expansions, unit: Unit, unit_no: int, first: date, last: date
) -> Iterator[dict[str, Any]]:
    """Ledger rows of `unit` whose window opens by `last` and whose due day is not before `first`.

    The daily ones end `HORIZON - DAILY_HORIZON` earlier.
    """
    for year in range(first.year, last.year + 2):
        for rule in expansions.edition.catalogue_of(year).rules():
            if rule.scope not in (Scope.YEAR, Scope.PER_TERM) or not applies(rule, unit):
                continue
            until = last - (HORIZON - DAILY_HORIZON) if rule.window is Window.DAY else last
            for one in expansions.of(rule, unit, year):
                if one.due >= first and one.window_start <= until:
                    yield _row(rule, unit, unit_no, one)


def _row(rule: Rule, unit: Unit, unit_no: int, one: Occurrence) -> dict[str, Any]:
    return {
        "unit_no": unit_no,
        "rule_id": rule.id,
        "raw_due_day": day_number(one.raw_due),
        "anchor": "",
        "window_start_day": day_number(one.window_start),
        "due_day": day_number(one.due),
        "needed": needed(rule, unit),
        "done": 0,
        "state": State.EXEMPT.value if one.exempt else State.UPCOMING.value,
    }


async def unit_numbers(connection: AsyncConnection, edition: PlanEdition) -> dict[str, int]:
    """Unit id -> its number in the ledger; new units get one."""
    known = await _unit_numbers(connection)
    missing = [unit.id for unit in edition.units if unit.id not in known]
    if missing:
        await connection.execute(insert(PLAN_UNITS), [{"unit_id": name} for name in missing])
        known = await _unit_numbers(connection)
    return known


async def _unit_numbers(connection: AsyncConnection) -> dict[str, int]:
    rows = await connection.execute(select(PLAN_UNITS.c.unit_id, PLAN_UNITS.c.unit_no))
    return {row.unit_id: row.unit_no for row in rows}


async def roll_forward(
    connection: AsyncConnection, edition: PlanEdition, today: date, now: Utc
) -> tuple[Rolled, ...]:
    """Bring the ledger to `today`, night by night since the last time; nothing twice a day."""
    last = (await connection.execute(select(func.max(PLAN_ROLLS.c.day)))).scalar_one_or_none()
    since = today if last is None else day_of(last) + timedelta(days=1)
    first_night = max(since, today - timedelta(days=MOST_NIGHTS - 1))
    expansions = Expansions(edition)
    if since < first_night:
        await _ask_for_skipped(connection, expansions, since, first_night)
    elif first_night > today:
        await _ask_new_units(connection, expansions, today)
    nights = []
    while first_night <= today:
        nights.append(await _one_night(connection, expansions, first_night, now))
        first_night += timedelta(days=1)
    return tuple(nights)


async def _ask_new_units(connection: AsyncConnection, expansions: Expansions, today: date) -> None:
    """A school that was listed since the last night has its duties at once, not by the next."""
    known = await _unit_numbers(connection)
    if all(unit.id in known for unit in expansions.edition.units):
        return
    await reconcile(connection, expansions, today)
    await open_begun(connection, today)


async def _ask_for_skipped(
    connection: AsyncConnection, expansions: Expansions, since: date, until: date
) -> None:
    """Rows of the days from `since` to before `until`, of which no night was rolled.

    Daily rounds are laid out some weeks ahead: without this, those of a machine that was off for
    longer would be asked of nobody. The next night says that they were missed.
    """
    numbers = await unit_numbers(connection, expansions.edition)
    known = await _rows_to_come(connection, list(numbers.values()), since)
    rows = [
        row
        for unit in expansions.edition.units
        for row in occurrence_rows(expansions, unit, numbers[unit.id], since, until + HORIZON)
        if row["due_day"] < day_number(until)
        and (row["unit_no"], row["rule_id"], row["raw_due_day"]) not in known
    ]
    for start in range(0, len(rows), _CHUNK):
        await connection.execute(insert(PLAN_OCCURRENCES), rows[start : start + _CHUNK])


@dataclass(frozen=True, slots=True)
class Changes:
    """What separates the days to come from what the plan asks for.

    Attributes:
        fresh: rows that are missing.
        moved: rows that stand otherwise, each with what it should be.
        dropped: rows that nothing asks for any more.
        left: rows that nothing asks for any more and in which work was counted, also past ones.
        asked: names of all rows, of the past weeks too, that the plan asks for.
    """

    fresh: tuple[Mapping[str, Any], ...]
    moved: tuple[tuple[Mapping[Any, Any], Mapping[str, Any]], ...]
    dropped: tuple[Mapping[Any, Any], ...]
    left: tuple[Mapping[Any, Any], ...] = ()
    asked: frozenset[Key] = frozenset()


async def changes(connection: AsyncConnection, expansions: Expansions, today: date) -> Changes:
    """Compare the ledger with the plan, its calendars and its units; changes nothing."""
    numbers = await _unit_numbers(connection)
    known = await _rows_to_come(connection, list(numbers.values()), today)
    fresh, moved = [], []
    asked: set[Key] = set()
    for unit in expansions.edition.units:
        if unit.id not in numbers:
            continue
        first, last = today - FARTHEST_MOVE, today + HORIZON
        for row in occurrence_rows(expansions, unit, numbers[unit.id], first, last):
            key = (row["unit_no"], row["rule_id"], row["raw_due_day"])
            old = known.pop(key, None)
            if row["state"] != State.EXEMPT:
                asked.add(key)
            if row["due_day"] < day_number(today):
                # A day that has passed cannot be promised anew: what stands keeps its own.
                continue
            if old is None:
                fresh.append(row)
            elif (_may_move(old, today) or old["state"] == State.OVERDUE) and _differ(old, row):
                moved.append((old, row))
    dropped = [old for old in known.values() if _may_move(old, today)]
    left = [old for old in known.values() if old["done"]]
    return Changes(tuple(fresh), tuple(moved), tuple(dropped), tuple(left), frozenset(asked))


async def reconcile(connection: AsyncConnection, expansions: Expansions, today: date) -> Changes:
    """Make the days to come equal what the plan asks for."""
    await unit_numbers(connection, expansions.edition)
    found = await changes(connection, expansions, today)
    for old, row in found.moved:
        await _correct(connection, old, row)
    for start in range(0, len(found.fresh), _CHUNK):
        rows = [dict(row) for row in found.fresh[start : start + _CHUNK]]
        await connection.execute(insert(PLAN_OCCURRENCES), rows)
    await _drop(connection, found.dropped)
    edition = expansions.edition
    await taking_over.take_over(connection, edition, found.left, found.asked, today)
    return found


async def open_begun(connection: AsyncConnection, today: date) -> int:
    """Open what may be done from today on; returns how many rows."""
    opened = await connection.execute(
        update(PLAN_OCCURRENCES)
        .where(UPCOMING, _T.window_start_day <= day_number(today))
        .values(state=State.OPEN)
    )
    return opened.rowcount


async def _rows_to_come(
    connection: AsyncConnection, units: Sequence[int], today: date
) -> dict[Key, Mapping[Any, Any]]:
    """Every row that the plan could give again, also those done before their day.

    A changed calendar can move a due day that has passed into the days to come.
    """
    columns = (_T.id, _T.unit_no, _T.rule_id, _T.raw_due_day, _T.window_start_day, _T.due_day)
    query = select(*columns, _T.needed, _T.done, _T.state, _T.settled_day).where(
        _T.unit_no.in_(units),
        _T.due_day >= day_number(today - FARTHEST_MOVE),
        _T.anchor == "",
    )
    rows = (await connection.execute(query)).mappings()
    return {(row["unit_no"], row["rule_id"], row["raw_due_day"]): row for row in rows}


def _may_move(old: Mapping[Any, Any], today: date) -> bool:
    """Whether a row is still to come and nobody has done it."""
    return old["due_day"] >= day_number(today) and old["state"] in (
        *(State.UPCOMING, State.OPEN, State.EXEMPT),
    )


_MOVING = ("window_start_day", "due_day", "needed")


def _differ(old: Mapping[Any, Any], row: Mapping[str, Any]) -> bool:
    was_exempt, is_exempt = old["state"] == State.EXEMPT, row["state"] == State.EXEMPT
    return was_exempt != is_exempt or any(old[name] != row[name] for name in _MOVING)


async def _correct(
    connection: AsyncConnection, old: Mapping[Any, Any], row: Mapping[str, Any]
) -> None:
    """A changed calendar or class count moves what has not been done yet."""
    changed = {name: row[name] for name in _MOVING}
    # What is given back, or was overdue by a day that the calendar does not have, begins anew.
    if State.EXEMPT in (old["state"], row["state"]) or old["state"] == State.OVERDUE:
        changed["state"] = row["state"]
    await connection.execute(update(PLAN_OCCURRENCES).where(_T.id == old["id"]).values(changed))


async def _drop(connection: AsyncConnection, rows: Sequence[Mapping[Any, Any]]) -> None:
    """Rows that bind the unit no more: gone before their window opened, exempt after."""
    unopened = [r["id"] for r in rows if r["state"] == State.UPCOMING and r["done"] == 0]
    opened = [r["id"] for r in rows if r["state"] == State.OPEN]
    for start in range(0, len(unopened), 500):
        chunk = unopened[start : start + 500]
        await connection.execute(
            delete(PLAN_NOTICES).where(PLAN_NOTICES.c.occurrence_id.in_(chunk))
        )
        await connection.execute(delete(PLAN_OCCURRENCES).where(_T.id.in_(chunk)))
    for start in range(0, len(opened), 500):
        await connection.execute(
            update(PLAN_OCCURRENCES)
            .where(_T.id.in_(opened[start : start + 500]))
            .values(state=State.EXEMPT)
        )


async def _one_night(
    connection: AsyncConnection, expansions: Expansions, today: date, now: Utc
) -> Rolled:
    edition = expansions.edition
    added = len((await reconcile(connection, expansions, today)).fresh)
    numbers = await _unit_numbers(connection)
    added += await anchored.tonight(connection, edition, numbers, today)
    day = day_number(today)
    daily = rows_of(edition, lambda rule: rule.window is Window.DAY)
    passed = (PENDING, _T.state == State.OPEN, _T.due_day < day)
    opened = await open_begun(connection, today)
    missed = await connection.execute(
        update(PLAN_OCCURRENCES).where(*passed, daily).values(state=State.MISSED, settled_day=day)
    )
    overdue = await connection.execute(
        update(PLAN_OCCURRENCES).where(*passed).values(state=State.OVERDUE)
    )
    notices = await _write_notices(connection, edition, today)
    night = Rolled(today, added, opened, overdue.rowcount, missed.rowcount, notices)
    await connection.execute(
        insert(PLAN_ROLLS).values(
            day=day,
            catalogue_version=edition.catalogue_of(today.year).version,
            at_ns=now.ns,
            added=night.added,
            opened=night.opened,
            overdue=night.overdue,
            missed=night.missed,
            notices=night.notices,
        )
    )
    return night


async def _write_notices(connection: AsyncConnection, edition: PlanEdition, today: date) -> int:
    """The steps that fall today, and how many; a duty whose day has moved is told them anew."""
    day = day_number(today)
    numbers = await _unit_numbers(connection)
    query = select(_T.id, _T.unit_no, _T.rule_id, _T.raw_due_day, _T.due_day).where(
        _T.unit_no.in_(numbers.values()),
        _T.state.in_((State.OPEN, State.OVERDUE, State.MISSED)),
        _T.due_day.between(day - LAST_STEP_DAY, day - FIRST_STEP_DAY),
    )
    rows = []
    for one in await connection.execute(query):
        rule = edition.rule_of(one.rule_id, day_of(one.raw_due_day).year)
        step = None if rule is None else ladder(rule).get(day - one.due_day)
        if step is not None:
            rows.append(
                {
                    "occurrence_id": one.id,
                    "unit_no": one.unit_no,
                    "step": step.name,
                    "role": step.role,
                    "at_day": day,
                }
            )
    # Told before only where the due day has moved since: the new day's notice takes its place.
    told = delete(PLAN_NOTICES).where(
        PLAN_NOTICES.c.occurrence_id == bindparam("occurrence_id"),
        PLAN_NOTICES.c.step == bindparam("step"),
    )
    for start in range(0, len(rows), _CHUNK):
        chunk = rows[start : start + _CHUNK]
        await connection.execute(told, chunk)
        await connection.execute(insert(PLAN_NOTICES), chunk)
    return len(rows)

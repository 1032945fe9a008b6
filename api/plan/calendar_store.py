"""Years of the school calendar as the bureau entered them; of one year the latest row holds."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.plan.history import Entry, append
from api.plan.tables import PLAN_CALENDARS
from config.plan import CalendarYear, PlanEdition
from config.plan.school_calendar import YEAR_ADAPTER
from vision.instants import Utc

_C = PLAN_CALENDARS.c


@dataclass(frozen=True, slots=True)
class EnteredBy:
    """Who entered a year last, and when."""

    author: str
    at: Utc


async def enter(
    connection: AsyncConnection, calendar: str, entered: CalendarYear, entry: Entry
) -> None:
    """Store a year and its line of history; `entry` names who enters it and when."""
    await connection.execute(
        insert(PLAN_CALENDARS).values(
            calendar=calendar,
            year=entered.year,
            body_json=YEAR_ADAPTER.dump_json(entered).decode("utf-8"),
            author=entry.actor,
            at_ns=entry.at.ns,
        )
    )
    await append(connection, entry)


async def over(connection: AsyncConnection, edition: PlanEdition) -> PlanEdition:
    """`edition` with every entered year; years of a calendar that it does not have are left."""
    latest = select(func.max(_C.id)).group_by(_C.calendar, _C.year)
    query = select(_C.calendar, _C.body_json).where(_C.id.in_(latest)).order_by(_C.id)
    for row in await connection.execute(query):
        if row.calendar in edition.calendars:
            edition = edition.with_year(row.calendar, YEAR_ADAPTER.validate_json(row.body_json))
    return edition


async def entered_names(connection: AsyncConnection) -> frozenset[str]:
    """Names of the calendars of which any year was entered."""
    found = await connection.execute(select(_C.calendar).distinct())
    return frozenset(found.scalars())


async def entered_by(connection: AsyncConnection, calendar: str, year: int) -> EnteredBy | None:
    """Who entered this year last; `None` when only the calendar's file has it, or nobody."""
    query = select(_C.author, _C.at_ns).where(_C.calendar == calendar, _C.year == year)
    row = (await connection.execute(query.order_by(_C.id.desc()).limit(1))).first()
    return None if row is None else EnteredBy(row.author, Utc(row.at_ns))

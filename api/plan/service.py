"""The plan's parts as one object, and who may see which unit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.database import Database
from api.plan import calendar_store, telling
from api.plan.calendar_file import tell_watchers
from api.plan.camera_side import CameraSide
from api.plan.counting import Desk
from api.plan.day_watch import DayNote, Standing
from api.plan.errors import NotFoundRefusal
from api.plan.going_back import go_back
from api.plan.history import Entry, append
from api.plan.ledger import (
    Changes,
    Expansions,
    Rolled,
    changes,
    open_begun,
    reconcile,
    roll_forward,
    unit_numbers,
)
from api.plan.tables import PLAN_ROLLS, PLAN_UNITS, day_of
from api.plan.viewer import PlanViewer
from config.plan import CalendarWarning, CalendarYear, PlanEdition, Unit
from config.plan.school_calendar import YEAR_ADAPTER
from config.plan.units import BUREAU_ZONE
from streams.clock import Clock

_LOG = structlog.get_logger(__name__)


@dataclass(slots=True)
class PlanService:
    """What the plan's routes and pages work with.

    Attributes:
        edition: the plan in force. It is replaced as a whole when the bureau enters a calendar.
        attachments: folder of uploaded files, named by their digest.
        cameras: the site that this service watches; `None` where it watches none.
        day_note: why the ledger does not follow the machine's day, or that it was taken back.
        day_confirmed: a day that an administrator vouches for.
        school_years: folder in which the processes that watch look for entered calendars; `None`
            where none watch.
    """

    database: Database
    edition: PlanEdition
    clock: Clock
    attachments: Path
    zone: ZoneInfo = BUREAU_ZONE
    cameras: CameraSide | None = None
    day_note: DayNote | None = None
    day_confirmed: date | None = None
    school_years: Path | None = None

    def today(self) -> date:
        """The district's day."""
        return self.clock.utc().to_datetime().astimezone(self.zone).date()

    def visible(self, viewer: PlanViewer) -> tuple[Unit, ...]:
        return tuple(unit for unit in self.edition.units if viewer.sees(unit.id))

    def watches(self, unit: Unit) -> bool:
        """Whether the cameras of this service stand in `unit`."""
        return self.cameras is not None and bool(unit.site) and unit.site == self.cameras.site_id

    def watched_elsewhere(self, unit: Unit) -> bool:
        """Whether `unit` has cameras and this service hears nothing of them."""
        return bool(unit.site) and not self.watches(unit)

    def warnings(self) -> tuple[CalendarWarning, ...]:
        """What the calendar lacks for this year and, from October on, for the next one.

        A term that is over is not asked for any more.
        """
        today = self.today()
        last_year = today.year + (today.month >= 10)
        calendar = self.edition.calendars[""]
        over = {
            (term.start.year, term.name)
            for term in calendar.stand_ins(today.year)
            if term.end < today
        }
        found = calendar.warnings(today.year, last_year)
        return tuple(one for one in found if (one.year, one.missing) not in over)

    @asynccontextmanager
    async def reading(
        self, viewer: PlanViewer, unit_id: str
    ) -> AsyncIterator[tuple[AsyncConnection, Desk]]:
        """A view of one unit. Raises `NotFoundRefusal` for a unit that the viewer cannot see."""
        unit = self._unit(viewer, unit_id)
        async with self.database.read() as connection:
            query = select(PLAN_UNITS.c.unit_no).where(PLAN_UNITS.c.unit_id == unit.id)
            number = (await connection.execute(query)).scalar_one_or_none()
            # A unit that the ledger has not met yet has nothing in it: no row carries number 0.
            yield connection, self._desk(unit, number or 0)

    @asynccontextmanager
    async def writing(
        self, viewer: PlanViewer, unit_id: str
    ) -> AsyncIterator[tuple[AsyncConnection, Desk]]:
        """A change to one unit, whole or not at all. Raises `NotFoundRefusal`."""
        unit = self._unit(viewer, unit_id)
        async with self.database.write() as connection:
            numbers = await unit_numbers(connection, self.edition)
            yield connection, self._desk(unit, numbers[unit.id])

    @asynccontextmanager
    async def own_work(
        self, unit: Unit, *, changes: bool
    ) -> AsyncIterator[tuple[AsyncConnection, Desk]]:
        """The service's own look at a unit, or with `changes` its own change, nobody asking."""
        opened = self.database.write() if changes else self.database.read()
        async with opened as connection:
            query = select(PLAN_UNITS.c.unit_no).where(PLAN_UNITS.c.unit_id == unit.id)
            number = (await connection.execute(query)).scalar_one_or_none()
            yield connection, self._desk(unit, number or 0)

    async def unit_ids(self) -> dict[int, str]:
        """Number in the ledger -> id, of all units."""
        async with self.database.read() as connection:
            rows = await connection.execute(select(PLAN_UNITS.c.unit_no, PLAN_UNITS.c.unit_id))
            return {row.unit_no: row.unit_id for row in rows}

    async def read_calendars(self) -> None:
        """Take up the years that the bureau entered; call it before the first roll."""
        async with self.database.read() as connection:
            self.edition = await calendar_store.over(connection, self.edition)
        await self.tell_watchers()

    async def tell_watchers(self) -> None:
        """Let the timetables of all processes go by the years that were entered."""
        if self.school_years is None:
            return
        async with self.database.read() as connection:
            entered = await calendar_store.entered_names(connection)
        calendars = dict(self.edition.calendars)
        await asyncio.to_thread(tell_watchers, self.school_years, calendars, entered)

    async def calendar_changes(self, calendar: str, entered: CalendarYear) -> Changes:
        """What entering this year would change in the ledger, without changing it."""
        edition = self.edition.with_year(calendar, entered)
        async with self.database.read() as connection:
            return await changes(connection, Expansions(edition), await self._stand(connection))

    async def enter_year(self, calendar: str, entered: CalendarYear, person: str) -> Changes:
        """Put one year of a calendar in force and move what is still to come with it."""
        edition = self.edition.with_year(calendar, entered)
        async with self.database.write() as connection:
            numbers = await unit_numbers(connection, edition)
            first = numbers[edition.units[0].id]
            body = {"calendar": calendar, "year": YEAR_ADAPTER.dump_python(entered, mode="json")}
            subject = f"calendar:{entered.year}"
            entry = Entry(first, subject, "calendar_entered", person, self.clock.utc(), body)
            await calendar_store.enter(connection, calendar, entered, entry)
            stand = await self._stand(connection)
            made = await reconcile(connection, Expansions(edition), stand)
            await open_begun(connection, stand)
        self.edition = edition
        await self.tell_watchers()
        return made

    async def roll(self) -> tuple[Rolled, ...]:
        """Bring the ledger to today, ahead or back. Idempotent.

        It takes the machine's word for the day; whether to is for the caller to judge.
        """
        now, today = self.clock.utc(), self.today()
        async with self.database.write() as connection:
            back = await go_back(connection, today, now)
            nights = await roll_forward(connection, self.edition, today, now)
            outbox = None if self.cameras is None else self.cameras.desk.outbox
            if nights and outbox is not None:
                numbers = await unit_numbers(connection, self.edition)
                told = {numbers[unit.id]: unit for unit in self.edition.units if self._tells(unit)}
                await telling.tell(connection, outbox, told, self.edition, today, now)
        self.day_note = None
        if back is not None:
            _LOG.warning("the ledger was taken back", **asdict(back), to=today)
            self.day_note = DayNote(Standing.WENT_BACK, back.stood, today)
        return nights

    async def last_night(self) -> date | None:
        """The day to which the ledger was brought; `None` before its first night."""
        async with self.database.read() as connection:
            return await _last_night(connection)

    async def _stand(self, connection: AsyncConnection) -> date:
        """The ledger's own day, whatever a clock shows that it does not follow."""
        return await _last_night(connection) or self.today()

    def end_doubt(self) -> None:
        """The machine shows the ledger's own day again."""
        if self.day_note is not None and self.day_note.standing is not Standing.WENT_BACK:
            self.day_note = None

    async def confirm_day(self, person: str) -> tuple[Rolled, ...]:
        """An administrator vouches for the machine's day: the ledger goes to it at once."""
        today = self.today()
        async with self.database.write() as connection:
            numbers = await unit_numbers(connection, self.edition)
            first = numbers[self.edition.units[0].id]
            body = {"day": today.isoformat()}
            entry = Entry(first, "ledger", "day_confirmed", person, self.clock.utc(), body)
            await append(connection, entry)
        self.day_confirmed = today
        return await self.roll()

    def _tells(self, unit: Unit) -> bool:
        """This service's receivers hear of its own school and of the bureau, of nobody else."""
        return self.watches(unit) or not unit.is_school

    def _desk(self, unit: Unit, number: int) -> Desk:
        return Desk(self.edition, unit, number, self.today(), self.clock.utc(), self.zone)

    def _unit(self, viewer: PlanViewer, unit_id: str) -> Unit:
        if viewer.sees(unit_id):
            for unit in self.edition.units:
                if unit.id == unit_id:
                    return unit
        raise NotFoundRefusal("plan_unit_unknown", unit=unit_id)


async def _last_night(connection: AsyncConnection) -> date | None:
    query = select(func.max(PLAN_ROLLS.c.day))
    last = (await connection.execute(query)).scalar_one_or_none()
    return None if last is None else day_of(last)

"""A ledger in a file of its own, with the sample units and simulated days."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from shutil import copyfile
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from api.database import Database, migrate
from api.plan.counting import Counted, Desk, NewRecord, Stored, hand_in
from api.plan.ledger import Rolled, roll_forward, unit_numbers
from api.plan.tables import PLAN_OCCURRENCES, day_number
from config.plan import PlanEdition, load_edition
from tests.api.conftest import create_database
from vision.instants import Utc

ZONE = ZoneInfo("Asia/Shanghai")
_NUMBERS = itertools.count(1)
TODAY = date(2026, 3, 16)


def at(day: date, hour: int = 8) -> Utc:
    return Utc.from_datetime(datetime.combine(day, time(hour), ZONE))


@dataclass
class LedgerDesk:
    """Short names for what the tests do with one ledger."""

    database: Database
    edition: PlanEdition

    async def roll(self, day: date) -> tuple[Rolled, ...]:
        async with self.database.write() as connection:
            return await roll_forward(connection, self.edition, day, at(day, 0))

    async def desk(self, unit_id: str, day: date) -> Desk:
        async with self.database.write() as connection:
            numbers = await unit_numbers(connection, self.edition)
        unit = self.edition.unit(unit_id)
        return Desk(self.edition, unit, numbers[unit_id], day, at(day))

    async def hand_in(self, unit_id: str, day: date, kind: str, **values: object) -> Stored:
        desk = await self.desk(unit_id, day)
        fields: dict[str, object] = {
            "client_key": f"{unit_id}-{kind}-{values.get('kind_type', '')}-{day}",
            "kind": kind,
            "kind_type": "",
            "happened": day,
            "title": "记录",
            "author": "王芳",
            **values,
        }
        async with self.database.write() as connection:
            return await hand_in(connection, desk, NewRecord(**fields))  # type: ignore[arg-type]

    async def state(self, unit_id: str, rule_id: str, raw_due: date) -> str:
        desk = await self.desk(unit_id, raw_due)
        columns = PLAN_OCCURRENCES.c
        query = select(columns.state).where(
            columns.unit_no == desk.unit_no,
            columns.rule_id == rule_id,
            columns.raw_due_day == day_number(raw_due),
        )
        async with self.database.read() as connection:
            return str((await connection.execute(query)).scalar_one())


def names(counted: tuple[Counted, ...]) -> list[tuple[str, str, bool]]:
    return [(one.rule_id, one.state.value, one.merged) for one in counted]


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database without a row."""
    path = tmp_path_factory.mktemp("plan") / "empty.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def rolled_file(empty_file: Path) -> Path:
    """The sample units' ledger as it stands on the morning of `TODAY`."""
    path = empty_file.with_name("rolled.db")
    copyfile(empty_file, path)

    async def roll() -> None:
        async with Database(f"sqlite:///{path}") as database:
            await LedgerDesk(database, load_edition()).roll(TODAY)

    asyncio.run(roll())
    return path


@pytest.fixture
def database_url(tmp_path: Path, empty_file: Path) -> str:
    copyfile(empty_file, tmp_path / "plan.db")
    return f"sqlite:///{tmp_path / 'plan.db'}"


@pytest.fixture
def rolled_url(tmp_path: Path, rolled_file: Path) -> str:
    copyfile(rolled_file, tmp_path / "plan.db")
    return f"sqlite:///{tmp_path / 'plan.db'}"


@pytest.fixture(scope="session")
def postgres_rolled(postgres_server: str, postgres_template: str) -> str:
    """Name of a PostgreSQL database that was rolled to `TODAY`, to be copied."""
    name = "template_rolled"
    create_database(postgres_server, name, postgres_template)

    async def roll() -> None:
        async with Database(postgres_server.format(name=name)) as database:
            await LedgerDesk(database, load_edition()).roll(TODAY)

    asyncio.run(roll())
    return name


@pytest.fixture
def postgres_rolled_url(postgres_server: str, postgres_rolled: str) -> str:
    name = f"rolled{next(_NUMBERS)}"
    create_database(postgres_server, name, postgres_rolled)
    return postgres_server.format(name=name)


BOTH = ["sqlite", pytest.param("postgres", marks=pytest.mark.peer)]


@pytest.fixture(params=BOTH)
def ledger_url(request: pytest.FixtureRequest) -> str:
    fixture = "database_url" if request.param == "sqlite" else "postgres_url"
    return str(request.getfixturevalue(fixture))


@pytest.fixture(params=BOTH)
def rolled_ledger_url(request: pytest.FixtureRequest) -> str:
    fixture = "rolled_url" if request.param == "sqlite" else "postgres_rolled_url"
    return str(request.getfixturevalue(fixture))


@pytest.fixture
async def ledger(ledger_url: str) -> AsyncIterator[LedgerDesk]:
    """An empty ledger, in a file and in PostgreSQL."""
    async with Database(ledger_url) as database:
        yield LedgerDesk(database, load_edition())


@pytest.fixture
async def rolled(rolled_ledger_url: str) -> AsyncIterator[LedgerDesk]:
    """A ledger that was rolled to `TODAY`, in a file and in PostgreSQL."""
    async with Database(rolled_ledger_url) as database:
        yield LedgerDesk(database, load_edition())

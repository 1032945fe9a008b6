"""The database itself: migrations, one writer, what it refuses."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
import threading
from contextlib import AsyncExitStack, closing
from dataclasses import replace
from pathlib import Path

import psutil
import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from api import events
from api.alarms import store
from api.alarms.machine import observe
from api.alarms.values import AlarmType
from api.database import Database, DatabaseError, MigrationError, engine, migrate
from api.database.engine import parse_url
from api.database.tables import ALARM_HISTORY, METADATA, VIEWINGS
from api.events import EventKind, NewEvent
from tests.api.alarms.test_machine import signal
from vision.instants import Utc

NOW = Utc(1_800_000_000_000_000_000)


def test_only_its_own_account_reads_a_new_database(tmp_path: Path) -> None:
    """It holds names, sessions and what the school keeps; `xiaoan run` by hand has umask 022."""
    path = tmp_path / "xiaoan.db"
    before = os.umask(0o022)
    try:
        migrate(f"sqlite:///{path}")
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("CREATE TABLE more (number INTEGER)")
            kept = list(tmp_path.iterdir())
            assert {one.name for one in kept} >= {
                *("xiaoan.db", "xiaoan.db-wal", "xiaoan.db.migrate-lock"),
            }
            assert {one.stat().st_mode & 0o777 for one in kept} == {0o600}
        # What somebody has chosen for a backup by another account stays.
        path.chmod(0o640)
        migrate(f"sqlite:///{path}")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o640


def test_tables_and_migrations_agree(database_url: str) -> None:
    url = parse_url(database_url)
    drivers = {"sqlite+aiosqlite": "sqlite"}
    engine = create_engine(url.set(drivername=drivers.get(url.drivername, url.drivername)))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        own = {table.name for table in METADATA.sorted_tables}
        found = [
            step for step in compare_metadata(context, METADATA) if not _of_another_room(step, own)
        ]
    engine.dispose()
    assert found == []


def _of_another_room(step: object, own: set[str]) -> bool:
    """Tables that other parts of the service bring with descriptions of their own."""
    if not isinstance(step, tuple) or step[0] not in ("remove_table", "remove_index"):
        return False
    thing = step[1]
    table = thing.table if step[0] == "remove_index" else thing
    return table.name not in own


async def test_a_refusal_tells_no_values(sqlite_url: str) -> None:
    """Its text stands in the log: which statement, not what people wrote."""
    row = {"viewer": "王芳 told in confidence", "camera_id": "cam", "window_ns": 1}
    async with Database(sqlite_url) as database:
        with pytest.raises(IntegrityError) as refused:
            async with database.write() as connection:
                await connection.execute(insert(VIEWINGS).values(**row, first_at_ns=None))
    assert "INSERT INTO viewings" in str(refused.value)
    assert "confidence" not in str(refused.value)


def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new/desk.db"
    assert migrate(url) == migrate(url)


def test_a_database_of_a_newer_version_is_refused(sqlite_url: str) -> None:
    path = sqlite_url.removeprefix("sqlite:///")
    connection = sqlite3.connect(path)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    with pytest.raises(MigrationError, match="another version of xiaoan"):
        migrate(sqlite_url)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"not a database, not at all" * 100)
    with pytest.raises(DatabaseError, match="cannot open, read or change the database"):
        migrate(f"sqlite:///{tmp_path}/x.db")


@pytest.mark.parametrize(
    ("url", "message"),
    [("nonsense", "not a URL"), ("mysql://h/d", "names mysql; only sqlite and postgresql")],
)
def test_other_databases_are_refused(url: str, message: str) -> None:
    with pytest.raises(DatabaseError, match=message):
        parse_url(url)


def test_a_cluster_that_keeps_no_utf8_is_refused_with_its_mend(postgres_server: str) -> None:
    url = postgres_server.format(name="postgres")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE bytes TEMPLATE template0 ENCODING SQL_ASCII LOCALE 'C'")
    with pytest.raises(DatabaseError, match="createdb -E UTF8 -T template0 bytes"):
        migrate(postgres_server.format(name="bytes"))


def test_a_driver_that_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(DatabaseError, match="driver of postgresql is not installed"):
        migrate("postgresql://xiaoan@/xiaoan")


async def test_sqlite_is_durable(sqlite_url: str) -> None:
    async with Database(sqlite_url) as database, database.write() as connection:
        for pragma, value in (("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1)):
            found = await connection.execute(text(f"PRAGMA {pragma}"))
            assert found.scalar_one() == value


async def test_writers_take_turns_and_events_count_in_order_of_commit(database_url: str) -> None:
    async with Database(database_url) as database:

        async def write(number: int) -> int:
            async with database.write() as connection:
                new = [NewEvent(EventKind.ZONE, str(number))]
                (event,) = await events.append(connection, new, NOW)
                await asyncio.sleep(0)
                return event.seq

        numbers = await asyncio.gather(*(write(number) for number in range(20)))
        assert list(numbers) == sorted(numbers)
        async with database.read() as connection:
            replayed = await events.replay(connection, numbers[0])
        assert replayed is not None
        assert [int(event.body_json) for event in replayed] == list(range(1, 20))


async def test_a_second_open_row_of_a_key_is_refused(database_url: str) -> None:
    change = observe(None, signal("L3"))
    assert change is not None
    async with Database(database_url) as database:
        async with database.write() as connection:
            first = await store.save(connection, change)
            assert first.number > 0
        with pytest.raises(IntegrityError):
            async with database.write() as connection:
                await store.save(connection, change)


async def test_history_and_viewings_are_append_only(database_url: str) -> None:
    change = observe(None, signal("L3"))
    assert change is not None
    async with Database(database_url) as database:
        async with database.write() as connection:
            await store.save(connection, change)
            row = {"viewer": "a", "camera_id": "b", "window_ns": 1, "first_at_ns": 1}
            await connection.execute(insert(VIEWINGS).values(row))
        for statement in (
            update(ALARM_HISTORY).values(actor="someone else"),
            delete(ALARM_HISTORY),
            update(VIEWINGS).values(viewer="someone else"),
            delete(VIEWINGS),
        ):
            with pytest.raises(DBAPIError, match="append-only"):
                async with database.write() as connection:
                    await connection.execute(statement)


async def test_an_alarm_is_read_back_as_it_was_stored(database_url: str) -> None:
    change = observe(None, signal("L4"))
    assert change is not None
    async with Database(database_url) as database:
        async with database.write() as connection:
            saved = await store.save(connection, change)
        async with database.read() as connection:
            assert await store.by_number(connection, saved.number) == saved
            assert await store.newest_of(connection, saved.key) == saved
            assert await store.history(connection, saved.number) == change.entries


async def test_readers_do_not_wait_for_the_writer(sqlite_url: str) -> None:
    async with Database(sqlite_url) as database, database.write() as writing:
        await events.append(writing, [NewEvent(EventKind.ZONE, "{}")], NOW)
        async with database.read() as reading:
            assert (await reading.execute(select(1))).scalar_one() == 1
            assert await events.last_seq(reading) == 0


async def test_a_busy_moment_opens_nothing_more(sqlite_url: str) -> None:
    """Else a service would hold more files after its busiest moment than before."""
    process = psutil.Process()
    async with Database(sqlite_url) as database:
        async with database.read():
            before = process.num_fds()
        async with AsyncExitStack() as held:
            for _ in range(4):
                await held.enter_async_context(database.read())
            assert process.num_fds() == before


async def test_a_reader_that_cannot_be_opened_leaves_no_other_open(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[object] = []

    def prepare(connection: object, record: object) -> None:
        opened.append(record)
        if len(opened) == 3:
            raise sqlite3.OperationalError("unable to open database file")

    monkeypatch.setattr(engine, "_prepare_sqlite", prepare)
    before = {thread for thread in threading.enumerate() if thread.is_alive()}
    with pytest.raises(OperationalError, match="unable to open"):
        async with Database(sqlite_url):
            raise AssertionError("one of its readers cannot be opened")
    left = {thread for thread in threading.enumerate() if thread.is_alive()} - before
    # The connection that failed is the driver's own to close.
    assert len(left) <= 1


def test_every_append_only_table_exists(sqlite_url: str) -> None:
    engine = create_engine(sqlite_url)
    with engine.connect() as connection:
        triggers = _triggers(connection)
    engine.dispose()
    assert {"alarm_history_no_delete", "viewings_no_update"} <= triggers


def _triggers(connection: Connection) -> set[str]:
    rows = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
    return {name for (name,) in rows}


async def test_an_alarm_of_a_path_with_the_longest_ids_is_stored(database_url: str) -> None:
    given = signal("L3")
    longest = replace(given.key, type=AlarmType.DELIVERY, subject_id=f"{'t' * 40}/{'p' * 40}")
    change = observe(None, replace(given, key=longest))
    assert change is not None
    async with Database(database_url) as database:
        async with database.write() as connection:
            await store.save(connection, change)
        async with database.read() as connection:
            found = await store.newest_of(connection, longest)
    assert found is not None
    assert found.key == longest

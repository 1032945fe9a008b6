"""PostgreSQL under faults: sessions that are ended, programs that stop in a transaction."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from api.database import Database, DatabaseError, engine, migrate, silence
from api.database.engine import _WRITER_LOCK_KEY
from api.database.reach import database_fault
from tests.api.mute_server import mute_server

pytestmark = pytest.mark.peer


async def test_a_session_that_the_server_ended_is_opened_anew(postgres_url: str) -> None:
    """A restart of the server, or its administrator."""
    async with Database(postgres_url) as database:
        for session in (database.read, database.write):
            async with session() as connection:
                await connection.execute(text("SELECT 1"))
        with psycopg.connect(postgres_url, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        for session in (database.read, database.write):
            async with session() as connection:
                assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1


async def test_a_session_that_ends_within_a_transaction_stores_nothing(postgres_url: str) -> None:
    async with Database(postgres_url) as database:

        async def write_half() -> None:
            async with database.write() as connection:
                await connection.execute(text("CREATE TABLE half (n INTEGER)"))
                found = await connection.execute(text("SELECT pg_backend_pid()"))
                with psycopg.connect(postgres_url, autocommit=True) as other:
                    other.execute("SELECT pg_terminate_backend(%s)", (found.scalar_one(),))
                await connection.execute(text("INSERT INTO half VALUES (1)"))

        with pytest.raises(DBAPIError):
            await write_half()
        async with database.write() as connection:
            found = await connection.execute(text("SELECT to_regclass('half')"))
            assert found.scalar_one() is None


async def test_a_program_that_stops_while_it_writes_holds_nobody_up_for_ever(
    postgres_url: str,
) -> None:
    """As with SQLite: refused after a while, and tried again by whoever wanted it."""
    url = f"{postgres_url}&options=-c%20lock_timeout%3D100"
    async with Database(url) as database:
        with psycopg.connect(postgres_url) as stopped:
            stopped.execute("SELECT pg_advisory_xact_lock(%s)", (_WRITER_LOCK_KEY,))
            with pytest.raises(OperationalError, match="lock timeout"):
                async with database.write():
                    raise AssertionError("another one writes")
        async with database.write() as connection:
            await connection.execute(text("SELECT 1"))


@pytest.mark.parametrize(
    ("setting", "value"),
    [("lock_timeout", "5s"), ("idle_in_transaction_session_timeout", "1min")],
)
async def test_waits_are_bounded_unless_the_url_says_otherwise(
    postgres_url: str, setting: str, value: str
) -> None:
    own = f"{postgres_url}&options=-c%20{setting}%3D7s"
    for url, wanted in ((postgres_url, value), (own, "7s")):
        async with Database(url) as database, database.write() as connection:
            found = await connection.execute(text(f"SHOW {setting}"))
            assert found.scalar_one() == wanted


async def test_a_server_that_falls_silent_holds_nobody_up_and_is_used_again_when_it_speaks(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A frozen machine: its system keeps every connection, so TCP tells nothing."""
    monkeypatch.setattr(silence, "PATIENCE_S", 0.2)
    monkeypatch.setattr(silence, "ANSWER_WITHIN_S", 0.2)
    async with mute_server(postgres_url, tmp_path) as server, Database(server.url) as database:
        for session in (database.read, database.write):
            async with session() as connection:
                await connection.execute(text("SELECT 1"))

        silent = asyncio.Event()

        async def at_work() -> None:
            async with database.write() as connection:
                server.speaks.clear()
                silent.set()
                await connection.execute(text("SELECT 1"))

        async def reads() -> None:
            await silent.wait()
            async with database.read() as connection:
                await connection.execute(text("SELECT 1"))

        held = await asyncio.gather(at_work(), reads(), return_exceptions=True)
        assert [isinstance(one, DBAPIError) for one in held] == [True, True]
        server.speaks.set()
        for session in (database.read, database.write):
            async with session() as connection:
                assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1


def test_a_start_and_doctor_say_that_a_frozen_server_does_not_answer(tmp_path: Path) -> None:
    """Its system takes the connection, and nobody is behind it."""
    with socket.socket(socket.AF_UNIX) as frozen:
        frozen.bind(str(tmp_path / ".s.PGSQL.5432"))
        frozen.listen()
        url = f"postgresql://xiaoan@/desk?host={tmp_path}"
        assert "timeout" in database_fault(url)
        with pytest.raises(DatabaseError, match="timeout"):
            migrate(url)


async def test_a_statement_that_takes_long_is_let_end(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server answers whoever asks beside it: it is at work."""
    monkeypatch.setattr(silence, "PATIENCE_S", 0.1)
    async with Database(postgres_url) as database, database.write() as connection:
        slow = await connection.execute(text("SELECT 1 FROM pg_sleep(1)"))
        assert slow.scalar_one() == 1


async def test_whoever_waits_too_long_for_a_turn_is_refused(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_TURN_WITHIN_S", 0.1)
    async with Database(database_url) as database:
        async with database.write() as connection:
            await connection.execute(text("SELECT 1"))
            with pytest.raises(SQLAlchemyError, match="no turn"):
                async with database.write():
                    raise AssertionError("two write at once")
        async with database.write() as connection:
            await connection.execute(text("SELECT 1"))

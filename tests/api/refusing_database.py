"""A database that can be read and takes no row, as a standby or a server with a full disk."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager

import psycopg

# No record, and no step of an alarm, is stored without a row in one of these.
_TABLES = ("records", "events")
_REFUSE = """
CREATE TRIGGER refuses_{0} BEFORE INSERT ON {0}
BEGIN SELECT RAISE(ABORT, 'takes nothing'); END;
"""
_END_SESSIONS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


def _at_once(connection: sqlite3.Connection, statements: Iterable[str]) -> None:
    """One that refuses the half of it is another fault, and told as such."""
    connection.executescript("\n".join(("BEGIN IMMEDIATE;", *statements, "COMMIT;")))


@contextmanager
def refusing(database_url: str) -> Iterator[None]:
    """While the block runs, whoever uses the database can only read."""
    if database_url.startswith("sqlite"):
        path = database_url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, check_same_thread=False)) as other:
            _at_once(other, (_REFUSE.format(table) for table in _TABLES))
            try:
                yield
            finally:
                _at_once(other, (f"DROP TRIGGER refuses_{table};" for table in _TABLES))
        return
    with psycopg.connect(database_url, autocommit=True) as other:
        name = other.info.dbname
        other.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'.encode())
        other.execute(_END_SESSIONS)
        try:
            yield
        finally:
            other.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only'.encode())
            other.execute(_END_SESSIONS)


@asynccontextmanager
async def refusing_here(database_url: str) -> AsyncIterator[None]:
    """The same for a service in this process, which must be able to end what it writes."""
    with ExitStack() as stack:
        await asyncio.to_thread(stack.enter_context, refusing(database_url))
        try:
            yield
        finally:
            await asyncio.to_thread(stack.close)


@asynccontextmanager
async def refusing_alarms_about(database_url: str, subject_id: str) -> AsyncIterator[None]:
    """All is stored but a new alarm about this one, for a reason of its own."""
    if database_url.startswith("sqlite"):
        begin = (
            "CREATE TRIGGER refuses_one BEFORE INSERT ON alarms "
            f"WHEN NEW.subject_id = '{subject_id}' AND NEW.type = 'panic' "
            "BEGIN SELECT RAISE(ABORT, 'not this one'); END"
        )
        end = "DROP TRIGGER refuses_one"
    else:
        begin = (
            "ALTER TABLE alarms ADD CONSTRAINT refuses_one "
            f"CHECK (subject_id <> '{subject_id}' OR type <> 'panic') NOT VALID"
        )
        end = "ALTER TABLE alarms DROP CONSTRAINT refuses_one"
    await asyncio.to_thread(_execute, database_url, begin)
    try:
        yield
    finally:
        await asyncio.to_thread(_execute, database_url, end)


@asynccontextmanager
async def refusing_readings(database_url: str) -> AsyncIterator[None]:
    """All is stored but what workers read: a disk that is full holds rows that need no new page."""
    if database_url.startswith("sqlite"):
        begin = (
            "CREATE TRIGGER refuses_readings BEFORE INSERT ON readings "
            "BEGIN SELECT RAISE(ABORT, 'not these'); END"
        )
        end = "DROP TRIGGER refuses_readings"
    else:
        begin = "ALTER TABLE readings ADD CONSTRAINT refuses_readings CHECK (false) NOT VALID"
        end = "ALTER TABLE readings DROP CONSTRAINT refuses_readings"
    await asyncio.to_thread(_execute, database_url, begin)
    try:
        yield
    finally:
        await asyncio.to_thread(_execute, database_url, end)


def _execute(database_url: str, statement: str) -> None:
    if database_url.startswith("sqlite"):
        with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as other:
            other.execute(statement)
        return
    with psycopg.connect(database_url, autocommit=True) as other:
        other.execute(statement.encode())

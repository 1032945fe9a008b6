"""Opens the database: many readers, one writer.

Every write goes through `Database.write()`: one transaction at a time, begun with BEGIN IMMEDIATE
on SQLite and under an advisory lock on PostgreSQL. So event numbers are handed out in the order
in which transactions commit, which replay to the console relies on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoTurnError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from api.database.errors import DatabaseError
from api.database.mends import refusal

if TYPE_CHECKING:
    from api.database.silence import Silence

_WRITER_LOCK_KEY = 0x78696161  # "xiaa": any constant that only this program uses
_READERS = 4
_BUSY_TIMEOUT_MS = 5_000
_TURN_WITHIN_S = 10.0
"""Whoever waits longer for the writer's turn, or for a reader, is refused, and may try again."""

_LINE = {
    "connect_timeout": 5,
    # A cable that was pulled tells nothing, and TCP by itself waits for a quarter of an hour.
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
_POSTGRESQL = {
    **_LINE,
    # As with SQLite a writer that waits too long gives up and tries again, and what holds the
    # lock without doing anything loses it: one stopped program must not stop the alarms.
    "options": f"-c lock_timeout={_BUSY_TIMEOUT_MS} -c idle_in_transaction_session_timeout=60000",
}
"""How long a lost server holds anybody up; what the URL says of these goes before it."""


def line_limits(url: URL) -> dict[str, object]:
    """How long a new connection and a lost line may take, where the URL does not say."""
    return {key: value for key, value in _LINE.items() if key not in url.query}


def parse_url(database_url: str) -> URL:
    """The URL with the asynchronous driver that this service uses.

    Raises:
        DatabaseError: not a URL, or neither SQLite nor PostgreSQL.
    """
    try:
        url = make_url(database_url)
    except ArgumentError:
        raise DatabaseError(
            "database_url is not a URL; use sqlite:////full/path.db or postgresql://user@host/name"
        ) from None
    backend = url.get_backend_name()
    if backend == "sqlite":
        return url.set(drivername="sqlite+aiosqlite")
    if backend == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    raise DatabaseError(f"database_url names {backend}; only sqlite and postgresql are supported")


def file_of(url: URL) -> Path | None:
    """The file of an SQLite database; `None` for a server, and for one in memory."""
    name = url.database
    if url.get_backend_name() != "sqlite" or not name or name == ":memory:":
        return None
    return Path(name)


class Database:
    """Engines of one database. Use as an async context manager."""

    def __init__(self, database_url: str) -> None:
        """Raises `DatabaseError` for a URL that cannot be used."""
        self._url = url = parse_url(database_url)
        self.is_sqlite = url.get_backend_name() == "sqlite"
        self._writing = asyncio.Lock()
        self._silence: Silence | None = None
        if not self.is_sqlite:
            # Here, for its driver is an extra.
            from api.database.silence import Silence, asking

            self._silence = Silence(asking(url))
        self._writer = self._engine(url, connections=1, begin="BEGIN IMMEDIATE")
        self._reader = self._engine(url, connections=_READERS, begin="BEGIN")

    @property
    def file(self) -> Path | None:
        """The file of an SQLite database; `None` for a server."""
        return file_of(self._url)

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as opening:
            opening.push_async_callback(self._dispose)
            if self.is_sqlite:
                await self._open_readers()
            opening.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._dispose()

    @asynccontextmanager
    async def write(self, *, in_turn: bool = True) -> AsyncIterator[AsyncConnection]:
        """The only writing transaction at this time; committed when the block ends well.

        Without `in_turn` PostgreSQL lets it run beside those of other processes: for work that
        locks its own rows and writes no events.
        """
        async with self._turn(), self._begun(self._writer) as connection:
            if not self.is_sqlite and in_turn:
                await connection.execute(
                    text("SELECT pg_advisory_xact_lock(:key)"), {"key": _WRITER_LOCK_KEY}
                )
            yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A reading transaction: one consistent view for as long as the block lasts."""
        async with self._begun(self._reader) as connection:
            yield connection

    def told(self, error: SQLAlchemyError) -> str:
        """What it refuses, for the log, with the mend."""
        return refusal(self._url, error)

    @asynccontextmanager
    async def _begun(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        bounded = nullcontext() if self._silence is None else self._silence.bounded()
        with bounded:
            async with engine.begin() as connection:
                yield connection

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Raises SQLAlchemy's `TimeoutError` where those before it do not come to an end."""
        try:
            async with asyncio.timeout(_TURN_WITHIN_S):
                await self._writing.acquire()
        except TimeoutError:
            raise NoTurnError(f"no turn to write within {_TURN_WITHIN_S:g} s") from None
        try:
            yield
        finally:
            self._writing.release()

    async def _open_readers(self) -> None:
        """All at once: what the service holds does not grow with the busiest moment of a day."""
        async with AsyncExitStack() as held:
            for _ in range(_READERS):
                await held.enter_async_context(self._reader.connect())

    async def _dispose(self) -> None:
        if self._silence is not None:
            await self._silence.close()
        await self._writer.dispose()
        await self._reader.dispose()

    def _engine(self, url: URL, *, connections: int, begin: str) -> AsyncEngine:
        """What is refused is logged: values, among them people's notes and digests of passwords,
        are kept out of the errors' texts."""
        if self._silence is not None:
            engine = create_async_engine(
                url,
                pool_size=connections,
                max_overflow=0,
                pool_timeout=_TURN_WITHIN_S,
                pool_pre_ping=True,
                connect_args={key: _POSTGRESQL[key] for key in _POSTGRESQL if key not in url.query},
                hide_parameters=True,
                isolation_level="READ COMMITTED" if connections == 1 else "REPEATABLE READ",
            )
            # First of all: what the dialect asks of a new connection may stay unanswered too.
            event.listen(engine.sync_engine, "connect", self._silence.take, insert=True)
            return engine
        engine = create_async_engine(
            url,
            pool_size=connections,
            max_overflow=0,
            pool_timeout=_TURN_WITHIN_S,
            hide_parameters=True,
        )
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)

        def start(connection: Any) -> None:
            connection.exec_driver_sql(begin)

        event.listen(engine.sync_engine, "begin", start)
        return engine


def _prepare_sqlite(connection: Any, record: object) -> None:
    """Durable after every commit, readers beside the writer, transactions begun by hand."""
    del record
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        f"busy_timeout={_BUSY_TIMEOUT_MS}",
        "foreign_keys=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()

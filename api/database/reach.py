"""Whether the database can be opened at all, and keeps Chinese text."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from api.database.engine import _prepare_sqlite, line_limits, parse_url
from api.database.errors import DatabaseError
from api.database.mends import DAMAGED, refusal, with_mend


@contextmanager
def opened(url: URL) -> Iterator[Engine]:
    """A blocking engine of one's own for start and examination.

    Raises:
        DatabaseError: no driver, no answer, or a cluster that does not keep UTF-8.
    """
    sqlite = url.get_backend_name() == "sqlite"
    try:
        if sqlite:
            engine = create_engine(url.set(drivername="sqlite"), poolclass=NullPool)
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", lambda c: c.exec_driver_sql("BEGIN IMMEDIATE"))
        else:
            # Said here: by itself the driver takes the server's encoding, and hands out bytes where
            # that is none.
            arguments = {"client_encoding": "utf8", **line_limits(url)}
            engine = create_engine(url, poolclass=NullPool, connect_args=arguments)
    except ImportError as error:
        raise DatabaseError(
            f"the driver of {url.get_backend_name()} is not installed ({error}); install the "
            "package again with its extra `postgres`, or leave XIAOAN_DATABASE_URL empty"
        ) from error
    try:
        if not sqlite:
            _refuse_other_encodings(engine, url)
        yield engine
    except SQLAlchemyError as error:
        raise DatabaseError(refusal(url, error)) from error
    finally:
        engine.dispose()


@contextmanager
def told_with_mend(database_url: str) -> Iterator[None]:
    """Raises `DatabaseError` with the mend where the database refuses anything in the block."""
    try:
        yield
    except SQLAlchemyError as error:
        raise DatabaseError(refusal(parse_url(database_url), error)) from error


def absent_file(database_url: str) -> Path | None:
    """The file of an SQLite database that is not there; `None` where it is, and for a server.

    Raises:
        DatabaseError: the address is none, or the file may not be looked for.
    """
    url = parse_url(database_url)
    if url.get_backend_name() != "sqlite" or not url.database:
        return None
    path = Path(url.database)
    try:
        return None if path.is_file() else path
    except OSError as error:
        raise DatabaseError(_out_of_reach(path, error)) from None


def _out_of_reach(path: Path, error: OSError) -> str:
    return (
        f"the database {path} cannot be looked for ({error.strerror}); run this as the user of the "
        "service, whose folder it is, or correct the address"
    )


def check_is_there(database_url: str) -> None:
    """Refuse a database file that does not exist: opening one would make an empty one.

    Raises:
        DatabaseError: for a missing file, or a URL that names no supported database.
    """
    if (absent := absent_file(database_url)) is not None:
        raise DatabaseError(
            f"there is no database {absent}; start the service once, or correct the address"
        )


def _refuse_other_encodings(engine: Engine, url: URL) -> None:
    with engine.connect() as connection:
        encoding = str(connection.exec_driver_sql("SHOW server_encoding").scalar_one())
    if encoding != "UTF8":
        raise DatabaseError(
            f"the database {url.database} keeps {encoding} and not UTF8; make it anew with "
            f"`createdb -E UTF8 -T template0 {url.database}`"
        )


def database_fault(database_url: str) -> str:
    """Why the database cannot be used, empty where it can; nothing is changed in it."""
    try:
        url = parse_url(database_url)
        if url.get_backend_name() == "sqlite":
            return _file_fault(Path(url.database or ""))
        with opened(url):
            return ""
    except DatabaseError as error:
        return str(error)


def _file_fault(path: Path) -> str:
    """What is damaged in the file, which is read as a whole; a file that is not there is made."""
    try:
        if not path.exists():
            return ""
    except OSError as error:
        return _out_of_reach(path, error)
    try:
        with closing(sqlite3.connect(path)) as connection:
            (told,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        return with_mend(path, error)
    if told == "ok":
        return ""
    return f"{path}: {' '.join(str(told).split())}; {DAMAGED.format(folder=path.parent)}"


__all__ = ["absent_file", "check_is_there", "database_fault", "opened", "told_with_mend"]

"""Brings a database to the form of this version, at start, under a lock."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.engine import URL

from api.database.engine import parse_url
from api.database.errors import DatabaseError, MigrationError
from api.database.reach import opened

_MIGRATION_LOCK_KEY = 0x78696162


def migrate(database_url: str) -> str:
    """Apply the missing migrations and return the revision reached. Blocks; call it at start.

    Raises:
        DatabaseError: the database cannot be opened.
        MigrationError: a newer version of the program wrote it, or a step failed.
    """
    url = parse_url(database_url)
    config = _config()
    head = str(ScriptDirectory.from_config(config).get_current_head())
    with _locked(url), opened(url) as engine:
        try:
            with engine.begin() as connection:
                _upgrade(connection, config)
        except CommandError as error:
            raise MigrationError(_of_another_version(url, str(error))) from error
    return head


def version_fault(database_url: str) -> str:
    """Why this version would refuse a database that is there, empty where it would not.

    Raises:
        DatabaseError: the database cannot be opened.
    """
    url = parse_url(database_url)
    known = {step.revision for step in ScriptDirectory.from_config(_config()).walk_revisions()}
    with opened(url) as engine, engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    if found is None or found in known:
        return ""
    return _of_another_version(url, f"its form is {found}")


def _of_another_version(url: URL, why: str) -> str:
    return (
        f"the database {url.database} was written by another version of xiaoan ({why}); "
        "start that version, or restore the backup made before it"
    )


def _upgrade(connection: Connection, config: Config) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK_KEY})
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


@contextmanager
def _locked(url: URL) -> Iterator[None]:
    """Two starts at once migrate one after the other (PostgreSQL locks by itself)."""
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        yield
        return
    path = Path(url.database)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(path.name + ".migrate-lock")
        lock = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DatabaseError(
            f"cannot write beside the database {path}: {error.strerror}; "
            f"give this account the right to write in {path.parent}"
        ) from error
    with os.fdopen(lock, "r+b") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        _made_for_this_account(path)
        yield


def _made_for_this_account(path: Path) -> None:
    """Make the file of a new database, which nobody else may read: it holds names and sessions.

    SQLite itself would make it by the umask of the moment, and its log takes the file's mode. A
    file that is there keeps what somebody chose; what cannot be made, SQLite itself refuses.
    """
    with suppress(OSError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))

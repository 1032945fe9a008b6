"""What a database refuses, why, and the mend: one line for the log and for whoever starts it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

DAMAGED = (
    "the file is damaged: stop the service, move the whole of {folder} away and restore the "
    "backup, as the chapter on backups in install.md says"
)
_MENDS = {
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_NOTADB: DAMAGED,
    sqlite3.SQLITE_FULL: "free some space on the disk of {folder}",
    sqlite3.SQLITE_IOERR: "look whether the disk of {folder} is full or broken",
    sqlite3.SQLITE_BUSY: "another program holds it: end that, the service tries again",
}
_OTHER_MEND = "look whether this account may write in {folder}, or restore the backup"


def refusal(url: URL, error: SQLAlchemyError) -> str:
    """The database, why it refuses, and the mend where the fault has one."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    begin = "cannot open, read or change the database"
    if url.get_backend_name() != "sqlite":
        return f"{begin} {url.render_as_string(hide_password=True)}: {cause}"
    return f"{begin} {with_mend(Path(url.database or ''), cause)}"


def with_mend(path: Path, cause: BaseException | None) -> str:
    """A file, its fault and the mend."""
    # The low byte is the kind of fault; what stands above it says where it showed.
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    if code == 0:
        # No fault of the file: no turn to write, or nobody free to read.
        return f"{path}: {cause}"
    return f"{path}: {cause}; {_MENDS.get(code, _OTHER_MEND).format(folder=path.parent)}"


__all__ = ["DAMAGED", "refusal", "with_mend"]

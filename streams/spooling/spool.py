"""The worker's durable store of records that the API has not yet accepted.

SQLite in WAL mode with synchronous=FULL: a record that `append` took survives a killed process and
a power cut. Readings are bounded, and the oldest are dropped and counted; level changes and camera
states are never dropped. When the disk is full, old readings make room; if even that fails, the
urgent records and the newest readings wait in memory and leave with the next batch, so that a full
disk makes nobody blind while the API answers. To forget a record takes disk too: what the API
answered while there was none is left out of the next batches and forgotten later.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import structlog

from streams.errors import SpoolError
from streams.records import URGENT_KINDS
from streams.spooling.reporting import AnyRecord

_log = structlog.get_logger(__name__)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    row_id INTEGER PRIMARY KEY AUTOINCREMENT,
    record_id TEXT NOT NULL UNIQUE,
    urgent INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS records_by_urgency ON records (urgent DESC, row_id);
CREATE TABLE IF NOT EXISTS rejected (
    row_id INTEGER PRIMARY KEY AUTOINCREMENT,
    record_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    body TEXT NOT NULL
);
"""
_REJECTED_KEPT = 1000
# Half a minute of a worker with 16 zones.
_READINGS_IN_MEMORY = 500
_INSERT = "INSERT OR IGNORE INTO records (record_id, urgent, body) VALUES (?, ?, ?)"
_NEXT = "SELECT row_id, record_id, body FROM records ORDER BY urgent DESC, row_id"
_NEWEST = "SELECT row_id, record_id, body FROM records ORDER BY row_id DESC"
_OLDEST_READINGS = (
    "DELETE FROM records WHERE row_id IN "
    "(SELECT row_id FROM records WHERE urgent = 0 ORDER BY row_id LIMIT ?)"
)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


@dataclass(frozen=True, slots=True)
class SpooledRecord:
    """A stored record.

    Attributes:
        row_id: its place in the spool; negative while it waits in memory.
        body: the record as JSON text.
    """

    row_id: int
    record_id: str
    body: str


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that the API will never take, and why."""

    record: SpooledRecord
    reason: str


@dataclass(frozen=True, slots=True)
class SpoolCounts:
    """How full the spool is and what it lost.

    Attributes:
        waiting: records not yet accepted, urgent ones included.
        dropped_readings: readings lost to the bound or to a full disk since the start.
        in_memory: records that the disk did not take.
        rejected: records that the API refused since the start.
    """

    waiting: int
    dropped_readings: int
    in_memory: int
    rejected: int


class Spool:
    """One file for one worker. Thread-safe."""

    def __init__(
        self, path: Path, *, reading_limit: int = 200_000, page_limit: int | None = None
    ) -> None:
        """Open or create the spool; a damaged file is set aside and a new one begun.

        Args:
            path: of the SQLite file.
            reading_limit: readings kept at most.
            page_limit: bound of the file in pages, for a small disk.

        Raises:
            SpoolError: when the file cannot be opened.
        """
        self._path = path
        self._reading_limit = reading_limit
        self._lock = threading.Lock()
        self._memory: list[SpooledRecord] = []
        self._readings_in_memory: deque[SpooledRecord] = deque(maxlen=_READINGS_IN_MEMORY)
        self._told_full = False
        # Answered, and still on the disk: no more than lie there.
        self._answered: dict[str, Rejection | None] = {}
        self._dropped = 0
        self._rejected = 0
        self._closed = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = _open_or_set_aside(path)
            if page_limit is not None:
                self._db.execute(f"PRAGMA max_page_count={int(page_limit)}")
            self._urgent, self._readings = self._count_rows()
        except (OSError, sqlite3.Error) as error:
            raise SpoolError(
                f"{path}: the spool cannot be opened: {error} (mend: check the folder and its disk)"
            ) from error

    def append(self, records: Sequence[AnyRecord]) -> None:
        """Store `records`; durable when this returns (see the module for a full disk)."""
        rows = [(r.record_id, int(r.kind in URGENT_KINDS), r.model_dump_json()) for r in records]
        with self._opened():
            self._erase_answered()
            self._save_memory()
            if not self._insert(rows) and not self._insert_after_making_room(rows):
                self._keep_in_memory(rows)
            self._hold_bound()

    def batch(self, limit: int) -> tuple[SpooledRecord, ...]:
        """The next records to send: urgent kinds first, then the oldest.

        Readings that the disk did not take get half of the room, whatever waits on it.
        """
        with self._opened():
            waiting = self._memory[:limit]
            waiting += islice(self._readings_in_memory, (limit - len(waiting) + 1) // 2)
            with closing(self._db.execute(_NEXT)) as rows:
                unanswered = (row for row in rows if row[1] not in self._answered)
                found = [SpooledRecord(*row) for row in islice(unanswered, limit - len(waiting))]
        return (*waiting, *found)

    def newest(self, limit: int) -> tuple[SpooledRecord, ...]:
        """The last records that were appended, of all kinds, the newest first."""
        with self._opened():
            held = (*self._memory, *self._readings_in_memory)[: -limit - 1 : -1]
            with closing(self._db.execute(_NEWEST)) as rows:
                found = [SpooledRecord(*row) for row in islice(rows, limit - len(held))]
        return (*held, *found)

    def delete(self, records: Iterable[SpooledRecord]) -> None:
        """Forget records that the API has taken."""
        with self._opened():
            self._forget(tuple(records), ())

    def reject(self, rejections: Sequence[Rejection]) -> None:
        """Set aside records that the API will never take; the newest thousand are kept."""
        with self._opened():
            self._rejected += len(rejections)
            self._forget(tuple(r.record for r in rejections), rejections)

    def counts(self) -> SpoolCounts:
        with self._opened():
            stored = self._urgent + self._readings - len(self._answered)
            in_memory = len(self._memory) + len(self._readings_in_memory)
            waiting = max(stored, 0) + in_memory
            return SpoolCounts(waiting, self._dropped, in_memory, self._rejected)

    def rejected(self) -> tuple[tuple[str, str], ...]:
        """(record_id, reason) of the refused records that are kept, oldest first."""
        with self._opened():
            rows = self._db.execute("SELECT record_id, reason FROM rejected ORDER BY row_id")
            return tuple((str(record_id), str(reason)) for record_id, reason in rows)

    def close(self) -> None:
        """Later calls raise `SpoolError`."""
        with self._lock:
            self._closed = True
            self._db.close()

    @contextmanager
    def _opened(self) -> Iterator[None]:
        with self._lock:
            if self._closed:
                raise SpoolError(f"{self._path}: the spool is closed")
            yield

    def _insert(self, rows: Sequence[tuple[str, int, str]]) -> bool:
        """Store rows in one transaction; `False` when the disk is full."""
        try:
            with self._db:
                before = self._db.total_changes
                self._db.executemany(_INSERT, rows)
                stored = self._db.total_changes - before
        except sqlite3.OperationalError as error:
            if not _is_full(error):
                raise
            return False
        if stored == len(rows):
            self._urgent += sum(urgent for _, urgent, _ in rows)
            self._readings += sum(1 - urgent for _, urgent, _ in rows)
        else:
            self._urgent, self._readings = self._count_rows()
        return True

    def _insert_after_making_room(self, rows: Sequence[tuple[str, int, str]]) -> bool:
        for share in (16, 4, 1):
            if not self._drop_oldest(max(self._readings // share, 1)):
                break
            if self._insert(rows):
                _log.warning("disk full: oldest readings dropped", spool=str(self._path))
                return True
        urgent = [row for row in rows if row[1]]
        if not self._insert(urgent):
            return False
        self._keep_in_memory([row for row in rows if not row[1]])
        return True

    def _keep_in_memory(self, rows: Sequence[tuple[str, int, str]]) -> None:
        for record_id, urgent, body in rows:
            record = SpooledRecord(-1, record_id, body)
            if urgent:
                self._memory.append(record)
                continue
            self._dropped += len(self._readings_in_memory) == _READINGS_IN_MEMORY
            self._readings_in_memory.append(record)
        if not self._told_full:
            self._told_full = True
            _log.error("disk full: records wait in memory", spool=str(self._path))

    def _save_memory(self) -> None:
        """Move what waits in memory to the disk once it takes records again."""
        rows = [(r.record_id, 1, r.body) for r in self._memory]
        rows += [(r.record_id, 0, r.body) for r in self._readings_in_memory]
        if rows and self._insert(rows):
            self._memory.clear()
            self._readings_in_memory.clear()
            self._told_full = False

    def _hold_bound(self) -> None:
        excess = self._readings - self._reading_limit
        if excess > 0:
            # A little more than the excess, so that not every append deletes.
            self._drop_oldest(excess + self._reading_limit // 100)

    def _drop_oldest(self, count: int) -> bool:
        if self._readings == 0:
            return False
        try:
            with self._db:
                gone = self._db.execute(_OLDEST_READINGS, (count,)).rowcount
        except sqlite3.OperationalError as error:
            if not _is_full(error):
                raise
            return False
        self._dropped += gone
        self._readings -= gone
        return gone > 0

    def _forget(self, records: Sequence[SpooledRecord], rejections: Sequence[Rejection]) -> None:
        ids = {record.record_id for record in records}
        self._memory = [record for record in self._memory if record.record_id not in ids]
        newest = [one for one in self._readings_in_memory if one.record_id not in ids]
        self._readings_in_memory = deque(newest, maxlen=_READINGS_IN_MEMORY)
        if self._erase(ids, rejections):
            self._erase_answered()
            return
        if not self._answered:
            _log.error("disk full: answered records are forgotten later", spool=str(self._path))
        self._answered |= {record.record_id: None for record in records if record.row_id >= 0}
        self._answered |= {rejection.record.record_id: rejection for rejection in rejections}

    def _erase_answered(self) -> None:
        """Forget what was answered while the disk was full, once it takes that again."""
        rejections = [rejection for rejection in self._answered.values() if rejection is not None]
        if self._answered and self._erase(self._answered, rejections):
            self._answered.clear()

    def _erase(self, ids: Iterable[str], rejections: Sequence[Rejection]) -> bool:
        """Delete records in one transaction; `False` when the disk is full."""
        try:
            with self._db:
                self._db.executemany(
                    "DELETE FROM records WHERE record_id = ?", [(record_id,) for record_id in ids]
                )
                if rejections:
                    self._db.executemany(
                        "INSERT INTO rejected (record_id, reason, body) VALUES (?, ?, ?)",
                        [(r.record.record_id, r.reason, r.record.body) for r in rejections],
                    )
                    self._db.execute(
                        "DELETE FROM rejected "
                        "WHERE row_id <= (SELECT max(row_id) FROM rejected) - ?",
                        (_REJECTED_KEPT,),
                    )
        except sqlite3.OperationalError as error:
            if not _is_full(error):
                raise
            return False
        self._urgent, self._readings = self._count_rows()
        return True

    def _count_rows(self) -> tuple[int, int]:
        counted = dict(self._db.execute("SELECT urgent, count(*) FROM records GROUP BY urgent"))
        return int(counted.get(1, 0)), int(counted.get(0, 0))


class _DamagedError(sqlite3.DatabaseError):
    sqlite_errorcode = sqlite3.SQLITE_CORRUPT


def _open_or_set_aside(path: Path) -> sqlite3.Connection:
    try:
        return _open(path)
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", None) not in _DAMAGED:
            raise
        aside = path.with_name(f"{path.name}.damaged-{time.time_ns()}")
        path.rename(aside)
        for leftover in (f"{path.name}-wal", f"{path.name}-shm"):
            path.with_name(leftover).unlink(missing_ok=True)
        _log.error("the spool was damaged; set aside and begun anew", kept_as=str(aside))
        return _open(path)


def _open(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=5.0, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.executescript(_SCHEMA)
        # A damaged page deep in the file would end every worker that reads as far as it.
        (told,) = db.execute("PRAGMA quick_check(1)").fetchone()
        if told != "ok":
            raise _DamagedError(told)
    except sqlite3.Error:
        db.close()
        raise
    return db


def _is_full(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)


__all__ = ["Rejection", "Spool", "SpoolCounts", "SpooledRecord"]

"""Room inside an SQLite file: alarms are stored, shown and sent although the disk is full.

Pages of the file that hold nothing are written again without asking the disk for room, and the log
beside it keeps the size that it once had. PostgreSQL's disk is its own business.
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from api.database.engine import Database

_LOG = structlog.get_logger(__name__)

ROOM_BYTES = 64 * 1024 * 1024
"""What a school writes in half a day: 92 MiB a day were measured (`benchmarks.soak`)."""

_STEP_BYTES = 4 * 1024 * 1024
"""As much as SQLite lets its log grow to between two checkpoints, so that nobody waits for long."""

# Others have their turn, and the log begins anew in place of growing. A step takes some hundredths
# of a second of a core, so they are far between.
_BREATH_S = 5.0
_LEFT_TO_OTHERS = 4 * _STEP_BYTES
_LOOK_EVERY_S = 600.0
_TABLE = "room_being_made"


async def keep_room(
    database: Database, room_bytes: int = ROOM_BYTES, breath_s: float = _BREATH_S
) -> int:
    """Let the file grow where less than half of `room_bytes` is free inside.

    What is written goes into free pages first. So all of the room is taken in steps, and given back
    at the end; meanwhile a full disk is one until the next step finds it so.

    Returns:
        The bytes that are free inside then; 0 for a server.
    """
    file = database.file
    if file is None:
        return 0
    await _give_back(database, breath_s)
    free = await _free_inside(database)
    if free >= room_bytes // 2:
        return free
    try:
        taken = 0
        while taken < room_bytes and _free(file.parent) >= _LEFT_TO_OTHERS:
            await _take(database)
            taken += _STEP_BYTES
            await asyncio.sleep(breath_s)
    except SQLAlchemyError:
        await _give_back(database, breath_s)
        raise
    # A transaction of its own: pages that are given back in the one that took them are never
    # written, and a hole in the file asks for room when it is filled. Whoever is cancelled before
    # leaves this to the next start: a service that is to stop has no minutes left.
    await _give_back(database, breath_s)
    return await _free_inside(database)


async def go_on_keeping_room(database: Database) -> None:
    """Look every ten minutes until cancelled; a refusal is logged, and then it is tried again.

    A start gives back at once what was left, and makes room later: it has enough to write. A server
    is asked for nothing.
    """
    if database.file is None:
        return
    is_start = True
    while True:
        try:
            if is_start:
                await _give_back(database, _BREATH_S)
            else:
                await keep_room(database)
        except SQLAlchemyError as error:
            _LOG.warning("database.no_room_made", error=database.told(error))
        is_start = False
        await asyncio.sleep(_LOOK_EVERY_S)


def free_on_disk(folders: tuple[Path, ...]) -> int:
    """Bytes that are left on the fullest of the folders' disks; of a folder that is gone, none."""
    return min((_free(folder) for folder in folders), default=0)


def _free(folder: Path) -> int:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0


async def _take(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(text(f"CREATE TABLE IF NOT EXISTS {_TABLE} (zeros BLOB)"))
        # The name is this module's own.
        step = text(f"INSERT INTO {_TABLE} VALUES (zeroblob(:size))")  # noqa: S608
        await connection.execute(step, {"size": _STEP_BYTES})


async def _give_back(database: Database, breath_s: float) -> None:
    """Step by step: where SQLite was built to overwrite what is deleted, each costs its size again.

    What a process that was killed in the middle left is given back too.
    """
    there = text("SELECT 1 FROM sqlite_master WHERE name = :name")
    async with database.read() as connection:
        if (await connection.execute(there, {"name": _TABLE})).first() is None:
            return
    one = text(f"DELETE FROM {_TABLE} WHERE rowid = (SELECT max(rowid) FROM {_TABLE})")  # noqa: S608
    left = True
    while left:
        async with database.write() as connection:
            left = bool((await connection.execute(one)).rowcount)
        await asyncio.sleep(breath_s if left else 0.0)
    async with database.write() as connection:
        await connection.execute(text(f"DROP TABLE {_TABLE}"))


async def _free_inside(database: Database) -> int:
    async with database.read() as connection:
        pages = (await connection.execute(text("PRAGMA freelist_count"))).scalar_one()
        size = (await connection.execute(text("PRAGMA page_size"))).scalar_one()
    return int(pages) * int(size)


__all__ = ["ROOM_BYTES", "free_on_disk", "go_on_keeping_room", "keep_room"]

"""A full disk: what the file has room for inside is still stored, shown and sent."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest
import structlog

from api.database import Database, room
from api.database.room import free_on_disk, keep_room
from config.texts import text
from tests.api.desk_cases import AUTHORISED, RunningDesk, running_desk

_ROOM = 6 * 1024 * 1024
_MANY = 40


@contextmanager
def no_file_grows(database: Path) -> Iterator[None]:
    """No file may become larger than the database or its log is now: a full disk without root."""
    log = database.with_name(f"{database.name}-wal")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    largest = max(file.stat().st_size for file in (database, log))
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_alarms_are_stored_while_the_disk_is_full(sqlite_url: str) -> None:
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    async with running_desk(sqlite_url) as desk:
        await keep_room(desk.service.desk.database, _ROOM, 0.0)
        with no_file_grows(file):
            assert await _taken(desk) == _MANY
        levels = {alarm["subject_id"]: alarm["now"]["level"] for alarm in await desk.alarms()}
    assert levels == {"stair": "L4", "hall": "L4"}


async def test_without_room_inside_a_full_disk_stores_nothing(sqlite_url: str) -> None:
    """What the room is for: without it the same disk refuses what an hour of readings brings."""
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    async with running_desk(sqlite_url) as desk:
        with no_file_grows(file):
            assert await _taken(desk) < _MANY


async def test_room_is_made_once_and_again_when_half_of_it_is_used(sqlite_url: str) -> None:
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    async with running_desk(sqlite_url), Database(sqlite_url) as database:
        made = await keep_room(database, _ROOM, 0.0)
        assert made >= _ROOM
        size = file.stat().st_size
        assert await keep_room(database, _ROOM, 0.0) == made
        async with database.write() as connection:
            await connection.exec_driver_sql("CREATE TABLE used (zeros BLOB)")
            await connection.exec_driver_sql(f"INSERT INTO used VALUES (zeroblob({_ROOM - 4096}))")
        assert file.stat().st_size == size
        assert await keep_room(database, _ROOM, 0.0) >= _ROOM
        assert size + _ROOM // 2 < file.stat().st_size < size + 2 * _ROOM
        # Written, not a hole: a hole asks the disk for room when it is filled.
        assert file.stat().st_blocks * 512 >= file.stat().st_size


async def test_what_a_killed_process_had_taken_is_given_back(sqlite_url: str) -> None:
    async with running_desk(sqlite_url), Database(sqlite_url) as database:
        async with database.write() as connection:
            await connection.exec_driver_sql("CREATE TABLE room_being_made (zeros BLOB)")
            taken = f"INSERT INTO room_being_made VALUES (zeroblob({_ROOM}))"
            await connection.exec_driver_sql(taken)
        file = Path(sqlite_url.removeprefix("sqlite:///"))
        size = file.stat().st_size
        assert await keep_room(database, _ROOM, 0.0) >= _ROOM
        assert file.stat().st_size <= max(size, _ROOM + 2**20)


async def test_a_service_that_stops_does_not_wait_for_the_room(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was taken is given back at the next start, before anything else is looked for."""
    async with running_desk(sqlite_url), Database(sqlite_url) as database:
        making = asyncio.create_task(keep_room(database, _ROOM, 3_600.0))
        async with asyncio.timeout(30.0):
            while not await _is_there(database):
                await asyncio.sleep(0.01)
            making.cancel()
            with suppress(asyncio.CancelledError):
                await making
        assert await _is_there(database)
        monkeypatch.setattr(room, "_BREATH_S", 0.0)
        keeping = asyncio.create_task(room.go_on_keeping_room(database))
        async with asyncio.timeout(30.0):
            while await _is_there(database):
                await asyncio.sleep(0.01)
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping


async def _is_there(database: Database) -> bool:
    there = "SELECT 1 FROM sqlite_master WHERE name = 'room_being_made'"
    async with database.read() as connection:
        return (await connection.exec_driver_sql(there)).first() is not None


async def test_a_server_keeps_its_own_room(postgres_url: str) -> None:
    """It is not even asked: a statement that it does not know is an error in both logs."""
    async with running_desk(postgres_url) as desk:
        database = desk.service.desk.database
        assert await keep_room(database, _ROOM, 0.0) == 0
        with structlog.testing.capture_logs() as logs:
            async with asyncio.timeout(30.0):
                await room.go_on_keeping_room(database)
        assert logs == []


async def test_the_last_of_a_disk_is_left_to_others(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.database.room.shutil.disk_usage", _Usage)
    async with running_desk(sqlite_url), Database(sqlite_url) as database:
        before = Path(sqlite_url.removeprefix("sqlite:///")).stat().st_size
        await keep_room(database, _ROOM, 0.0)
        assert Path(sqlite_url.removeprefix("sqlite:///")).stat().st_size == before


async def test_a_disk_that_fills_is_an_alarm_until_it_has_room_again(sqlite_url: str) -> None:
    left = [900_000_000, 400_000_000, 550_000_000, 700_000_000]
    async with running_desk(sqlite_url, disk_folders=(Path("/"),)) as desk:
        desk.service.watch.disk.free_bytes = lambda _: left.pop(0)
        await desk.service.watch.upkeep()
        assert await desk.alarms() == []
        for condition in ("active", "active", "gone"):
            await desk.service.watch.upkeep()
            (alarm,) = await desk.alarms()
            assert (alarm["type"], alarm["condition"]) == ("disk_low", condition)
    reason = alarm["peak"]["reasons"][0]
    assert (alarm["priority"], reason["measured"], reason["unit"]) == (3, 400.0, "MB")
    for key in ("alarm.type.disk_low", "cause.disk_low", "cause.disk_low.mend"):
        assert text(key, "zh") != text(key, "en")


async def test_the_alarm_of_a_disk_outlives_a_restart_and_ends_after_it(sqlite_url: str) -> None:
    for free, condition in ((1, "active"), (1, "active"), (10**12, "gone")):
        async with running_desk(sqlite_url, disk_folders=(Path("/"),)) as desk:
            desk.service.watch.disk.free_bytes = partial(_fixed, free)
            await desk.service.watch.upkeep()
            (alarm,) = await desk.alarms()
            assert alarm["condition"] == condition


def test_a_folder_that_is_gone_has_no_room(tmp_path: Path) -> None:
    assert free_on_disk((tmp_path,)) > 0
    assert free_on_disk((tmp_path, tmp_path / "gone")) == 0


async def _taken(desk: RunningDesk) -> int:
    """How many of the batches were stored; the stair fills up in the last one."""
    taken = 0
    for step in range(_MANY):
        desk.clock.advance(2.0)
        level = "L4" if step == _MANY - 1 else "L0"
        kind = "transition" if level == "L4" else "reading"
        records = [desk.reading(zone, level, kind=kind) for zone in ("stair", "hall") * 20]
        answer = await desk.client.post(
            "/api/v1/ingest", json={"records": records}, headers=AUTHORISED
        )
        taken += answer.status_code == 200
    return taken


def _fixed(free: int, folders: tuple[Path, ...]) -> int:
    assert folders
    return free


class _Usage:
    """A disk of which hardly anything is left."""

    def __init__(self, folder: Path) -> None:
        self.free = 1_000

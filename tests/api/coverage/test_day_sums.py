"""Sums of a day: each second counts once, whoever asks, and the day is that of the site."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest
from sqlalchemy.exc import OperationalError

from api.coverage import day_book
from api.coverage.day_book import AreaSums, CameraSums
from api.coverage.day_sums import DaySums
from api.coverage.live import CameraNow
from api.database import Database
from streams.clock import SimulatedClock
from tests.api.coverage.test_live import School, desk, school
from vision.coverage.live import AreaNow, Sightedness
from vision.instants import Utc

__all__ = ["desk"]
DAY = date(2026, 9, 1)
KEY = day_book.day_number(DAY)
STAIR = AreaNow("stair", 10.0, 4.0, ("cam-a",), Sightedness.BLIND, critical=True)
CAMERA = CameraNow("cam-a", healthy=False, pending=False, causes=("hung",))


class Failing(Database):
    """Refuses the transactions that it is told to refuse, once each was begun."""

    def __init__(self, database_url: str) -> None:
        super().__init__(database_url)
        self.refuses = 0

    def write(self, *, in_turn: bool = True):  # type: ignore[no-untyped-def]
        if self.refuses:
            self.refuses -= 1
            raise OperationalError("INSERT", {}, Exception("disk full"))
        return super().write(in_turn=in_turn)


async def kept(database: Database) -> tuple[AreaSums, CameraSums]:
    async with database.read() as connection:
        areas = await day_book.area_days(connection, KEY, KEY)
        cameras = await day_book.camera_days(connection, KEY, KEY)
    return areas["stair", KEY], cameras["cam-a", KEY]


async def test_asked_for_at_once_the_time_counts_once(database_url: str) -> None:
    async with Database(database_url) as database:
        sums = DaySums()
        sums.add(DAY, 50.0, [STAIR], [CAMERA])
        await asyncio.gather(*(sums.flush(database) for _ in range(3)))
        assert await kept(database) == (AreaSums(50.0, 300.0, 50.0), CameraSums(50.0, 0.0))


async def test_what_no_camera_was_meant_to_see_is_blind_all_the_time(sqlite_url: str) -> None:
    async with Database(sqlite_url) as database:
        sums = DaySums()
        for state in Sightedness:
            area = AreaNow(state.value, 10.0, 4.0, (), state, critical=False)
            sums.add(DAY, 60.0, [area], [])
        await sums.flush(database)
        async with database.read() as connection:
            found = await day_book.area_days(connection, KEY, KEY)
    assert {area_id: one.blind_s for (area_id, _), one in found.items()} == {
        "whole": 0.0, "reduced": 0.0, "blind": 60.0, "never_seen": 60.0,
    }  # fmt: skip


async def test_what_comes_while_it_is_written_counts_too(sqlite_url: str) -> None:
    async with Database(sqlite_url) as database:
        sums = DaySums()
        sums.add(DAY, 50.0, [STAIR], [CAMERA])
        async with database.write():
            writing = asyncio.create_task(sums.flush(database))
            # It waits for the one writer; looks go on.
            await asyncio.sleep(0)
            sums.add(DAY, 5.0, [STAIR], [CAMERA])
        await writing
        await sums.flush(database)
        assert await kept(database) == (AreaSums(55.0, 330.0, 55.0), CameraSums(55.0, 0.0))


async def test_what_was_not_written_is_written_next_time(sqlite_url: str) -> None:
    async with Failing(sqlite_url) as database:
        sums = DaySums()
        sums.add(DAY, 50.0, [STAIR], [CAMERA])
        database.refuses = 1
        with pytest.raises(OperationalError):
            await sums.flush(database)
        sums.add(DAY, 5.0, [STAIR], [CAMERA])
        await sums.flush(database)
        assert await kept(database) == (AreaSums(55.0, 330.0, 55.0), CameraSums(55.0, 0.0))


async def test_open_pages_do_not_multiply_the_hours(desk: School) -> None:
    await desk.areas()
    await desk.watch.tick()
    for _ in range(10):
        desk.clock.advance(5.0)
        await desk.seen()
        await desk.watch.tick()
    await asyncio.gather(*(desk.get("coverage/days") for _ in range(3)))
    days = await desk.get("coverage/days")
    assert {day["watched_h"] for day in days["areas"]} == {round(50.0 / 3600.0, 4)}


async def test_today_is_the_day_of_the_site(sqlite_url: str) -> None:
    """In China the second of September has begun while it is still the first in Greenwich."""
    clock = SimulatedClock(Utc.from_iso("2026-09-01T22:50:00Z"))
    async with school(sqlite_url, clock=clock) as desk:
        await desk.areas()
        await desk.watch.tick()
        clock.advance(5.0)
        await desk.seen()
        await desk.watch.tick()
        days = (await desk.get("coverage/days"))["areas"]
        assert {day["day"] for day in days} == {"2026-09-02"}

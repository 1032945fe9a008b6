"""The record of changes: one row for a state that came, the newest told, old ones dropped."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from api.coverage import bodies, changes, watch
from api.coverage.changes import Standing
from api.database import Database
from tests.api.coverage.test_live import NOON, School, desk
from vision.coverage.live import AreaNow, Sightedness
from vision.instants import Utc

__all__ = ["desk"]
DAY_S = 86_400.0


@pytest.fixture(autouse=True)
def no_look_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service looks at its start; after that the test says when."""
    monkeypatch.setattr(watch, "EVERY_S", 3_600.0)


@dataclass(frozen=True, slots=True)
class Book:
    """The record of one database, written by hand."""

    database: Database

    async def note(self, minute: int, *healthy: str) -> None:
        area = AreaNow("stair", 10.0, 10.0, (), Sightedness.WHOLE, critical=True)
        async with self.database.write() as connection:
            at = NOON.plus(minute * 60.0)
            await changes.note(connection, at, Standing.of("0" * 64, healthy, [area]))

    async def minutes(self, first: int, last: int, most: int = 100) -> tuple[list[float], bool]:
        """When the told changes of a span came, and whether it was cut."""
        span = (NOON.plus(first * 60.0), NOON.plus(last * 60.0))
        async with self.database.read() as connection:
            rows, cut = await changes.between(connection, *span, most)
        return [(row.at - NOON) / 60.0 for row in rows], cut


async def test_a_span_begins_with_what_stood_then(database_url: str) -> None:
    async with Database(database_url) as database:
        book = Book(database)
        for minute in (0, 10, 20, 30):
            await book.note(minute, "a")
        assert await book.minutes(15, 25) == ([10, 20], False)
        # Who asks from the newest change it holds gets that one and what came since.
        assert await book.minutes(20, 60) == ([20, 30], False)
        assert await book.minutes(30, 60) == ([30], False)
        assert await book.minutes(-9, -1) == ([], False)


async def test_of_too_many_the_newest_are_told_and_the_cut_is_named(sqlite_url: str) -> None:
    async with Database(sqlite_url) as database:
        book = Book(database)
        for minute in range(6):
            await book.note(minute, "a")
        assert await book.minutes(0, 9, most=3) == ([3, 4, 5], True)
        # Five lie in the span, and what stood when it began comes before them.
        assert await book.minutes(0, 9, most=5) == ([0, 1, 2, 3, 4, 5], False)


_A_DAY = 24 * 60
_ALL = (-100 * _A_DAY, 400 * _A_DAY)


@pytest.mark.parametrize(
    ("noted_on", "today", "left"),
    [
        ((0, 5, 31, 40), 41, (31, 40)),  # 30 days before the 40th
        ((0, 5, 36, 40), 40.5, (36, 40)),  # of half a day ago: it may be of a clock set today
        ((0, 5), 400, (0, 5)),  # nothing came for a year, or a clock stands a year ahead
        ((0, 5, 370), 370, (0, 5, 370)),  # and by it the cameras of its first minute are told
        ((0, 5, 370, 380), 400, (370, 380)),  # it has stood for weeks
        ((0, 5, 370, 6, 7), 8, (0, 5, 370, 6, 7)),  # it was put right
    ],
)
async def test_changes_are_kept_for_a_month_whatever_the_clock_does(
    database_url: str, noted_on: tuple[int, ...], today: float, left: tuple[int, ...]
) -> None:
    async with Database(database_url) as database:
        book = Book(database)
        for day in noted_on:
            await book.note(day * _A_DAY, "a")
        async with database.write() as connection:
            await changes.drop_old(connection, NOON.plus(today * DAY_S))
        assert await book.minutes(*_ALL) == ([day * _A_DAY for day in left], False)


async def test_the_newest_change_stays_whatever_it_says_of_its_time(sqlite_url: str) -> None:
    async with Database(sqlite_url) as database:
        book = Book(database)
        for day in (40, 0):
            await book.note(day * _A_DAY, "a")
        async with database.write() as connection:
            await changes.drop_old(connection, NOON.plus(50 * DAY_S))
        assert await book.minutes(*_ALL) == ([40 * _A_DAY, 0], False)


async def test_a_stored_change_is_sent_as_its_body_says() -> None:
    area = AreaNow("stair", 10.0, 4.0, ("cam-a",), Sightedness.BLIND, critical=True)
    standing = Standing.of("0" * 64, ["cam-b"], [area])
    body = bodies.ChangeBody.model_validate_json(changes.ChangeRow(NOON, standing).sent())
    assert body.at == NOON.to_datetime()
    assert body.healthy == ("cam-b",)
    assert body.areas == (bodies.AreaNowBody.of(area),)
    assert standing.blind() == {"stair"}


async def told(desk: School) -> list[str]:
    return [one["at"] for one in (await desk.get("coverage/changes"))["changes"]]


async def test_a_moved_camera_that_stands_still_makes_one_change(desk: School) -> None:
    """It is measured each minute, and never twice quite the same."""
    await desk.areas()
    since = desk.clock.utc().iso()
    pose = desk.site.camera("cam-gate").camera.pose

    async def measured(more_deg: float) -> None:
        desk.clock.advance(60.0)
        await desk.seen()
        observed = {
            "pan_deg": pose.pan_deg + more_deg,
            "tilt_deg": pose.tilt_deg - more_deg / 100.0,
            "roll_deg": 0.0,
        }
        for camera in desk.site.cameras:
            if camera.id != "cam-gate":
                await desk.health(camera.id)
        await desk.health("cam-gate", "moved", suspended_since=since, observed=observed)
        await desk.watch.tick()

    await measured(8.0)
    first = await told(desk)
    for more_deg in (8.02, 7.97, 8.3, 7.6, 8.01):
        await measured(more_deg)
    assert await told(desk) == first
    # Turned on, it shows something else.
    await measured(14.0)
    assert len(await told(desk)) == len(first) + 1


async def test_other_causes_alone_are_no_change(desk: School) -> None:
    await desk.areas()
    await desk.health("cam-stair", "covered")
    await desk.areas()
    before = await told(desk)
    await desk.health("cam-stair", "covered", "blurred")
    await desk.areas()
    assert await told(desk) == before


async def test_the_page_goes_on_from_its_newest_change(desk: School) -> None:
    await desk.areas()
    newest = (await told(desk))[-1]
    desk.clock.advance(5.0)
    await desk.health("cam-stair", "covered")
    await desk.areas()
    answer = await desk.get(f"coverage/changes?from={newest}")
    assert answer["cut"] is False
    assert [one["at"] for one in answer["changes"]] == [newest, desk.clock.utc().iso()]
    # Where the clock was set back since, it gets what stands.
    ahead = Utc(desk.clock.utc().ns).plus(600.0).iso()
    stands = (await desk.get(f"coverage/changes?from={ahead}"))["changes"]
    assert [one["at"] for one in stands] == [desk.clock.utc().iso()]
    answer_of_none = await desk.client.get(f"/api/v1/coverage/changes?from={ahead}&to={newest}")
    assert answer_of_none.status_code == 422

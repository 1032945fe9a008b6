"""Readings grow coarser with age, and keep the worst of what they join."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import readings
from api.database import Database
from api.readings import Point, add, compact, seen_s, series
from tests.api.desk_cases import running_desk
from vision.instants import Utc
from vision.risk.readings import Level

NOON = Utc.from_iso("2026-11-23T12:00:00Z")


def point(at_s: float, level: str = "L0", density: float | None = 0.5, *, step_s: int = 1) -> Point:
    unknown = level == "UNKNOWN"
    return Point(
        at=NOON.plus(at_s),
        step_s=step_s,
        level=Level(level),
        people=None if unknown else 3.0,
        density_per_m2=None if unknown else density,
        unknown_samples=int(unknown),
    )


@pytest.mark.parametrize(
    ("one", "other", "level", "density", "unknown"),
    [
        (("L0", 0.5), ("L3", 2.9), "L3", 2.9, 0),
        (("L3", 2.9), ("L1", 3.1), "L3", 3.1, 0),
        (("UNKNOWN", None), ("L0", 0.5), "L0", 0.5, 1),
        (("UNKNOWN", None), ("UNKNOWN", None), "UNKNOWN", None, 2),
    ],
)
def test_joining_keeps_the_worst(
    one: tuple[str, float | None],
    other: tuple[str, float | None],
    level: str,
    density: float | None,
    unknown: int,
) -> None:
    joined = point(0, *one).joined(point(1, *other))
    assert (joined.level.value, joined.density_per_m2) == (level, density)
    assert (joined.samples, joined.unknown_samples) == (2, unknown)


POINTS = st.builds(
    point,
    st.just(0),
    st.sampled_from([level.value for level in Level]),
    st.floats(0, 8, allow_nan=False),
)


@given(POINTS, POINTS, POINTS)
def test_joining_does_not_depend_on_the_order(a: Point, b: Point, c: Point) -> None:
    assert a.joined(b).joined(c) == a.joined(c.joined(b))


async def test_steps_by_age(database_url: str) -> None:
    """One reading a second for a minute: a day ago, two hours ago, and now; one peak in each."""
    async with Database(database_url) as database:
        async with database.write() as connection:
            for start_s in (-90_000, -7_200, -60):
                for second in range(60):
                    level, density = ("L3", 3.0) if second == 33 else ("L0", 0.5)
                    await add(connection, [("stair", point(start_s + second, level, density))])
        for _ in range(3):
            async with database.write() as connection:
                await compact(connection, NOON)
        async with database.read() as connection:
            found = await series(connection, "stair", NOON.plus(-100_000), NOON, 1_000)
    steps = [(one.step_s, one.samples) for one in found]
    assert steps == [(60, 60)] + [(10, 10)] * 6 + [(1, 1)] * 60
    assert [one.level.value for one in found[:7]] == ["L3", "L0", "L0", "L0", "L3", "L0", "L0"]
    assert found[0].density_per_m2 == 3.0
    assert sum(one.samples for one in found) == 180


async def test_points_of_one_batch_join_each_other_and_what_is_there(database_url: str) -> None:
    """Two zones, 250 s: more rows than one statement takes."""
    batch = [(zone, point(s, "L1", 1.0)) for s in range(250) for zone in ("stair", "hall")]
    async with Database(database_url) as database:
        async with database.write() as connection:
            await add(connection, [("stair", point(3, "L2", 2.0)), ("hall", point(4, "L0"))])
            await add(connection, [*batch, ("stair", point(3, "L0", 0.1))])
        async with database.read() as connection:
            stair = await series(connection, "stair", NOON, NOON.plus(250), 1_000)
            hall = await series(connection, "hall", NOON, NOON.plus(250), 1_000)
    assert [one.samples for one in stair] == [3 if s == 3 else 1 for s in range(250)]
    assert [one.samples for one in hall] == [2 if s == 4 else 1 for s in range(250)]
    assert (stair[3].level, stair[3].density_per_m2) == (Level.L2, 2.0)


async def test_a_late_row_joins_the_coarse_step_it_belongs_to(sqlite_url: str) -> None:
    async with Database(sqlite_url) as database, database.write() as connection:
        await add(connection, [("stair", point(-7_200))])
        await compact(connection, NOON)
        await add(connection, [("stair", point(-7_195, "L4", 4.0))])
        await compact(connection, NOON)
        (one,) = await series(connection, "stair", NOON.plus(-9_000), NOON, 10)
    assert (one.step_s, one.samples, one.level) == (10, 2, Level.L4)


async def test_compacting_in_small_batches_loses_nothing(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readings, "_COMPACT_ROWS", 7)
    async with Database(sqlite_url) as database, database.write() as connection:
        for zone_id in ("a", "b", "c"):
            for second in range(20):
                await add(connection, [(zone_id, point(-7_200 + second))])
        while await compact(connection, NOON):
            pass
        for zone_id in ("a", "b", "c"):
            found = await series(connection, zone_id, NOON.plus(-9_000), NOON, 100)
            assert [(one.step_s, one.samples) for one in found] == [(10, 10), (10, 10)]


async def test_rows_beyond_their_time_are_deleted(sqlite_url: str) -> None:
    async with Database(sqlite_url) as database, database.write() as connection:
        for days in (-402, -400, -1):
            await add(connection, [("stair", point(days * 86_400, step_s=60))])
        await compact(connection, NOON)
        found = await series(connection, "stair", Utc(0), NOON, 10)
    assert [one.at for one in found] == [NOON.plus(days * 86_400) for days in (-400, -1)]


async def test_a_clock_that_is_set_years_ahead_deletes_no_reading(database_url: str) -> None:
    """And once it is put right, what it told deletes none either."""
    years_ahead = NOON.plus(900 * 86_400)
    async with Database(database_url) as database, database.write() as connection:
        for days in (-300, -2, -1):
            await add(connection, [("stair", point(days * 86_400, step_s=60))])
        await add(connection, [("stair", point(-60))])
        await add(connection, [("stair", point(900 * 86_400 - 60))])
        while await compact(connection, years_ahead):
            pass
        await add(connection, [("stair", point(898 * 86_400, step_s=60))])
        await compact(connection, NOON.plus(60))
        found = await series(connection, "stair", Utc(0), years_ahead, 10)
    found_days = [round((one.at - NOON) / 86_400) for one in found]
    assert found_days == [-300, -2, -1, 0, 898, 900]


async def test_the_route_gives_a_span(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk:
        start = desk.clock.utc().iso()
        for density in (0.5, 2.9, 0.7):
            await desk.send(desk.reading("stair", "L0", density))
            desk.clock.advance(1.0)
        path = "/api/v1/zones/stair/readings"
        body = await desk.get(path)
        assert [one["density_per_m2"] for one in body["points"]] == [0.5, 2.9, 0.7]
        assert body["complete"] is True
        query = f"from={start}&to={desk.clock.utc().plus(-1.0).iso()}"
        assert len((await desk.get(f"{path}?{query}"))["points"]) == 2
        backwards = await desk.get(f"{path}?from={desk.clock.utc().iso()}&to={start}", 422)
        assert backwards["code"] == "span_empty"
        assert (await desk.get("/api/v1/zones/attic/readings", 404))["code"] == "zone_unknown"


def test_seconds_seen_are_those_with_a_reading_that_says_something() -> None:
    start = Utc(1_800_000_000 * 10**9)

    def reading(second: int, *, known: bool = True, step_s: int = 1, samples: int = 1) -> Point:
        level = Level.L0 if known else Level.UNKNOWN
        unknown = 0 if known else samples
        return Point(start.plus(second), step_s, level, None, None, samples, unknown)

    assert seen_s([]) == 0.0
    assert seen_s([reading(n) for n in range(60)]) == 60.0
    # A slow camera gives a picture in two seconds: nothing of its time is unseen.
    assert seen_s([reading(n) for n in range(0, 60, 2)]) == 60.0
    # Half of the readings of 10 s said nothing, of the next 10 s all.
    half = [reading(n, known=n < 5) for n in range(20)]
    assert seen_s(half) == 5.0
    # A minute of which 15 of 60 readings said nothing, and an hour in which nobody watched.
    minute = Point(start.plus(3600), 60, Level.L0, 1.0, 0.1, 60, 15)
    assert seen_s([*half, minute]) == 50.0

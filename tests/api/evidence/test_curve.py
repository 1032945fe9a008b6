"""The density curve's file: it grows at its end, and is whole after a kill."""

from __future__ import annotations

from pathlib import Path

from api import readings
from api.database import Database
from api.evidence.clip_store import Clip
from api.evidence.curve import CURVE_FILE, CurveKeeper, read_curve
from api.readings import Point
from vision.instants import Utc
from vision.risk.readings import Level

START = Utc.from_iso("2026-03-09T09:40:00+08:00")
CLIP = Clip(7, START, None, (), ("stair",), {}, 90)


async def note(database: Database, second: int, density: float) -> None:
    point = Point(START.plus(second), 1, Level.L2, density * 4, density, 1, 0)
    async with database.write() as connection:
        await readings.add(connection, [("stair", point)])


def densities(folder: Path) -> list[float]:
    return [point["density_per_m2"] for point in read_curve(folder)["stair"]]


async def test_each_look_adds_what_is_new_and_mends_the_point_that_grew(
    database_url: str, tmp_path: Path
) -> None:
    async with Database(database_url) as database:
        keeper = CurveKeeper(database)
        await note(database, 0, 1.0)
        await note(database, 1, 2.0)
        await keeper.keep(tmp_path, CLIP, (START, START.plus(2)))
        before = (tmp_path / CURVE_FILE).read_bytes()
        await note(database, 1, 2.5)
        await note(database, 2, 3.0)
        await keeper.keep(tmp_path, CLIP, (START, START.plus(3)))
        after = (tmp_path / CURVE_FILE).read_bytes()
    assert densities(tmp_path) == [1.0, 2.5, 3.0]
    assert after.startswith(before)
    # The point that may still have been growing, and the new one.
    assert after[len(before) :].count(b'"at_ns"') == 2


async def test_a_new_service_goes_on_behind_a_line_that_a_kill_cut_short(
    database_url: str, tmp_path: Path
) -> None:
    async with Database(database_url) as database:
        for second in range(3):
            await note(database, second, float(second))
        await CurveKeeper(database).keep(tmp_path, CLIP, (START, START.plus(3)))
        file = tmp_path / CURVE_FILE
        file.write_bytes(file.read_bytes()[:-20])
        assert densities(tmp_path) == [0.0, 1.0]
        await CurveKeeper(database).keep(tmp_path, CLIP, (START, START.plus(3)))
    assert densities(tmp_path) == [0.0, 1.0, 2.0]


def test_without_a_file_there_is_no_curve(tmp_path: Path) -> None:
    assert read_curve(tmp_path) == {}

"""What stands over a start, over a camera that starts again, and over an edit of the site file."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from config import sample_school_directory
from config.site_load import SITE_FILE
from streams.clock import SimulatedClock
from tests.api.coverage.test_live import NOON, School, desk, school

__all__ = ["desk"]
Json = dict[str, Any]


def edited(folder: Path, edit: Callable[[Json], None]) -> Path:
    """The sample school with another site file."""
    shutil.copytree(sample_school_directory(), folder)
    path = folder / SITE_FILE
    yaml = YAML()
    keys = yaml.load(path.read_text(encoding="utf-8"))
    edit(keys)
    yaml.dump(keys, path)
    return folder


def required(keys: Json, area_id: str) -> Json:
    areas = (area for floor in keys["floors"] for area in floor.get("required_areas", ()))
    return dict_of(area for area in areas if area["id"] == area_id)


def dict_of(found: Any) -> Json:
    (one,) = found
    assert isinstance(one, dict)
    return one


async def blind_alarm(desk: School, area_id: str) -> Json:
    alarms = (await desk.get("alarms"))["alarms"]
    return dict_of(
        one for one in alarms if (one["type"], one["subject_id"]) == ("area_blind", area_id)
    )


async def task_of(desk: School, area_id: str) -> Json:
    tasks = (await desk.get("coverage/tasks"))["tasks"]
    return dict_of(one for one in tasks if one["area_id"] == area_id)


async def close(desk: School, task: Json) -> int:
    return await desk.post(f"coverage/tasks/{task['id']}/close", {"note": "looked at"})


async def test_a_camera_that_starts_again_ends_no_blindness(desk: School) -> None:
    await desk.areas()
    await desk.state("cam-stair", "offline", "hung")
    assert (await desk.areas())["area-stair"] == "blind"
    await desk.state("cam-stair", "starting")
    assert (await desk.areas())["area-stair"] == "blind"
    task = await task_of(desk, "area-stair")
    assert (task["seen_again_at"], task["may_close"]) == (None, False)
    assert await close(desk, task) == 409
    assert (await blind_alarm(desk, "area-stair"))["condition"] == "active"
    # It does not count as seeing on the plan of that moment either.
    newest = (await desk.get("coverage/changes"))["changes"][-1]
    assert "cam-stair" not in newest["healthy"]
    await desk.state("cam-stair", "live")
    assert (await desk.areas())["area-stair"] == "whole"
    assert (await blind_alarm(desk, "area-stair"))["condition"] == "gone"
    assert await close(desk, await task_of(desk, "area-stair")) == 204


async def test_a_camera_that_starts_holds_a_new_blindness_off(desk: School) -> None:
    await desk.areas()
    await desk.state("cam-stair", "starting")
    assert (await desk.areas())["area-stair"] == "whole"
    await desk.state("cam-stair", "offline", "no_picture")
    assert (await desk.areas())["area-stair"] == "blind"


async def test_a_blindness_stands_over_a_start_of_the_service(database_url: str) -> None:
    clock = SimulatedClock(NOON)
    async with school(database_url, clock=clock) as desk:
        await desk.areas()
        await desk.state("cam-stair", "offline", "hung")
        await desk.areas()
        opened_at = (await task_of(desk, "area-stair"))["opened_at"]
    clock.advance(60.0)
    async with school(database_url, clock=clock, all_live=False) as desk:
        await desk.state("cam-stair", "starting")
        states = await desk.areas()
        # Of the others nobody has told yet, which is no blindness.
        assert [name for name, state in states.items() if state == "blind"] == ["area-stair"]
        assert (await blind_alarm(desk, "area-stair"))["condition"] == "active"
        assert await close(desk, await task_of(desk, "area-stair")) == 409
        await desk.state("cam-stair", "live")
        assert (await desk.areas())["area-stair"] == "whole"
        task = await task_of(desk, "area-stair")
        assert (task["opened_at"], task["may_close"]) == (opened_at, True)


async def test_what_was_told_before_a_start_ends_no_blindness(sqlite_url: str) -> None:
    """The stair camera's worker fell silent; its last word, that it lives, is still stored."""
    clock = SimulatedClock(NOON)
    async with school(sqlite_url, clock=clock) as desk:
        await desk.areas()
        clock.advance(200.0)
        await desk.seen()
        for camera in desk.site.cameras:
            if camera.id != "cam-stair":
                await desk.health(camera.id)
        assert (await desk.areas())["area-stair"] == "blind"
    clock.advance(60.0)
    async with school(sqlite_url, clock=clock, all_live=False) as desk:
        assert (await desk.areas())["area-stair"] == "blind"
        await desk.health("cam-stair")
        assert (await desk.areas())["area-stair"] == "whole"


async def test_a_moved_camera_counts_once_it_is_heard_again(sqlite_url: str) -> None:
    clock = SimulatedClock(NOON)
    since = clock.utc().iso()
    async with school(sqlite_url, clock=clock) as desk:
        await desk.areas()
        pose = desk.site.camera("cam-gate").camera.pose
        away = {"pan_deg": pose.pan_deg + 180.0, "tilt_deg": pose.tilt_deg, "roll_deg": 0.0}
        await desk.health("cam-gate", "moved", suspended_since=since, observed=away)
        assert (await desk.areas())["area-gate"] == "blind"
    async with school(sqlite_url, clock=clock, all_live=False) as desk:
        assert (await desk.areas())["area-gate"] == "blind"
        back = away | {"pan_deg": pose.pan_deg}
        await desk.health("cam-gate", "moved", suspended_since=since, observed=back)
        assert (await desk.areas())["area-gate"] == "whole"


@pytest.mark.parametrize(("told_every_s", "state"), [(100.0, "whole"), (None, "blind")])
async def test_a_camera_whose_health_nobody_tells_is_not_well_for_ever(
    sqlite_url: str, told_every_s: float | None, state: str
) -> None:
    async with school(sqlite_url) as desk:
        await desk.areas()
        for _ in range(2):
            desk.clock.advance(100.0)
            await desk.seen()
            for camera in desk.site.cameras:
                await desk.state(camera.id, "live")
                if told_every_s is not None or camera.id != "cam-stair":
                    await desk.health(camera.id)
        assert (await desk.areas())["area-stair"] == state
        found = (await desk.get("coverage/now"))["cameras"]
        causes = {one["camera_id"]: one["causes"] for one in found if one["causes"]}
        assert causes == ({} if state == "whole" else {"cam-stair": ["stale"]})


async def test_a_clock_that_was_set_back_keeps_no_silent_camera_well(sqlite_url: str) -> None:
    """The stair camera's last word on its health bears tomorrow's date; nobody tells another."""
    tomorrow = SimulatedClock(NOON.plus(86_400.0))
    async with school(sqlite_url, clock=tomorrow) as desk:
        await desk.areas()
        for camera in desk.site.cameras:
            await desk.health(camera.id)
    async with school(sqlite_url) as desk:
        assert (await desk.areas())["area-stair"] == "whole"
        for _ in range(2):
            desk.clock.advance(100.0)
            await desk.seen()
            for camera in desk.site.cameras:
                await desk.state(camera.id, "live")
                if camera.id != "cam-stair":
                    await desk.health(camera.id)
        states = await desk.areas()
        assert [name for name, state in states.items() if state == "blind"] == ["area-stair"]


async def test_an_area_that_asks_for_two_cameras_is_not_whole_with_one(
    sqlite_url: str, tmp_path: Path
) -> None:
    def two(keys: Json) -> None:
        (stair,) = (one for one in keys["cameras"] if one["id"] == "cam-stair")
        keys["cameras"].append(copy.deepcopy(stair) | {"id": "cam-stair-2"})
        required(keys, "area-stair")["redundancy"] = 2

    async with school(sqlite_url, folder=edited(tmp_path / "site", two)) as desk:
        assert (await desk.areas())["area-stair"] == "whole"
        await desk.state("cam-stair-2", "offline", "hung")
        assert (await desk.areas())["area-stair"] == "blind"
        assert (await task_of(desk, "area-stair"))["camera_ids"] == ["cam-stair-2"]


async def test_the_plan_names_what_too_few_cameras_show(sqlite_url: str, tmp_path: Path) -> None:
    def two(keys: Json) -> None:
        required(keys, "area-corridor-3f")["redundancy"] = 2

    async with school(sqlite_url, folder=edited(tmp_path / "site", two)) as desk:
        await desk.areas()
        floors = (await desk.get("coverage/plan"))["floors"]
        (blind,) = next(floor["blind"] for floor in floors if floor["id"] == "f3")
        # One camera alone shows the corridor: nowhere do two.
        assert (blind["area_id"], blind["m2"]) == ("area-corridor-3f", pytest.approx(72.0))


async def leave_open(desk: School) -> None:
    """A stair and a gate that are blind, and a camera of the hall that was moved."""
    await desk.areas()
    await desk.state("cam-stair", "offline", "hung")
    await desk.state("cam-gate", "offline", "hung")
    await desk.health("cam-hall", "moved", suspended_since=desk.clock.utc().iso())
    await desk.areas()


def redrawn(keys: Json) -> None:
    required(keys, "area-stair")["id"] = "area-stair-west"
    required(keys, "area-gate")["critical"] = False
    for camera in keys["cameras"]:
        if camera["id"] == "cam-hall":
            camera["id"] = "cam-hall-west"


async def test_what_an_edit_of_the_site_left_open_can_be_closed(
    database_url: str, tmp_path: Path
) -> None:
    clock = SimulatedClock(NOON)
    async with school(database_url, clock=clock) as desk:
        await leave_open(desk)
        for _ in range(10):
            clock.advance(5.0)
            await desk.seen()
            await desk.watch.tick()
    clock.advance(60.0)
    folder = edited(tmp_path / "site", redrawn)
    async with school(database_url, folder=folder, clock=clock) as desk:
        assert set((await desk.areas()).values()) == {"whole"}
        for area_id in ("area-stair", "area-gate"):
            assert (await blind_alarm(desk, area_id))["condition"] == "gone"
            task = await task_of(desk, area_id)
            assert task["off_site_at"] is not None
            assert task["seen_again_at"] is None
            assert await close(desk, task) == 204
        assert (await desk.get("coverage/faults?only_open=true"))["faults"] == []
        assert (await desk.get("coverage/baselines"))["suspended"] == []
        # The removed camera's hours count for no rate.
        rates = (await desk.get("coverage/days"))["rates"]
        assert sum(rate["cameras"] for rate in rates) == len(desk.site.cameras)


async def test_an_area_that_comes_back_waits_to_be_seen(sqlite_url: str, tmp_path: Path) -> None:
    clock = SimulatedClock(NOON)
    async with school(sqlite_url, clock=clock) as desk:
        await leave_open(desk)
    folder = edited(tmp_path / "site", redrawn)
    async with school(sqlite_url, folder=folder, clock=clock, all_live=False) as desk:
        await desk.areas()
        assert (await task_of(desk, "area-stair"))["may_close"] is True
    async with school(sqlite_url, clock=clock, all_live=False) as desk:
        assert (await desk.areas())["area-stair"] == "blind"
        task = await task_of(desk, "area-stair")
        assert (task["off_site_at"], task["may_close"]) == (None, False)

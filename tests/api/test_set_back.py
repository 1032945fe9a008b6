"""A time server sets the wall clock back ten minutes: nothing may look fresh that is not, and
neither records nor the ladder may wait until the clock has caught up."""

from __future__ import annotations

import asyncio

import pytest

from api import service_process
from api.application import create_app
from api.pictures import NoPictures
from api.server import build_server
from config.desk_plan import DeskPlan
from config.response import SiteResponse
from streams.clock import SimulatedClock
from streams.errors import WorkerError
from streams.heartbeat import Heartbeat
from tests.api.desk_cases import SITE, RunningDesk, running_desk, settings

BACK_S = -600.0


async def look(desk: RunningDesk, seconds: float) -> None:
    """Time passes, and the watch looks."""
    desk.clock.advance(seconds)
    await desk.service.watch.tick()


async def camera_state(desk: RunningDesk, camera_id: str) -> str:
    cameras = (await desk.get("/api/v1/state"))["cameras"]
    return str(next(camera["state"] for camera in cameras if camera["id"] == camera_id))


async def test_a_reading_from_before_the_step_is_not_fresh(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk:
        await desk.send(desk.reading("stair", "L0"))
        desk.clock.step_utc(BACK_S)
        await look(desk, 1.0)
        zone = await desk.zone("stair")
        assert (zone["level"], zone["last_level"], zone["age_s"]) == ("UNKNOWN", "L0", None)
        assert zone["reasons"][0]["rule"] == "stale"


async def test_what_comes_after_the_step_is_newer_than_what_came_before(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk:
        await desk.send(desk.camera("cam-stair", "live"), desk.reading("stair", "L0"))
        desk.clock.step_utc(BACK_S)
        await desk.send(
            desk.reading("stair", "L4", 3.9, kind="transition"),
            desk.camera("cam-stair", "offline", "connection_lost"),
        )
        assert (await desk.zone("stair"))["level"] == "L4"
        assert await camera_state(desk, "cam-stair") == "offline"
        crowd = next(alarm for alarm in await desk.alarms() if alarm["type"] == "crowd")
        assert (crowd["state"], crowd["condition"]) == ("unacknowledged", "active")


async def test_a_start_after_the_step_knows_nothing_of_the_present(database_url: str) -> None:
    async with running_desk(database_url) as desk:
        clock = desk.clock
        await desk.send(desk.reading("stair", "L0"), desk.camera("cam-a", "offline", "hung"))
    clock.step_utc(BACK_S)
    async with running_desk(database_url, clock=clock) as desk:
        await look(desk, 0.1)
        assert (await desk.zone("stair"))["level"] == "UNKNOWN"
        assert await camera_state(desk, "cam-a") == "offline"
        assert [alarm["condition"] for alarm in await desk.alarms()] == ["active"]
        # A worker that started before the service did, and the camera that came back.
        await desk.send(desk.reading("stair", "L1", 1.5, age_s=1.0), desk.camera("cam-a", "live"))
        assert (await desk.zone("stair"))["level"] == "L1"
        assert await camera_state(desk, "cam-a") == "live"


async def test_an_old_reading_stays_stale_when_the_clock_comes_by(sqlite_url: str) -> None:
    """Also where the service starts again just then."""
    async with running_desk(sqlite_url) as desk:
        clock = desk.clock
        await desk.send(desk.reading("stair", "L0"))
    clock.step_utc(BACK_S)
    async with running_desk(sqlite_url, clock=clock):
        clock.advance(-BACK_S)
    async with running_desk(sqlite_url, clock=clock) as desk:
        assert (await desk.zone("stair"))["level"] == "UNKNOWN"


@pytest.mark.parametrize("kept_back", [False, True])
async def test_records_from_before_the_step_do_not_hold_up_those_after_it(
    sqlite_url: str, kept_back: bool
) -> None:
    """A worker's spool sends what it kept, in one batch with the new readings or behind them."""
    async with running_desk(sqlite_url) as desk:
        old = [desk.reading("stair", "L0", age_s=BACK_S + i) for i in (0.0, 1.0)]
        new = desk.reading("stair", "L3", 2.9, age_s=0.3)
        if kept_back:
            await desk.send(new)
            await desk.send(*old)
        else:
            await desk.send(*old, new)
        zone = await desk.zone("stair")
        assert (zone["level"], zone["clock_skew_s"]) == ("L3", None)
        (alarm,) = await desk.alarms()
        assert (alarm["state"], alarm["condition"]) == ("unacknowledged", "active")
        # An alarm that they tell of is not lost.
        await desk.send(desk.reading("stair", "L4", 3.9, kind="transition", age_s=BACK_S))
        (alarm,) = await desk.alarms()
        assert (alarm["priority"], (await desk.zone("stair"))["level"]) == (1, "L3")


@pytest.mark.parametrize(
    ("check_s", "steps"),
    [(0.0, ["opened", "escalated"]), (20.0, ["opened", "confirmed", "escalated"])],
)
async def test_the_ladder_goes_on_after_a_start(
    sqlite_url: str, check_s: float, steps: list[str]
) -> None:
    """The first step is due 30 s after the start: since when it really waits nobody knows."""
    response = SiteResponse(desk=DeskPlan(check_s=check_s))
    async with running_desk(sqlite_url, response=response) as desk:
        clock = desk.clock
        await desk.send(desk.reading("stair", "L3", 2.9, kind="transition"))
        (alarm,) = await desk.alarms()
    clock.step_utc(BACK_S)
    async with running_desk(sqlite_url, response=response, clock=clock) as desk:
        await look(desk, check_s)
        await look(desk, 29.9 - check_s)
        assert "escalated" not in await desk.actions(alarm["number"])
        await look(desk, 0.1)
        told = await desk.actions(alarm["number"])
        assert [action for action in told if action != "condition_unknown"] == steps


async def test_a_shelf_lasts_as_long_as_people_said(sqlite_url: str) -> None:
    """A clock that ran a year ahead must not put an alarm aside for a year."""
    year_s = 365 * 86_400.0
    clock = SimulatedClock()
    clock.step_utc(year_s)
    async with running_desk(sqlite_url, clock=clock) as desk:
        await desk.send(desk.reading("stair", "L2", 2.0, kind="transition"))
        (alarm,) = await desk.alarms()
        shelf = {"name": "王芳", "version": alarm["version"], "minutes": 30, "reason": "清洁镜头"}
        await desk.post(f"/api/v1/alarms/{alarm['number']}/shelve", shelf)
    clock.step_utc(-year_s)
    async with running_desk(sqlite_url, clock=clock) as desk:
        await look(desk, 1_799.0)
        shelved = next(one for one in await desk.alarms() if one["type"] == "crowd")
        assert shelved["state"] == "shelved"
        await look(desk, 2.0)
        released = next(one for one in await desk.alarms() if one["type"] == "crowd")
        assert released["state"] == "unacknowledged"


async def test_a_step_of_the_wall_clock_ends_the_service_for_a_new_start(sqlite_url: str) -> None:
    clock = SimulatedClock()
    app = create_app(
        settings=settings(sqlite_url), site=SITE, clock=clock, pictures=NoPictures(),
    )  # fmt: skip
    server = build_server(app, port=0)
    serving = asyncio.create_task(
        service_process._serve_with_heartbeat(server, Heartbeat(None), clock)
    )
    while not server.started:
        await asyncio.sleep(0.02)
    clock.step_utc(BACK_S)
    with pytest.raises(WorkerError, match="jumped by -600"):
        await serving

"""Silence in simulated time: UNKNOWN after 3 s, an alarm after 10 s."""

from __future__ import annotations

import pytest

from tests.api.desk_cases import RunningDesk, running_desk


async def pass_time(desk: RunningDesk, seconds: float, *, keep: tuple[str, ...] = ()) -> None:
    """Advance in half seconds with a tick at each; zones in `keep` go on being read."""
    for _ in range(round(seconds * 2)):
        desk.clock.advance(0.5)
        if keep:
            await desk.send(*(desk.reading(zone_id, "L0") for zone_id in keep))
        await desk.service.watch.tick()


async def test_silence_turns_a_zone_unknown_and_then_raises_an_alarm(database_url: str) -> None:
    async with running_desk(database_url) as desk:
        await desk.send(desk.reading("stair", "L0"), desk.reading("hall", "L0"))
        await pass_time(desk, 3.5, keep=("hall",))
        zone = await desk.zone("stair")
        assert (zone["level"], zone["last_level"]) == ("UNKNOWN", "L0")
        assert zone["reasons"][0]["rule"] == "stale"
        assert await desk.alarms() == []
        await pass_time(desk, 7.0, keep=("hall",))
        (alarm,) = await desk.alarms()
        assert (alarm["type"], alarm["subject_id"]) == ("camera_lost", "cam-stair")
        assert alarm["zone_ids"] == ["stair"]
        assert alarm["priority"] == 2  # a stair
        assert alarm["now"]["reasons"][0]["rule"] == "stale"


async def test_the_alarm_returns_when_readings_come_back(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk:
        await desk.send(desk.reading("stair", "L0"))
        await pass_time(desk, 11.0, keep=("hall",))
        await pass_time(desk, 1.0, keep=("hall", "stair"))
        (alarm,) = await desk.alarms()
        assert alarm["state"] == "returned_unacknowledged"
        assert (await desk.zone("stair"))["level"] == "L0"


async def test_an_open_crowd_alarm_says_that_nobody_can_see(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk:
        await desk.send(desk.reading("stair", "L3", 2.9))
        await pass_time(desk, 4.0, keep=("hall",))
        (alarm,) = await desk.alarms()
        assert (alarm["state"], alarm["condition"]) == ("unacknowledged", "unknown")
        assert await desk.actions(alarm["number"]) == ["opened", "condition_unknown"]


async def test_zones_that_were_never_read_alarm_after_the_grace_of_the_start(
    sqlite_url: str,
) -> None:
    async with running_desk(sqlite_url) as desk:
        await pass_time(desk, 59.0)
        assert await desk.alarms() == []
        await pass_time(desk, 2.0)
        subjects = sorted(alarm["subject_id"] for alarm in await desk.alarms())
        assert subjects == ["cam-a", "cam-b", "cam-stair"]


@pytest.mark.parametrize(
    ("camera", "priority", "zones"), [("cam-stair", 2, ["stair"]), ("cam-a", 3, [])]
)
async def test_a_camera_that_tells_its_loss_alarms_at_once(
    sqlite_url: str, camera: str, priority: int, zones: list[str]
) -> None:
    async with running_desk(sqlite_url) as desk:
        await desk.send(desk.camera(camera, "offline", "connection_lost"))
        (alarm,) = await desk.alarms()
        assert (alarm["priority"], alarm["zone_ids"]) == (priority, zones)
        assert alarm["now"]["reasons"][0]["rule"] == "connection_lost"
        desk.clock.advance(2.0)
        await desk.send(desk.camera(camera, "live"))
        (alarm,) = await desk.alarms()
        assert alarm["state"] == "returned_unacknowledged"


async def test_a_flapping_camera_stays_one_alarm(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk:
        for _ in range(5):
            await desk.send(desk.camera("cam-a", "offline", "hung"))
            desk.clock.advance(2.0)
            await desk.send(desk.camera("cam-a", "live"))
            desk.clock.advance(2.0)
        (alarm,) = await desk.alarms()
        assert alarm["repeats"] == 4


async def test_a_restart_does_not_alarm_for_the_time_it_was_down(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk:
        clock = desk.clock
        await desk.send(desk.reading("stair", "L0"), desk.reading("hall", "L0"))
    clock.advance(600.0)
    async with running_desk(sqlite_url, clock=clock) as desk:
        assert (await desk.zone("stair"))["level"] == "UNKNOWN"
        # The workers may have been restarted with the machine.
        await pass_time(desk, 59.0)
        assert await desk.alarms() == []
        await pass_time(desk, 2.0)
        assert len(await desk.alarms()) == 3


async def test_a_zone_dark_for_long_alarms_with_its_cause(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk:
        for _ in range(12):
            await desk.send(desk.reading("stair", "UNKNOWN"), desk.reading("hall", "L0"))
            desk.clock.advance(1.0)
            await desk.service.watch.tick()
        (alarm,) = await desk.alarms()
        assert alarm["subject_id"] == "cam-stair"
        assert alarm["now"]["reasons"][0]["rule"] == "camera_dark"


async def test_a_planned_stop_leaves_no_alarm_that_stands_after_the_restart(
    sqlite_url: str,
) -> None:
    async with running_desk(sqlite_url) as desk:
        await desk.send(desk.camera("cam-stair", "live"), desk.reading("stair", "L0"))
        await desk.send(desk.camera("cam-stair", "offline", "worker_down"))
        await desk.service.watch.tick()
        assert await desk.alarms() == []
        clock = desk.clock
    clock.advance(3_600.0)
    async with running_desk(sqlite_url, clock=clock) as desk:
        await pass_time(desk, 59.0, keep=("hall",))
        assert await desk.alarms() == []
        await desk.send(desk.camera("cam-stair", "live"), desk.reading("stair", "L0"))
        await pass_time(desk, 9.0, keep=("hall", "stair"))
        assert await desk.alarms() == []


async def test_a_worker_that_ended_and_does_not_return_is_an_alarm(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk:
        await desk.send(desk.camera("cam-stair", "live"), desk.reading("stair", "L0"))
        await desk.send(desk.camera("cam-stair", "offline", "worker_down"))
        await pass_time(desk, 9.0, keep=("hall",))
        assert await desk.alarms() == []
        assert (await desk.zone("stair"))["level"] == "UNKNOWN"
        await pass_time(desk, 2.0, keep=("hall",))
        (alarm,) = await desk.alarms()
        assert alarm["now"]["reasons"][0]["rule"] == "worker_down"
        assert alarm["zone_ids"] == ["stair"]

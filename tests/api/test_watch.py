"""Silence in simulated time: UNKNOWN after 3 s, an alarm after 10 s."""

from __future__ import annotations

from dataclasses import replace

import pytest

from api.alarms.parents import CameraGroup
from api.alarms.values import AlarmType
from api.watched import Name, WatchedCamera
from tests.api.desk_cases import SITE, Json, RunningDesk, running_desk


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


async def test_a_clock_that_is_set_forward_loses_no_camera(sqlite_url: str) -> None:
    """All that was told looks two hours old until the next word of each, or until the service has
    ended for it: before, every camera, worker and area was an alarm."""
    async with running_desk(sqlite_url) as desk:
        await desk.send(desk.reading("stair", "L0"), desk.reading("hall", "L0"))
        await pass_time(desk, 1.0, keep=("hall", "stair"))
        desk.clock.step_utc(7_200.0)
        await pass_time(desk, 3.0)
        assert await desk.alarms() == []
        # One that goes on still notices a camera that has been silent since.
        await pass_time(desk, 9.0, keep=("hall",))
        assert [alarm["subject_id"] for alarm in await desk.alarms()] == ["cam-stair"]


async def test_the_alarm_returns_when_readings_come_back(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk:
        await desk.send(desk.reading("stair", "L0"))
        await pass_time(desk, 11.0, keep=("hall",))
        await pass_time(desk, 1.0, keep=("hall", "stair"))
        (alarm,) = await desk.alarms()
        assert alarm["state"] == "returned_unacknowledged"
        assert (await desk.zone("stair"))["level"] == "L0"


async def test_a_crowd_that_is_seen_between_two_looks_alone_is_not_seen_any_more(
    sqlite_url: str,
) -> None:
    """A reading comes late, after a silence, and is too old before the watch looks again."""
    async with running_desk(sqlite_url) as desk:
        await desk.service.watch.tick()
        await desk.send(desk.reading("stair", "L3", 2.9, kind="transition", age_s=2.5))
        (alarm,) = await desk.alarms()
        assert alarm["condition"] == "active"
        desk.clock.advance(1.0)
        await desk.service.watch.tick()
        assert (await desk.zone("stair"))["level"] == "UNKNOWN"
        (alarm,) = await desk.alarms()
        assert (alarm["state"], alarm["condition"]) == ("unacknowledged", "unknown")


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


TWO_ON_THE_STAIR = replace(
    SITE,
    zones=(replace(SITE.zones[0], camera_ids=("cam-stair", "cam-up")), SITE.zones[1]),
    cameras=(*SITE.cameras, WatchedCamera("cam-up", Name("楼梯上", "Upper stair"), ("stair",))),
)


async def acknowledge(desk: RunningDesk, alarm: Json) -> None:
    body = {"name": "王芳", "version": alarm["version"]}
    await desk.post(f"/api/v1/alarms/{alarm['number']}/acknowledge", body)


async def dark(desk: RunningDesk, zone_id: str, seconds: int, *, keep: str) -> None:
    for _ in range(seconds):
        await desk.send(desk.reading(zone_id, "UNKNOWN"), desk.reading(keep, "L0"))
        desk.clock.advance(1.0)
        await desk.service.watch.tick()


@pytest.mark.parametrize(
    ("camera", "zone", "keep", "priority"),
    [("cam-a", "hall", "stair", 3), ("cam-stair", "stair", "hall", 2)],
)
async def test_a_zone_that_a_lost_cameras_partner_no_longer_sees_alerts_each_time(
    sqlite_url: str, camera: str, zone: str, keep: str, priority: int
) -> None:
    async with running_desk(sqlite_url, site=TWO_ON_THE_STAIR) as desk:
        await desk.send(desk.camera(camera, "offline", "connection_lost"))
        (alarm,) = await desk.alarms()
        assert (alarm["priority"], alarm["zone_ids"]) == (3, [])
        for _ in range(2):
            await acknowledge(desk, (await desk.alarms())[0])
            await pass_time(desk, 5.0, keep=("stair", "hall"))
            assert (await desk.alarms())[0]["state"] == "acknowledged"
            await dark(desk, zone, 12, keep=keep)
            (alarm,) = await desk.alarms()
            assert (alarm["state"], alarm["zone_ids"]) == ("unacknowledged", [zone])
            assert alarm["priority"] == priority


async def test_a_lost_cameras_partner_that_falls_silent_is_an_alarm(sqlite_url: str) -> None:
    async with running_desk(sqlite_url, site=TWO_ON_THE_STAIR) as desk:
        await desk.send(
            desk.camera("cam-up", "live"), desk.camera("cam-stair", "offline", "connection_lost")
        )
        await desk.send(desk.reading("stair", "L0"), desk.reading("hall", "L0"))
        await desk.service.watch.tick()
        await acknowledge(desk, (await desk.alarms())[0])
        await pass_time(desk, 12.0, keep=("hall",))
        found = {one["subject_id"]: one for one in await desk.alarms()}
        assert found["cam-up"]["now"]["reasons"][0]["rule"] == "stale"
        for one in found.values():
            assert (one["state"], one["priority"]) == ("unacknowledged", 2)
            assert one["zone_ids"] == ["stair"]


async def test_a_lost_recorder_alerts_again_when_nobody_sees_its_zone_any_more(
    sqlite_url: str,
) -> None:
    group = CameraGroup(
        "nvr", AlarmType.RECORDER_LOST, Name("录像机", "NVR"), ("cam-a", "cam-stair")
    )
    async with running_desk(sqlite_url, site=TWO_ON_THE_STAIR, groups=(group,)) as desk:
        await desk.send(*(desk.camera(one, "offline", "hung") for one in group.camera_ids))
        await pass_time(desk, 1.0, keep=("hall", "stair"))
        parent = next(one for one in await desk.alarms() if one["subject_id"] == "nvr")
        assert parent["priority"] == 3
        await acknowledge(desk, parent)
        await dark(desk, "stair", 12, keep="hall")
        found = {one["subject_id"]: one for one in await desk.alarms()}
        assert (found["nvr"]["state"], found["nvr"]["priority"]) == ("unacknowledged", 2)
        assert found["cam-stair"]["state"] == "suppressed"


async def test_a_camera_out_of_service_alerts_when_nobody_sees_its_zone_any_more(
    sqlite_url: str,
) -> None:
    async with running_desk(sqlite_url) as desk:
        await desk.send(desk.camera("cam-a", "offline", "hung"))
        body = {"name": "王芳", "second": "李强", "version": 1, "hours": 48, "reason": "更换镜头"}
        await desk.post("/api/v1/alarms/1/out-of-service", body)
        await pass_time(desk, 5.0, keep=("hall", "stair"))
        assert (await desk.alarms())[0]["state"] == "out_of_service"
        await dark(desk, "hall", 12, keep="stair")
        (alarm,) = await desk.alarms()
        assert (alarm["state"], alarm["hold"]) == ("unacknowledged", None)


async def test_a_start_at_which_no_worker_speaks_ends_no_alarm_of_a_camera(
    database_url: str,
) -> None:
    cameras = ("cam-a", "cam-stair")
    group = CameraGroup("w1", AlarmType.WORKER_LOST, Name("分析进程", "worker"), cameras)
    async with running_desk(database_url, groups=(group,)) as desk:
        clock = desk.clock
        await desk.send(*(desk.camera(one, "live") for one in cameras))
        await desk.send(desk.reading("stair", "L0"), desk.reading("hall", "L0"))
        await pass_time(desk, 11.0)
        before = {one["subject_id"]: one for one in await desk.alarms()}
        assert sorted(before) == ["cam-a", "cam-b", "cam-stair", "w1"]
        await acknowledge(desk, before["w1"])
        await acknowledge(desk, before["cam-b"])
    clock.advance(5.0)
    async with running_desk(database_url, clock=clock, groups=(group,)) as desk:
        await pass_time(desk, 70.0)
        found = await desk.alarms()
        assert {one["subject_id"]: one["number"] for one in found} == {
            key: one["number"] for key, one in before.items()
        }
        for one in found:
            assert (one["condition"], one["repeats"]) == ("active", 0)
            assert "returned" not in await desk.actions(one["number"])
        await pass_time(desk, 2.0, keep=("hall", "stair"))
        for one in before.values():
            assert "returned" in await desk.actions(one["number"])


async def test_a_camera_that_starts_anew_is_not_back_before_its_first_picture(
    sqlite_url: str,
) -> None:
    async with running_desk(sqlite_url) as desk:
        await desk.send(desk.camera("cam-stair", "offline", "connection_lost"))
        desk.clock.advance(2.0)
        await desk.send(desk.camera("cam-stair", "starting"))
        await desk.service.watch.tick()
        (alarm,) = await desk.alarms()
        assert (alarm["state"], alarm["condition"]) == ("unacknowledged", "unknown")
        desk.clock.advance(2.0)
        await desk.send(desk.camera("cam-stair", "live"))
        (alarm,) = await desk.alarms()
        assert alarm["state"] == "returned_unacknowledged"
        assert alarm["repeats"] == 0

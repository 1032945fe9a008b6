"""What a start does with the alarms and suppressions of things that the settings name no longer."""

from __future__ import annotations

from dataclasses import replace

from api.alarms.parents import CameraGroup
from api.alarms.values import AlarmKey, AlarmType, Condition, Evidence, Signal
from api.watched import Name, WatchedArea
from config.delivery import DeliveryPlan
from streams.clock import SimulatedClock
from tests.api.delivery.cases import plan
from tests.api.desk_cases import SITE, Json, RunningDesk, running_desk
from vision.risk.readings import Level

OLD = CameraGroup("nvr", AlarmType.RECORDER_LOST, Name("录像机", "NVR"), ("cam-a", "cam-b"))
NEW = replace(OLD, id="nvr-2")
# Of the yard nobody says any more that it is critical.
WITHOUT_STAIR = replace(
    SITE,
    zones=SITE.zones[1:],
    cameras=SITE.cameras[1:],
    areas=(
        WatchedArea("gate", Name("校门", "Gate"), critical=True),
        WatchedArea("yard", Name("操场", "Yard"), critical=False),
    ),
)
CLOSE: Json = {"name": "王芳", "cause": "equipment_mended", "taken": "repaired"}


def signal(kind: AlarmType, subject_id: str, desk: RunningDesk, site_id: str = SITE.id) -> Signal:
    now = desk.clock.utc()
    key = AlarmKey(site_id, kind, subject_id)
    return Signal(key, Condition.ACTIVE, 2, Evidence(Level.UNKNOWN), (), now, now)


async def found(desk: RunningDesk) -> dict[str, Json]:
    return {alarm["subject_id"]: alarm for alarm in await desk.alarms()}


async def test_what_the_settings_name_no_longer_returns_and_can_be_closed(
    database_url: str,
) -> None:
    clock = SimulatedClock()
    kept = [
        (AlarmType.DELIVERY, "room/backup"),
        (AlarmType.DELIVERY, "room/test"),
        (AlarmType.DELIVERY, "room/refused"),
        (AlarmType.DELIVERY, "settings"),
        (AlarmType.SITE_FILES, "files"),
        (AlarmType.RECORDING_STOPPED, "recording"),
        (AlarmType.AREA_BLIND, "gate"),
    ]
    removed = [
        (AlarmType.DELIVERY, "room/third"),
        (AlarmType.DELIVERY, "bureau/ack"),
        (AlarmType.PANIC, "pillar"),
        (AlarmType.PANEL_FAULT, "module"),
        (AlarmType.AREA_BLIND, "area"),
        (AlarmType.AREA_BLIND, "yard"),
        (AlarmType.WORKER_LOST, "nvr"),
    ]
    async with running_desk(database_url, clock=clock, delivery=plan()) as desk:
        await desk.send(desk.reading("stair", "L3", 2.9), desk.reading("hall", "L3", 2.9))
        async with desk.service.desk.work() as work:
            for kind, subject_id in kept + removed:
                await work.signal(signal(kind, subject_id, desk))
            await work.signal(signal(AlarmType.SITE_FILES, "elsewhere", desk, "old-name"))
    clock.advance(1.0)
    again = running_desk(
        database_url, clock=clock, delivery=plan(), site=WITHOUT_STAIR, groups=(OLD,)
    )
    async with again as desk:
        alarms = await found(desk)
        # The monitor of the paths may have looked by now, and ended what it finds mended.
        gone = {
            subject
            for subject, one in alarms.items()
            if one["condition"] == "gone"
            and "not_in_settings" in {reason["rule"] for reason in one["now"]["reasons"]}
        }
        assert gone == {subject for _, subject in removed} | {"stair", "elsewhere"}
        stair = alarms["stair"]
        assert stair["state"] == "returned_unacknowledged"
        assert stair["now"]["reasons"][0]["rule"] == "not_in_settings"
        body = {**CLOSE, "version": stair["version"]}
        await desk.post(f"/api/v1/alarms/{stair['number']}/close", body)
        assert alarms["hall"]["state"] == "unacknowledged"


async def test_a_replaced_recorder_frees_its_cameras(sqlite_url: str) -> None:
    clock = SimulatedClock()
    async with running_desk(sqlite_url, clock=clock, groups=(OLD,)) as desk:
        await desk.send(*(desk.camera(one, "offline", "hung") for one in OLD.camera_ids))
        await desk.service.watch.tick()
        assert (await found(desk))["cam-a"]["state"] == "suppressed"
    clock.advance(3_600.0)
    async with running_desk(sqlite_url, clock=clock, groups=(NEW,)) as desk:
        alarms = await found(desk)
        assert alarms["nvr"]["condition"] == "gone"
        # They stand under the new one now, which is as lost.
        for one in OLD.camera_ids:
            assert alarms[one]["hold"]["parent_number"] == alarms["nvr-2"]["number"]
        await desk.send(*(desk.camera(one, "live") for one in OLD.camera_ids))
        await desk.service.watch.tick()
        clock.advance(60.0)
        await desk.send(desk.reading("hall", "L0"), desk.camera("cam-a", "offline", "hung"))
        assert (await found(desk))["cam-a"]["state"] == "unacknowledged"


async def test_a_camera_that_moved_to_another_recorder_is_free_of_the_old_one(
    sqlite_url: str,
) -> None:
    clock = SimulatedClock()
    async with running_desk(sqlite_url, clock=clock, groups=(OLD,)) as desk:
        await desk.send(*(desk.camera(one.id, "offline", "hung") for one in SITE.cameras))
        await desk.service.watch.tick()
    moved = replace(OLD, camera_ids=("cam-b", "cam-stair"))
    async with running_desk(sqlite_url, clock=clock, groups=(moved,)) as desk:
        alarms = await found(desk)
        assert alarms["nvr"]["condition"] == "active"
        assert (alarms["cam-a"]["state"], alarms["cam-b"]["state"]) == (
            "unacknowledged",
            "suppressed",
        )


async def test_a_suppression_whose_parent_is_there_stands_over_a_start(sqlite_url: str) -> None:
    clock = SimulatedClock()
    async with running_desk(sqlite_url, clock=clock, groups=(OLD,)) as desk:
        await desk.send(*(desk.camera(one, "offline", "hung") for one in OLD.camera_ids))
        await desk.service.watch.tick()
        before = await found(desk)
    async with running_desk(
        sqlite_url, clock=clock, groups=(OLD,), delivery=DeliveryPlan()
    ) as desk:
        after = await found(desk)
        assert {one: after[one]["version"] for one in OLD.camera_ids} == {
            one: before[one]["version"] for one in OLD.camera_ids
        }
        assert after["cam-a"]["state"] == "suppressed"

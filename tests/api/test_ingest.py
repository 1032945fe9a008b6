"""Records in, once each, with their alarms, on both databases."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from api.database.tables import ALARMS, EVENTS, READINGS, RECORDS
from streams.clock import SimulatedClock
from streams.records import RECORD
from streams.spooling.spool import Spool
from streams.spooling.uploader import Uploader
from tests.api.desk_cases import AUTHORISED, SITE, Json, RunningDesk, running_desk


async def count(desk: RunningDesk, table: object) -> int:
    async with desk.service.desk.database.read() as connection:
        found = await connection.execute(select(func.count()).select_from(table))  # type: ignore[arg-type]
        return int(found.scalar_one())


async def test_a_record_is_stored_once_however_often_it_is_sent(database_url: str) -> None:
    async with running_desk(database_url) as desk:
        batch = [desk.reading("stair", "L3", 2.9), desk.reading("hall", "L0")]
        assert await desk.send(*batch) == {"accepted": 2, "duplicates": 0, "rejected": []}
        events = await count(desk, EVENTS)
        assert await desk.send(*batch) == {"accepted": 0, "duplicates": 2, "rejected": []}
        assert await desk.send(batch[0], batch[0]) == {
            "accepted": 0,
            "duplicates": 2,
            "rejected": [],
        }
        assert await count(desk, RECORDS) == 2
        assert await count(desk, READINGS) == 2
        assert await count(desk, ALARMS) == 1
        assert await count(desk, EVENTS) == events


async def test_an_alarm_opens_and_rises_and_returns(database_url: str) -> None:
    async with running_desk(database_url) as desk:
        for level, density in (("L2", 2.0), ("L3", 2.9), ("L4", 3.8), ("L0", 0.4)):
            await desk.send(desk.reading("stair", level, density, kind="transition"))
            desk.clock.advance(1.0)
        (alarm,) = await desk.alarms()
        assert alarm["state"] == "returned_unacknowledged"
        assert (alarm["priority"], alarm["latched"], alarm["peak"]["level"]) == (1, True, "L4")
        assert alarm["peak"]["people"] == pytest.approx(22.8)
        assert await desk.actions(alarm["number"]) == ["opened", "raised", "raised", "returned"]


async def test_a_zone_shows_its_newest_reading(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk:
        await desk.send(desk.reading("stair", "L1", 1.4))
        desk.clock.advance(0.5)
        zone = await desk.zone("stair")
        assert (zone["level"], zone["density_per_m2"], zone["age_s"]) == ("L1", 1.4, 0.5)
        assert zone["people"] == pytest.approx(8.4)
        assert await desk.alarms() == []


async def test_order_of_arrival_does_not_matter_within_a_batch(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk:
        newest = desk.reading("stair", "L0", age_s=0.0)
        older = desk.reading("stair", "L3", 2.9, age_s=1.0)
        await desk.send(newest, older)
        assert (await desk.zone("stair"))["level"] == "L0"
        (alarm,) = await desk.alarms()
        assert alarm["state"] == "returned_unacknowledged"


async def test_a_late_alarm_is_not_lost(sqlite_url: str) -> None:
    """A transition that comes after newer readings opens an alarm that has already returned."""
    async with running_desk(sqlite_url) as desk:
        await desk.send(desk.reading("stair", "L0"))
        await desk.send(desk.reading("stair", "L3", 2.9, kind="transition", age_s=60.0))
        assert (await desk.zone("stair"))["level"] == "L0"
        (alarm,) = await desk.alarms()
        assert (alarm["state"], alarm["condition"]) == ("returned_unacknowledged", "gone")
        assert await desk.actions(alarm["number"]) == ["opened", "returned"]


@pytest.mark.parametrize("newest", ["L1", "L3"])
async def test_a_late_alarm_learns_nothing_from_a_reading_that_is_too_old(
    sqlite_url: str, newest: str
) -> None:
    """Nobody sees the zone any more: the crowd that is told of late may stand there or not."""
    async with running_desk(sqlite_url) as desk:
        await desk.send(desk.reading("stair", newest, 2.9))
        await desk.service.watch.tick()
        desk.clock.advance(5.0)
        await desk.service.watch.tick()
        await desk.send(desk.reading("stair", "L4", 3.9, kind="transition", age_s=30.0))
        assert (await desk.zone("stair"))["level"] == "UNKNOWN"
        (alarm,) = await desk.alarms()
        assert (alarm["state"], alarm["condition"]) == ("unacknowledged", "unknown")
        assert (await desk.actions(alarm["number"]))[-1] in ("condition_unknown", "late_report")


async def test_a_late_calm_calms_nothing(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk:
        await desk.send(desk.reading("stair", "L3", 2.9))
        await desk.send(desk.reading("stair", "L0", age_s=5.0))
        (alarm,) = await desk.alarms()
        assert (alarm["state"], alarm["condition"]) == ("unacknowledged", "active")


async def test_a_backlog_says_nothing_of_the_present(sqlite_url: str) -> None:
    """Readings of an hour ago raise their alarm, and leave the zone unknown."""
    async with running_desk(sqlite_url) as desk:
        await desk.send(*(desk.reading("stair", "L3", 2.9, age_s=3_600.0 - i) for i in range(5)))
        assert (await desk.zone("stair"))["level"] == "UNKNOWN"
        (alarm,) = await desk.alarms()
        assert alarm["condition"] == "unknown"
        assert await desk.actions(alarm["number"]) == ["opened", "condition_unknown"]


async def test_a_record_from_the_future_is_taken_and_flagged(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk:
        answer = await desk.send(desk.reading("stair", "L0", age_s=-3_600.0))
        assert answer["accepted"] == 1
        zone = await desk.zone("stair")
        assert zone["clock_skew_s"] == pytest.approx(3_600.0)
        desk.clock.advance(4.0)
        assert (await desk.zone("stair"))["level"] == "UNKNOWN"
        # Once the clock is put right its readings count again.
        await desk.send(desk.reading("stair", "L1", 1.5))
        zone = await desk.zone("stair")
        assert (zone["level"], zone["clock_skew_s"]) == ("L1", None)


async def test_an_unknown_zone_keeps_its_alarm_open(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk:
        await desk.send(desk.reading("stair", "L3", 2.9))
        desk.clock.advance(1.0)
        await desk.send(desk.reading("stair", "UNKNOWN", kind="transition"))
        (alarm,) = await desk.alarms()
        assert (alarm["state"], alarm["condition"]) == ("unacknowledged", "unknown")
        assert (await desk.zone("stair"))["people"] is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"site_id": "elsewhere"}, "site_id: this service watches 'school', not 'elsewhere'"),
        ({"kind": "picture"}, "record: Input tag 'picture'"),
        ({"record_id": "short"}, "reading.record_id: String should match pattern"),
        ({"captured_at": "2026-11-23T09:00:00"}, "reading.captured_at: Input should have timezone"),
        ({"extra": 1}, "reading.extra: Extra inputs are not permitted"),
    ],
)
async def test_a_bad_record_does_not_hold_up_others(
    sqlite_url: str, change: Json, reason: str
) -> None:
    async with running_desk(sqlite_url) as desk:
        bad = {**desk.reading("stair", "L0"), **change}
        answer = await desk.send(bad, desk.reading("stair", "L0"))
        assert answer["accepted"] == 1
        (rejected,) = answer["rejected"]
        assert rejected["record_id"] == bad["record_id"]
        assert rejected["reason"].startswith(reason)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("zone", "reading.zone_id: the site file has no zone 'attic'"),
        ("camera", "camera_id: the site file has no camera 'attic'"),
    ],
)
async def test_strangers_are_named(sqlite_url: str, kind: str, reason: str) -> None:
    async with running_desk(sqlite_url) as desk:
        stranger = (
            desk.reading("attic", "L0") if kind == "zone" else desk.camera("attic", "offline")
        )
        answer = await desk.send(stranger)
        assert answer["rejected"][0]["reason"] == reason


@pytest.mark.parametrize("junk", [None, 7, "x", [], {}, {"kind": None}])
async def test_junk_is_rejected_and_not_fatal(sqlite_url: str, junk: object) -> None:
    async with running_desk(sqlite_url) as desk:
        answer = await desk.client.post(
            "/api/v1/ingest", json={"records": [junk]}, headers=AUTHORISED
        )
        assert answer.status_code == 200
        assert len(answer.json()["rejected"]) == 1


async def test_a_failure_in_the_middle_leaves_nothing_behind(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records, alarms and events commit together or not at all, and memory follows the commit."""
    async with running_desk(sqlite_url) as desk:
        record = desk.reading("stair", "L4", 3.9)

        async def full(*_: object) -> None:
            raise OperationalError("insert", {}, OSError("disk full"))

        with monkeypatch.context() as patch:
            patch.setattr("api.events.append", full)
            refused = await desk.client.post(
                "/api/v1/ingest", json={"records": [record]}, headers=AUTHORISED
            )
        assert refused.status_code == 503
        assert refused.json()["code"] == "database_refused"
        assert await count(desk, RECORDS) == 0
        assert await desk.alarms() == []
        # What is shown of it lies beside: the board holds what is stored, and that is nothing.
        assert (await desk.zone("stair"))["level"] == "L4"
        stored = desk.service.desk.board.known_at(desk.clock.utc())
        assert stored.zone("stair").last_level is None
        assert (await desk.send(record))["accepted"] == 1
        assert len(await desk.alarms()) == 1


async def test_state_is_as_it_was_after_a_restart(database_url: str) -> None:
    async with running_desk(database_url) as desk:
        clock = desk.clock
        await desk.send(desk.reading("stair", "L3", 2.9), desk.camera("cam-a", "offline", "hung"))
        before = await desk.alarms()
    clock.advance(1.0)
    async with running_desk(database_url, clock=clock) as desk:
        assert (await desk.zone("stair"))["level"] == "L3"
        assert [alarm["number"] for alarm in await desk.alarms()] == [a["number"] for a in before]
        cameras = (await desk.get("/api/v1/state"))["cameras"]
        assert [camera["state"] for camera in cameras] == [None, "offline", None]


async def test_capture_and_arrival_times_reach_the_events(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk:
        record = desk.reading("stair", "L0", age_s=0.25)
        await desk.send(record)
        zone = await desk.zone("stair")
        assert zone["captured_at"] == record["captured_at"]
        assert zone["received_at"] == desk.clock.utc().iso()


def test_the_small_site_is_consistent() -> None:
    for zone in SITE.zones:
        for camera_id in zone.camera_ids:
            assert zone.id in SITE.camera[camera_id].zone_ids


async def test_a_worker_that_is_short_of_time_is_told_and_counted(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk:
        assert (await desk.get("/api/v1/state"))["workers"] == []
        await desk.send(desk.load(0.08, 1, cam_stair=(5.0, "full"), cam_a=(2.5, "load")))
        (worker,) = (await desk.get("/api/v1/state"))["workers"]
        assert (worker["worker_id"], worker["lost_share"], worker["shed_step"]) == ("w1", 0.08, 1)
        assert worker["cameras"][1] == {"camera_id": "cam-a", "fps": 2.5, "reason": "load"}
        figures = desk.service.desk.metrics.text().decode()
        assert 'xiaoan_worker_lost_share{worker="w1"} 0.08' in figures
        assert 'xiaoan_worker_frame_age_seconds{quantile="0.95",worker="w1"} 0.3' in figures
        assert 'xiaoan_camera_analysed_fps{camera="cam-a",reason="load"} 2.5' in figures
        await desk.send(desk.load(0.0, 0, cam_stair=(5.0, "full"), cam_a=(5.0, "full")))
        (worker,) = (await desk.get("/api/v1/state"))["workers"]
        assert worker["shed_step"] == 0
        figures = desk.service.desk.metrics.text().decode()
        assert 'xiaoan_camera_analysed_fps{camera="cam-a",reason="load"} 0.0' in figures


async def test_load_of_a_camera_that_is_not_in_the_site_is_rejected(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk:
        answer = await desk.send(desk.load(0.0, 0, cam_elsewhere=(5.0, "full")))
        (rejected,) = answer["rejected"]
        assert "no camera 'cam-elsewhere'" in rejected["reason"]


async def test_what_the_database_cannot_hold_does_not_hold_up_what_is_behind_it(
    database_url: str, tmp_path: Path
) -> None:
    """PostgreSQL keeps to the length of a column: no fault of its own, and none that passes."""
    async with running_desk(database_url) as desk:
        strange = desk.camera("cam-a", "offline", "x" * 200)
        crowd = desk.reading("stair", "L4", 3.9, kind="transition")
        spool = Spool(tmp_path / "spool.sqlite3")
        spool.append([RECORD.validate_python(record) for record in (strange, crowd)])
        loop = asyncio.get_running_loop()

        def post(request: httpx.Request) -> httpx.Response:
            sent = desk.client.post(
                "/api/v1/ingest", json=json.loads(request.content), headers=AUTHORISED
            )
            answer = asyncio.run_coroutine_threadsafe(sent, loop).result()
            return httpx.Response(answer.status_code, content=answer.content)

        client = httpx.Client(transport=httpx.MockTransport(post), base_url="http://service")
        uploader = Uploader(spool, client, clock=SimulatedClock(self_advancing=True))
        for _ in range(4):
            await asyncio.to_thread(uploader.send_batch)
        assert spool.counts().waiting == 0
        assert [one["subject_id"] for one in await desk.alarms() if one["type"] == "crowd"] == [
            "stair"
        ]
        spool.close()
        client.close()

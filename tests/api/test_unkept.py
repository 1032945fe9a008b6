"""While the database stores nothing: what is shown, what sounds, and what comes of it later."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest
from fastapi.sse import ServerSentEvent
from sqlalchemy.exc import SQLAlchemyError

from api import proof
from api.alarms.values import AlarmKey, AlarmType
from api.database import silence
from api.unkept import RECORDS_COME_AGAIN_S
from tests.api.desk_cases import AUTHORISED, Json, RunningDesk, running_desk
from tests.api.mute_server import mute_server
from tests.api.refusing_database import refusing_here, refusing_readings
from tests.api.test_events import body, listening, take
from vision.risk.readings import Level


def refuses(desk: RunningDesk) -> bool:
    return desk.service.desk.unkept.refusing


def unkept_alarms(told: ServerSentEvent) -> list[Json]:
    found: list[Json] = json.loads(told.raw_data or "{}")["alarms"]
    return found


async def refused(desk: RunningDesk, *records: Json) -> None:
    """As a worker does it: what is not stored is shown at least."""
    answer = await desk.client.post(
        "/api/v1/ingest", json={"records": list(records)}, headers=AUTHORISED
    )
    assert (answer.status_code, answer.json()["code"]) == (503, "database_refused")
    shown = await desk.client.post(
        "/api/v1/ingest/shown", json={"records": list(records)}, headers=AUTHORISED
    )
    assert shown.json() == {"shown": True}


async def test_a_crowd_is_shown_at_once_and_stored_once_later(database_url: str) -> None:
    async with running_desk(database_url) as desk, listening(desk) as source:
        await take(source, 1)
        await desk.send(desk.reading("stair", "L0"))
        await take(source, 1)
        async with refusing_here(database_url):
            desk.clock.advance(3.0)
            await desk.service.proof.look()
            (told,) = await take(source, 1)
            assert (told.event, told.id) == ("store", None)
            assert body(told)["kept"] is False
            rise = desk.reading("stair", "L4", 4.1, kind="transition")
            await refused(desk, rise)
            told, zone = await take(source, 2)
            assert (zone.event, zone.id, body(zone)["level"]) == ("zone", None, "L4")
            (alarm,) = unkept_alarms(told)
            assert (alarm["type"], alarm["subject_id"], alarm["priority"]) == ("crowd", "stair", 1)
            assert await desk.alarms() == []
        await desk.service.proof.look()
        assert (await desk.send(rise))["accepted"] == 1
        events = await take(source, 4)
        assert [one.event for one in events] == ["alarm", "zone", "snapshot", "store"]
        assert body(events[3]) == {"kept": True, "since": None, "alarms": []}
        (stored,) = await desk.alarms()
        assert (stored["number"], stored["priority"]) == (1, 1)
        assert stored["opened_at"] == alarm["opened_at"]


async def test_readiness_and_counters_tell_that_nothing_is_kept(database_url: str) -> None:
    async with running_desk(database_url) as desk:
        await desk.send(desk.reading("stair", "L3", 2.9))
        async with refusing_here(database_url):
            desk.clock.advance(3.0)
            await desk.service.proof.look()
            answer = await desk.client.get("/readyz")
            assert (answer.status_code, answer.json()["code"]) == (503, "database_refused")
            told = (await desk.client.get("/metrics")).text
            assert "xiaoan_database_refuses 1.0" in told
            assert "xiaoan_open_alarms{" not in told
        desk.clock.advance(2.0)
        await desk.service.proof.look()
        assert (await desk.client.get("/readyz")).status_code == 200
        told = (await desk.client.get("/metrics")).text
        assert "xiaoan_database_refuses 0.0" in told
        assert "xiaoan_open_alarms{" in told


async def test_a_page_that_opens_meanwhile_is_not_told_that_there_are_no_alarms(
    sqlite_url: str,
) -> None:
    """The alarms cannot be read either: the zones come without a snapshot."""
    async with running_desk(sqlite_url) as desk:
        await desk.send(desk.reading("stair", "L3", 2.9))
        with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as other:
            other.execute("ALTER TABLE alarms RENAME TO unreadable")
            await refused(desk, desk.reading("hall", "L4", 4.1))
            async with listening(desk) as source:
                told, *zones = await take(source, 3)
                assert told.event == "store"
                assert {body(one)["id"]: body(one)["level"] for one in zones} == {
                    "stair": "L3",
                    "hall": "L4",
                }
                other.execute("ALTER TABLE unreadable RENAME TO alarms")
                await desk.send(desk.reading("hall", "L4", 4.1))
                names = [one.event for one in await take(source, 4)]
                assert names == ["alarm", "zone", "snapshot", "store"]


async def test_what_is_over_before_it_is_stored_does_not_sound_on(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk:
        key = AlarmKey("school", AlarmType.CROWD, "stair")
        async with refusing_here(sqlite_url):
            for level, density in (("L3", 2.9), ("L0", 0.2)):
                await refused(desk, desk.reading("stair", level, density))
                desk.clock.advance(1.0)
            assert desk.service.desk.unkept.alarms[key].condition.value == "gone"
            # Older than what is shown: it wakes nobody.
            await refused(desk, desk.reading("stair", "L4", 4.1, age_s=3.0))
            assert desk.service.desk.unkept.alarms[key].peak.level is Level.L3


async def test_an_outage_is_no_lost_camera(sqlite_url: str) -> None:
    """The newest reading that is stored is old then; the workers send theirs in a moment."""
    async with running_desk(sqlite_url) as desk:
        for zone_id in ("stair", "hall"):
            await desk.send(desk.reading(zone_id, "L0"))
        await desk.service.watch.tick()
        async with refusing_here(sqlite_url):
            desk.clock.advance(3.0)
            await desk.service.proof.look()
            desk.clock.advance(120.0)
        await desk.service.proof.look()
        await desk.service.watch.tick()
        assert await desk.alarms() == []


async def test_a_camera_that_is_lost_meanwhile_is_named_at_once_or_after_the_time_of_a_start(
    sqlite_url: str,
) -> None:
    def lost() -> list[str]:
        open_alarms = desk.service.desk.unkept.open_alarms()
        return [
            one.key.subject_id
            for one in open_alarms
            if one.key.type is AlarmType.CAMERA_LOST and one.condition.value == "active"
        ]

    async def look() -> None:
        with suppress(SQLAlchemyError):
            await desk.service.watch.tick()

    async with running_desk(sqlite_url) as desk:
        await desk.send(desk.reading("stair", "L3", 2.9), desk.reading("hall", "L0"))
        async with refusing_here(sqlite_url):
            desk.clock.advance(3.0)
            await desk.service.proof.look()
            await refused(desk, desk.reading("stair", "L3", 2.9))
            desk.clock.advance(9.0)
            await look()
            assert lost() == []
            desk.clock.advance(2.0)
            await look()
            # It was heard of since, and the hall was not: that one has the time of a start.
            assert lost() == ["cam-stair"]
            crowd = desk.service.desk.unkept.alarms[AlarmKey("school", AlarmType.CROWD, "stair")]
            assert crowd.condition.value == "unknown"
            await refused(desk, desk.reading("stair", "L0"))
            await look()
            assert lost() == []
            await refused(desk, desk.camera("cam-a", "offline", cause="connection_lost"))
            await look()
            assert lost() == ["cam-a"]
            desk.clock.advance(60.0)
            await look()
            assert sorted(lost()) == ["cam-a", "cam-b", "cam-stair"]
        assert [one["type"] for one in await desk.alarms()] == ["crowd"]


async def test_where_no_worker_comes_again_the_store_alone_decides(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk:
        async with refusing_here(sqlite_url):
            await refused(desk, desk.reading("stair", "L0"))
        desk.clock.advance(RECORDS_COME_AGAIN_S)
        await desk.service.proof.look()
        assert refuses(desk)
        desk.clock.advance(1.0)
        await desk.service.proof.look()
        assert not refuses(desk)


async def test_records_that_alone_are_refused_are_no_lost_cameras(database_url: str) -> None:
    """The store takes rows, so what the watch finds would be stored and sent."""
    async with running_desk(database_url) as desk:
        await desk.send(desk.reading("stair", "L0"), desk.reading("hall", "L0"))
        await desk.service.watch.tick()
        async with refusing_readings(database_url):
            for _ in range(15):
                desk.clock.advance(1.0)
                await refused(desk, desk.reading("stair", "L0"), desk.reading("hall", "L0"))
                await desk.service.proof.look()
                await desk.service.watch.tick()
            assert refuses(desk)
            assert await desk.alarms() == []
            # Of the hall nothing comes any more, refused or not.
            for _ in range(11):
                desk.clock.advance(1.0)
                await refused(desk, desk.reading("stair", "L0"))
                await desk.service.watch.tick()
            assert [one["subject_id"] for one in await desk.alarms()] == ["cam-b", "cam-a"]
        # The workers begin with the oldest.
        await desk.send(desk.reading("stair", "L0", age_s=25.0))
        assert not refuses(desk)
        await desk.service.watch.tick()
        assert [one["subject_id"] for one in await desk.alarms()] == ["cam-b", "cam-a"]


@pytest.mark.peer
async def test_a_camera_that_is_lost_is_named_while_the_watch_waits_for_a_silent_server(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof, "_PATIENCE_S", 0.2)
    monkeypatch.setattr(silence, "PATIENCE_S", 30.0)
    async with (
        mute_server(postgres_url, tmp_path) as server,
        running_desk(server.url, watch_every_s=0.05) as desk,
    ):
        unkept = desk.service.desk.unkept
        await desk.send(desk.reading("stair", "L0"), desk.reading("hall", "L0"))
        server.speaks.clear()
        desk.clock.advance(3.0)
        try:
            async with asyncio.timeout(30.0):
                while not unkept.store_refuses:
                    await asyncio.sleep(0.01)
                waits_since = desk.service.watch.last_tick
                await refused(desk, desk.reading("stair", "L0"))
                desk.clock.advance(11.0)
                key = AlarmKey("school", AlarmType.CAMERA_LOST, "cam-stair")
                while key not in unkept.alarms:
                    await asyncio.sleep(0.01)
            assert desk.service.watch.last_tick == waits_since
        finally:
            server.speaks.set()


@pytest.mark.peer
async def test_a_silent_server_is_told_of_before_it_is_given_up(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof, "_PATIENCE_S", 0.2)
    monkeypatch.setattr(silence, "PATIENCE_S", 2.0)
    monkeypatch.setattr(silence, "ANSWER_WITHIN_S", 0.5)
    async with mute_server(postgres_url, tmp_path) as server, running_desk(server.url) as desk:
        await desk.send(desk.reading("stair", "L0"))
        server.speaks.clear()
        desk.clock.advance(3.0)
        looking = asyncio.create_task(desk.service.proof.look())
        async with asyncio.timeout(30.0):
            while not refuses(desk):
                await asyncio.sleep(0.01)
        assert not looking.done()
        await refused(desk, desk.reading("stair", "L4", 4.1))
        assert desk.service.desk.unkept.known().zone("stair").level is Level.L4
        await looking
        assert refuses(desk)
        server.speaks.set()
        desk.clock.advance(2.0)
        await desk.service.proof.look()
        await desk.send(desk.reading("stair", "L4", 4.1))
        assert not refuses(desk)
        assert len(await desk.alarms()) == 1

"""The event stream: snapshot, replay, live, pings."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fastapi.sse import ServerSentEvent
from sqlalchemy import text

from api import events
from api.access.actor import Actor, Grant
from api.access.guard import OpenAccess
from api.access.rights import Role
from api.access.scoping import Sight
from api.events import Broker, Event, EventKind
from api.routes.console import PAGE_BUILD
from api.routes.events import Audience, stream
from tests.api.desk_cases import RunningDesk, running_desk


@asynccontextmanager
async def listening(
    desk: RunningDesk, last_event_id: str | None = None
) -> AsyncIterator[AsyncIterator[ServerSentEvent]]:
    """A console's stream, past its first ping."""
    guard = Actor("王芳", (Grant(Role.OPERATOR),))
    sight = Sight(guard, desk.service.desk.board.site)
    source = stream(
        desk.service, last_event_id, Audience(OpenAccess(), guard, sight, desk.clock.monotonic())
    )
    first = await anext(source)
    assert first.event == "ping"
    assert first.retry == 1_000
    try:
        yield source
    finally:
        await source.aclose()  # type: ignore[attr-defined]


async def take(source: AsyncIterator[ServerSentEvent], count: int) -> list[ServerSentEvent]:
    async with asyncio.timeout(20.0):
        return [await anext(source) for _ in range(count)]


def body(event: ServerSentEvent) -> dict[str, object]:
    found: dict[str, object] = json.loads(event.raw_data or "null")
    return found


async def test_a_new_console_gets_a_snapshot_and_then_changes(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk:
        await desk.send(desk.reading("hall", "L1", 1.3))
        async with listening(desk) as source:
            (snapshot,) = await take(source, 1)
            assert snapshot.event == "snapshot"
            state = body(snapshot)
            assert state["last_event_id"] == int(snapshot.id or 0)
            await desk.send(desk.reading("stair", "L3", 2.9))
            alarm, zone = await take(source, 2)
            assert (alarm.event, zone.event) == ("alarm", "zone")
            assert body(zone)["level"] == "L3"
            assert int(snapshot.id or 0) < int(alarm.id or 0) < int(zone.id or 0)


async def test_a_console_that_was_away_hears_what_it_missed_once(database_url: str) -> None:
    async with running_desk(database_url) as desk:
        async with listening(desk) as source:
            (snapshot,) = await take(source, 1)
        await desk.send(desk.reading("stair", "L3", 2.9))
        await desk.post("/api/v1/alarms/1/acknowledge", {"name": "王芳", "version": 1})
        async with listening(desk, snapshot.id) as source:
            missed = await take(source, 3)
            assert [event.event for event in missed] == ["alarm", "zone", "alarm"]
            states = [body(event)["state"] for event in missed if event.event == "alarm"]
            assert states == ["unacknowledged", "acknowledged"]
            await desk.send(desk.reading("hall", "L0"))
            (live,) = await take(source, 1)
            assert body(live)["id"] == "hall"
            assert int(live.id or 0) > int(missed[-1].id or 0)


async def test_a_backup_that_is_restored_under_the_service_silences_no_open_console(
    database_url: str,
) -> None:
    """The numbers of its events come again; a console had taken them for heard."""
    async with running_desk(database_url) as desk, listening(desk) as source:
        (before,) = await take(source, 1)
        await desk.send(*(desk.reading("hall", level, 1.3) for level in ("L1", "L0", "L1")))
        for _ in range(3):
            desk.clock.advance(1.0)
            await desk.send(desk.reading("stair", "L0"))
        heard = await take(source, 4)
        back = {"seq": int(heard[0].id or 0)}
        async with desk.service.desk.database.write() as connection:
            await connection.execute(text("DELETE FROM events WHERE seq > :seq"), back)
            again = "UPDATE sqlite_sequence SET seq = :seq WHERE name = 'events'"
            if not database_url.startswith("sqlite"):
                again = "SELECT setval(pg_get_serial_sequence('events', 'seq'), :seq)"
            await connection.execute(text(again), back)
        await desk.send(desk.reading("stair", "L4", 4.1))
        snapshot, *_ = await take(source, 1)
        assert snapshot.event == "snapshot"
        assert int(before.id or 0) < int(snapshot.id or 0) < int(heard[-1].id or 0)
        state = body(snapshot)
        assert isinstance(state["alarms"], list)
        assert [one["priority"] for one in state["alarms"]] == [1]
        await desk.send(desk.reading("stair", "L3", 2.9))
        assert [one.event for one in await take(source, 2)] == ["alarm", "zone"]


async def test_replay_works_across_a_restart(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk:
        clock = desk.clock
        async with listening(desk) as source:
            (snapshot,) = await take(source, 1)
        await desk.send(desk.reading("stair", "L3", 2.9))
    async with (
        running_desk(sqlite_url, clock=clock) as desk,
        listening(desk, snapshot.id) as source,
    ):
        first, second = await take(source, 2)
        assert (first.event, second.event) == ("alarm", "zone")


@pytest.mark.parametrize("stale_id", ["999999", "-1", "abc", "", "9" * 40, "１"])
async def test_an_id_that_cannot_be_replayed_gives_a_snapshot(
    sqlite_url: str, stale_id: str
) -> None:
    async with running_desk(sqlite_url) as desk, listening(desk, stale_id) as source:
        (event,) = await take(source, 1)
        assert event.event == "snapshot"


async def test_events_that_were_pruned_give_a_snapshot(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk:
        async with listening(desk) as source:
            (snapshot,) = await take(source, 1)
        await desk.send(desk.reading("stair", "L3", 2.9))
        desk.clock.advance(events.KEEP_EVENTS_S + 1.0)
        await desk.send(desk.reading("hall", "L0"))
        await desk.service.watch.upkeep()
        async with listening(desk, snapshot.id) as source:
            (event,) = await take(source, 1)
            assert event.event == "snapshot"
            assert int(event.id or 0) > int(snapshot.id or 0)


async def test_a_quiet_stream_pings(sqlite_url: str) -> None:
    async with running_desk(sqlite_url, ping_s=0.01) as desk, listening(desk) as source:
        await take(source, 1)
        for _ in range(2):
            desk.clock.advance(0.01)
            (ping,) = await take(source, 1)
            assert ping.event == "ping"
            now = desk.clock.utc().iso()
            assert ping.data == {"server_time": now, "page": PAGE_BUILD, "kept": True}
            assert ping.id is None


async def test_a_busy_stream_pings_too(sqlite_url: str) -> None:
    """Pages learn the service's clock from pings; cameras tell something every second."""
    async with running_desk(sqlite_url) as desk, listening(desk) as source:
        await take(source, 1)
        heard = []
        for _ in range(7):
            desk.clock.advance(1.0)
            await desk.send(desk.reading("hall", "L0"))
            heard += await take(source, 1)
        assert [event.event for event in heard] == [*["zone"] * 5, "ping", "zone"]


async def test_a_stopping_service_ends_its_streams(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk, listening(desk) as source:
        await take(source, 1)
        desk.service.desk.broker.close()
        with pytest.raises(StopAsyncIteration):
            await take(source, 1)


async def test_a_console_that_reads_too_slowly_takes_a_snapshot(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk, listening(desk) as source:
        await take(source, 1)
        many = [Event(1_000 + n, EventKind.ZONE, "{}") for n in range(600)]
        desk.service.desk.broker.publish(many)
        (event,) = await take(source, 1)
        assert event.event == "snapshot"


async def test_consoles_are_counted_and_forgotten(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk:
        broker = desk.service.desk.broker
        async with listening(desk), listening(desk):
            assert broker.listeners == 2
        assert broker.listeners == 0


async def test_a_closed_broker_ends_newcomers_too() -> None:
    broker = Broker()
    broker.close()
    with broker.listen() as listener:
        assert await listener.next_within(1.0) is None

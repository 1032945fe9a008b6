"""The event stream of the console."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api import events
from api.service import Service, ServiceDep
from api.snapshot import take_snapshot

router = APIRouter(prefix="/api/v1", tags=["events"])

_RETRY_MS = 1_000

_STREAM = """\
`snapshot` (a `StateBody`) comes first, unless `Last-Event-ID` allows to replay what was missed.
Then `zone` (`ZoneBody`), `camera` (`CameraBody`) and `alarm` (`AlarmBody`) as they change, and
`ping` (`{"server_time": ...}`) every few seconds: no event and no ping for 15 s means that the
server is lost. Ids grow in the order in which the service stored the events.
"""


@router.get("/events", response_class=EventSourceResponse, description=_STREAM)
async def stream_events(
    service: ServiceDep, last_event_id: Annotated[str | None, Header()] = None
) -> AsyncIterator[ServerSentEvent]:
    """Changes as they happen."""
    async for event in stream(service, last_event_id):
        yield event


async def stream(service: Service, last_event_id: str | None) -> AsyncIterator[ServerSentEvent]:
    """Replay or snapshot, then live events and pings, until the service stops."""
    desk = service.desk
    with desk.broker.listen() as listener:
        desk.metrics.consoles.set(desk.broker.listeners)
        try:
            yield _ping(service, retry_ms=_RETRY_MS)
            sent = _number(last_event_id)
            missed = await _missed(service, sent)
            if missed is None:
                snapshot = await _snapshot(service)
                sent = int(snapshot.id or 0)
                yield snapshot
            else:
                for event in missed:
                    sent = event.seq
                    yield _wire(event)
            while True:
                try:
                    event_or_end = await listener.next_within(service.settings.ping_s)
                except TimeoutError:
                    yield _ping(service)
                    continue
                if event_or_end is None:
                    return
                if listener.overflowed:
                    listener.overflowed = False
                    snapshot = await _snapshot(service)
                    sent = int(snapshot.id or 0)
                    yield snapshot
                elif event_or_end.seq > sent:
                    sent = event_or_end.seq
                    yield _wire(event_or_end)
        finally:
            desk.metrics.consoles.set(desk.broker.listeners - 1)


def _number(last_event_id: str | None) -> int:
    """-1 where the browser names no event, or something that is no number of ours."""
    text = (last_event_id or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else -1


async def _missed(service: Service, after: int) -> tuple[events.Event, ...] | None:
    if after < 0:
        return None
    async with service.desk.database.read() as connection:
        return await events.replay(connection, after)


async def _snapshot(service: Service) -> ServerSentEvent:
    body = await take_snapshot(service.desk)
    return ServerSentEvent(
        event="snapshot", id=str(body.last_event_id), raw_data=body.model_dump_json()
    )


def _wire(event: events.Event) -> ServerSentEvent:
    return ServerSentEvent(event=event.kind.value, id=str(event.seq), raw_data=event.body_json)


def _ping(service: Service, retry_ms: int | None = None) -> ServerSentEvent:
    now = service.desk.clock.utc().iso()
    return ServerSentEvent(event="ping", data={"server_time": now}, retry=retry_ms)

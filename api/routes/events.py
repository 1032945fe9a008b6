"""The event stream of the console."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api import events
from api.access.actor import Actor
from api.access.guard import Access, needs
from api.access.rights import Right
from api.access.scoping import Sight
from api.problems import responses
from api.routes.console import PAGE_BUILD
from api.service import Service, ServiceDep
from api.snapshot import take_snapshot
from vision.instants import Monotonic

router = APIRouter(prefix="/api/v1", tags=["events"])

_RETRY_MS = 1_000
_RECHECK_S = 2.0
"""An ended session ends its stream within this time, and the time of one look at the database."""

_STREAM = """\
`snapshot` (a `StateBody`) comes first, unless `Last-Event-ID` allows to replay what was missed.
Then `zone` (`ZoneBody`), `camera` (`CameraBody`) and `alarm` (`AlarmBody`) as they change, and
`ping` (`{"server_time": ..., "page": ...}`, where `page` is the build of the desk's page) every few
seconds, whatever else is sent: no event and no ping for 15 s means that the server is lost. Ids
grow in the order in which the service stored the events.
The stream carries what the reader may see, and ends within seconds of the end of the session.
"""


@dataclass(slots=True)
class Audience:
    """Who listens, and whether they still may.

    Attributes:
        checked: when the session was last seen to hold.
    """

    access: Access
    actor: Actor
    sight: Sight
    checked: Monotonic

    async def may_listen(self, now: Monotonic, *, quiet: bool) -> bool:
        """Whether the session and its rights hold: asked after each quiet wait, and between
        events every `_RECHECK_S`."""
        if not quiet and now - self.checked < _RECHECK_S:
            return True
        self.checked = now
        return await self.access.still_valid(self.actor)


@router.get(
    "/events",
    response_class=EventSourceResponse,
    description=_STREAM,
    responses=responses(401, 403),
)
async def stream_events(
    request: Request,
    service: ServiceDep,
    actor: Annotated[Actor, Depends(needs(Right.SEE_DESK))],
    last_event_id: Annotated[str | None, Header()] = None,
) -> AsyncIterator[ServerSentEvent]:
    """Changes as they happen."""
    desk = service.desk
    sight = Sight(actor, desk.board.site)
    audience = Audience(request.app.state.access, actor, sight, desk.clock.monotonic())
    async for event in stream(service, last_event_id, audience):
        yield event


async def stream(
    service: Service, last_event_id: str | None, audience: Audience
) -> AsyncIterator[ServerSentEvent]:
    """Replay or snapshot, then live events and pings, until the service or the session ends."""
    desk = service.desk
    with desk.broker.listen() as listener:
        desk.metrics.consoles.set(desk.broker.listeners)
        try:
            pinged = desk.clock.monotonic()
            yield _ping(service, retry_ms=_RETRY_MS)
            sent = _number(last_event_id)
            missed = await _missed(service, sent)
            if missed is None:
                snapshot = await _snapshot(service, audience)
                sent = int(snapshot.id or 0)
                yield snapshot
            else:
                for event in missed:
                    sent = event.seq
                    if audience.sight.event(event):
                        yield _wire(event)
            async for wired in _live(service, audience, listener, sent, pinged):
                yield wired
        finally:
            desk.metrics.consoles.set(desk.broker.listeners - 1)


async def _live(
    service: Service,
    audience: Audience,
    listener: events.Listener,
    sent: int,
    pinged: Monotonic,
) -> AsyncIterator[ServerSentEvent]:
    """Events after `sent`, and pings; a quiet stream wakes up to look at the session."""
    clock = service.desk.clock
    wait_s = min(service.settings.ping_s, _RECHECK_S)
    while True:
        told: events.Event | None = None
        quiet = False
        try:
            told = await listener.next_within(wait_s)
        except TimeoutError:
            quiet = True
        now = clock.monotonic()
        if not await audience.may_listen(now, quiet=quiet):
            return
        if told is None and not quiet:
            return
        if listener.overflowed:
            listener.overflowed = False
            snapshot = await _snapshot(service, audience)
            sent = int(snapshot.id or 0)
            yield snapshot
        elif told is not None and told.seq > sent:
            sent = told.seq
            if audience.sight.event(told):
                yield _wire(told)
        # However much else was sent: pages learn the service's clock from pings alone.
        if now - pinged >= service.settings.ping_s:
            pinged = now
            yield _ping(service)


def _number(last_event_id: str | None) -> int:
    """-1 where the browser names no event, or something that is no number of ours."""
    text = (last_event_id or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else -1


async def _missed(service: Service, after: int) -> tuple[events.Event, ...] | None:
    if after < 0:
        return None
    async with service.desk.database.read() as connection:
        return await events.replay(connection, after)


async def _snapshot(service: Service, audience: Audience) -> ServerSentEvent:
    body = audience.sight.cut(await take_snapshot(service.desk, audience.sight.zones))
    return ServerSentEvent(
        event="snapshot", id=str(body.last_event_id), raw_data=body.model_dump_json()
    )


def _wire(event: events.Event) -> ServerSentEvent:
    return ServerSentEvent(event=event.kind.value, id=str(event.seq), raw_data=event.body_json)


def _ping(service: Service, retry_ms: int | None = None) -> ServerSentEvent:
    now = service.desk.clock.utc().iso()
    return ServerSentEvent(
        event="ping", data={"server_time": now, "page": PAGE_BUILD}, retry=retry_ms
    )

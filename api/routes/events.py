"""The event stream of the console."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from sqlalchemy.exc import SQLAlchemyError

from api import events
from api.access.actor import Actor
from api.access.guard import Access, needs
from api.access.rights import Right
from api.access.scoping import Sight
from api.database.patience import answered_within
from api.live.bodies import StoreBody
from api.problems import responses
from api.routes.console import PAGE_BUILD
from api.schemas import ZoneBody
from api.service import Service, ServiceDep
from api.snapshot import take_snapshot
from vision.instants import Monotonic

router = APIRouter(prefix="/api/v1", tags=["events"])

_RETRY_MS = 1_000
_OPENS_WITHIN_S = 5.0
_RECHECK_S = 2.0
"""An ended session ends its stream within this time, and the time of one look at the database."""

_STREAM = """\
`snapshot` (a `StateBody`) comes first, unless `Last-Event-ID` allows to replay what was missed.
Then `zone` (`ZoneBody`), `camera` (`CameraBody`) and `alarm` (`AlarmBody`) as they change, and
`ping` (`{"server_time": ..., "page": ..., "kept": ...}`, where `page` is the build of the desk's
page) every few seconds, whatever else is sent: no event and no ping for 15 s means that the server
is lost. Ids grow in the order in which the service stored the events.
`store` (a `StoreBody`) comes when the database begins to refuse, again while it does, and when it
stores again, after a snapshot. While it refuses, alarms are neither kept nor sent, `kept` is false,
and what cannot be stored comes without an id. A stream that opens then has no snapshot until later.
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
        events every `_RECHECK_S`.

        What was so stays so while the database cannot be asked: nobody can end a session then.
        """
        if not quiet and now - self.checked < _RECHECK_S:
            return True
        self.checked = now
        try:
            return await answered_within(_RECHECK_S, self.access.still_valid(self.actor))
        except SQLAlchemyError:
            return True


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
            try:
                opening = await answered_within(_OPENS_WITHIN_S, _opening(service, audience, sent))
            except SQLAlchemyError:
                # The alarms come as a snapshot once the database stores again.
                opening = _zones_alone(service, audience)
            if desk.unkept.refusing:
                yield _store(service, audience)
            for wired in opening:
                sent = int(wired.id or sent)
                yield wired
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
        store_told = told is not None and told.kind is events.EventKind.STORE
        if listener.overflowed or (store_told and not service.desk.unkept.refusing):
            with suppress(SQLAlchemyError):
                snapshot = await answered_within(_OPENS_WITHIN_S, _snapshot(service, audience))
                listener.overflowed = False
                sent = int(snapshot.id or 0)
                yield snapshot
        if store_told:
            yield _store(service, audience)
        elif told is not None and (told.seq > sent or told.seq == events.UNNUMBERED):
            sent = max(sent, told.seq)
            if audience.sight.event(told):
                yield _wire(told)
        # However much else was sent: pages learn the service's clock from pings alone.
        if now - pinged >= service.settings.ping_s:
            pinged = now
            yield _ping(service)
            if service.desk.unkept.refusing:
                yield _store(service, audience)


def _number(last_event_id: str | None) -> int:
    """-1 where the browser names no event, or something that is no number of ours."""
    text = (last_event_id or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else -1


async def _opening(service: Service, audience: Audience, sent: int) -> tuple[ServerSentEvent, ...]:
    """What a page needs to know that has heard everything up to `sent`."""
    missed = await _missed(service, sent)
    if missed is None:
        return (await _snapshot(service, audience),)
    return tuple(_wire(event) for event in missed if audience.sight.event(event))


def _zones_alone(service: Service, audience: Audience) -> tuple[ServerSentEvent, ...]:
    """What memory knows. No snapshot: one without alarms would say that there are none."""
    known = service.desk.unkept.known()
    zones = [
        events.Event(
            events.UNNUMBERED,
            events.EventKind.ZONE,
            ZoneBody.of(zone, known.zone(zone.id)).model_dump_json(),
        )
        for zone in known.site.zones
    ]
    return tuple(_wire(event) for event in zones if audience.sight.event(event))


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
    number = None if event.seq == events.UNNUMBERED else str(event.seq)
    return ServerSentEvent(event=event.kind.value, id=number, raw_data=event.body_json)


def _store(service: Service, audience: Audience) -> ServerSentEvent:
    unkept = service.desk.unkept
    seen = [one for one in unkept.open_alarms() if audience.sight.things_of(one.zone_ids)]
    body = StoreBody.of(unkept.since, seen)
    return ServerSentEvent(event=events.EventKind.STORE.value, raw_data=body.model_dump_json())


def _ping(service: Service, retry_ms: int | None = None) -> ServerSentEvent:
    now = service.desk.clock.utc().iso()
    kept = not service.desk.unkept.refusing
    return ServerSentEvent(
        event="ping",
        data={"server_time": now, "page": PAGE_BUILD, "kept": kept},
        retry=retry_ms,
    )

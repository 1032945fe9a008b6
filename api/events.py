"""Events to the console: numbered rows in the database, and a fan-out to those who listen now.

Rows are written in the transaction of what they tell. `Broker.publish` is called after the commit;
a listener that was away asks the database for what it missed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.database.tables import EVENTS
from vision.instants import Utc

KEEP_EVENTS_S = 600.0
"""Older events are deleted; a listener that was away for longer gets a snapshot."""

REPLAY_LIMIT = 1_000
_QUEUE_LENGTH = 512

UNNUMBERED = 0
"""Stands in place of a number where an event could not be stored."""


class EventKind(StrEnum):
    """What an event tells: its body is the zone, camera, alarm or worker as it stands.

    `STORE` tells that the database refuses or stores again, and is never stored itself.
    """

    ZONE = "zone"
    CAMERA = "camera"
    ALARM = "alarm"
    LOAD = "load"
    STORE = "store"


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event that is not numbered yet; `body_json` is what the browser gets."""

    kind: EventKind
    body_json: str


@dataclass(frozen=True, slots=True)
class Event:
    """A numbered event; numbers only grow, in the order of commits."""

    seq: int
    kind: EventKind
    body_json: str


async def append(
    connection: AsyncConnection, events: Sequence[NewEvent], at: Utc
) -> tuple[Event, ...]:
    """Write events inside the caller's transaction; returns them numbered, in the same order."""
    if not events:
        return ()
    rows = [{"kind": new.kind.value, "at_ns": at.ns, "body_json": new.body_json} for new in events]
    numbers = await connection.execute(
        insert(EVENTS).returning(EVENTS.c.seq, sort_by_parameter_order=True), rows
    )
    return tuple(
        Event(int(seq), new.kind, new.body_json)
        for seq, new in zip(numbers.scalars(), events, strict=True)
    )


async def last_seq(connection: AsyncConnection) -> int:
    """Number of the newest event that is kept; 0 when there is none."""
    return int((await connection.execute(select(func.max(EVENTS.c.seq)))).scalar() or 0)


async def replay(connection: AsyncConnection, after: int) -> tuple[Event, ...] | None:
    """The events after number `after`; `None` when some are gone, or are too many to replay."""
    bounds = await connection.execute(select(func.min(EVENTS.c.seq), func.max(EVENTS.c.seq)))
    first, last = bounds.one()
    if last is None or after > last or after < first - 1 or last - after > REPLAY_LIMIT:
        return None
    query = select(EVENTS).where(EVENTS.c.seq > after).order_by(EVENTS.c.seq)
    rows = (await connection.execute(query)).mappings().all()
    return tuple(Event(row["seq"], EventKind(row["kind"]), row["body_json"]) for row in rows)


async def prune(connection: AsyncConnection, now: Utc) -> None:
    """Delete old events, but never the newest, so that replay can tell where it stands."""
    newest = select(func.max(EVENTS.c.seq)).scalar_subquery()
    await connection.execute(
        delete(EVENTS).where(
            EVENTS.c.at_ns < now.plus(-KEEP_EVENTS_S).ns,
            EVENTS.c.seq < newest,
        )
    )


class Listener:
    """One console. When it is too slow its queue is emptied and it must take a snapshot."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Event | None] = asyncio.Queue(_QUEUE_LENGTH)
        self.overflowed = False

    def offer(self, event: Event | None) -> None:
        """Add an event (`None`: the service stops); on overflow everything queued is dropped."""
        if self._queue.full():
            self.begin_anew()
        self._queue.put_nowait(event)

    def begin_anew(self) -> None:
        """Drop what is queued: the next event brings a snapshot."""
        while not self._queue.empty():
            self._queue.get_nowait()
        self.overflowed = True

    async def next_within(self, seconds: float) -> Event | None:
        """The next event.

        Raises:
            TimeoutError: none came in time.
        """
        async with asyncio.timeout(seconds):
            return await self._queue.get()


class Broker:
    """Hands committed events to every listener."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._closed = False

    @property
    def closed(self) -> bool:
        """The service stops: streams end."""
        return self._closed

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    @contextmanager
    def listen(self) -> Iterator[Listener]:
        """A listener that hears everything from now on; forgotten when the block ends."""
        listener = Listener()
        if self._closed:
            listener.offer(None)
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def publish(self, events: Sequence[Event]) -> None:
        for listener in self._listeners:
            for event in events:
                listener.offer(event)

    def begin_anew(self) -> None:
        """The numbers of events went back: what consoles have heard says nothing of what comes."""
        if self._closed:
            return
        for listener in self._listeners:
            listener.begin_anew()

    def close(self) -> None:
        """End every stream, so that the server can stop."""
        self._closed = True
        for listener in self._listeners:
            listener.offer(None)

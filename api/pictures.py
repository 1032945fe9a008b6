"""Pictures of cameras: asked of the worker that holds them, and each viewing on record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Protocol, Self
from urllib.parse import quote

import httpx
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.access import audit
from api.access.actor import Actor
from api.database import Database
from api.database.tables import VIEWINGS
from streams.clock import Clock
from vision.instants import Utc

VIEWING_WINDOW_S = 300
"""One row a person, account, camera and five minutes: complete, and bounded."""

_TIMEOUT_S = 2.0
_MAX_JPEG_BYTES = 4 * 1024 * 1024
_NS = 1_000_000_000


class WorkerSilentError(Exception):
    """The worker that owns the camera does not answer."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A JPEG and, where the worker tells it, the time at which the camera took it."""

    jpeg: bytes
    captured_at: str = ""


class Pictures(Protocol):
    """Where pictures come from."""

    async def latest(self, camera_id: str) -> Picture | None:
        """The newest picture of a camera; `None` when there is none yet.

        Raises:
            WorkerSilentError: the worker does not answer.
        """
        ...


class NoPictures:
    """For a service without workers."""

    async def latest(self, camera_id: str) -> Picture | None:
        del camera_id
        return None


class WorkerPictures:
    """Asks the workers over their Unix sockets; `socket_of` says which socket has the camera."""

    def __init__(self, socket_of: Callable[[str], Path | None]) -> None:
        self._socket_of = socket_of
        self._clients: dict[Path, httpx.AsyncClient] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for client in self._clients.values():
            await client.aclose()

    async def latest(self, camera_id: str) -> Picture | None:
        """See `Pictures.latest`."""
        socket = self._socket_of(camera_id)
        if socket is None:
            return None
        try:
            answer = await self._client(socket).get(f"/cameras/{quote(camera_id)}/latest.jpg")
        except httpx.TransportError as error:
            raise WorkerSilentError(f"{socket.name}: {type(error).__name__}") from error
        if answer.status_code != httpx.codes.OK or len(answer.content) > _MAX_JPEG_BYTES:
            return None
        return Picture(answer.content, answer.headers.get("x-captured-at", ""))

    def _client(self, socket: Path) -> httpx.AsyncClient:
        if socket not in self._clients:
            self._clients[socket] = httpx.AsyncClient(
                transport=httpx.AsyncHTTPTransport(uds=str(socket)),
                base_url="http://worker",
                timeout=_TIMEOUT_S,
            )
        return self._clients[socket]


class _Key(NamedTuple):
    """What makes a viewing the same as one that stands already."""

    viewer: str
    account: str
    camera_id: str
    window_ns: int


class Viewings:
    """The register of who looked at which camera; a picture is given only after its row is."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._written: set[_Key] = set()

    async def record(self, viewer: str, camera_id: str, by: Actor | None = None) -> None:
        """Write the row of this viewer, camera and five minutes, unless it is there.

        A new row has its line in the audit log, under the account of `by`. Two people of one name
        are told apart by their accounts.
        """
        now = self._clock.utc()
        window_ns = now.ns - now.ns % (VIEWING_WINDOW_S * _NS)
        key = _Key(viewer, "" if by is None else by.account, camera_id, window_ns)
        if key in self._written:
            return
        async with self._database.write() as connection:
            if not await _exists(connection, key):
                row = {**key._asdict(), "first_at_ns": now.ns}
                await connection.execute(insert(VIEWINGS).values(row))
                act = audit.Act("picture.viewed", camera_id, {"signed": viewer})
                await audit.append(connection, by or viewer, act, now)
        self._written = {old for old in self._written if old.window_ns == window_ns}
        self._written.add(key)


async def _exists(connection: AsyncConnection, key: _Key) -> bool:
    same = [VIEWINGS.c[name] == value for name, value in key._asdict().items()]
    found = await connection.execute(select(VIEWINGS.c.id).where(*same))
    return found.first() is not None


@dataclass(frozen=True, slots=True)
class Viewing:
    """One line of the register."""

    viewer: str
    camera_id: str
    first_at: Utc
    account: str = ""


async def list_viewings(
    connection: AsyncConnection, limit: int, camera_ids: frozenset[str] | None = None
) -> tuple[Viewing, ...]:
    """Newest first; of these cameras, or of all."""
    query = select(VIEWINGS).order_by(VIEWINGS.c.id.desc()).limit(limit)
    if camera_ids is not None:
        query = query.where(VIEWINGS.c.camera_id.in_(camera_ids))
    rows = (await connection.execute(query)).mappings().all()
    return tuple(
        Viewing(row["viewer"], row["camera_id"], Utc(row["first_at_ns"]), row["account"])
        for row in rows
    )

"""Half a request, and too many connections of one machine, keep nobody else out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from api.application import create_app
from api.connections import Patience
from api.pictures import NoPictures
from api.server import build_server
from streams.clock import SimulatedClock
from tests.api.desk_cases import SITE, settings

HEAD = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n"
BODY = (
    b"POST /api/v1/sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: 900\r\n\r\n{"
)
PATIENCE_S = 120.0
Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def listening(database_url: str, patience: Patience) -> AsyncIterator[int]:
    """A service on a real port."""
    app = create_app(
        settings=settings(database_url), site=SITE, clock=SimulatedClock(), pictures=NoPictures()
    )
    server = build_server(app, port=0, patience=patience)
    serving = asyncio.create_task(server.serve())
    try:
        while not server.started:
            await asyncio.sleep(0.02)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.stop()
        await serving


async def opened(port: int, sent: bytes = b"", *, address: str = "127.0.0.1") -> Ends:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    writer.write(sent)
    return reader, writer


async def rest(reader: asyncio.StreamReader) -> bytes:
    """What comes until the other side closes."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await reader.read()
    except ConnectionResetError:
        return b""


async def asked(port: int, address: str = "127.0.0.1") -> bytes:
    """The first line of an answer."""
    reader, writer = await opened(port, HEAD + b"Connection: close\r\n\r\n", address=address)
    answer = await rest(reader)
    writer.close()
    return answer.partition(b"\r\n")[0]


@pytest.mark.parametrize("sent", [b"", HEAD, BODY], ids=["nothing", "half a head", "half a body"])
async def test_whoever_does_not_end_a_request_is_cut_off(sqlite_url: str, sent: bytes) -> None:
    async with listening(sqlite_url, Patience(head_s=0.2, whole_s=0.2)) as port:
        reader, writer = await opened(port, sent)
        assert await rest(reader) == b""
        writer.close()
        assert await asked(port) == b"HTTP/1.1 200 OK"


async def test_a_request_that_comes_in_pieces_and_a_second_one_are_answered(
    sqlite_url: str,
) -> None:
    async with listening(sqlite_url, Patience()) as port:
        reader, writer = await opened(port, HEAD[:10])
        for piece in (HEAD[10:], b"\r\n" + HEAD, b"Connection: close\r\n\r\n"):
            await asyncio.sleep(0.02)
            writer.write(piece)
        assert (await rest(reader)).count(b"HTTP/1.1 200 OK") == 2
        writer.close()


async def test_one_other_machine_has_so_many_connections_and_this_one_as_many_as_it_needs(
    sqlite_url: str,
) -> None:
    async with listening(sqlite_url, Patience(most_of_address=3)) as port:
        held = [await opened(port, HEAD, address="127.0.0.2") for _ in range(3)]
        assert await asked(port, "127.0.0.2") == b""
        # Workers, nginx on this machine and every other machine get their answer.
        own = [await opened(port, HEAD) for _ in range(5)]
        assert await asked(port) == b"HTTP/1.1 200 OK"
        assert await asked(port, "127.0.0.3") == b"HTTP/1.1 200 OK"
        for _, writer in held:
            writer.write(b"Connection: close\r\n\r\n")
        for reader, _ in held:
            assert (await rest(reader)).startswith(b"HTTP/1.1 200 OK")
        assert await asked(port, "127.0.0.2") == b"HTTP/1.1 200 OK"
        for _, writer in (*held, *own):
            writer.close()

"""A PostgreSQL server that can fall silent: it still takes connections, and answers nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

_CHUNK = 65_536
_SOCKET = ".s.PGSQL.5432"
_LATE_S = 0.05


@dataclass(slots=True)
class MuteServer:
    """Stands before a server's socket; `speaks` is cleared and set by the test."""

    url: str
    speaks: asyncio.Event = field(default_factory=asyncio.Event)
    lines: set[asyncio.Task[None]] = field(default_factory=set)
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def serve(
        self, target: Path, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.writers.add(writer)
        there_reader, there_writer = await asyncio.open_unix_connection(target)
        self.writers.add(there_writer)
        await asyncio.gather(self._carry(reader, there_writer), self._carry(there_reader, writer))

    async def hang_up(self) -> None:
        """A client whose connection nobody closed, for an error still holds it, is hung up on; and
        one that comes meanwhile, to ask that its last question be dropped."""
        self.speaks.set()
        # Taken already, and not handed over yet.
        await asyncio.sleep(_LATE_S)
        while waiting := {line for line in self.lines if not line.done()}:
            for writer in self.writers:
                writer.close()
            await asyncio.wait(waiting, timeout=_LATE_S)
        await asyncio.gather(*self.lines)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                await self.speaks.wait()
                writer.write(data)
                await writer.drain()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


@asynccontextmanager
async def mute_server(postgres_url: str, folder: Path) -> AsyncIterator[MuteServer]:
    """A way to the database of `postgres_url` (a URL of the suite's own server)."""
    base, _, sockets = postgres_url.partition("?host=")
    server = MuteServer(f"{base}?host={folder}&connect_timeout=2")
    server.speaks.set()
    target = Path(sockets) / _SOCKET

    def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.lines.add(asyncio.create_task(server.serve(target, reader, writer)))

    listening = await asyncio.start_unix_server(serve, folder / _SOCKET)
    async with listening:
        try:
            yield server
        finally:
            listening.close()
            await server.hang_up()

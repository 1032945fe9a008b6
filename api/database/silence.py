"""A database server that falls silent and closes nothing: a frozen machine, a hung disk.

Its system still answers for it, so TCP sees no fault, and whoever waits would wait for ever with
the writer's turn in hand. A long wait alone proves nothing, for a large statement takes its time:
so a connection is asked for beside it, and if none comes, those that wait are cut off.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from weakref import WeakSet

import structlog
from psycopg import AsyncConnection, Error
from psycopg.errors import ConnectionTimeout
from sqlalchemy.engine import URL

_LOG = structlog.get_logger(__name__)

PATIENCE_S = 5.0
"""A transaction that is older than this makes the server be asked, and again after as long."""

ANSWER_WITHIN_S = 5.0

Answers = Callable[[], Awaitable[bool]]
"""Whether the server takes one more connection; within a bounded time."""


def asking(url: URL) -> Answers:
    """Asks the server of `url` for one more connection."""
    _, arguments = url.get_dialect()().create_connect_args(url)

    async def answers() -> bool:
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                await (await AsyncConnection.connect(**arguments)).close()
        except (ConnectionTimeout, TimeoutError):
            return False
        except Error:
            # It says why it does not; and of a lost way TCP tells by itself.
            return True
        return True

    return answers


class Silence:
    """Watches the transactions of one database, and cuts its connections when the server is mute.

    Args:
        answers: asks the server; called once a transaction is older than `PATIENCE_S`.
    """

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._connections: WeakSet[AsyncConnection[Any]] = WeakSet()
        self._begun: dict[object, float] = {}
        self._asking: asyncio.Task[None] | None = None

    def take(self, connection: Any, record: object) -> None:
        """Remember a new connection of a pool; it is forgotten with its end."""
        del record
        self._connections.add(connection.driver_connection)

    @contextmanager
    def bounded(self) -> Iterator[None]:
        """For the length of a transaction, the wait for a connection included."""
        loop = asyncio.get_running_loop()
        mine = object()
        self._begun[mine] = loop.time()
        if self._asking is None or self._asking.done():
            self._asking = loop.create_task(self._ask_while_any_waits(), name="database-silence")
        try:
            yield
        finally:
            del self._begun[mine]

    async def close(self) -> None:
        """Ask no more."""
        if self._asking is not None:
            self._asking.cancel()
            with suppress(asyncio.CancelledError):
                await self._asking

    async def _ask_while_any_waits(self) -> None:
        loop = asyncio.get_running_loop()
        wait_s = PATIENCE_S
        while self._begun:
            await asyncio.sleep(wait_s)
            oldest_s = loop.time() - min(self._begun.values(), default=loop.time())
            wait_s = PATIENCE_S - oldest_s
            if wait_s <= 0.0:
                if not await self._answers():
                    self._cut()
                wait_s = PATIENCE_S

    def _cut(self) -> None:
        """As a broken line does it: whoever waits for the server gets an error now."""
        waiting = [one for one in self._connections if not one.closed]
        _LOG.error("database.silent", connections=len(waiting))
        for connection in waiting:
            with socket.socket(fileno=os.dup(connection.fileno())) as line, suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

"""Connections that keep the service waiting, and too many of one machine, are closed.

A service may have about a thousand files and connections open. Whoever opens as many and sends
half a request on each, or none, would keep every desk out, and the workers' records too. Machines
on the way (nginx, on this PC) wait for slow people themselves.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import h11
import structlog
from uvicorn.protocols.http.h11_impl import H11Protocol

_LOG = structlog.get_logger(__name__)
_READING = frozenset({h11.IDLE, h11.SEND_BODY})


@dataclass(frozen=True, slots=True)
class Patience:
    """How long, and how much at once.

    Attributes:
        head_s: from the first sign of a request to the end of its headers.
        whole_s: to the end of its body; a photo of 8 MB takes a slow telephone a minute.
        most_of_address: connections of one other machine. This one is not counted: its own workers
            connect from it, and nginx for everybody.
    """

    head_s: float = 20.0
    whole_s: float = 120.0
    most_of_address: int = 256


@dataclass(slots=True)
class Connections:
    """Makes the protocol of each connection of one server, and counts those that are open."""

    patience: Patience = Patience()
    _open: Counter[str] = field(default_factory=Counter)
    _told: set[str] = field(default_factory=set)

    def __call__(self, **of_server: Any) -> ImpatientProtocol:
        """What uvicorn calls for a new connection."""
        return ImpatientProtocol(self, **of_server)

    def came(self, address: str) -> bool:
        """Count one more; whether it may stay."""
        self._open[address] += 1
        if self._open[address] <= self.patience.most_of_address:
            return True
        if address not in self._told:
            self._told.add(address)
            _LOG.warning(
                "server.too_many_connections", address=address, most=self.patience.most_of_address
            )
        return False

    def went(self, address: str) -> None:
        self._open[address] -= 1
        if self._open[address] <= 0:
            del self._open[address]
            self._told.discard(address)


class ImpatientProtocol(H11Protocol):
    """HTTP/1.1 of uvicorn that does not wait for ever for the rest of a request.

    Between two requests uvicorn waits for some seconds itself; an answer, such as a stream of
    events, may take as long as it likes.
    """

    def __init__(self, connections: Connections, **of_server: Any) -> None:
        super().__init__(**of_server)
        self._connections = connections
        self._counted = ""
        self._deadline: asyncio.TimerHandle | None = None
        self._awaited: object = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Close at once what is too much."""
        super().connection_made(transport)
        if self.client is not None and self.server is not None and self.client[0] != self.server[0]:
            self._counted = self.client[0]
            if not self._connections.came(self._counted):
                transport.abort()
                return
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._no_deadline()
        if self._counted:
            self._connections.went(self._counted)
            self._counted = ""
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Read on, and see what of the request is still to come."""
        super().handle_events()
        self._look()

    def _look(self) -> None:
        state = self.conn.their_state
        if state is self._awaited:
            return
        self._no_deadline()
        self._awaited = state
        if state in _READING:
            patience = self._connections.patience
            wait_s = patience.head_s if state is h11.IDLE else patience.whole_s
            self._deadline = self.loop.call_later(wait_s, self.transport.abort)

    def _no_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self._awaited = None


__all__ = ["Connections", "Patience"]

"""The one interface of all drivers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from api.delivery.message import OutMessage


@dataclass(frozen=True, slots=True)
class Receipt:
    """How far a message got.

    Attributes:
        received: the receiver itself said that it has the message. Otherwise only the transport
            took it: "sent".
        detail: what the peer answered, short, without secrets.
    """

    received: bool
    detail: str


Received = Callable[[str, str], None]
"""Called with message id and detail when the receiver's word comes after the attempt ended."""

Accepted = Callable[[], None]
"""Called during an attempt once the transport took the message."""


WINDOW = 32
"""A target has at most so many messages in hand."""

URGENT_RESERVE = 8
"""So many priority-1 messages more are taken while a full window waits for slow answers."""

MOST_AT_ONCE = WINDOW + URGENT_RESERVE
"""A driver brings so many on their way side by side: none waits for the answer to another."""


class Driver(Protocol):
    """One path. Messages carry their idempotency key and, if so, the mark of a test."""

    async def start(self) -> None:
        """Open what stays open. A peer that does not answer is no error here."""
        ...

    async def send(self, message: OutMessage, accepted: Accepted) -> Receipt:
        """Send once; returns when the receiver answered, or the transport alone took it.

        Raises:
            PathError: the way is not usable now, or the receiver refuses whoever comes over it.
            RefusedError: the receiver refuses this message, and would refuse it again.
        """
        ...

    async def supervise(self) -> str:
        """One sign of life over the path; returns what was seen.

        Raises:
            PathError: the path is dead.
        """
        ...

    async def stop(self) -> None:
        """Release everything; called once."""
        ...

"""The edges of the chain that tests put faults at: commits of a process, and receivers outside."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from api.database import Database
from api.delivery.driver import Accepted, Receipt, Received
from api.delivery.errors import PathError, RefusedError
from api.delivery.message import OutMessage


class KilledError(Exception):
    """The process is gone; what it had committed stays."""


class FragileDatabase(Database):
    """Dies, or loses the server's answer, at its next commit; `fate` is used up by it."""

    fate = ""

    @asynccontextmanager
    async def write(self, *, in_turn: bool = True) -> AsyncIterator[AsyncConnection]:
        async with super().write(in_turn=in_turn) as connection:
            yield connection
            if self.fate == "killed before":
                raise KilledError
        fate, self.fate = self.fate, ""
        if fate == "killed after":
            raise KilledError
        if fate == "answer lost":
            raise OperationalError("COMMIT", None, Exception("server closed the connection"))


@dataclass(slots=True)
class Receiver:
    """Somebody outside.

    Attributes:
        mood: `takes`, `refuses`, `silent` (has it, and says nothing), `hangs`, or `down`.
        arrived: what reached it, in order; `said`: ids for which it gave its word.
    """

    mood: str = "takes"
    arrived: list[OutMessage] = field(default_factory=list)
    said: set[str] = field(default_factory=set)
    late: Received | None = None

    async def start(self) -> None:
        """Nothing to open."""

    async def stop(self) -> None:
        """Nothing to release."""

    async def supervise(self) -> str:
        if self.mood == "down":
            raise PathError("the line is cut")
        return "fine"

    async def send(self, message: OutMessage, accepted: Accepted) -> Receipt:
        if self.mood == "down":
            raise PathError("the line is cut")
        if self.mood == "hangs":
            raise TimeoutError
        if self.mood == "refuses":
            raise RefusedError("not like this")
        self.arrived.append(message)
        accepted()
        if self.mood == "silent":
            raise TimeoutError
        self.said.add(message.id)
        return Receipt(received=True, detail="got it")

    def confirm_late(self) -> None:
        """It says now that it has everything that reached it."""
        for message in self.arrived:
            if message.id not in self.said and self.late is not None:
                self.said.add(message.id)
                self.late(message.id, "got it after all")

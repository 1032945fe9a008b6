"""Whether the database stores: asked of it while nobody else finds out.

A statement that changes no row writes nothing, and so passes on a full disk and on a standby too.
"""

from __future__ import annotations

import asyncio

import structlog
from sqlalchemy import delete, insert
from sqlalchemy.exc import SQLAlchemyError

from api.database.tables import RECORDS
from api.unkept import Refusal
from api.work import Desk
from vision.instants import Monotonic

_LOG = structlog.get_logger(__name__)

_PROOF_ID = "proof"
_HOLDS_S = 1.0
_QUIET_S = 2.0
"""Workers tell something twice a second: while they do, the database is not asked for more."""

_PATIENCE_S = 4.0
"""A server that falls silent is cut off after ten seconds; consoles are told before that."""


class StoreProof:
    """Stores a row now and then, and tells the desk whether that works."""

    def __init__(self, desk: Desk, *, every_s: float) -> None:
        self._desk = desk
        self._every_s = every_s
        self._proven_at: Monotonic | None = None

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(self._every_s)
            await self.look()

    async def look(self) -> None:
        """Ask the database where nothing was stored lately, or where it refused."""
        unkept, now = self._desk.unkept, self._desk.clock.monotonic()
        stored_at = self._desk.stored_at
        lately = stored_at is not None and now - stored_at < _QUIET_S
        if lately and not unkept.store_refuses:
            unkept.stored(Refusal.STORE)
            return
        asking = asyncio.ensure_future(self.prove())
        try:
            await asyncio.wait({asking}, timeout=_PATIENCE_S)
            if not asking.done():
                unkept.refuse(Refusal.STORE)
            await asking
        except SQLAlchemyError as error:
            if not unkept.store_refuses:
                _LOG.error("database.refuses", error=self._desk.database.told(error))
            unkept.refuse(Refusal.STORE)
        else:
            unkept.stored(Refusal.STORE)
        finally:
            asking.cancel()

    async def prove(self) -> None:
        """Store a row, once a second at most however many ask.

        Raises:
            SQLAlchemyError: the database takes no writes.
        """
        now = self._desk.clock.monotonic()
        if self._proven_at is not None and now - self._proven_at < _HOLDS_S:
            return
        self._proven_at = None
        row = {
            "record_id": _PROOF_ID,
            "kind": "reading",
            "received_ns": self._desk.clock.utc().ns,
        }
        async with self._desk.database.write() as connection:
            await connection.execute(delete(RECORDS).where(RECORDS.c.record_id == _PROOF_ID))
            await connection.execute(insert(RECORDS).values(row))
        self._proven_at = now


__all__ = ["StoreProof"]

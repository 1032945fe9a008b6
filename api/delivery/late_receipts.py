"""Receivers' words for messages whose attempt has ended, until they are written.

Whoever may write on an acknowledgement topic may name anything, a thousand times a second. The
turn to write is the desk's too, so it is taken only for messages that wait for such a word.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import or_, select

from api.database import Database
from api.delivery.outbox import DeliveryState
from api.delivery.tables import DELIVERIES

_MOST = 4096
_IDS_PER_QUERY = 500

LateReceipt = tuple[str, str, str]
"""Message, path and detail."""


class LateReceipts:
    """Heard from drivers, then those of them that are to be written.

    Where there are too many the oldest goes: its message is only sent once more.
    """

    def __init__(self) -> None:
        self._heard: dict[str, LateReceipt] = {}
        self._wanted: dict[str, LateReceipt] = {}

    def __bool__(self) -> bool:
        """Whether something is to be written."""
        return bool(self._wanted)

    @property
    def wanted(self) -> tuple[LateReceipt, ...]:
        """What is to be written."""
        return tuple(self._wanted.values())

    def hear(self, receipt: LateReceipt) -> None:
        self._heard.setdefault(receipt[0], receipt)
        if len(self._heard) > _MOST:
            self._heard.pop(next(iter(self._heard)))

    async def sift(self, database: Database) -> None:
        """Look up which of them a message waits for.

        Raises:
            SQLAlchemyError: the database does not answer; nothing is lost by it.
        """
        heard = tuple(self._heard.values())
        if not heard:
            return
        waiting = await _waiting(database, self._heard.keys())
        for receipt in heard:
            self._heard.pop(receipt[0], None)
            if receipt[0] in waiting:
                self._wanted.setdefault(receipt[0], receipt)

    def forget(self, written: Iterable[LateReceipt]) -> None:
        for message_id, _, _ in written:
            self._wanted.pop(message_id, None)


async def _waiting(database: Database, message_ids: Collection[str]) -> frozenset[str]:
    found: set[str] = set()
    no_word = or_(DELIVERIES.c.is_open.is_(True), DELIVERIES.c.state == DeliveryState.SENT.value)
    ids = tuple(message_ids)
    async with database.read() as connection:
        for start in range(0, len(ids), _IDS_PER_QUERY):
            some = ids[start : start + _IDS_PER_QUERY]
            query = select(DELIVERIES.c.message_id).where(
                DELIVERIES.c.message_id.in_(some), no_word
            )
            found.update(await connection.scalars(query))
    return frozenset(found)


__all__ = ["LateReceipt", "LateReceipts"]

"""A path that works again takes at once what waited for it."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.delivery.tables import DELIVERIES
from vision.instants import Utc


async def bring_forward(connection: AsyncConnection, target_id: str, now: Utc) -> None:
    """Make the waiting messages of a target due.

    A dead path is tried with the most urgent message, the oldest of its kind. By its own count of
    attempts that one waits longest, and would come a minute after all others.
    """
    waiting = select(DELIVERIES.c.seq).where(
        DELIVERIES.c.is_open.is_(True),
        DELIVERIES.c.target_id == target_id,
        DELIVERIES.c.lease_owner.is_(None),
        DELIVERIES.c.next_ns > now.ns,
    )
    if connection.dialect.name == "postgresql":
        # Rows that the desk writes just now wait their time; the sender waits for nobody.
        waiting = waiting.with_for_update(skip_locked=True)
    numbers = [int(seq) for (seq,) in await connection.execute(waiting)]
    if numbers:
        due = update(DELIVERIES).where(DELIVERIES.c.seq.in_(numbers)).values(next_ns=now.ns)
        await connection.execute(due)

"""A path that works again takes at once what waited for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sqlalchemy import select, update

from api.database import Database
from api.delivery.driver import Receipt
from api.delivery.errors import PathError
from api.delivery.message import OutMessage
from api.delivery.outbox import Outbox
from api.delivery.path_state import PathHealth
from api.delivery.recovery import bring_forward
from api.delivery.tables import DELIVERIES
from streams.clock import SystemClock
from tests.api.delivery.cases import (
    SITE,
    FakeDriver,
    all_settled,
    plan,
    raise_alarm,
    rows,
    sending,
    until,
)

_HOUR_S = 3600.0


async def test_the_message_that_tested_the_path_does_not_come_last(database_url: str) -> None:
    """Its own count of attempts made it wait a minute after the path was seen to work."""
    back = asyncio.Event()

    def judge(message: OutMessage) -> Receipt:
        if not back.is_set():
            raise PathError("the line is cut")
        return Receipt(received=True, detail=message.id)

    def alive() -> str:
        if not back.is_set():
            raise PathError("the line is cut")
        return "fine"

    delivery = plan(paths=("main",), one_path_reason="test", heartbeat_s=1.0)
    async with Database(database_url) as database:
        await raise_alarm(database, Outbox(delivery, SITE))
        async with sending(database, delivery, {"main": FakeDriver(judge, alive)}) as sender:

            def is_dead() -> bool:
                lines = sender._targets["room"].lines if sender._targets else {}
                return any(line.state.health is PathHealth.FAULT for line in lines.values())

            await until(is_dead)
            await until(lambda: _made_to_wait(database))
            back.set()
            await until(lambda: all_settled(database))
        (row,) = await rows(database)
    assert (row["state"], row["detail"]) == ("received", row["message_id"])


async def _made_to_wait(database: Database) -> bool:
    """As after a long time without a path; not while an attempt is under way."""
    later = SystemClock().utc().plus(_HOUR_S)
    waits = update(DELIVERIES).where(DELIVERIES.c.lease_owner.is_(None))
    async with database.write() as connection:
        return bool((await connection.execute(waits.values(next_ns=later.ns))).rowcount)


async def test_only_what_waits_for_this_target_is_brought_forward(database_url: str) -> None:
    now = SystemClock().utc()
    later = now.plus(_HOUR_S)
    kinds: dict[str, Callable[[], dict[str, object]]] = {
        "waiting": dict,
        "leased": lambda: {"lease_owner": "me", "lease_until_ns": later.ns},
        "ended": lambda: {"is_open": False},
        "other": lambda: {"target_id": "other"},
    }
    async with Database(database_url) as database:
        for kind in kinds:
            await raise_alarm(database, Outbox(plan(), SITE), subject=kind)
        async with database.write() as connection:
            for number, columns in enumerate(kinds.values(), start=1):
                mine = update(DELIVERIES).where(DELIVERIES.c.alarm_number == number)
                await connection.execute(mine.values(next_ns=later.ns, **columns()))
            await bring_forward(connection, "room", now)
            due = select(DELIVERIES.c.alarm_number).where(DELIVERIES.c.next_ns <= now.ns)
            assert [row[0] for row in await connection.execute(due)] == [1]

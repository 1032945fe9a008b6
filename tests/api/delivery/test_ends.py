"""What waits for a receiver that is no more, and goes to another one."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import update

from api.database import Database
from api.delivery import ends
from api.delivery.outbox import Outbox
from api.delivery.tables import DELIVERIES
from tests.api.delivery.cases import SITE, plan, raise_alarm, rows
from vision.instants import Utc

NOW = Utc.from_iso("2026-11-30T08:00:00Z")


async def test_a_receiver_that_was_told_itself_hears_no_old_step_again(database_url: str) -> None:
    """Its own "closed" has arrived; the other one's "opened" would tell of a crowd that is over."""
    (room,) = plan().targets
    both = replace(plan(), targets=(room, replace(room, id="centre")))
    async with Database(database_url) as database:
        await raise_alarm(database, Outbox(both, SITE), subject="stair", at=NOW)
        async with database.write() as connection:
            theirs = update(DELIVERIES).where(DELIVERIES.c.target_id == "centre")
            await connection.execute(theirs.values(state="received", is_open=False))
        await raise_alarm(database, Outbox(plan(), SITE), subject="hall", at=NOW)
        async with database.write() as connection:
            sent = await ends.send_to(connection, "room", "centre", 2, "王芳", NOW)
        after = [
            (row["target_id"], row["alarm_number"], row["state"], row["ended_by"])
            for row in await rows(database)
        ]
    assert sent == 1
    assert after == [
        ("room", 1, "given_up", "王芳"),
        ("centre", 1, "received", None),
        ("centre", 2, "pending", None),
    ]


async def test_a_receiver_whose_own_messages_were_refused_gets_the_others(
    database_url: str,
) -> None:
    (room,) = plan().targets
    both = replace(plan(), targets=(room, replace(room, id="centre")))
    async with Database(database_url) as database:
        await raise_alarm(database, Outbox(both, SITE), subject="stair", at=NOW)
        async with database.write() as connection:
            theirs = update(DELIVERIES).where(DELIVERIES.c.target_id == "centre")
            await connection.execute(theirs.values(state="rejected", is_open=False))
            assert await ends.send_to(connection, "room", "centre", 1, "王芳", NOW) == 1

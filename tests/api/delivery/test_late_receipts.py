"""Words that come after an attempt: only those that a message waits for are written."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from api.database import Database
from api.delivery.late_receipts import LateReceipt, LateReceipts
from api.delivery.outbox import Outbox
from tests.api.delivery.cases import SITE, plan, raise_alarm, rows


async def test_strange_words_take_no_turn_of_the_desk(database_url: str) -> None:
    """Written one by one, 4096 of them held the writer's turn for seven seconds."""
    async with Database(database_url) as desk, Database(database_url) as database:
        await raise_alarm(desk, Outbox(plan(), SITE))
        mine = await _word_of_first(desk)
        late = LateReceipts()
        for number in range(5_000):
            late.hear((f"strange-{number}", "main", "ok"))
        for detail in ("first", "again"):
            late.hear((mine[0], "main", detail))
        async with desk.write() as connection:
            await connection.execute(text("DELETE FROM records"))
            await late.sift(database)
    assert late.wanted == (mine,)
    late.forget([mine])
    assert not late


async def test_words_are_kept_while_the_database_does_not_answer(sqlite_url: str) -> None:
    async with Database(sqlite_url) as database:
        await raise_alarm(database, Outbox(plan(), SITE))
        mine = await _word_of_first(database)
        late = LateReceipts()
        late.hear(mine)
        async with database.write() as connection:
            await connection.execute(text("ALTER TABLE deliveries RENAME TO unreadable"))
        with pytest.raises(SQLAlchemyError):
            await late.sift(database)
        async with database.write() as connection:
            await connection.execute(text("ALTER TABLE unreadable RENAME TO deliveries"))
        await late.sift(database)
    assert late.wanted == (mine,)


async def _word_of_first(database: Database) -> LateReceipt:
    return str((await rows(database))[0]["message_id"]), "main", "first"

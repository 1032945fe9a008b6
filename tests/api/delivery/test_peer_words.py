"""What a peer says is told as it is, but for letters that no database takes."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from sqlalchemy import select

from api.database import Database
from api.delivery.driver import Driver, Receipt, Received
from api.delivery.errors import PathError, RefusedError
from api.delivery.message import OutMessage
from api.delivery.outbox import Outbox
from api.delivery.peer_words import storable
from api.delivery.sender import Sender
from api.delivery.tables import DELIVERY_CONTROLS
from config.delivery import DeliveryPath
from streams.clock import SystemClock
from tests.api.delivery.cases import SITE, FakeDriver, plan, raise_alarm, rows, until

_ODD = "收到\x00\ud800"


def test_only_what_is_no_letter_is_replaced() -> None:
    assert storable("警务室已收到 😀 ok", 100) == "警务室已收到 😀 ok"
    assert storable("a\x00b\ud83dc\nd\x7fe", 100) == "a\ufffdb\ufffdc\ufffdd\ufffde"
    assert storable("警务室已收到", 3) == "警务室"


@pytest.mark.parametrize("way", ["receipt", "refusal", "fault", "late", "command", "check"])
async def test_no_answer_of_a_receiver_stops_the_sender(database_url: str, way: str) -> None:
    """One receipt with half a letter ended the process, and the row came back to end the next."""
    odd_yet = [True]

    def judge(message: OutMessage) -> Receipt:
        if odd_yet and way != "check":
            odd_yet.clear()
            if way == "refusal":
                raise RefusedError(_ODD)
            if way == "fault":
                raise PathError(_ODD)
            return Receipt(received=True, detail=_ODD if way == "receipt" else "got it")
        return Receipt(received=True, detail="got it")

    def alive() -> str:
        return _ODD if way == "check" else "fine"

    def build(path: DeliveryPath, late: Received, controlled: Received) -> Driver:
        del path
        if way == "late":
            late(_ODD, _ODD)
        if way == "command":
            controlled(_ODD, _ODD)
        return FakeDriver(judge, alive)

    delivery = plan(paths=("main",), one_path_reason="test", role="monitoring")
    async with Database(database_url) as database:
        outbox = Outbox(delivery, SITE)
        await raise_alarm(database, outbox, subject="stair")
        task = asyncio.create_task(Sender(database, delivery, SystemClock(), build).run())

        async def settled() -> bool:
            return task.done() or all(not row["is_open"] for row in await rows(database))

        await until(settled)
        await raise_alarm(database, outbox, subject="hall")
        await until(settled)
        assert not task.done()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        found = await rows(database)
        async with database.read() as connection:
            commands = (await connection.execute(select(DELIVERY_CONTROLS.c.command))).all()
    assert [row["state"] for row in found][1] == "received"
    told = {"receipt": "收到\ufffd\ufffd", "refusal": "main: 收到\ufffd\ufffd"}
    assert found[0]["detail"] == told.get(way, "got it")
    assert [row[0] for row in commands] == (["收到\ufffd\ufffd"] if way == "command" else [])

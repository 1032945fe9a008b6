"""What becomes of single messages: held up, sent again by hand, or of another version."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import select, update

from api.database import Database
from api.delivery.driver import Receipt
from api.delivery.errors import PathError
from api.delivery.message import OutMessage, Words
from api.delivery.outbox import Outbox, requeue
from api.delivery.sender import check_limit_s
from api.delivery.tables import DELIVERIES
from api.delivery.view import read_view
from config.delivery import parse_delivery
from streams.clock import SystemClock
from tests.api.delivery.cases import (
    SITE,
    FakeDriver,
    all_settled,
    faster,
    plan,
    raise_alarm,
    received,
    rows,
    sending,
    until,
)

PLACE = {"zh": "东楼梯", "en": "East stair"}


def dead(message: OutMessage) -> Receipt:
    raise PathError("the line is cut")


async def _state(database: Database, state: str) -> bool:
    return [row["state"] for row in await rows(database)] == [state]


async def test_a_message_sent_again_keeps_its_age_and_gets_its_time_anew(
    database_url: str,
) -> None:
    """What was written two hours ago says so, and has a whole minute to arrive from now on."""
    delivery = faster(plan(role="monitoring"), give_up_after_s=60.0)
    clock = SystemClock()
    written = clock.utc().plus(-7_200.0)
    async with Database(database_url) as database:
        await raise_alarm(database, Outbox(delivery, SITE), at=written)
        driver = FakeDriver(dead)
        async with sending(database, delivery, {"main": driver, "backup": driver}):
            await until(lambda: _state(database, "given_up"))
        async with database.write() as connection:
            assert await requeue(connection, 1, clock.utc())
        async with sending(database, delivery, {"main": driver, "backup": driver}):
            await until(lambda: _state(database, "pending"))
            seen = len(driver.seen)
            await until(lambda: len(driver.seen) > seen)
            driver.judge = received
            await until(lambda: all_settled(database))
        (row,) = await rows(database)
    assert (row["state"], row["created_ns"], row["ended_by"]) == ("received", written.ns, None)


@pytest.mark.parametrize(
    "change",
    [
        {"headline": None},
        {"place": {"zh": "楼"}},
        {"priority": ...},
        None,
    ],
    ids=["nothing for words", "one language", "a key less", "no document"],
)
async def test_a_row_that_cannot_be_read_stops_no_other(
    database_url: str, change: dict[str, object] | None
) -> None:
    delivery = plan()
    driver = FakeDriver(received)
    async with Database(database_url) as database:
        for zone in ("stair", "hall"):
            await raise_alarm(database, Outbox(delivery, SITE), subject=zone)
        await _rewrite(database, 1, change)
        async with sending(database, delivery, {"main": driver, "backup": driver}):
            await until(lambda: all_settled(database))
        first, second = await rows(database)
        async with database.read() as connection:
            view = await read_view(connection, delivery, SystemClock().utc())
    assert (first["state"], second["state"]) == ("rejected", "received")
    assert "this version cannot read the message" in first["detail"]
    assert view.targets[0].ended_badly == 1


async def test_a_row_of_another_version_is_read_without_what_is_not_known(sqlite_url: str) -> None:
    delivery = plan()
    driver = FakeDriver(received)
    async with Database(sqlite_url) as database:
        await raise_alarm(database, Outbox(delivery, SITE))
        await _rewrite(
            database, 1, {"of_tomorrow": 1, "timezone": ..., "place": {**PLACE, "fr": "escalier"}}
        )
        async with sending(database, delivery, {"main": driver, "backup": driver}):
            await until(lambda: all_settled(database))
    assert [(one.subject_id, one.place) for one in driver.seen] == [("stair", Words(**PLACE))]


async def _rewrite(database: Database, seq: int, change: dict[str, object] | None) -> None:
    """Change keys of a message; `...` takes one out, and no change at all makes it no document."""
    async with database.write() as connection:
        of_row = DELIVERIES.c.seq == seq
        found = await connection.execute(select(DELIVERIES.c.body_json).where(of_row))
        body = {**json.loads(found.scalar_one()), **(change or {})}
        text = json.dumps({key: value for key, value in body.items() if value is not ...})
        text = "[" if change is None else text
        await connection.execute(update(DELIVERIES).where(of_row).values(body_json=text))


async def test_a_message_that_was_held_up_says_for_how_long(sqlite_url: str) -> None:
    delivery = plan()
    driver = FakeDriver(received)
    now = SystemClock().utc()
    async with Database(sqlite_url) as database:
        await raise_alarm(database, Outbox(delivery, SITE), at=now)
        await raise_alarm(database, Outbox(delivery, SITE), subject="hall", at=now.plus(-6 * 3600))
        async with sending(database, delivery, {"main": driver, "backup": driver}):
            await until(lambda: all_settled(database))
    told = {one.subject_id: one.headline for one in driver.seen}
    assert told["stair"].zh.startswith("【第一小学】")
    assert told["hall"].zh.startswith("【迟到 36")
    assert told["hall"].en.startswith("[DELAYED 36")


def test_a_path_with_a_long_limit_is_checked_as_long_and_its_death_is_seen_in_90_s() -> None:
    slow = (
        "targets:\n  - id: room\n    name: {zh: 警务室, en: Room}\n    role: monitoring\n"
        "    paths:\n      - {id: a, driver: dc09, settings: {host: 127.0.0.1, port: 1,"
        " account: 1A2B, timeout_s: 15.0}}\n"
        "      - {id: b, driver: cap, settings: {folder: c, sender: s}}\n"
    )
    target = parse_delivery(slow.encode(), directory=Path()).target("room")
    assert [check_limit_s(path) for path in target.paths] == [16.0, 6.0]
    # The longest wait for a check, three misses, and half the time between two after a miss.
    longest_s, heartbeat_s = 16.0, 25.0
    assert heartbeat_s + 2.0 * max(longest_s, heartbeat_s / 2.0) + longest_s < 90.0

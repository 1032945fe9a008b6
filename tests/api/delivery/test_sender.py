"""The outbox and the sender: order, priority, failover, leases, give-up, the database refusing."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import structlog
from sqlalchemy import func, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from api.database import Database
from api.delivery import queue
from api.delivery.driver import URGENT_RESERVE, WINDOW, Accepted, Receipt
from api.delivery.errors import PathError, RefusedError
from api.delivery.message import OutMessage
from api.delivery.outbox import Outbox, requeue
from api.delivery.sender import Sender
from api.delivery.tables import DELIVERIES, DELIVERY_SENDERS
from api.delivery.view import read_view
from streams.clock import SimulatedClock, SystemClock
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
from vision.instants import Utc
from vision.risk.readings import Level

NOW = Utc(1_800_000_000_000_000_000)
OPEN_THEN_CALM = ((Level.L3, 2), (Level.L4, 1), (Level.L0, 3))


def dead(message: OutMessage) -> Receipt:
    raise PathError("the line is cut")


async def test_each_step_arrives_once_and_in_order(database_url: str) -> None:
    delivery = plan()
    driver = FakeDriver(received)
    async with Database(database_url) as database:
        outbox = Outbox(delivery, SITE)
        for zone in ("stair", "hall"):
            await raise_alarm(database, outbox, *OPEN_THEN_CALM, subject=zone)
        async with sending(database, delivery, {"main": driver, "backup": FakeDriver(dead)}):
            await until(lambda: all_settled(database))
        found = await rows(database)
    by_alarm = defaultdict(list)
    for seen in driver.seen:
        by_alarm[seen.alarm_number].append(seen.action)
    assert list(by_alarm.values()) == [["opened", "raised", "returned"]] * 2
    assert {row["state"] for row in found} == {"received"}
    assert len({seen.id for seen in driver.seen}) == len(driver.seen) == 6


async def test_nothing_is_written_when_the_alarm_is_not(sqlite_url: str) -> None:
    async with Database(sqlite_url) as database:

        async def crash_before_the_commit() -> None:
            async with database.write() as connection:
                await Outbox(plan(), SITE).enqueue_test(connection, "room", None, "王芳", NOW)
                raise RuntimeError("crash")

        with pytest.raises(RuntimeError, match="crash"):
            await crash_before_the_commit()
        assert await rows(database) == []


async def test_priority_overtakes_the_backlog(database_url: str) -> None:
    """Forty mild alarms wait; the urgent one that comes last leaves first."""
    delivery = plan()
    async with Database(database_url) as database:
        outbox = Outbox(delivery, SITE)
        for number in range(40):
            await raise_alarm(database, outbox, (Level.L2, 3), subject=f"zone-{number}")
        await raise_alarm(database, outbox, (Level.L2, 3), (Level.L4, 1), subject="stair")
        async with database.write() as connection:
            leased = await queue.lease(connection, "room", "me", 8, SystemClock().utc())
        first = leased[0].message
        assert (first.subject_id, first.action) == ("stair", "opened")
        assert [one.message.subject_id for one in leased].count("stair") == 1
        assert [one.seq for one in leased[1:]] == sorted(one.seq for one in leased[1:])


async def test_two_senders_never_hold_the_same_message(database_url: str) -> None:
    delivery = plan()
    one, two = FakeDriver(received, pause_s=0.01), FakeDriver(received, pause_s=0.01)
    async with Database(database_url) as first, Database(database_url) as second:
        outbox = Outbox(delivery, SITE)
        for number in range(30):
            await raise_alarm(first, outbox, *OPEN_THEN_CALM, subject=f"zone-{number}")
        async with (
            sending(first, delivery, {"main": one, "backup": one}),
            sending(second, delivery, {"main": two, "backup": two}),
        ):
            await until(lambda: all_settled(first))
    ids = [seen.id for seen in (*one.seen, *two.seen)]
    assert len(ids) == len(set(ids)) == 90


async def test_a_dead_senders_lease_runs_out(sqlite_url: str) -> None:
    delivery = plan()
    async with Database(sqlite_url) as database:
        await raise_alarm(database, Outbox(delivery, SITE), at=NOW)
        async with database.write() as connection:
            assert len(await queue.lease(connection, "room", "dead", 8, NOW)) == 1
            assert await queue.lease(connection, "room", "new", 8, NOW.plus(11.0)) == []
            again = await queue.lease(connection, "room", "new", 8, NOW.plus(12.0))
        assert [one.attempts for one in again] == [2]


async def test_a_living_sender_renews_its_leases(sqlite_url: str) -> None:
    delivery = plan()
    async with Database(sqlite_url) as database:
        await raise_alarm(database, Outbox(delivery, SITE), at=NOW)
        async with database.write() as connection:
            held = await queue.lease(connection, "room", "busy", 8, NOW)
            await queue.renew(connection, "busy", NOW, NOW.plus(10.0), [one.seq for one in held])
            assert await queue.lease(connection, "room", "new", 8, NOW.plus(20.0)) == []


async def test_a_lease_that_its_sender_knows_nothing_of_runs_out(sqlite_url: str) -> None:
    """The commit went through, its answer did not: the sender has the row's name, not the row."""
    clock, driver = SimulatedClock(), FakeDriver(received)
    delivery = plan(paths=("main",), one_path_reason="test")

    class LosesAnAnswer(Database):
        lost = False

        @asynccontextmanager
        async def write(self, *, in_turn: bool = True) -> AsyncIterator[AsyncConnection]:
            async with super().write(in_turn=in_turn) as connection:
                yield connection
            if not in_turn and not self.lost:
                self.lost = True
                raise OperationalError("COMMIT", None, Exception("connection lost"))

    async with LosesAnAnswer(sqlite_url) as database:
        await raise_alarm(database, Outbox(delivery, SITE), at=clock.utc())
        sender = Sender(database, delivery, clock, lambda *_: driver)
        running = asyncio.create_task(sender.run())
        try:
            await until(lambda: database.lost)
            for _ in range(20):
                clock.advance(1.0)
                await asyncio.sleep(0.3)
            async with asyncio.timeout(30.0):
                await until(lambda: all_settled(database))
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    assert len(driver.seen) == 1


async def test_the_age_of_a_message_counts_from_the_start_after_the_clock_was_set_back(
    database_url: str,
) -> None:
    """Else nobody is told for an hour that the police do not confirm."""
    delivery, later = plan(), NOW.plus(3_600.0)
    async with Database(database_url) as database:
        await raise_alarm(database, Outbox(delivery, SITE), at=later)
        async with database.write() as connection:
            await queue.bring_back(connection, NOW)
            (before,) = (await read_view(connection, delivery, NOW.plus(44.0))).targets
            (after,) = (await read_view(connection, delivery, NOW.plus(46.0))).targets
    assert (before.overdue, after.overdue) == (0, 1)


async def test_a_start_brings_back_what_lies_in_the_future(database_url: str) -> None:
    """The clock was set back ten minutes: what waited is due, and a dead lease ends in its time."""
    delivery, later = plan(), NOW.plus(600.0)
    async with Database(database_url) as database:
        for zone in ("stair", "hall"):
            await raise_alarm(database, Outbox(delivery, SITE), subject=zone, at=later)
        async with database.write() as connection:
            (held,) = await queue.lease(connection, "room", "dead", 1, later)
            await queue.renew(connection, "dead", later, later, [])
            assert await queue.lease(connection, "room", "new", 8, NOW) == []
            await queue.bring_back(connection, NOW)
            (waited,) = await queue.lease(connection, "room", "new", 8, NOW)
            again = await queue.lease(connection, "room", "new", 8, NOW.plus(12.0))
            assert (await read_view(connection, delivery, later)).sender_beat is None
        assert {one.seq for one in again} == {held.seq, waited.seq}


async def test_a_sender_that_starts_after_the_clock_was_set_back_sends_at_once(
    sqlite_url: str,
) -> None:
    delivery = plan(paths=("main",), one_path_reason="test")
    async with Database(sqlite_url) as database:
        later = SystemClock().utc().plus(600.0)
        await raise_alarm(database, Outbox(delivery, SITE), at=later)
        async with sending(database, delivery, {"main": FakeDriver(received)}):
            async with asyncio.timeout(30.0):
                await until(lambda: all_settled(database))


async def test_signs_of_life_go_on_when_the_clock_is_set_back(sqlite_url: str) -> None:
    clock = SimulatedClock()
    delivery = plan(paths=("main",), one_path_reason="test")
    async with Database(sqlite_url) as database:

        async def beat_ns() -> int:
            async with database.read() as connection:
                found = await connection.execute(select(func.max(DELIVERY_SENDERS.c.beat_ns)))
                return int(found.scalar() or 0)

        async def beats_now() -> bool:
            return await beat_ns() == clock.utc().ns

        sender = Sender(database, delivery, clock, lambda *_: FakeDriver(received))
        running = asyncio.create_task(sender.run())
        try:
            await until(beats_now, "a first sign of life")
            clock.step_utc(-600.0)
            clock.advance(2.0)
            async with asyncio.timeout(30.0):
                await until(beats_now, "a sign of life after the step")
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


def unforeseen(message: OutMessage) -> Receipt:
    raise KeyError("an answer that nobody thought of")


@pytest.mark.parametrize("fault", [dead, unforeseen])
@pytest.mark.parametrize("both_for_urgent", [False, True])
async def test_the_second_path_takes_over(
    sqlite_url: str, fault: Callable[[OutMessage], Receipt], both_for_urgent: bool
) -> None:
    """Whatever the first driver stumbles over."""
    delivery = faster(plan(), both_for_urgent=both_for_urgent)
    good = FakeDriver(received)
    async with Database(sqlite_url) as database:
        await raise_alarm(database, Outbox(delivery, SITE))
        async with sending(database, delivery, {"main": FakeDriver(fault), "backup": good}):
            await until(lambda: all_settled(database))
        (row,) = await rows(database)
    assert (row["state"], row["path_id"], row["attempts"]) == ("received", "backup", 1)


async def test_what_a_driver_stumbles_over_is_told_without_its_words(sqlite_url: str) -> None:
    """They may hold a robot's address, and so its key."""
    delivery = plan()
    bad, good = FakeDriver(unforeseen), FakeDriver(received)
    async with Database(sqlite_url) as database:
        await raise_alarm(database, Outbox(delivery, SITE))
        with structlog.testing.capture_logs() as logs:
            async with sending(database, delivery, {"main": bad, "backup": good}):
                await until(lambda: all_settled(database))
    (told,) = (entry for entry in logs if entry["event"] == "delivery.driver_failed")
    assert (told["error"], told["path"]) == ("KeyError", "main")
    assert told["where"].startswith("test_sender.py:")
    assert "nobody thought of" not in str(logs)


async def test_sent_is_not_received(sqlite_url: str) -> None:
    """The transport takes every attempt; only the third brings the receiver's own word."""
    delivery = plan(paths=("main",), one_path_reason="test")
    driver = FakeDriver(lambda message: Receipt(len(driver.seen) > 2, "SIP 200"))
    async with Database(sqlite_url) as database:
        await raise_alarm(database, Outbox(delivery, SITE))
        async with sending(database, delivery, {"main": driver}):
            await until(lambda: len(driver.seen) == 1)
            await until(lambda: _state(database, "sent"))
            await until(lambda: all_settled(database))
        (row,) = await rows(database)
    assert row["state"] == "received"
    assert {seen.id for seen in driver.seen} == {row["message_id"]}
    assert row["sent_ns"] < row["settled_ns"]


async def _state(database: Database, state: str) -> bool:
    return [row["state"] for row in await rows(database)] == [state]


@pytest.mark.parametrize(
    ("role", "judge", "end"),
    [
        ("monitoring", "refuse", "rejected"),
        ("information", "sent", "sent"),
        ("information", "received", "sent"),
    ],
)
async def test_how_a_message_may_end(sqlite_url: str, role: str, judge: str, end: str) -> None:
    def answer(message: OutMessage) -> Receipt:
        if judge == "refuse":
            raise RefusedError("HTTP 422")
        return Receipt(received=judge == "received", detail="")

    delivery = plan(role=role)
    driver = FakeDriver(answer)
    async with Database(sqlite_url) as database:
        await raise_alarm(database, Outbox(delivery, SITE))
        async with sending(database, delivery, {"main": driver, "backup": driver}):
            await until(lambda: all_settled(database))
        (row,) = await rows(database)
        assert row["state"] == end
        if end == "rejected":
            async with database.write() as connection:
                assert await requeue(connection, row["seq"], NOW)
                assert not await requeue(connection, row["seq"], NOW)


async def test_police_messages_are_never_given_up(sqlite_url: str) -> None:
    """Refusals and cut lines alike leave the message open, however old it is."""
    long_ago = Utc(1_600_000_000_000_000_000)

    def refuse(message: OutMessage) -> Receipt:
        raise RefusedError("no")

    delivery = plan(paths=("main",), one_path_reason="test")
    driver = FakeDriver(refuse)
    async with Database(sqlite_url) as database:
        await raise_alarm(database, Outbox(delivery, SITE), at=long_ago)
        async with sending(database, delivery, {"main": driver}):
            await until(lambda: len(driver.seen) == 1)
            await until(lambda: _state(database, "pending"))
        (row,) = await rows(database)
    assert row["is_open"]
    assert "no" in row["detail"]


async def test_others_are_given_up_after_their_time(sqlite_url: str) -> None:
    long_ago = Utc(1_600_000_000_000_000_000)
    delivery = plan(role="monitoring")
    driver = FakeDriver(dead)
    async with Database(sqlite_url) as database:
        await raise_alarm(database, Outbox(delivery, SITE), at=long_ago)
        async with sending(database, delivery, {"main": driver, "backup": driver}):
            await until(lambda: all_settled(database))
        (row,) = await rows(database)
    assert row["state"] == "given_up"


async def test_urgent_messages_may_take_both_paths_at_once(sqlite_url: str) -> None:
    delivery = plan(both_for_urgent="true")
    slow, quick = FakeDriver(received, pause_s=30.0), FakeDriver(received)
    async with Database(sqlite_url) as database:
        await raise_alarm(database, Outbox(delivery, SITE))
        async with sending(database, delivery, {"main": slow, "backup": quick}):
            await until(lambda: all_settled(database))
        (row,) = await rows(database)
    assert (row["state"], row["path_id"]) == ("received", "backup")


async def test_memory_is_bounded_by_the_window(sqlite_url: str) -> None:
    delivery = plan(paths=("main",), one_path_reason="test")
    driver = FakeDriver(received, pause_s=0.005)
    async with Database(sqlite_url) as database:
        outbox = Outbox(delivery, SITE)
        for number in range(WINDOW + 30):
            await raise_alarm(database, outbox, subject=f"zone-{number}")
        async with sending(database, delivery, {"main": driver}):
            await until(lambda: all_settled(database))
    assert len(driver.seen) == WINDOW + 30
    assert 1 < driver.most_running <= WINDOW + URGENT_RESERVE


class _SlowForMild(FakeDriver):
    """Answers what is urgent at once, and the rest when it is told to."""

    answers = asyncio.Event()

    async def send(self, message: OutMessage, accepted: Accepted) -> Receipt:
        self.seen.append(message)
        if message.priority > 1:
            await self.answers.wait()
        return self.judge(message)


async def test_an_urgent_message_passes_a_window_full_of_slow_answers(sqlite_url: str) -> None:
    delivery = plan(paths=("main",), one_path_reason="test")
    driver = _SlowForMild(received)
    async with Database(sqlite_url) as database:
        outbox = Outbox(delivery, SITE)
        for number in range(WINDOW + 4):
            await raise_alarm(database, outbox, (Level.L2, 3), subject=f"zone-{number}")
        async with sending(database, delivery, {"main": driver}):
            await until(lambda: len(driver.seen) == WINDOW, "a full window")
            await raise_alarm(database, outbox, (Level.L4, 1), subject="stair")
            await until(lambda: len(driver.seen) == WINDOW + 1, "the urgent one")
            assert driver.seen[-1].subject_id == "stair"
            driver.answers.set()
            await until(lambda: all_settled(database))


async def test_a_silent_receiver_is_cut_off_and_asked_again(sqlite_url: str) -> None:
    delivery = faster(plan(paths=("main",), one_path_reason="test"), attempt_s=0.05)
    driver = FakeDriver(received, pause_s=5.0)
    async with Database(sqlite_url) as database:
        await raise_alarm(database, Outbox(delivery, SITE))
        async with sending(database, delivery, {"main": driver}):
            await until(lambda: _has_detail(database, "no answer within 0.05 s"))
            driver.pause_s = 0.0
            await until(lambda: all_settled(database))
    assert len(driver.seen) == 1


async def _has_detail(database: Database, text: str) -> bool:
    return any(text in row["detail"] for row in await rows(database))


async def test_a_database_that_refuses_loses_nothing(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk while outcomes are written: they are kept and written later, nothing twice."""
    full = asyncio.Event()
    settle = queue.settle

    async def refuse_while_full(*arguments: object) -> None:
        if full.is_set() and arguments[1]:
            raise OperationalError("INSERT", {}, Exception("database or disk is full"))
        await settle(*arguments)  # type: ignore[arg-type]

    delivery = plan(paths=("main",), one_path_reason="test")
    driver = FakeDriver(received)
    monkeypatch.setattr(queue, "settle", refuse_while_full)
    async with Database(sqlite_url) as database:
        full.set()
        await raise_alarm(database, Outbox(delivery, SITE))
        async with sending(database, delivery, {"main": driver}):
            await until(lambda: len(driver.seen) == 1)
            assert (await rows(database))[0]["is_open"]
            full.clear()
            await until(lambda: all_settled(database))
    assert len(driver.seen) == 1


@pytest.mark.peer
async def test_the_sender_waits_for_nobody_who_writes_rows_of_its_alarms(postgres_url: str) -> None:
    """The desk locks rows in the order of its alarms: with each waiting for the other, one of the
    two transactions would be ended, a second later."""
    delivery = plan(paths=("main",), one_path_reason="test")
    url = f"{postgres_url}&options=-c%20lock_timeout%3D1000"
    async with Database(postgres_url) as desk, Database(url) as database:
        for zone in ("stair", "hall"):
            await raise_alarm(desk, Outbox(delivery, SITE), subject=zone)
        sender = Sender(database, delivery, SystemClock(), lambda *_: FakeDriver(received))
        await sender._follow()
        await sender._write(lease=True)
        await asyncio.gather(*(task for _, task in sender._in_hand.values()))
        sender._late.hear((str((await rows(desk))[0]["message_id"]), "main", "late"))
        await sender._late.sift(database)
        async with desk.write() as connection:
            await connection.execute(
                update(DELIVERIES).where(DELIVERIES.c.alarm_number == 1).values(priority=1)
            )
            await sender._write(lease=True)
        assert [row["state"] for row in await rows(desk)] == ["leased", "received"]
        await sender._write(lease=False)
        await sender._halt(list(sender._targets))
        assert [row["state"] for row in await rows(desk)] == ["received", "received"]


async def test_the_view_tells_how_things_stand(database_url: str) -> None:
    delivery = plan()
    async with Database(database_url) as database:
        await raise_alarm(database, Outbox(delivery, SITE))
        driver = FakeDriver(received)
        async with sending(database, delivery, {"main": driver, "backup": driver}):
            await until(lambda: all_settled(database))
            await until(lambda: _all_up(database))
        async with database.read() as connection:
            now = SystemClock().utc()
            view = await read_view(connection, delivery, now)
            later = await read_view(connection, delivery, now.plus(60.0))
    (target,) = view.targets
    assert (target.open, target.overdue, view.sender_silent) == (0, 0, False)
    assert [path.state for path in target.paths] == ["up", "up"]
    assert sum(view.times.values()) == 2
    assert later.sender_silent
    assert {path.state for path in later.targets[0].paths} == {"unknown"}


async def _all_up(database: Database) -> bool:
    async with database.read() as connection:
        view = await read_view(connection, plan(), SystemClock().utc())
    return all(path.state == "up" for path in view.targets[0].paths)

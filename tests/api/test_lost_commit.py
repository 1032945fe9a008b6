"""The database commits, and the connection breaks before it can say so: nobody may go on as if
nothing had happened, for the worker's records are repetitions when they come again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from api.events import UNNUMBERED, EventKind
from tests.api.desk_cases import AUTHORISED, RunningDesk, running_desk


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[RunningDesk]:
    async with running_desk(database_url) as running:
        yield running


def lose_one_answer(desk: RunningDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next commit happens, and nobody hears of it."""
    database = desk.service.desk.database
    write = database.write

    @asynccontextmanager
    async def loses(*, in_turn: bool = True) -> AsyncIterator[AsyncConnection]:
        monkeypatch.undo()
        async with write(in_turn=in_turn) as connection:
            yield connection
        raise OperationalError("COMMIT", None, Exception("server closed the connection"))

    monkeypatch.setattr(database, "write", loses)


async def test_the_desk_hears_of_an_alarm_when_the_worker_sends_it_again(
    desk: RunningDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = desk.reading("stair", "L4", 3.9, kind="transition")
    with desk.service.desk.broker.listen() as console:
        lose_one_answer(desk, monkeypatch)
        body = {"records": [record]}
        answer = await desk.client.post("/api/v1/ingest", json=body, headers=AUTHORISED)
        assert answer.status_code == 503
        assert (await desk.send(record))["duplicates"] == 1
        told = [await console.next_within(1.0) for _ in range(6)]
    # Beside what was shown of it while nobody knew that it is stored.
    stored = [event.kind for event in told if event and event.seq != UNNUMBERED]
    assert sorted(stored) == [EventKind.ALARM, EventKind.ZONE]
    assert (await desk.zone("stair"))["level"] == "L4"


async def test_what_is_told_next_is_told_after_it(
    desk: RunningDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page drops what comes with a number that it has passed."""
    with desk.service.desk.broker.listen() as console:
        lose_one_answer(desk, monkeypatch)
        lost = {"records": [desk.reading("stair", "L4", 3.9, kind="transition")]}
        await desk.client.post("/api/v1/ingest", json=lost, headers=AUTHORISED)
        await desk.send(desk.reading("hall", "L1", 1.2))
        told = [await console.next_within(1.0) for _ in range(7)]
    numbers = [event.seq for event in told if event and event.seq != UNNUMBERED]
    assert numbers == sorted(set(numbers))
    assert desk.service.desk.told_seq == numbers[-1]

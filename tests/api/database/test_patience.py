"""Who cannot wait for an answer goes on; who is ended leaves no question behind."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy.exc import TimeoutError as NoTurnError

from api.database.patience import answered_within


async def test_an_answer_in_time_is_given_and_a_refusal_too() -> None:
    async def refused() -> int:
        raise LookupError("no row")

    assert await answered_within(60.0, asyncio.sleep(0.0, "row")) == "row"
    with pytest.raises(LookupError, match="no row"):
        await answered_within(60.0, refused())


async def test_a_question_that_takes_longer_goes_on_by_itself() -> None:
    may_end, ended = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        await may_end.wait()
        ended.set()

    with pytest.raises(NoTurnError):
        await answered_within(0.0, slow())
    may_end.set()
    await asyncio.wait_for(ended.wait(), 60.0)


async def test_who_is_ended_waits_until_the_connection_is_given_back() -> None:
    asked, may_end, given_back = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def question() -> None:
        try:
            asked.set()
            await asyncio.Event().wait()
        finally:
            await may_end.wait()
            given_back.set()

    asking = asyncio.create_task(answered_within(60.0, question()))
    await asked.wait()
    asking.cancel()
    for _ in range(5):
        await asyncio.sleep(0.0)
    assert not asking.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert given_back.is_set()

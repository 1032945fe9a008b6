"""Asking a database that may have fallen silent, by those who cannot wait for its end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from sqlalchemy.exc import TimeoutError as NoTurnError

T = TypeVar("T")

_ENDING_S = 5.0

_left: set[asyncio.Task[Any]] = set()
"""Held here until they end; nobody asks what became of them."""


async def answered_within(seconds: float, question: Coroutine[Any, Any, T]) -> T:
    """The answer to `question`, which goes on by itself where it takes longer.

    It is not cut off: to cancel a statement the server is asked too, and takes as long for that.

    Raises:
        sqlalchemy.exc.TimeoutError: no answer in time.
    """
    asking = asyncio.ensure_future(question)
    try:
        done, _ = await asyncio.wait({asking}, timeout=seconds)
    except asyncio.CancelledError:
        asking.cancel()
        # Who is ended here may close the database next: a question that gives its connection back
        # only then waits for ever.
        await asyncio.wait({asking}, timeout=_ENDING_S)
        raise
    if done:
        return asking.result()
    _left.add(asking)
    asking.add_done_callback(_forget)
    raise NoTurnError(f"no answer within {seconds:g} s")


def _forget(task: asyncio.Task[Any]) -> None:
    _left.discard(task)
    if not task.cancelled():
        task.exception()


__all__ = ["answered_within"]

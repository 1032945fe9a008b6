"""The threads of a process's loop."""

from __future__ import annotations

import asyncio
import threading
import time

from api.background import THREADS, start_threads


def _ours() -> set[str]:
    return {t.name for t in threading.enumerate() if t.name.startswith("background")}


def test_all_threads_are_there_from_the_start_and_a_busy_moment_adds_none() -> None:
    async def busy() -> tuple[set[str], set[str]]:
        start_threads()
        at_start = _ours()
        await asyncio.gather(*(asyncio.to_thread(time.sleep, 0.01) for _ in range(5 * THREADS)))
        return at_start, _ours()

    at_start, after = asyncio.run(busy())
    assert len(at_start) == THREADS
    assert after == at_start


def test_the_loop_takes_them_with_it() -> None:
    async def once() -> str:
        start_threads()
        return await asyncio.to_thread(lambda: threading.current_thread().name)

    assert asyncio.run(once()).startswith("background")
    assert _ours() == set()

"""The sender's process, without the process: what ends it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from api.delivery.plan_file import PlanFile
from api.delivery.process import send
from streams.clock import SimulatedClock
from streams.errors import WorkerError
from streams.heartbeat import Heartbeat


async def test_a_step_of_the_wall_clock_ends_the_sender_for_a_new_start(
    sqlite_url: str, tmp_path: Path
) -> None:
    clock = SimulatedClock()
    file = PlanFile.opened(tmp_path, tmp_path)
    sending = asyncio.create_task(send(sqlite_url, file, "学校", Heartbeat(None), clock=clock))
    await asyncio.sleep(0.5)
    assert not sending.done()
    clock.step_utc(-600.0)
    with pytest.raises(WorkerError, match="jumped by -600"):
        await sending

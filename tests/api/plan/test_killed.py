"""A writer that is killed at any point leaves whole records: all of one, or none of it."""

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import func, select

from api.database import Database
from api.plan import history
from api.plan.tables import PLAN_COUNTS, PLAN_HAZARDS, PLAN_HISTORY, PLAN_OCCURRENCES, PLAN_RECORDS

CHECKOUT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("stored_before_kill", [1, 7, 40])
async def test_kill_9_leaves_whole_records(rolled_url: str, stored_before_kill: int) -> None:
    command = [sys.executable, "-m", "tests.api.plan.writer", rolled_url]
    told: list[str] = []
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        while len(told) < stored_before_kill:
            line = writer.stdout.readline()
            assert line, "the writer stopped by itself"
            told.append(line.strip())
        writer.kill()
        told += writer.stdout.read().split()
    async with Database(rolled_url) as database, database.read() as connection:
        keys = {row[0] for row in await connection.execute(select(PLAN_RECORDS.c.client_key))}
        hazards = {row[0] for row in await connection.execute(select(PLAN_HAZARDS.c.client_key))}
        lines = (
            await connection.execute(select(func.count()).select_from(PLAN_HISTORY))
        ).scalar_one()
        done = (await connection.execute(select(func.sum(PLAN_OCCURRENCES.c.done)))).scalar_one()
        counts = (
            await connection.execute(select(func.count()).select_from(PLAN_COUNTS))
        ).scalar_one()
        broken = await history.first_broken(connection)
    assert set(told) <= keys  # nothing that was told is lost
    assert len(keys) - len(told) in (0, 1)  # at most the one that was not told yet
    assert hazards == keys
    assert lines == 2 * len(keys)
    assert done == counts
    assert broken is None

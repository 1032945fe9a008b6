"""Hands in records without end, as a program of its own that a test kills.

python -m tests.api.plan.writer DATABASE_URL; prints the key of each stored record.
"""

import asyncio
import sys
from datetime import date

from api.database import Database
from api.plan import hazard_store
from api.plan.counting import Desk, NewRecord, hand_in
from api.plan.hazards import Hazard, HazardLevel, HazardState
from api.plan.ledger import unit_numbers
from config.plan import load_edition
from vision.instants import Utc

DAY = date(2026, 3, 16)


async def write(url: str) -> None:
    """Alternate drills and hazards until the end of time."""
    edition = load_edition()
    async with Database(url) as database:
        async with database.write() as connection:
            numbers = await unit_numbers(connection, edition)
        for count in range(1_000_000):
            unit = edition.schools[count % 3]
            desk = Desk(edition, unit, numbers[unit.id], DAY, Utc(count))
            key = f"writer-{count:08d}"
            async with database.write() as connection:
                record = NewRecord(key, "duty_log", "gate", DAY, "护学岗", "王芳")
                await hand_in(connection, desk, record)
                hazard = Hazard(
                    0, "楼梯", "松动", HazardLevel.ORDINARY, HazardState.REGISTERED, "王芳", DAY
                )
                await hazard_store.add(
                    connection, desk, hazard, client_key=key, source="person", grade={}
                )
            sys.stdout.write(f"{key}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(write(sys.argv[1]))

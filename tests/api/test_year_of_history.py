"""What the service asks all the time reads no more of a year of history than it needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, get_args

import pytest
from sqlalchemy import event, select
from sqlalchemy.engine import Engine

from api.delivery.monitor import Monitor
from api.delivery.tables import DELIVERIES
from api.delivery.view import ended_badly
from api.watch import KEEP_IDS_S
from streams.records import AnyRecord
from tests.api.chain import PLANS
from tests.api.desk_cases import RunningDesk, running_desk

_GROWING = ("alarms", "alarm_history", "deliveries", "records", "readings", "events")


@contextmanager
def statements() -> Iterator[list[tuple[str, Any]]]:
    """Every statement with its values, as the database gets it."""
    told: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, values: Any, *___: object) -> None:
        told.append((statement, values))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield told
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def read_whole(desk: RunningDesk, told: list[tuple[str, Any]]) -> list[tuple[str, str]]:
    """Statements that read a growing table from end to end, with the plan's line."""
    found = []
    async with desk.service.desk.database.read() as connection:
        for statement, values in told:
            if isinstance(values, list) or not statement.startswith(("SELECT", "UPDATE", "DELETE")):
                continue
            plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            for line in (str(row[-1]) for row in plan):
                words = line.split()
                partial = words[-1] == "ix_deliveries_ended_badly"
                if words[0] == "SCAN" and words[1] in _GROWING and not partial:
                    found.append((line, statement))
    return found


async def test_no_regular_work_and_no_desk_reads_all_history(sqlite_url: str) -> None:
    async with running_desk(sqlite_url, delivery=PLANS["all"]) as desk:
        await desk.send(desk.reading("stair", "L3", 3.1, kind="transition"))
        (alarm,) = await desk.alarms()
        monitor = Monitor(desk.service.desk)
        with statements() as told:
            await desk.service.watch.tick()
            await desk.service.watch.upkeep()
            await monitor.tick()
            await monitor.upkeep()
            await desk.send(desk.reading("stair", "L4", 4.1, kind="transition"))
            await desk.get("/api/v1/state")
            await desk.get(f"/api/v1/alarms/{alarm['number']}")
            await desk.get(f"/api/v1/alarms/{alarm['number']}/told")
            await desk.client.get("/metrics")
            await desk.client.get("/delivery")
        assert len(told) > 20
        assert await read_whole(desk, told) == []


@pytest.mark.parametrize("what", ["asked", "settled long ago"])
async def test_few_messages_among_all_are_found_by_their_own_index(
    sqlite_url: str, what: str
) -> None:
    async with running_desk(sqlite_url, delivery=PLANS["all"]) as desk:
        with statements() as told:
            if what == "asked":
                async with desk.service.desk.database.read() as connection:
                    await connection.execute(select(DELIVERIES.c.target_id).where(ended_badly()))
            else:
                await Monitor(desk.service.desk).upkeep()
        (statement, values) = next(one for one in told if " deliveries" in one[0])
        async with desk.service.desk.database.read() as connection:
            plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            line = str(plan.fetchall()[0][-1])
    index = {"asked": "ix_deliveries_ended_badly", "settled long ago": "ix_deliveries_settled_ns"}
    assert index[what] in line


def test_every_kind_of_record_is_forgotten_some_day() -> None:
    kinds = {get_args(one.model_fields["kind"].annotation)[0] for one in get_args(AnyRecord)}
    assert set(KEEP_IDS_S) == kinds

"""Test alarms: at their time, once, followed to every receipt, counted by nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select, update

from api.alarms import routine
from api.delivery.outbox import Outbox
from api.delivery.tables import DELIVERIES
from config.delivery import DeliveryPlan, parse_delivery
from config.desk_plan import DeskPlan, LadderStep, RoutineTest
from config.response import SiteResponse
from tests.api.desk_cases import SITE, RunningDesk, running_desk
from vision.instants import Utc

_TARGETS = """\
targets:
  - id: police
    name: {zh: 警务室, en: Police room}
    role: police
    lowest_priority: 1
    one_path_reason: a test
    paths:
      - id: main
        driver: webhook
        settings: {url: "https://receiver.example/alarms", secret: "env:NOT_SET"}
"""
_PLAN = DeskPlan(
    routine_test=RoutineTest("07:10", receipts_within_s=60.0),
    ladder=(LadderStep("again", 30.0, "sound_again", (1, 2, 3, 4)),),
)


def targets(folder: Path) -> DeliveryPlan:
    return parse_delivery(_TARGETS.encode(), directory=folder)


def tell(desk: RunningDesk, plan: DeliveryPlan) -> None:
    desk.service.desk.outbox = Outbox(plan, SITE)


async def set_received(desk: RunningDesk) -> None:
    """What the sender writes when the receiver's word has come."""
    now = desk.clock.utc()
    async with desk.service.desk.database.write() as connection:
        await connection.execute(
            update(DELIVERIES).values(state="received", is_open=False, settled_ns=now.ns)
        )


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("2026-11-23T07:09:59", None),
        ("2026-11-23T07:10:00", "routine/2026-11-23"),
        ("2026-11-23T08:09:59", "routine/2026-11-23"),
        ("2026-11-23T08:10:00", None),  # an hour late: not that day
        ("2026-11-22T07:10:00", None),  # a Sunday
    ],
)
def test_the_test_of_a_day_begins_at_its_time_and_never_much_later(
    local: str, expected: str | None
) -> None:
    at = Utc.from_datetime(datetime.fromisoformat(f"{local}+08:00").astimezone(UTC))
    test = RoutineTest("07:10", days=("mon", "tue", "wed", "thu", "fri"))
    assert routine.due_key(test, "Asia/Shanghai", at) == expected


def test_a_site_without_a_routine_test_has_none() -> None:
    assert routine.due_key(None, "Asia/Shanghai", Utc(0)) is None


async def test_a_test_on_demand_is_followed_to_every_receipt(
    database_url: str, tmp_path: Path
) -> None:
    async with running_desk(database_url, response=SiteResponse(desk=_PLAN)) as desk:
        tell(desk, targets(tmp_path))
        run = await desk.post("/api/v1/test-alarms", {"name": "王芳"}, status=201)
        assert run["receipts"] == []
        (alarm,) = [one for one in await desk.alarms() if one["type"] == "test"]
        assert (alarm["priority"], alarm["state"]) == (4, "unacknowledged")
        async with desk.service.desk.database.read() as connection:
            (row,) = (await connection.execute(select(DELIVERIES))).mappings().all()
        # The police want priority 1 alone, and a test all the same; it says so itself.
        assert (row["target_id"], bool(row["is_test"]), row["priority"]) == ("police", True, 4)
        desk.clock.advance(1.5)
        await set_received(desk)
        desk.clock.advance(2.5)
        seen = {"name": "王芳", "version": alarm["version"]}
        await desk.post(f"/api/v1/alarms/{alarm['number']}/acknowledge", seen)
        await desk.service.watch.tick()
        (done,) = (await desk.get("/api/v1/test-alarms"))["runs"]
        assert done["receipts"] == [
            {"receiver": "desk", "delay_s": 4.0},
            {"receiver": "police", "delay_s": 1.5},
        ]
        assert [one for one in await desk.alarms() if one["type"] in ("test", "delivery")] == []


async def test_a_second_test_waits_until_the_first_has_its_receipts(sqlite_url: str) -> None:
    async with running_desk(sqlite_url, response=SiteResponse(desk=_PLAN)) as desk:
        first = await desk.post("/api/v1/test-alarms", {"name": "王芳"}, status=201)
        refused = await desk.post("/api/v1/test-alarms", {"name": "李强"}, status=409)
        assert refused["code"] == "alarm_test_running"
        assert str(first["alarm_number"]) in refused["message"]["zh"]
        desk.clock.advance(60.0)
        await desk.service.watch.tick()
        await desk.post("/api/v1/test-alarms", {"name": "李强"}, status=201)


async def test_a_receiver_without_receipt_is_an_alarm(sqlite_url: str, tmp_path: Path) -> None:
    async with running_desk(sqlite_url, response=SiteResponse(desk=_PLAN)) as desk:
        tell(desk, targets(tmp_path))
        await desk.post("/api/v1/test-alarms", {"name": "王芳"}, status=201)
        for _ in range(6):
            desk.clock.advance(9.9)
            await desk.service.watch.tick()
        kinds = [one["type"] for one in await desk.alarms()]
        assert ("test" in kinds, "delivery" in kinds) == (True, False)
        desk.clock.advance(1.0)
        await desk.service.watch.tick()
        (fault,) = [one for one in await desk.alarms() if one["type"] == "delivery"]
        assert (fault["subject_id"], fault["priority"]) == ("police/test", 2)
        assert fault["now"]["reasons"][0]["rule"] == "receipt_missing"
        assert "test" not in [one["type"] for one in await desk.alarms()]


async def test_a_test_climbs_no_ladder_and_is_no_load(sqlite_url: str) -> None:
    async with running_desk(sqlite_url, response=SiteResponse(desk=_PLAN)) as desk:
        run = await desk.post("/api/v1/test-alarms", {"name": "王芳"}, status=201)
        desk.clock.advance(45.0)  # the ladder's first step is at 30 s
        await desk.send(desk.reading("stair", "L0"), desk.reading("hall", "L0"))
        await desk.service.watch.tick()
        assert await desk.actions(run["alarm_number"]) == ["opened"]
        page = (await desk.client.get("/handover?lang=en&hours=1")).text
        assert "0 times (priority 1: 0, 2: 0, 3: 0, 4: 0)" in page


async def test_the_routine_test_of_a_day_runs_once_also_after_a_restart(sqlite_url: str) -> None:
    local = datetime(2026, 11, 23, 7, 9, 30).astimezone().replace(tzinfo=None)
    begins = Utc.from_datetime(datetime.fromisoformat(f"{local.isoformat()}+08:00"))
    for _ in range(2):
        async with running_desk(sqlite_url, response=SiteResponse(desk=_PLAN)) as desk:
            desk.clock.advance(begins - desk.clock.utc())
            await desk.service.watch.tick()
            desk.clock.advance(31.0)
            await desk.service.watch.tick()
            await desk.service.watch.tick()
            runs = (await desk.get("/api/v1/test-alarms"))["runs"]
            assert [run["key"] for run in runs] == ["routine/2026-11-23"]


async def test_a_synthetic_crowd_never_becomes_a_zones_state(sqlite_url: str) -> None:
    async with running_desk(sqlite_url) as desk:
        await desk.send(desk.reading("stair", "L0"))
        record = desk.reading("stair", "L4", 4.2)
        record |= {"kind": "transition", "previous_level": "L0", "worker_id": "selftest"}
        await desk.send(record)
        assert (await desk.zone("stair"))["level"] == "L0"
        (alarm,) = await desk.alarms()
        assert (alarm["type"], alarm["priority"], alarm["latched"]) == ("test", 4, False)
        assert alarm["zone_ids"] == ["stair"]
        assert alarm["now"]["density_per_m2"] == 4.2

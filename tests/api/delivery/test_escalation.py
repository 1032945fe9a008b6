"""Who is told when the ladder takes a step, and how drills are marked."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from api.alarms import escalation, store
from api.alarms.machine import acknowledge, observe
from api.alarms.values import Alarm, Change, Signature
from api.database import Database
from api.delivery.drivers.cap import NAMESPACE, cap_document
from api.delivery.message import OutMessage
from api.delivery.outbox import Outbox
from config.delivery import DeliveryFileError, DeliveryPlan, parse_delivery
from config.desk_plan import DEFAULT_LADDER, DeskPlan, LadderStep, Person
from config.site import LocalText
from tests.api.delivery.cases import SITE, plan, rows, signal
from vision.instants import Utc
from vision.risk.readings import Level

NOW = Utc.from_iso("2026-11-23T07:04:00Z")
LIU = Person("liu", LocalText("刘校长", "Headmaster Liu"), LocalText("校长", "head"), "1380000")
LADDER = (LadderStep("call-liu", 60.0, "call", who=("liu",)), *DEFAULT_LADDER[2:])
ROOM_AND_DISTRICT = """
targets:
  - id: room
    name: {zh: 警务室, en: Police room}
    role: police
    lowest_priority: 1
    one_path_reason: test
    paths: [{id: main, driver: webhook, settings: {url: 'http://127.0.0.1:1/', secret: env:X}}]
  - id: district
    name: {zh: 区教育局, en: District}
    role: monitoring
    from_step: district
    lowest_priority: 4
    paths: [{id: net, driver: webhook, settings: {url: 'http://127.0.0.1:1/d', secret: env:X}}]
"""


def both() -> DeliveryPlan:
    return parse_delivery(ROOM_AND_DISTRICT.encode(), directory=Path())


async def climb(
    url: str, delivery: DeliveryPlan, priority: int, steps: int
) -> list[dict[str, Any]]:
    """An alarm of this priority opens and nobody acknowledges; the rows of the outbox."""
    outbox = Outbox(delivery, SITE, DeskPlan(people=(LIU,), ladder=LADDER))
    async with Database(url) as database:

        async def save(change: Change) -> Alarm:
            async with database.write() as connection:
                alarm = await store.save(connection, change)
                await outbox.enqueue(connection, alarm, change.entries, NOW)
            return alarm

        opened = observe(None, signal(level=Level.L3, priority=priority, at=NOW))
        assert opened is not None
        alarm = await save(opened)
        for step in escalation.steps_for(LADDER, priority)[:steps]:
            alarm = await save(escalation.by_time(alarm, step, NOW.plus(step.after_s)))
        return await rows(database)


@pytest.mark.parametrize(
    ("priority", "steps", "expected"),
    [
        # A mild alarm reaches the police only by the ladder's own step, the second one.
        (2, 0, []),
        (2, 1, []),
        (2, 2, [("room", "escalated")]),
        (1, 0, [("room", "opened")]),
        (1, 1, [("room", "opened"), ("room", "escalated")]),
        # The district is told from its own step on, the third.
        (
            1,
            3,
            [
                ("room", "opened"),
                ("room", "escalated"),
                ("room", "escalated"),
                ("room", "escalated"),
                ("district", "escalated"),
            ],
        ),
    ],
)
async def test_who_is_told(
    sqlite_url: str, priority: int, steps: int, expected: list[tuple[str, str]]
) -> None:
    found = await climb(sqlite_url, both(), priority, steps)
    assert [(row["target_id"], row["action"]) for row in found] == expected


@pytest.mark.parametrize(
    ("priority", "level", "steps", "target"),
    [(2, Level.L3, 2, "room"), (1, Level.L4, 3, "district")],
)
async def test_whom_the_ladder_brought_in_hears_how_it_goes_on(
    database_url: str, priority: int, level: Level, steps: int, target: str
) -> None:
    outbox = Outbox(both(), SITE, DeskPlan(people=(LIU,), ladder=LADDER))
    async with Database(database_url) as database:

        async def save(change: Change | None) -> Alarm:
            assert change is not None
            async with database.write() as connection:
                alarm = await store.save(connection, change)
                await outbox.enqueue(connection, alarm, change.entries, NOW)
            return alarm

        async def observed(alarm: Alarm | None, level: Level, at_s: float) -> Alarm:
            known = signal(level=level, priority=priority, at=NOW.plus(at_s))
            return await save(observe(alarm, known))

        alarm = await observed(None, level, 0.0)
        for step in escalation.steps_for(LADDER, priority)[:steps]:
            alarm = await save(escalation.by_time(alarm, step, NOW.plus(step.after_s)))
        alarm = await observed(alarm, Level.L0, 400.0)
        alarm = await observed(alarm, level, 410.0)
        assert alarm.escalated == 0
        alarm = await save(acknowledge(alarm, Signature("王芳", NOW.plus(420.0)), alarm.version))
        told = [row["action"] for row in await rows(database) if row["target_id"] == target]
        assert told == ["escalated", "returned", "repeated", "acknowledged"]


async def test_the_message_says_what_the_step_does_and_whom_it_tells(database_url: str) -> None:
    found = await climb(database_url, both(), 1, 1)
    message = OutMessage.from_json(found[-1]["body_json"], 2)
    assert (message.escalation, message.tell) == ("call", ("刘校长",))
    assert message.description.zh.startswith("无人确认，已升级：打电话通知负责人")
    # What is information only names nobody.
    assert message.without_people().tell == ()


class _DrillAtNow:
    """A timetable with one drill."""

    def is_drill(self, instant: Utc) -> bool:
        return instant == NOW


async def test_a_drill_is_marked_and_still_real(sqlite_url: str) -> None:
    outbox = Outbox(plan(), SITE, timetable=_DrillAtNow())
    async with Database(sqlite_url) as database:
        for subject, at in (("stair", NOW), ("hall", NOW.plus(3600.0))):
            change = observe(None, signal(subject, at=at))
            assert change is not None
            async with database.write() as connection:
                alarm = await store.save(connection, change)
                await outbox.enqueue(connection, alarm, change.entries, at)
        drill, real = [
            OutMessage.from_json(row["body_json"], row["seq"]) for row in await rows(database)
        ]
    assert (drill.is_drill, real.is_drill) == (True, False)
    assert drill.headline.zh.startswith("【演练时段，未核实前按真实处置】【第一小学】")
    assert drill.headline.en.startswith("[DRILL TIME: act as if real until it is known] [First")
    document = ET.fromstring(cap_document(drill, "school"))
    assert document.findtext(f"{{{NAMESPACE}}}status") == "Actual"
    assert "a drill is on" in str(document.findtext(f"{{{NAMESPACE}}}note"))


def test_the_police_never_wait_for_a_step() -> None:
    text = ROOM_AND_DISTRICT.replace("lowest_priority: 1", "from_step: call")
    with pytest.raises(DeliveryFileError, match="the police are told at once"):
        parse_delivery(text.encode(), directory=Path())

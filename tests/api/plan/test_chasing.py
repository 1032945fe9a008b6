"""Reminders: the ladder day by day, and the day's message to receivers told for information."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from api.delivery.message import OutMessage
from api.delivery.outbox import Outbox
from api.delivery.tables import DELIVERIES
from api.plan import task_store, telling
from api.plan.chasing import task_step
from api.plan.ledger import unit_numbers
from api.plan.tasks import Finding, TaskKind
from api.plan.today import notices_on
from tests.api.delivery.cases import message
from tests.api.delivery.cases import plan as delivery_plan
from tests.api.desk_cases import SITE
from tests.api.plan.conftest import LedgerDesk, at

DUE = date(2026, 3, 20)
RUNGS = [
    (-4, None),
    (-3, "grid_owner"),
    (-1, "grid_owner"),
    (0, "safety_director"),
    (1, "principal"),
    (2, "principal"),
    (3, "bureau_safety"),
    (6, "bureau_safety"),
    (7, "bureau_leader"),
    (40, "bureau_leader"),
]


@pytest.mark.parametrize(("days", "role"), RUNGS)
def test_a_task_climbs_the_ladder(days: int, role: str | None) -> None:
    step = task_step(DUE, DUE + timedelta(days=days))
    assert (None if step is None else step.role) == role


@pytest.fixture
def outbox() -> Outbox:
    """A police room, and a chat group that is told for information."""
    police, group = delivery_plan(role="police"), delivery_plan(role="information")
    targets = (replace(police.targets[0], id="police"), replace(group.targets[0], id="group"))
    return Outbox(replace(police, targets=targets), SITE)


async def test_information_targets_are_told_once_a_day_and_police_never(
    ledger: LedgerDesk, outbox: Outbox
) -> None:
    """Nine nights: every night at most one message, equal to that night's reminders."""
    first = date(2026, 3, 16)
    expected: list[tuple[str, int]] = []
    for day in (first + timedelta(days=n) for n in range(9)):
        await ledger.roll(day)
        async with ledger.database.write() as connection:
            numbers = await unit_numbers(connection, ledger.edition)
            school = {numbers["sample-primary"]: ledger.edition.unit("sample-primary")}
            notices = await notices_on(connection, numbers["sample-primary"], day)
            for _ in range(2):  # a service that is started again tells nothing twice
                await telling.tell(connection, outbox, school, ledger.edition, day, at(day, 0))
        if notices:
            expected.append((str(day), len([one for one in notices if one.due <= day])))
    rows = await sent(ledger)
    assert {target for target, _ in rows} == {"group"}
    told = [(one.step_at[:10], one.headline.zh) for _, one in rows]
    assert len(told) == len(expected) > 0
    for (_, headline), (_, due) in zip(told, expected, strict=True):
        assert f"到期 {due} 项" in headline
        assert headline.startswith("【示范小学】安全工作计划")
    assert {one.event for _, one in rows} == {"plan.reminder"}
    assert {one.by for _, one in rows} == {""}


async def test_a_task_near_its_day_is_told(ledger: LedgerDesk, outbox: Outbox) -> None:
    day = date(2026, 3, 16)
    desk = await ledger.desk("sample-primary", day)
    finding = Finding(TaskKind.BLIND_SPOT, "school/stair", "盲区：楼梯", "2 处", days=5)
    units, edition = {desk.unit_no: desk.unit}, ledger.edition
    async with ledger.database.write() as connection:
        await task_store.take_findings(
            connection, desk, (finding,), source="audit", owner="安全主任"
        )
        assert await telling.tell(connection, outbox, units, edition, day, at(day)) == 0
        later = day + timedelta(days=2)
        assert await telling.tell(connection, outbox, units, edition, later, at(later)) == 1
    ((_, told),) = await sent(ledger)
    assert told.description.zh == "盲区：楼梯（2026-03-21）"
    assert "整改任务 1 项" in told.headline.zh


async def test_a_target_of_urgent_alarms_only_is_not_told(
    ledger: LedgerDesk, outbox: Outbox
) -> None:
    strict = tuple(replace(one, lowest_priority=2) for one in outbox.plan.targets)
    quiet = replace(outbox, plan=replace(outbox.plan, targets=strict))
    async with ledger.database.write() as connection:
        reminder = message(alarm_number=0, priority=4, alarm_type="plan", action="reminder")
        assert await quiet.enqueue_information(connection, reminder, at(DUE)) == 0
        assert await outbox.enqueue_information(connection, reminder, at(DUE)) == 1


async def sent(ledger: LedgerDesk) -> list[tuple[str, OutMessage]]:
    async with ledger.database.read() as connection:
        rows = await connection.execute(select(DELIVERIES).order_by(DELIVERIES.c.seq))
        return [(row.target_id, OutMessage.from_json(row.body_json, row.seq)) for row in rows]

"""Nothing reads as done without being done, nor as missed though it was done in time."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import select

from api.plan.counting import review
from api.plan.tables import PLAN_OCCURRENCES, day_number
from tests.api.plan.conftest import TODAY, LedgerDesk

SCHOOL = "sample-primary"
LESSON = "R-4.14.1-1"
CLASSES = 24
# The lessons of this fortnight are due on Friday 27 March.
FRIDAY = date(2026, 3, 27)


async def lesson(rolled: LedgerDesk, key: str, name: str, day: date = TODAY) -> list[str]:
    """Hand in a lesson of a class; the rules it counts for."""
    body = {"class_name": name, "teacher": "王芳", "topic": "防踩踏"}
    stored = await rolled.hand_in(SCHOOL, day, "lesson", client_key=f"key-{key}", body=body)
    return [one.rule_id for one in stored.counted]


async def row(rolled: LedgerDesk, rule_id: str, raw_due: date) -> tuple[str, int, date]:
    """State, work and day of one occurrence of the school."""
    desk = await rolled.desk(SCHOOL, TODAY)
    columns = PLAN_OCCURRENCES.c
    query = select(columns.state, columns.done, columns.due_day).where(
        columns.unit_no == desk.unit_no,
        columns.rule_id == rule_id,
        columns.raw_due_day == day_number(raw_due),
    )
    async with rolled.database.read() as connection:
        found = (await connection.execute(query)).one()
    return found.state, found.done, date(1970, 1, 1) + timedelta(days=found.due_day)


async def test_one_class_does_not_stand_for_all(rolled: LedgerDesk) -> None:
    assert await lesson(rolled, "class-0001", "三年级 1班") == [LESSON]
    assert await lesson(rolled, "class-0002", "三年级１班") == []
    assert await row(rolled, LESSON, FRIDAY) == ("open", 1, FRIDAY)
    for number in range(2, CLASSES + 1):
        assert await lesson(rolled, f"class-1{number:03}", f"三年级{number}班") == [LESSON]
    assert await row(rolled, LESSON, FRIDAY) == ("submitted", CLASSES, FRIDAY)


async def test_a_second_lesson_makes_up_for_the_fortnight_that_lacks_the_class(
    rolled: LedgerDesk,
) -> None:
    for step in range(1, 15):
        await rolled.roll(TODAY + timedelta(days=step))
    monday = date(2026, 3, 30)
    assert await lesson(rolled, "again-0001", "三年级1班", monday) == [LESSON]
    assert await lesson(rolled, "again-0002", "三年级1班", monday) == [LESSON]
    assert await row(rolled, LESSON, FRIDAY) == ("overdue", 1, FRIDAY)
    assert (await row(rolled, LESSON, date(2026, 4, 10)))[1] == 1


async def test_a_duty_of_many_records_is_reviewed_once_all_were(rolled: LedgerDesk) -> None:
    duty = ("R-3.11.1-1", TODAY)
    stored = [
        await rolled.hand_in(SCHOOL, TODAY, "duty_log", kind_type="gate", client_key=f"gate-{n}")
        for n in ("morning", "evening")
    ]
    desk = await rolled.desk(SCHOOL, TODAY)
    for record, state in zip(stored, ("submitted", "reviewed"), strict=True):
        async with rolled.database.write() as connection:
            await review(connection, desk, record.record_id, "区局周敏")
        assert (await row(rolled, *duty))[0] == state

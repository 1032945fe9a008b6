"""Nothing reads as done without being done, nor as missed though it was done in time."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from api.plan.counting import review
from api.plan.service import PlanService
from api.plan.tables import PLAN_OCCURRENCES, day_number
from config.plan.school_calendar import CalendarYear, Holiday, Term
from streams.clock import SimulatedClock
from tests.api.plan.conftest import TODAY, LedgerDesk, at, names

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


def service(rolled: LedgerDesk, day: date) -> PlanService:
    return PlanService(rolled.database, rolled.edition, SimulatedClock(at(day)), Path())


async def closed(plan: PlanService, *days: date) -> None:
    """Enter 2026 with these holidays beside the known ones."""
    known = plan.edition.calendars[""].entered_year(2026)
    more = tuple(Holiday(day, "雪休") for day in days)
    await plan.enter_year("", replace(known, holidays=(*known.holidays, *more)), "区局周敏")


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


async def test_a_holiday_that_comes_too_late_exempts_nobody(rolled: LedgerDesk) -> None:
    """Both last days of March become holidays on the 30th; the 29th and 28th are a weekend."""
    drill = ("R-2.7.2-1", date(2026, 3, 31))
    for step in range(1, 15):
        await rolled.roll(TODAY + timedelta(days=step))
    monday = date(2026, 3, 30)
    plan = service(rolled, monday)
    await closed(plan, monday, monday + timedelta(days=1))
    assert await row(rolled, *drill) == ("open", 0, date(2026, 3, 31))
    await plan.roll()
    await rolled.roll(date(2026, 4, 1))
    assert await row(rolled, *drill) == ("overdue", 0, date(2026, 3, 31))


async def test_rounds_of_a_machine_that_was_off_for_months_are_missed(rolled: LedgerDesk) -> None:
    """Rounds are laid out 45 days ahead; 20 May lies beyond, and was a day of school."""
    await rolled.roll(date(2026, 7, 1))
    may = date(2026, 5, 20)
    for rule_id in ("R-3.9.1-2", "R-3.11.1-1"):
        assert await row(rolled, rule_id, may) == ("missed", 0, may)
    assert await row(rolled, "R-3.9.1-2", date(2026, 5, 4)) == ("exempt", 0, date(2026, 5, 4))


async def test_what_is_given_back_is_open_at_once(rolled: LedgerDesk) -> None:
    rounds = ("R-3.9.1-2", TODAY)
    plan = service(rolled, TODAY)
    known = plan.edition.calendars[""].entered_year(2026)
    await closed(plan, TODAY)
    assert (await row(rolled, *rounds))[0] == "exempt"
    await plan.enter_year("", known, "区局周敏")
    assert (await row(rolled, *rounds))[0] == "open"


async def test_a_day_that_was_called_a_holiday_by_mistake_is_no_fault(rolled: LedgerDesk) -> None:
    """With Friday closed the week's meeting is due on Thursday; on Friday the mistake is seen."""
    friday = date(2026, 3, 20)
    meeting = ("R-3.9.1-3", friday)
    plan = service(rolled, TODAY)
    known = plan.edition.calendars[""].entered_year(2026)
    await closed(plan, friday)
    rolled.edition = plan.edition
    for step in range(1, 5):
        await rolled.roll(TODAY + timedelta(days=step))
    assert await row(rolled, *meeting) == ("overdue", 0, friday - timedelta(days=1))
    await service(rolled, friday).enter_year("", known, "区局周敏")
    assert await row(rolled, *meeting) == ("open", 0, friday)
    stored = await rolled.hand_in(SCHOOL, friday, "meeting", kind_type="weekly")
    assert names(stored.counted) == [("R-3.9.1-3", "submitted", False)]


async def test_a_calendar_moves_nothing_by_a_clock_that_the_ledger_does_not_follow(
    rolled: LedgerDesk,
) -> None:
    before = await row(rolled, "R-2.7.2-1", date(2026, 3, 31))
    behind = service(rolled, date(2026, 1, 5))
    await closed(behind, date(2026, 1, 6))
    ahead = service(rolled, date(2026, 9, 5))
    await closed(ahead, date(2026, 9, 6))
    assert await row(rolled, "R-2.7.2-1", date(2026, 3, 31)) == before
    assert (await row(rolled, "R-2.7.2-1", date(2026, 4, 30)))[0] == "upcoming"


def _begins(plan: PlanService, day: date) -> CalendarYear:
    known = plan.edition.calendars[""].entered_year(2026)
    return replace(known, terms=(Term("spring", day, date(2026, 7, 10)),))


@pytest.mark.parametrize(
    ("taught", "today", "new"),
    [
        (TODAY, TODAY, date(2026, 3, 20)),
        # The fortnight of the lessons has passed when the weeks swap.
        (date(2026, 3, 26), date(2026, 3, 30), date(2026, 4, 3)),
    ],
)
async def test_weeks_that_swap_cost_no_lesson(
    rolled: LedgerDesk, taught: date, today: date, new: date
) -> None:
    """The term begins on Monday, not on Sunday 1 March: of 16 to 27 March become 9 to 20 March
    and 23 March to 3 April. What was taught counts there, and comes back."""
    for step in range(1, (taught - TODAY).days + 1):
        await rolled.roll(TODAY + timedelta(days=step))
    for number in range(1, CLASSES + 1):
        await lesson(rolled, f"swap-{number:04}", f"{number}班", taught)
    for step in range((taught - TODAY).days + 1, (today - TODAY).days + 1):
        await rolled.roll(TODAY + timedelta(days=step))
    assert await row(rolled, LESSON, FRIDAY) == ("submitted", CLASSES, FRIDAY)
    plan = service(rolled, today)
    await plan.enter_year("", _begins(plan, date(2026, 3, 2)), "区局周敏")
    assert await row(rolled, LESSON, FRIDAY) == ("exempt", 0, FRIDAY)
    assert await row(rolled, LESSON, new) == ("submitted", CLASSES, new)
    await plan.enter_year("", _begins(plan, date(2026, 3, 1)), "区局周敏")
    assert await row(rolled, LESSON, FRIDAY) == ("submitted", CLASSES, FRIDAY)


async def test_half_of_a_fortnight_goes_along_when_weeks_swap(rolled: LedgerDesk) -> None:
    """A class that was taught is not asked for again; the others are, and none counts twice."""
    assert await lesson(rolled, "half-0001", "1班") == [LESSON]
    plan = service(rolled, TODAY)
    await plan.enter_year("", _begins(plan, date(2026, 3, 2)), "区局周敏")
    assert await row(rolled, LESSON, date(2026, 3, 20)) == ("open", 1, date(2026, 3, 20))
    assert await lesson(rolled, "half-0002", "1班") == []
    assert await lesson(rolled, "half-0003", "2班") == [LESSON]
    assert (await row(rolled, LESSON, date(2026, 3, 20)))[1] == 2

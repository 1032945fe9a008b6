"""The ledger through days, records, merging, drafts, receipts and missed rounds."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from api.plan import history
from api.plan.counting import add_receipt, confirm, explain_missed, review
from api.plan.errors import NotFoundRefusal, StepRefusal
from api.plan.tables import PLAN_NOTICES, PLAN_OCCURRENCES, PLAN_RECORDS, day_number, day_of
from api.plan.today import between
from config.plan import CalendarYear, PlanEdition, expand_year
from config.plan.school_calendar import Holiday
from tests.api.plan.conftest import TODAY, LedgerDesk, names

MONDAY = TODAY
PRIMARY, MIDDLE = "sample-primary", "sample-middle"


async def test_one_fire_drill_closes_its_two_duties_once_each(rolled: LedgerDesk) -> None:
    first = await rolled.hand_in(PRIMARY, MONDAY, "drill", kind_type="fire")
    assert names(first.counted) == [
        ("R-3.10.1-6", "submitted", False),
        ("R-2.7.2-1", "merged", True),
    ]
    # A second fire drill in the same month finds both duties closed.
    second = await rolled.hand_in(PRIMARY, MONDAY + timedelta(1), "drill", kind_type="fire")
    assert names(second.counted) == []
    # Next month's drill is due again, the term's fire drill is not.
    april = await rolled.hand_in(PRIMARY, date(2026, 4, 1), "drill", kind_type="fire")
    assert names(april.counted) == [("R-2.7.2-1", "merged", True)]


async def test_the_same_form_sent_twice_is_stored_once(rolled: LedgerDesk) -> None:
    first = await rolled.hand_in(PRIMARY, MONDAY, "drill", kind_type="fire", client_key="phone-1")
    again = await rolled.hand_in(PRIMARY, MONDAY, "drill", kind_type="fire", client_key="phone-1")
    assert again == replace(first, repeated=True)
    async with rolled.database.read() as connection:
        count = await connection.execute(select(func.count()).select_from(PLAN_RECORDS))
        assert count.scalar_one() == 1
    with pytest.raises(StepRefusal, match="plan_key_used"):
        await rolled.hand_in(MIDDLE, MONDAY, "drill", client_key="phone-1")


async def test_a_missed_round_stays_missed(rolled: LedgerDesk) -> None:
    done = await rolled.hand_in(PRIMARY, MONDAY, "inspection", kind_type="daily")
    assert names(done.counted) == [("R-3.9.1-2", "submitted", False)]
    tuesday = MONDAY + timedelta(1)
    wednesday = MONDAY + timedelta(2)
    await rolled.roll(wednesday)
    assert await rolled.state(PRIMARY, "R-3.9.1-2", tuesday) == "missed"
    late = await rolled.hand_in(
        PRIMARY, wednesday, "inspection", kind_type="daily", happened=tuesday
    )
    assert late.counted == ()
    assert await rolled.state(PRIMARY, "R-3.9.1-2", tuesday) == "missed"
    await _explain(rolled, tuesday)
    assert await rolled.state(PRIMARY, "R-3.9.1-2", tuesday) == "missed"


async def _explain(ledger: LedgerDesk, day: date) -> None:
    desk = await ledger.desk(PRIMARY, day)
    columns = PLAN_OCCURRENCES.c
    query = select(columns.id).where(
        columns.unit_no == desk.unit_no,
        columns.rule_id == "R-3.9.1-2",
        columns.raw_due_day == day_number(day),
    )
    async with ledger.database.write() as connection:
        number = (await connection.execute(query)).scalar_one()
        await explain_missed(connection, desk, number, "王芳", "停电")
        with pytest.raises(NotFoundRefusal):
            await explain_missed(connection, replace(desk, unit_no=99), number, "x", "y")


async def test_overdue_work_is_handed_in_late_and_two_rounds_make_a_day(
    ledger: LedgerDesk,
) -> None:
    await ledger.roll(date(2026, 3, 31))
    morning = await ledger.hand_in(
        PRIMARY, date(2026, 3, 31), "duty_log", kind_type="gate", client_key="gate-morning"
    )
    evening = await ledger.hand_in(
        PRIMARY, date(2026, 3, 31), "duty_log", kind_type="gate", client_key="gate-evening"
    )
    assert names(morning.counted) == [("R-3.11.1-1", "open", False)]
    assert names(evening.counted) == [("R-3.11.1-1", "submitted", False)]
    await ledger.roll(date(2026, 4, 2))
    assert await ledger.state(PRIMARY, "R-1.2.4-2", date(2026, 3, 31)) == "overdue"
    await ledger.hand_in(
        PRIMARY, date(2026, 4, 2), "meeting", kind_type="situation", happened=date(2026, 3, 30)
    )
    assert await ledger.state(PRIMARY, "R-1.2.4-2", date(2026, 3, 31)) == "late"
    assert await ledger.state(PRIMARY, "R-1.2.4-2", date(2026, 4, 30)) == "open"


async def test_a_camera_draft_counts_only_when_a_person_confirms(rolled: LedgerDesk) -> None:
    draft = await rolled.hand_in(
        PRIMARY, MONDAY, "coverage_audit", source="camera", author="camera"
    )
    assert (draft.state, draft.counted) == ("draft", ())
    desk = await rolled.desk(PRIMARY, MONDAY)
    async with rolled.database.write() as connection:
        stored = await confirm(connection, desk, draft.record_id, "王芳")
        assert names(stored.counted) == [("R-2.6.1-1", "submitted", False)]
        with pytest.raises(StepRefusal, match="plan_no_draft"):
            await confirm(connection, desk, draft.record_id, "王芳")
        with pytest.raises(StepRefusal, match="plan_own_record"):
            await review(connection, desk, draft.record_id, "王芳")
        await review(connection, desk, draft.record_id, "李明")
    assert await rolled.state(PRIMARY, "R-2.6.1-1", date(2026, 3, 31)) == "reviewed"


async def test_the_half_month_upload_needs_its_receipt(ledger: LedgerDesk) -> None:
    day = date(2026, 3, 10)
    await ledger.roll(day)
    stored = await ledger.hand_in(PRIMARY, day, "inspection", kind_type="self")
    assert names(stored.counted) == [("R-1.2.4-1", "submitted", False)]
    desk = await ledger.desk(PRIMARY, day)
    async with ledger.database.write() as connection:
        receipt = await add_receipt(connection, desk, stored.record_id, "王芳", "CC-2026-0310")
        assert names(receipt.counted) == [("R-3.9.1-5", "merged", True)]
        with pytest.raises(StepRefusal, match="plan_no_receipt_now"):
            await add_receipt(connection, desk, stored.record_id, "王芳", "CC-2")
        assert await history.first_broken(connection) is None
        lines = await history.of_subject(connection, f"record:{stored.record_id}")
    assert [line.action for line in lines] == ["handed_in", "receipt"]
    assert lines[1].body["counted"] == ["R-3.9.1-5@2026-03-13=merged"]


async def test_work_of_tomorrow_is_refused(rolled: LedgerDesk) -> None:
    with pytest.raises(StepRefusal, match="plan_in_the_future"):
        await rolled.hand_in(PRIMARY, MONDAY, "drill", happened=MONDAY + timedelta(1))


async def test_rolling_twice_changes_nothing_and_missed_nights_are_made_up(
    ledger: LedgerDesk,
) -> None:
    (first,) = await ledger.roll(MONDAY)
    assert first.added > 0
    assert await ledger.roll(MONDAY) == ()
    nights = await ledger.roll(MONDAY + timedelta(3))
    assert [night.day for night in nights] == [MONDAY + timedelta(n) for n in (1, 2, 3)]
    assert all(night.missed > 0 for night in nights)


async def test_notices_climb_the_ladder_once_each(ledger: LedgerDesk) -> None:
    for day in range(24, 32):
        await ledger.roll(date(2026, 3, day))
    await ledger.roll(date(2026, 4, 8))
    steps = [(step, role) for step, role, _ in await _told(ledger, date(2026, 3, 31))]
    assert steps == [
        *(("T-7", "grid_owner"), ("T-3", "grid_owner"), ("T-1", "grid_owner")),
        *(("T+0", "safety_director"), ("T+1", "principal"), ("T+3", "bureau_safety")),
        ("T+7", "bureau_leader"),
    ]


async def _told(ledger: LedgerDesk, raw_due: date) -> list[tuple[str, str, date]]:
    """Step, role and night of the notices of the primary school's monthly meeting."""
    desk = await ledger.desk(PRIMARY, MONDAY)
    columns, notices = PLAN_OCCURRENCES.c, PLAN_NOTICES.c
    query = (
        select(notices.step, notices.role, notices.at_day)
        .join(PLAN_OCCURRENCES, columns.id == notices.occurrence_id)
        .where(
            columns.unit_no == desk.unit_no,
            columns.rule_id == "R-1.2.4-2",
            columns.raw_due_day == day_number(raw_due),
        )
        .order_by(notices.at_day)
    )
    async with ledger.database.read() as connection:
        rows = (await connection.execute(query)).all()
    return [(row.step, row.role, day_of(row.at_day)) for row in rows]


async def test_a_due_day_that_moves_later_is_told_anew(ledger: LedgerDesk) -> None:
    """31 January 2027 is a Sunday: due on Friday 29, until the bureau makes it a make-up day."""
    last = date(2027, 1, 31)
    await ledger.roll(date(2027, 1, 22))
    assert await _told(ledger, last) == [("T-7", "grid_owner", date(2027, 1, 22))]
    entered = CalendarYear(2027, (Holiday(date(2027, 2, 5), "春节"),), (last,))
    ledger.edition = ledger.edition.with_year("", entered)
    for day in (23, 24, 28):
        await ledger.roll(date(2027, 1, day))
    assert await _told(ledger, last) == [
        ("T-7", "grid_owner", date(2027, 1, 24)),
        ("T-3", "grid_owner", date(2027, 1, 28)),
    ]


async def test_the_ledger_holds_exactly_what_the_plan_asks(ledger: LedgerDesk) -> None:
    start = date(2026, 1, 1)
    await ledger.roll(start)
    desk = await ledger.desk(PRIMARY, start)
    columns = PLAN_OCCURRENCES.c
    query = select(columns.rule_id, columns.raw_due_day).where(
        columns.unit_no == desk.unit_no,
        columns.raw_due_day <= day_number(date(2026, 12, 31)),
    )
    async with ledger.database.read() as connection:
        found = {tuple(row) for row in await connection.execute(query)}
    calendar = ledger.edition.calendars[""]
    rule = ledger.edition.catalogue.rule("R-3.9.1-5")
    wanted = {(rule.id, day_number(o.raw_due)) for o in expand_year(rule, 2026, calendar)}
    assert {pair for pair in found if pair[0] == rule.id} == wanted
    assert not {pair for pair in found if pair[0].startswith("R-3.11.4")}


async def test_a_changed_profile_is_put_right_at_night(rolled: LedgerDesk) -> None:
    edition = rolled.edition
    units = tuple(
        replace(unit, has_buses=unit.id == PRIMARY) if unit.is_school else unit
        for unit in edition.units
    )
    rolled.edition = PlanEdition(edition.catalogue, units, edition.calendars)
    await rolled.roll(MONDAY + timedelta(1))
    # The primary school has buses now; the middle school has none any more.
    assert await rolled.state(PRIMARY, "R-3.11.3-1", date(2026, 6, 30)) == "open"
    assert await rolled.state(MIDDLE, "R-3.11.3-1", date(2026, 6, 30)) == "exempt"


async def test_work_handed_in_before_its_day_is_not_asked_again_by_the_next_night(
    rolled: LedgerDesk,
) -> None:
    stored = await rolled.hand_in("sample-primary", TODAY, "meeting", kind_type="situation")
    assert stored.counted[0].due > TODAY
    for days in (1, 2, 20):
        await rolled.roll(TODAY + timedelta(days=days))
    rule, due = stored.counted[0].rule_id, stored.counted[0].due
    assert await rolled.state("sample-primary", rule, due) == "submitted"


async def test_next_years_plan_asks_for_next_years_work_only(ledger: LedgerDesk) -> None:
    """A rule that the plan of 2027 has no more is asked for until the end of 2026."""
    today = date(2026, 12, 1)
    plan = ledger.edition.catalogue
    measure = plan.measure("2.7.2")
    without = replace(measure, rules=tuple(r for r in measure.rules if r.id != "R-2.7.2-1"))
    sections = tuple(
        replace(
            section,
            tasks=tuple(
                replace(
                    task,
                    measures=tuple(without if m.id == "2.7.2" else m for m in task.measures),
                )
                for task in section.tasks
            ),
        )
        for section in plan.sections
    )
    later = replace(plan, version="2027.1", source_plan_year=2027, sections=sections)
    ledger.edition = replace(ledger.edition, later={2027: later})
    await ledger.roll(today)
    desk = await ledger.desk(PRIMARY, today)
    async with ledger.database.read() as connection:
        lines = await between(connection, desk.unit_no, today, date(2027, 12, 31))
    drills = {line.due for line in lines if line.rule_id == "R-2.7.2-1"}
    assert drills == {date(2026, 12, 31)}
    assert {line.due.year for line in lines if line.rule_id == "R-3.9.1-5"} == {2026, 2027}

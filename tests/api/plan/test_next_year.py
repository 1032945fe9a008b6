"""The turn of the year between two plans in which an id names two duties."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import pytest
from icalendar import Calendar
from sqlalchemy import select

from api.access.rights import Role
from api.delivery.outbox import Outbox
from api.plan import feeds
from api.plan.reports.evaluation import evaluate
from api.plan.reports.gathering import gather
from api.plan.reports.monthly import measure_sheet
from api.plan.reports.periods import ReportKind, month_of, period_of
from api.plan.scopes import scope_of
from api.plan.sights import Sight
from api.plan.tables import PLAN_OCCURRENCES
from api.plan.telling import reminder
from api.plan.today import Line, between, notices_on
from config.plan import PlanCatalogue, PlanEdition, load_edition
from tests.api.delivery.cases import plan as delivery_plan
from tests.api.desk_cases import SITE
from tests.api.plan.conftest import LedgerDesk, at

PRIMARY = "sample-primary"
EVE, FRIDAY, MONDAY = date(2026, 12, 31), date(2027, 1, 1), date(2027, 1, 4)
MEETING, DRILL, ROUND = "R-1.2.4-2", "R-2.7.2-1", "R-3.9.1-2"
SHIPPED = load_edition()


def with_ids(plan: PlanCatalogue, ids: Mapping[str, str]) -> PlanCatalogue:
    """The plan with other ids for some rules, as of a table that was numbered anew by hand."""
    return replace(
        plan,
        version="2027.1",
        source_plan_year=2027,
        sections=tuple(
            replace(
                section,
                tasks=tuple(
                    replace(
                        task,
                        measures=tuple(
                            replace(
                                one,
                                rules=tuple(replace(r, id=ids.get(r.id, r.id)) for r in one.rules),
                            )
                            for one in task.measures
                        ),
                    )
                    for task in section.tasks
                ),
            )
            for section in plan.sections
        ),
    )


def numbered_anew(ids: Mapping[str, str]) -> PlanEdition:
    return replace(SHIPPED, later={2027: with_ids(SHIPPED.catalogue, ids)})


SWAPPED = {MEETING: DRILL, DRILL: MEETING}


@pytest.fixture
async def turned(ledger: LedgerDesk) -> LedgerDesk:
    """The first Monday of 2027: meeting and drill of December are overdue, their ids swapped."""
    ledger.edition = numbered_anew(SWAPPED)
    await ledger.roll(EVE)
    await ledger.roll(MONDAY)
    return ledger


async def lines_of(ledger: LedgerDesk) -> tuple[Line, ...]:
    desk = await ledger.desk(PRIMARY, MONDAY)
    async with ledger.database.read() as connection:
        return await between(connection, desk.unit_no, date(2026, 12, 1), date(2027, 3, 31))


def named(rule_id: str) -> str:
    return SHIPPED.catalogue.rule(rule_id).zh


async def test_a_record_fills_only_rows_whose_own_plan_takes_it(turned: LedgerDesk) -> None:
    stored = await turned.hand_in(PRIMARY, MONDAY, "drill", kind_type="evacuation")
    # January asks for no drill before the holidays; December's stands under its own plan's id.
    assert [(one.rule_id, one.due, one.state.value) for one in stored.counted] == [
        (DRILL, EVE, "late")
    ]
    assert await turned.state(PRIMARY, MEETING, EVE) == "overdue"


async def test_work_of_december_is_counted_by_decembers_plan(turned: LedgerDesk) -> None:
    stored = await turned.hand_in(
        PRIMARY, MONDAY, "drill", kind_type="evacuation", happened=date(2026, 12, 30)
    )
    assert [(one.rule_id, one.due) for one in stored.counted] == [(DRILL, EVE)]


async def test_each_row_has_the_name_that_its_own_plan_gives_it(turned: LedgerDesk) -> None:
    lines = await lines_of(turned)
    titles = {
        (line.rule_id, line.due.year): turned.edition.title_of(line.rule_id, line.plan_year)
        for line in lines
        if line.rule_id in SWAPPED
    }
    assert titles == {
        (MEETING, 2026): named(MEETING),
        (DRILL, 2026): named(DRILL),
        (MEETING, 2027): named(DRILL),
        (DRILL, 2027): named(MEETING),
    }
    content = feeds.calendar_text("校", PRIMARY, lines, turned.edition, at(MONDAY))
    shown = {
        (str(one["UID"]).split(".", 1)[1].removesuffix(f".{PRIMARY}@xiaoan"), str(one["SUMMARY"]))
        for one in Calendar.from_ical(content).walk("VEVENT")
        if one.decoded("DTSTART").year == 2027
    }
    assert {(MEETING, named(DRILL)), (DRILL, named(MEETING))} <= shown
    assert (DRILL, named(DRILL)) not in shown


async def test_reminders_name_the_duty_of_their_own_year(turned: LedgerDesk) -> None:
    desk = await turned.desk(PRIMARY, MONDAY)
    async with turned.database.read() as connection:
        notices = await notices_on(connection, desk.unit_no, FRIDAY)
    late = tuple(one for one in notices if one.due == EVE and one.rule_id == MEETING)
    outbox = Outbox(delivery_plan(role="information"), SITE)
    words = [
        reminder(outbox, desk.unit, told, [], turned.edition, FRIDAY, at(FRIDAY)).description.zh
        for told in (late, tuple(replace(one, plan_year=2027) for one in late))
    ]
    assert words == [f"T+1 {named(MEETING)}（{EVE}）", f"T+1 {named(DRILL)}（{EVE}）"]


async def test_the_evaluation_of_a_term_judges_each_row_by_its_own_plan(
    ledger: LedgerDesk,
) -> None:
    """The term runs into January, whose plan has ids that the first plan lacks."""
    ledger.edition = numbered_anew({**SWAPPED, "R-2.6.1-2": "R-2.6.1-9"})
    await ledger.roll(EVE)
    await ledger.roll(MONDAY)
    desk = await ledger.desk(PRIMARY, MONDAY)
    async with ledger.database.read() as connection:
        term = period_of(ReportKind.EVALUATION, MONDAY, desk.calendar)
        found = await gather(connection, desk, term)
        january = await gather(connection, desk, month_of(MONDAY))
    scored = evaluate(found, ledger.edition, ())
    by_line = {one.references[0]: one.measure_id for row in scored.rows for one in row.auto}
    overdue = {
        line.rule_id: by_line[f"occurrence:{line.id}"]
        for line in found.lines
        if line.due == EVE and line.rule_id in SWAPPED
    }
    assert overdue == {MEETING: "1.2.4", DRILL: "2.7.2"}
    assert sum(row.duties.total for row in scored.rows) == len(found.lines)
    rows = {row[0]: row[2] for row in measure_sheet(january, ledger.edition).rows}
    ids = [line.rule_id for line in january.lines]
    assert "R-2.6.1-9" in ids
    assert rows["2.6.1"] == sum(1 for one in ids if one.startswith("R-2.6.1-"))
    assert "—" not in rows


async def test_a_night_misses_the_rounds_and_no_other_duty_of_the_year_before(
    ledger: LedgerDesk,
) -> None:
    """The plan of 2027 gives the id of the daily round to a monthly meeting."""
    ledger.edition = numbered_anew({ROUND: MEETING, MEETING: ROUND})
    await ledger.roll(EVE)
    await ledger.roll(FRIDAY)
    assert await ledger.state(PRIMARY, ROUND, EVE) == "missed"
    assert await ledger.state(PRIMARY, MEETING, EVE) == "overdue"


@pytest.mark.parametrize("role", [Role.SCHOOL, Role.SECURITY_ROOM, Role.POLICE_ROOM, Role.EXPERT])
async def test_what_a_role_sees_is_asked_of_each_rows_own_plan(
    turned: LedgerDesk, role: Role
) -> None:
    turned.edition = numbered_anew({ROUND: MEETING, MEETING: ROUND})
    sight = Sight(turned.edition, scope_of([role]))
    lines = await lines_of(turned)
    desk = await turned.desk(PRIMARY, MONDAY)
    columns = PLAN_OCCURRENCES.c
    query = select(columns.id).where(columns.unit_no == desk.unit_no)
    only = sight.rows()
    async with turned.database.read() as connection:
        found = set(
            (await connection.execute(query if only is None else query.where(only))).scalars()
        )
    shown = {line.id for line in lines if sight.shows(line)}
    assert shown == {line.id for line in lines} & found
    assert (only is None) is (role is Role.SCHOOL)
    if role is Role.SECURITY_ROOM:
        kept = {(line.rule_id, line.due.year) for line in lines if line.id in shown}
        assert (ROUND, 2026) in kept
        assert not {(ROUND, 2027), (MEETING, 2026)} & kept

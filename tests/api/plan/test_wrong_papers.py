"""A certificate or an incident's report that was handed in by mistake is taken back."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
from sqlalchemy import select, update

from api.database import Database
from api.plan import certificate_store, history, incident_store
from api.plan.certificate_store import NewCertificate
from api.plan.certificate_withdrawing import withdraw_certificate
from api.plan.counting import counted_in, review
from api.plan.incident_withdrawing import reports_of, withdraw_incident
from api.plan.incidents import Incident, IncidentState, ReportKind
from api.plan.ledger import open_begun
from api.plan.shelf import Step
from api.plan.states import State
from api.plan.tables import PLAN_COUNTS, PLAN_OCCURRENCES, day_number, day_of
from api.plan.taking_back import take_back
from config.plan import load_edition
from tests.api.plan.conftest import TODAY, LedgerDesk, at

UNIT = "sample-middle"
PLATE = "吉A12345"
OLD = NewCertificate(
    "phone-bus-1", "bus_inspection", PLATE, "JY-1", date(2025, 9, 20), date(2026, 3, 20), "王芳"
)
NEW = replace(
    OLD,
    client_key="phone-bus-2",
    number="JY-2",
    issued=date(2026, 3, 16),
    printed_expiry=date(2026, 9, 16),
)


async def register(ledger: LedgerDesk, day: date, new: NewCertificate) -> int:
    desk = await ledger.desk(UNIT, day)
    async with ledger.database.write() as connection:
        _, stored = await certificate_store.register(connection, desk, new)
    return stored.record_id


async def take_certificate_back(ledger: LedgerDesk, day: date, number: int) -> None:
    desk = await ledger.desk(UNIT, day)
    async with ledger.database.write() as connection:
        await withdraw_certificate(connection, desk, number, "王芳", "录错")


async def duties(ledger: LedgerDesk, anchor: str) -> dict[date, tuple[str, int]]:
    """Raw due day -> state and how much of it is done."""
    desk, t = await ledger.desk(UNIT, TODAY), PLAN_OCCURRENCES.c
    query = select(t.raw_due_day, t.state, t.done).order_by(t.raw_due_day)
    query = query.where(t.unit_no == desk.unit_no, t.anchor == anchor)
    async with ledger.database.read() as connection:
        rows = (await connection.execute(query)).all()
    return {day_of(row.raw_due_day): (row.state, row.done) for row in rows}


async def holding(ledger: LedgerDesk) -> list[str]:
    desk = await ledger.desk(UNIT, TODAY)
    async with ledger.database.read() as connection:
        return [one.number for one in await certificate_store.listed(connection, desk.unit_no)]


async def test_a_wrong_renewal_makes_the_old_paper_hold_and_its_duty_overdue(
    ledger: LedgerDesk,
) -> None:
    await register(ledger, TODAY, OLD)
    wrong = await register(ledger, TODAY, NEW)
    assert await holding(ledger) == ["JY-2"]
    await take_certificate_back(ledger, date(2026, 3, 24), wrong)
    assert await holding(ledger) == ["JY-1"]
    assert await duties(ledger, f"of:{PLATE}") == {
        date(2026, 3, 20): ("overdue", 0),
        date(2026, 9, 16): ("exempt", 0),
    }


async def test_the_right_paper_of_the_same_day_renews_in_place_of_the_wrong_one(
    ledger: LedgerDesk,
) -> None:
    """The number was mistyped and the paper registered anew: the wrong one had counted."""
    await register(ledger, TODAY, OLD)
    wrong = await register(ledger, TODAY, NEW)
    right = await register(
        ledger, date(2026, 3, 17), replace(NEW, client_key="phone-bus-3", number="JY-3")
    )
    desk = await ledger.desk(UNIT, date(2026, 3, 18))
    async with ledger.database.write() as connection:
        assert await counted_in(connection, right) == ()
        await review(connection, desk, right, "李明")
    await take_certificate_back(ledger, date(2026, 3, 24), wrong)
    assert await duties(ledger, f"of:{PLATE}") == {
        date(2026, 3, 20): ("reviewed", 1),
        date(2026, 9, 16): ("upcoming", 0),
    }
    assert await holding(ledger) == ["JY-3"]
    async with ledger.database.read() as connection:
        assert len(await counted_in(connection, right)) == 1
        line = (await history.of_subject(connection, f"record:{right}"))[-1]
    assert (line.action, line.body["instead_of"], line.body["handed_in"]) == (
        *("counted_instead", wrong),
        "2026-03-17",
    )


async def test_a_school_whose_only_paper_is_taken_back_has_none(ledger: LedgerDesk) -> None:
    only = await register(ledger, TODAY, OLD)
    desk = await ledger.desk(UNIT, TODAY)
    async with ledger.database.read() as connection:
        assert await certificate_store.kinds_missing(connection, desk) == ()
    await take_certificate_back(ledger, TODAY, only)
    async with ledger.database.read() as connection:
        assert await certificate_store.kinds_missing(connection, desk) == ("bus_inspection",)
        assert await certificate_store.ending(connection, desk.unit_no, TODAY) == ()
    assert await duties(ledger, f"of:{PLATE}") == {date(2026, 3, 20): ("exempt", 0)}


@dataclass(frozen=True)
class Act:
    """A certificate comes or is taken back, or a night passes."""

    day: date
    new: NewCertificate | None = None
    back: str = ""


def two_years(seed: int) -> tuple[list[Act], set[str]]:
    """Inspections of one bus, entered in any order and often wrongly, and the keys taken back."""
    chance, acts, day = random.Random(seed), list[Act](), TODAY
    standing, gone = list[str](), set[str]()
    for number in range(14):
        issued = day - timedelta(chance.choice((0, 0, 5, 40, 200)))
        expires = issued + timedelta(chance.choice((30, 120, 181, 181, 181, 365)))
        key = f"phone-bus-{number:02d}"
        acts.append(Act(day, replace(OLD, client_key=key, number=key, issued=issued,
                                     printed_expiry=expires)))  # fmt: skip
        standing.append(key)
        if chance.random() < 0.5:
            key = standing.pop(chance.randrange(len(standing)))
            gone.add(key)
            acts.append(Act(day, back=key))
        day += timedelta(chance.choice((0, 3, 30, 90)))
        acts.append(Act(day))
    return acts, gone


async def night(ledger: LedgerDesk, day: date) -> None:
    """What a night does to certificates; the ledger holds nothing else."""
    t = PLAN_OCCURRENCES.c
    passed = (t.state == State.OPEN, t.due_day < day_number(day))
    async with ledger.database.write() as connection:
        await open_begun(connection, day)
        overdue = update(PLAN_OCCURRENCES).where(*passed).values(state=State.OVERDUE)
        await connection.execute(overdue)


async def subject_after(file: Path, acts: Sequence[Act]) -> tuple[set[Any], list[str]]:
    """What is asked for and counted at the end, and which certificate holds."""
    numbers: dict[str, int] = {}
    async with Database(f"sqlite:///{file}") as database:
        ledger = LedgerDesk(database, load_edition())
        for act in acts:
            if act.new is not None:
                numbers[act.new.client_key] = await register(ledger, act.day, act.new)
            elif act.back:
                await take_certificate_back(ledger, act.day, numbers[act.back])
            else:
                await night(ledger, act.day)
        t, c = PLAN_OCCURRENCES.c, PLAN_COUNTS.c
        joined = PLAN_OCCURRENCES.outerjoin(PLAN_COUNTS, c.occurrence_id == t.id)
        columns = (t.raw_due_day, t.due_day, t.window_start_day, t.state, t.done, t.settled_day)
        query = select(*columns, c.record_id, c.merged).select_from(joined)
        query = query.where(t.anchor == f"of:{PLATE}", t.state != State.EXEMPT)
        async with database.read() as connection:
            rows = (await connection.execute(query)).all()
            assert await history.first_broken(connection) is None
        keys = {number: key for key, number in numbers.items()} | {None: ""}
        return {(*row[:6], keys[row[6]], row[7]) for row in rows}, await holding(ledger)


@pytest.mark.parametrize("seed", range(6))
async def test_a_bus_stands_as_if_the_wrong_papers_had_never_been_handed_in(
    empty_file: Path, tmp_path: Path, seed: int
) -> None:
    acts, gone = two_years(seed)
    assert len(gone) > 3
    right = [
        act
        for act in acts
        if act.back not in gone and (act.new is None or act.new.client_key not in gone)
    ]
    with_them, without = tmp_path / "with.db", tmp_path / "without.db"
    for file in (with_them, without):
        copyfile(empty_file, file)
    assert await subject_after(with_them, acts) == await subject_after(without, right)


async def an_incident(ledger: LedgerDesk, day: date) -> Incident:
    desk = await ledger.desk(UNIT, day)
    happened = at(day, 7)
    fresh = Incident(
        0, "踩踏", "一层楼梯口", happened, happened.plus(1800), IncidentState.HAPPENED, "王芳"
    )
    async with ledger.database.write() as connection:
        return await incident_store.add(connection, desk, fresh, client_key="phone-inc-1")


async def send(ledger: LedgerDesk, day: date, incident: Incident, kind: ReportKind) -> Incident:
    desk = await ledger.desk(UNIT, day)
    note = {"channel": "电话", "content": "已启动预案"}
    step = Step(f"report_{kind.value}", "王芳", incident.version, note)
    async with ledger.database.write() as connection:
        return await incident_store.report(connection, desk, incident.id, kind, step)


async def take_report_back(ledger: LedgerDesk, day: date, incident: int, index: int) -> None:
    desk = await ledger.desk(UNIT, day)
    async with ledger.database.write() as connection:
        sent = (await reports_of(connection, desk.unit_no))[incident]
        await take_back(connection, desk, sent[index], "王芳", "误选")


async def test_without_its_final_report_an_incident_asks_for_reports_again(
    rolled: LedgerDesk,
) -> None:
    """The final report was a slip of the finger; it is noticed three days later."""
    open_one = await an_incident(rolled, TODAY)
    open_one = await send(rolled, TODAY, open_one, ReportKind.FIRST)
    tuesday, friday = TODAY + timedelta(1), TODAY + timedelta(4)
    await rolled.roll(tuesday)
    open_one = await send(rolled, tuesday, open_one, ReportKind.FINAL)
    anchor = f"incident:{open_one.id}"
    await rolled.roll(friday)
    assert {day: state for day, (state, _) in (await duties(rolled, anchor)).items()} == {
        TODAY: "submitted",
        tuesday: "submitted",
    }
    await take_report_back(rolled, friday, open_one.id, 1)
    asked = await duties(rolled, anchor)
    assert {day.day: state for day, (state, _) in asked.items()} == {
        16: "submitted",
        17: "missed",
        18: "missed",
        19: "missed",
        20: "open",
    }
    desk = await rolled.desk(UNIT, friday)
    async with rolled.database.read() as connection:
        (again,) = await incident_store.listed(connection, desk.unit_no)
        lines = await history.of_subject(connection, anchor)
    assert (again.state, again.reports, again.closed) == (IncidentState.REPORTED, 1, None)
    assert (lines[-1].action, lines[-1].body["from"]) == ("report_withdrawn", "final")
    await send(rolled, friday, again, ReportKind.FOLLOW_UP)
    assert (await duties(rolled, anchor))[friday] == ("submitted", 1)


async def test_a_first_report_taken_back_is_due_again(rolled: LedgerDesk) -> None:
    stored = await an_incident(rolled, TODAY)
    await send(rolled, TODAY, stored, ReportKind.FIRST)
    await take_report_back(rolled, TODAY, stored.id, 0)
    desk = await rolled.desk(UNIT, TODAY)
    async with rolled.database.read() as connection:
        (again,) = await incident_store.listed(connection, desk.unit_no)
    assert (again.state, again.reports) == (IncidentState.HAPPENED, 0)
    assert (await duties(rolled, f"incident:{stored.id}"))[TODAY] == ("open", 0)


async def test_an_incident_that_was_none_asks_for_nothing(rolled: LedgerDesk) -> None:
    stored = await an_incident(rolled, TODAY)
    wednesday = TODAY + timedelta(2)
    await rolled.roll(wednesday)
    desk = await rolled.desk(UNIT, wednesday)
    async with rolled.database.write() as connection:
        step = Step("withdrawn", "王芳", stored.version, {"reason": "误登"})
        await withdraw_incident(connection, desk, stored.id, step)
    await rolled.roll(wednesday + timedelta(1))
    states = {state for state, _ in (await duties(rolled, f"incident:{stored.id}")).values()}
    assert states == {"exempt"}
    t = PLAN_OCCURRENCES.c
    missed = select(t.id).where(t.state == State.MISSED, t.anchor.startswith("incident:"))
    async with rolled.database.read() as connection:
        settled = missed.where(t.due_day >= day_number(TODAY))
        assert (await connection.execute(settled)).all() == []

"""A record that was handed in by mistake is taken back: kept, named, and counted nowhere."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
from sqlalchemy import func, select

from api.database import Database
from api.plan import history
from api.plan.counting import Stored, add_receipt, confirm, counted_in, review
from api.plan.errors import NotFoundRefusal, StepRefusal
from api.plan.record_store import on_day
from api.plan.reports.agreement import disagreements
from api.plan.reports.gathering import gather
from api.plan.reports.periods import ReportKind, period_of
from api.plan.states import Slot, State, without_record
from api.plan.tables import PLAN_COUNTS, PLAN_OCCURRENCES, PLAN_RECORDS, day_number
from api.plan.withdrawing import Withdrawal, withdraw, withdrawals_of
from config.plan import load_edition
from tests.api.plan.conftest import TODAY, LedgerDesk, at, names

PRIMARY, MIDDLE = "sample-primary", "sample-middle"
DRILL, EVACUATION, ROUND = "R-3.10.1-6", "R-2.7.2-1", "R-3.9.1-2"
MARCH = date(2026, 3, 31)


async def take_back(
    ledger: LedgerDesk, day: date, number: int, reason: str = "误报", person: str = "王芳"
) -> Stored:
    desk = await ledger.desk(PRIMARY, day)
    async with ledger.database.write() as connection:
        return await withdraw(connection, desk, number, person, reason)


async def row(ledger: LedgerDesk, rule_id: str, raw_due: date) -> dict[str, Any]:
    desk = await ledger.desk(PRIMARY, raw_due)
    columns = PLAN_OCCURRENCES.c
    query = select(columns.id, columns.state, columns.done, columns.settled_day).where(
        columns.unit_no == desk.unit_no,
        columns.rule_id == rule_id,
        columns.raw_due_day == day_number(raw_due),
    )
    async with ledger.database.read() as connection:
        return dict((await connection.execute(query)).mappings().one())


async def test_a_drill_taken_back_opens_both_of_its_duties_again(rolled: LedgerDesk) -> None:
    stored = await rolled.hand_in(PRIMARY, TODAY, "drill", kind_type="fire")
    assert [one.rule_id for one in stored.counted] == [DRILL, EVACUATION]
    taken = await take_back(rolled, TODAY + timedelta(1), stored.record_id, "演练改期")
    assert (taken.state, taken.counted) == ("withdrawn", ())
    march = await row(rolled, EVACUATION, MARCH)
    assert (march["state"], march["done"], march["settled_day"]) == ("open", 0, None)
    async with rolled.database.read() as connection:
        count = select(func.count())
        assert (await connection.execute(count.select_from(PLAN_COUNTS))).scalar_one() == 0
        assert (await connection.execute(count.select_from(PLAN_RECORDS))).scalar_one() == 1
        assert await withdrawals_of(connection, [stored.record_id, 99]) == {
            stored.record_id: Withdrawal("王芳", at(TODAY + timedelta(1)), "演练改期")
        }
        lines = await history.of_subject(connection, f"record:{stored.record_id}")
        duty = await history.of_subject(connection, f"occurrence:{march['id']}")
        assert await history.first_broken(connection) is None
    assert [line.action for line in lines] == ["handed_in", "withdrawn"]
    before = [name.partition("@")[0] for name in lines[1].body["counted_before"]]
    assert before == [DRILL, EVACUATION]
    assert [(line.action, line.body["note"]) for line in duty] == [
        ("record_withdrawn", f"#{stored.record_id} 演练改期")
    ]
    # The drill that was held after all counts as any other.
    again = await rolled.hand_in(
        PRIMARY, TODAY + timedelta(2), "drill", kind_type="fire", client_key="held-after-all"
    )
    assert names(again.counted) == [(DRILL, "submitted", False), (EVACUATION, "merged", True)]


async def test_nothing_is_taken_back_twice_or_worked_on_after(rolled: LedgerDesk) -> None:
    stored = await rolled.hand_in(PRIMARY, TODAY, "inspection", kind_type="self")
    await take_back(rolled, TODAY, stored.record_id)
    desk = await rolled.desk(PRIMARY, TODAY)
    number = stored.record_id
    async with rolled.database.write() as connection:
        with pytest.raises(StepRefusal, match="plan_is_withdrawn"):
            await withdraw(connection, desk, number, "李明", "再撤一次")
        with pytest.raises(StepRefusal, match="plan_is_withdrawn"):
            await add_receipt(connection, desk, number, "王芳", "CC-1")
        with pytest.raises(StepRefusal, match="plan_is_withdrawn"):
            await review(connection, desk, number, "李明")
        with pytest.raises(StepRefusal, match="plan_no_draft"):
            await confirm(connection, desk, number, "李明")
        with pytest.raises(NotFoundRefusal):
            await withdraw(connection, replace(desk, unit_no=99), number, "李明", "别校")
        assert await counted_in(connection, number) == ()
    # A phone that sends its form again learns that it was taken back; nothing counts anew.
    again = await rolled.hand_in(PRIMARY, TODAY, "inspection", kind_type="self")
    assert again == Stored(number, "withdrawn", (), repeated=True)


async def test_a_draft_is_discarded_and_stands_in_no_list_of_withdrawals(
    rolled: LedgerDesk,
) -> None:
    draft = await rolled.hand_in(
        PRIMARY, TODAY, "drill", kind_type="fire", source="camera", author="cameras"
    )
    await take_back(rolled, TODAY, draft.record_id)
    desk = await rolled.desk(PRIMARY, TODAY)
    async with rolled.database.read() as connection:
        assert await on_day(connection, desk.unit_no, "drill", TODAY, TODAY) == ()
        assert await withdrawals_of(connection, [draft.record_id]) == {}
        line = (await history.of_subject(connection, f"record:{draft.record_id}"))[-1]
    assert (line.action, line.actor, line.body["reason"]) == ("discarded", "王芳", "误报")
    async with rolled.database.write() as connection:
        with pytest.raises(StepRefusal, match="plan_no_draft"):
            await confirm(connection, desk, draft.record_id, "李明")


async def test_a_round_taken_back_after_its_day_is_missed(rolled: LedgerDesk) -> None:
    stored = await rolled.hand_in(PRIMARY, TODAY, "inspection", kind_type="daily")
    tuesday = TODAY + timedelta(1)
    await rolled.roll(tuesday)
    await take_back(rolled, tuesday, stored.record_id)
    assert await rolled.state(PRIMARY, ROUND, TODAY) == "missed"


async def test_on_its_day_a_round_is_open_again(rolled: LedgerDesk) -> None:
    stored = await rolled.hand_in(PRIMARY, TODAY, "inspection", kind_type="daily")
    await take_back(rolled, TODAY, stored.record_id)
    assert await rolled.state(PRIMARY, ROUND, TODAY) == "open"


async def test_the_right_record_takes_the_place_of_the_wrong_one(rolled: LedgerDesk) -> None:
    """The round was entered twice; the wrong one goes the day after, and the day was not missed."""
    wrong = await rolled.hand_in(
        PRIMARY, TODAY, "inspection", kind_type="daily", client_key="round-wrong"
    )
    right = await rolled.hand_in(
        PRIMARY, TODAY, "inspection", kind_type="daily", client_key="round-right"
    )
    assert right.counted == ()
    await rolled.roll(TODAY + timedelta(1))
    await take_back(rolled, TODAY + timedelta(1), wrong.record_id)
    stands = await row(rolled, ROUND, TODAY)
    assert (stands["state"], stands["done"]) == ("submitted", 1)
    assert stands["settled_day"] == day_number(TODAY)
    async with rolled.database.read() as connection:
        (counted,) = await counted_in(connection, right.record_id)
        assert (counted.rule_id, counted.merged) == (ROUND, False)
        (_, line) = await history.of_subject(connection, f"record:{right.record_id}")
    assert (line.action, line.actor) == ("counted_instead", "王芳")
    assert line.body["instead_of"] == wrong.record_id
    # When that one goes too, nothing is left that was handed in on the day.
    await take_back(rolled, TODAY + timedelta(1), right.record_id)
    assert await rolled.state(PRIMARY, ROUND, TODAY) == "missed"


async def test_a_record_of_another_kind_or_class_does_not_take_the_place(
    rolled: LedgerDesk,
) -> None:
    """Two classes' lessons and one that was entered twice: only the double fills the gap."""
    keys = (("a", "一班"), ("b", "二班"), ("c", "一班"))
    stored = [
        await rolled.hand_in(
            PRIMARY, TODAY, "lesson", client_key=f"lesson-{key}", body={"class_name": name}
        )
        for key, name in keys
    ]
    assert [len(one.counted) for one in stored] == [1, 1, 0]
    due = stored[0].counted[0]
    await take_back(rolled, TODAY, stored[1].record_id)
    async with rolled.database.read() as connection:
        assert await counted_in(connection, stored[2].record_id) == ()
    await take_back(rolled, TODAY, stored[0].record_id)
    async with rolled.database.read() as connection:
        counted = await counted_in(connection, stored[2].record_id)
    assert [one.occurrence_id for one in counted] == [due.occurrence_id]


async def test_what_was_handed_in_late_is_late_also_in_anothers_place(ledger: LedgerDesk) -> None:
    """The meeting of March was entered twice, the second time in April."""
    await ledger.roll(date(2026, 3, 30))
    kind = {"kind_type": "situation", "happened": date(2026, 3, 30)}
    first = await ledger.hand_in(PRIMARY, date(2026, 3, 30), "meeting", client_key="meet-1", **kind)
    april = date(2026, 4, 2)
    await ledger.roll(april)
    kept = await ledger.hand_in(PRIMARY, april, "meeting", client_key="meet-2", **kind)
    assert kept.counted == ()
    await take_back(ledger, april + timedelta(1), first.record_id)
    stands = await row(ledger, "R-1.2.4-2", MARCH)
    assert (stands["state"], stands["settled_day"]) == ("late", day_number(april))


async def test_a_reviewed_duty_is_asked_for_again(rolled: LedgerDesk) -> None:
    stored = await rolled.hand_in(PRIMARY, TODAY, "meeting", kind_type="situation")
    desk = await rolled.desk(PRIMARY, TODAY)
    async with rolled.database.write() as connection:
        await review(connection, desk, stored.record_id, "李明")
    assert await rolled.state(PRIMARY, "R-1.2.4-2", MARCH) == "reviewed"
    await take_back(rolled, TODAY, stored.record_id, person="李明")
    assert await rolled.state(PRIMARY, "R-1.2.4-2", MARCH) == "open"
    await rolled.roll(date(2026, 4, 1))
    assert await rolled.state(PRIMARY, "R-1.2.4-2", MARCH) == "overdue"


SLOT = Slot(date(2026, 3, 1), date(2026, 3, 31), needed=2, done=2, state=State.LATE, daily=False)
LESS = [
    (SLOT, date(2026, 3, 16), State.OPEN),
    (SLOT, date(2026, 4, 1), State.OVERDUE),
    (replace(SLOT, daily=True), date(2026, 4, 1), State.MISSED),
    (SLOT, date(2026, 2, 27), State.UPCOMING),
    (replace(SLOT, state=State.MISSED, done=1), date(2026, 3, 16), State.MISSED),
    (replace(SLOT, state=State.EXEMPT), date(2026, 3, 16), State.EXEMPT),
]


@pytest.mark.parametrize(("slot", "today", "state"), LESS)
def test_an_occurrence_with_one_record_less(slot: Slot, today: date, state: State) -> None:
    assert without_record(slot, today) == replace(slot, done=slot.done - 1, state=state)


async def test_a_drill_that_never_was_excuses_no_alarm(rolled: LedgerDesk) -> None:
    stored = await rolled.hand_in(PRIMARY, TODAY, "drill", kind_type="fire")
    desk = await rolled.desk(PRIMARY, TODAY)
    async with rolled.database.read() as connection:
        assert len(await on_day(connection, desk.unit_no, "drill", TODAY, TODAY)) == 1
    await take_back(rolled, TODAY, stored.record_id)
    async with rolled.database.read() as connection:
        assert await on_day(connection, desk.unit_no, "drill", TODAY, TODAY) == ()


KINDS: tuple[tuple[str, str], ...] = (
    ("drill", "fire"),
    ("inspection", "daily"),
    ("inspection", "self"),
    ("meeting", "weekly"),
)
KINDS += (("lesson", ""), ("duty_log", "gate"), ("meeting", "situation"))


@dataclass(frozen=True)
class Act:
    """Something that happens on a day: a record is handed in or taken back, or a night passes."""

    day: date
    key: str
    kind: tuple[str, str] | None = None
    happened: date = TODAY
    class_name: str = ""


def weeks_of_work(seed: int) -> tuple[list[Act], set[str]]:
    """What a hurried office does in some days, and the keys of what it took back."""
    chance, acts, day = random.Random(seed), list[Act](), TODAY
    standing, gone = list[str](), set[str]()
    for _ in range(10):
        for _ in range(chance.randint(1, 4)):
            key = f"hurried-{len(standing) + len(gone):03d}"
            happened = day - timedelta(chance.choice((0, 0, 0, 1, 3)))
            name = chance.choice(("一班", "二班"))
            acts.append(Act(day, key, chance.choice(KINDS), happened, name))
            standing.append(key)
        if chance.random() < 0.7:
            key = standing.pop(chance.randrange(len(standing)))
            gone.add(key)
            acts.append(Act(day, key))
        day += timedelta(chance.choice((0, 1, 1, 4)))
        acts.append(Act(day, ""))
    return acts, gone


async def ledger_after(file: Path, acts: Sequence[Act]) -> set[tuple[Any, ...]]:
    """The duties at the end, each with the keys of its records; the papers have to agree."""
    numbers: dict[str, int] = {}
    async with Database(f"sqlite:///{file}") as database:
        ledger = LedgerDesk(database, load_edition())
        for act in acts:
            if act.kind is not None:
                kind, kind_type = act.kind
                stored = await ledger.hand_in(
                    *(PRIMARY, act.day, kind),
                    kind_type=kind_type,
                    happened=act.happened,
                    client_key=act.key,
                    body={"class_name": act.class_name} if kind == "lesson" else {},
                )
                numbers[act.key] = stored.record_id
            elif act.key:
                await take_back(ledger, act.day, numbers[act.key])
            else:
                await ledger.roll(act.day)
        desk = await ledger.desk(PRIMARY, acts[-1].day)
        duty = PLAN_OCCURRENCES.c
        query = select(duty.id, duty.rule_id, duty.due_day, duty.state, duty.done, duty.settled_day)
        async with database.read() as connection:
            period = period_of(ReportKind.MONTHLY, TODAY, desk.calendar)
            assert disagreements(await gather(connection, desk, period)) == ()
            assert await history.first_broken(connection) is None
            counts = (await connection.execute(select(PLAN_COUNTS))).all()
            rows = (await connection.execute(query)).all()
    keys = {number: key for key, number in numbers.items()}
    records: dict[int, list[str]] = {}
    for count in counts:
        records.setdefault(count.occurrence_id, []).append(keys[count.record_id])
    return {(*row[1:], *sorted(records.get(row.id, ()))) for row in rows}


@pytest.mark.parametrize("seed", [1, 2])
async def test_the_ledger_stands_as_if_it_had_never_been_handed_in(
    rolled_file: Path, tmp_path: Path, seed: int
) -> None:
    """The same days once with the mistakes and their withdrawal, once without either."""
    acts, gone = weeks_of_work(seed)
    assert len(gone) > 3
    with_them, without = tmp_path / "with.db", tmp_path / "without.db"
    for file in (with_them, without):
        copyfile(rolled_file, file)
    right = [act for act in acts if act.key not in gone]
    assert await ledger_after(with_them, acts) == await ledger_after(without, right)

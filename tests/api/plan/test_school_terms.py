"""Terms that the bureau names, moves, adds and takes away: duties and what was done stay."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from api.plan.calendar_routes import YearIn
from api.plan.tables import PLAN_COUNTS, PLAN_OCCURRENCES, PLAN_RECORDS
from config.plan import load_calendar
from tests.api.plan.reports.conftest import Office, office
from tests.api.plan.reports.test_evaluation import give
from tests.api.plan.test_routes import BASE
from tests.api.plan.test_school_year import CALENDARS, body

__all__ = ["office"]

SPRING = {"name": "spring", "start": "2026-03-01", "end": "2026-07-10"}
AUTUMN = {"name": "autumn", "start": "2026-09-01", "end": "2027-01-15"}
SUMMER = {"name": "夏令营", "start": "2026-07-20", "end": "2026-08-10"}


async def enter(office: Office, *terms: dict[str, str]) -> dict[str, Any]:
    """Enter 2026 with these terms; the answer, which the preview gave before."""
    entered = body(terms=list(terms))
    told = await office.bureau.post(f"{CALENDARS}/2026/preview", **entered)
    answer = await office.bureau.post(f"{CALENDARS}/2026", **entered)
    assert answer.status_code == 200, answer.text
    assert answer.json() == told.json()
    return dict(answer.json())


async def table(office: Office, source: Any) -> list[tuple[Any, ...]]:
    async with office.plan.database.read() as connection:
        rows = await connection.execute(select(source).order_by(*source.primary_key.columns))
        return [tuple(row) for row in rows]


async def duties(office: Office) -> set[tuple[Any, ...]]:
    """Every occurrence by its name, with its days and its state."""
    t = PLAN_OCCURRENCES.c
    columns = (t.unit_no, t.rule_id, t.raw_due_day, t.anchor, t.window_start_day, t.due_day)
    async with office.plan.database.read() as connection:
        rows = await connection.execute(select(*columns, t.needed, t.done, t.state))
        return {tuple(row) for row in rows}


async def work(office: Office) -> None:
    """Some of the fortnight's lessons, the whole of the week's meeting, points of the term."""
    await office.record(
        *("r1", "meeting", "weekly"), host="王芳", attendees=["张强"], decisions="周三前整改"
    )
    await office.record("r2", "drill", "fire", participants=812, evaluation="用时达标")
    own = {"measure_id": "2.7.2", "judge": "self", "deducted": 1.5, "reason": "疏散超时"}
    assert (await give(office.director, **own, references=["record:2"])).status_code == 200


async def test_the_example_year_is_entered_again_under_another_name(office: Office) -> None:
    example = json.loads(json.dumps(YearIn.model_config["json_schema_extra"]["examples"][0]))  # type: ignore[index]
    first = await office.bureau.post(f"{CALENDARS}/2027", **example)
    assert first.status_code == 200, first.text
    before = await table(office, PLAN_OCCURRENCES)
    example["terms"][0]["name"] = "第二学期"
    renamed = await office.bureau.post(f"{CALENDARS}/2027", **example)
    assert renamed.status_code == 200, renamed.text
    changed = {name: renamed.json()[name] for name in ("added", "moved", "exempted", "dropped")}
    assert set(changed.values()) == {0}, changed
    assert await table(office, PLAN_OCCURRENCES) == before


OTHER_NAMES = {
    "one renamed": ({**SPRING, "name": "第二学期"}, AUTUMN),
    "both renamed": ({**SPRING, "name": "下学期"}, {**AUTUMN, "name": "上学期"}),
    "names swapped": ({**SPRING, "name": "autumn"}, {**AUTUMN, "name": "spring"}),
    "the other's name, the other not entered": ({**SPRING, "name": "autumn"},),
}


@pytest.mark.parametrize("terms", OTHER_NAMES.values(), ids=OTHER_NAMES)
async def test_a_name_changes_no_duty(office: Office, terms: tuple[dict[str, str], ...]) -> None:
    await enter(office, SPRING, AUTUMN)
    await work(office)
    before = [await table(office, one) for one in (PLAN_OCCURRENCES, PLAN_COUNTS, PLAN_RECORDS)]
    scored = (await office.director.get(f"{BASE}/evaluation")).json()
    for entered in (terms, (SPRING, AUTUMN)):  # and back to the first names
        found = await enter(office, *entered)
        assert found["added"] == found["moved"] == found["dropped"] == 0
        after = [await table(office, one) for one in (PLAN_OCCURRENCES, PLAN_COUNTS, PLAN_RECORDS)]
        assert after == before
        assert (await office.director.get(f"{BASE}/evaluation")).json() == scored
    assert scored["self_score"] == 98.5


OTHER_DAYS = {
    "a week later": ({**SPRING, "start": "2026-03-08"}, AUTUMN),
    "renamed and moved": ({**SPRING, "name": "第二学期", "start": "2026-02-23"}, AUTUMN),
    "one more": (SPRING, SUMMER, AUTUMN),
    "none entered": (),
    "split in two": (
        {**SPRING, "end": "2026-04-30"},
        {"name": "夏学期", "start": "2026-05-06", "end": "2026-07-10"},
        AUTUMN,
    ),
}


@pytest.mark.parametrize("terms", OTHER_DAYS.values(), ids=OTHER_DAYS)
async def test_other_days_move_what_is_to_come_and_come_back(
    office: Office, terms: tuple[dict[str, str], ...]
) -> None:
    await enter(office, SPRING, AUTUMN)
    await work(office)
    before = await duties(office)
    done = {row for row in before if row[-2]}
    assert len(done) >= 2
    counts = await table(office, PLAN_COUNTS)
    await enter(office, *terms)
    assert done <= await duties(office)
    assert await table(office, PLAN_COUNTS) == counts
    evaluation = (await office.director.get(f"{BASE}/evaluation")).json()
    assert evaluation["self_score"] == 98.5 or len(terms) == 3
    await enter(office, SPRING, AUTUMN)
    await office.plan.roll()
    # What was open before its term was moved is asked for again from the next night on.
    assert {row[:-1] for row in before} <= {row[:-1] for row in await duties(office)}
    assert done <= await duties(office)


REFUSED = {
    "spring runs into the default autumn": (
        [{**SPRING, "end": "2026-09-10"}], "春季学期与缺省的2026年秋季学期重叠",
    ),
    "autumn runs into next year's default spring": (
        [SPRING, {**AUTUMN, "start": "2026-09-01", "end": "2027-03-20"}],
        "秋季学期与缺省的2027年春季学期重叠",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("terms", "words"), REFUSED.values(), ids=REFUSED)
async def test_a_term_that_runs_into_one_that_is_not_entered_is_refused(
    office: Office, terms: list[dict[str, str]], words: str
) -> None:
    before = await table(office, PLAN_OCCURRENCES)
    for path in (f"{CALENDARS}/2026/preview", f"{CALENDARS}/2026"):
        answer = await office.bureau.post(path, **body(terms=terms))
        assert answer.status_code == 422
        assert words in answer.text
    assert await table(office, PLAN_OCCURRENCES) == before
    assert office.plan.edition.calendars[""] == load_calendar()


async def test_a_term_that_runs_into_the_entered_one_of_the_next_year_is_refused(
    office: Office,
) -> None:
    days = [{"day": "2027-01-01", "name": "元旦"}]
    early = {"name": "第二学期", "start": "2027-02-15", "end": "2027-07-09"}
    next_year = body(2027, holidays=days, terms=[early])
    assert (await office.bureau.post(f"{CALENDARS}/2027", **next_year)).status_code == 200
    long = [SPRING, {**AUTUMN, "end": "2027-02-20"}]
    answer = await office.bureau.post(f"{CALENDARS}/2026", **body(terms=long))
    assert answer.status_code == 422
    assert "秋季学期与已录入的2027年第二学期重叠" in answer.text


async def test_a_renamed_term_is_no_gap_of_the_calendar(office: Office) -> None:
    await enter(office, {**SPRING, "name": "下学期"}, {**AUTUMN, "name": "上学期"})
    assert [one for one in office.plan.warnings() if one.missing != "holidays"] == []
    terms = office.plan.edition.calendars[""].terms_starting_in(2026)
    assert [(one.name, one.start) for one in terms] == [
        ("下学期", date(2026, 3, 1)),
        ("上学期", date(2026, 9, 1)),
    ]

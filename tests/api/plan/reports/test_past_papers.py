"""A paper of a past period says how its duties stood when it ended, whatever was done since."""

from __future__ import annotations

from datetime import date
from typing import Any

from api.access.actor import Actor, Grant
from api.access.rights import Role
from api.plan.reports.making import Prepared, prepare
from api.plan.reports.periods import ReportKind
from api.plan.states import State
from api.plan.viewer import PlanViewer
from tests.api.plan.conftest import TODAY
from tests.api.plan.reports.conftest import UNIT, Office, office
from tests.api.plan.test_routes import BASE

__all__ = ["office"]

DAY_S = 86_400.0
LESSON = "R-4.14.1-1"
MEETING = "R-3.9.1-3"
VIEWER = PlanViewer("王芳", Actor("王芳", (Grant(Role.SCHOOL, UNIT),)))


async def until(office: Office, day: date) -> None:
    """Let the days pass, each with its night."""
    while office.plan.today() < day:
        office.clock.advance(DAY_S)
        await office.plan.roll()


async def hand_in(office: Office, happened: date, key: str, kind: str, **form: Any) -> str:
    """State of the first duty that the record counted in."""
    answer = await office.director.post(
        f"{BASE}/records",
        client_key=f"past-{key}",
        kind=kind,
        kind_type=form.pop("kind_type", ""),
        happened_on=happened.isoformat(),
        title=kind,
        details=form,
    )
    assert answer.status_code == 200, answer.text
    return str(answer.json()["counted"][0]["state"])


async def lessons(office: Office, happened: date, classes: range) -> None:
    for number in classes:
        form = {"class_name": f"{number}班", "teacher": "王芳", "topic": "防踩踏"}
        await hand_in(office, happened, f"lesson-{number}", "lesson", **form)


async def paper(office: Office, kind: ReportKind, day: date) -> Prepared:
    made = await prepare(office.plan, VIEWER, UNIT, kind, day)
    assert made.words == ()
    return made


async def test_a_paper_of_a_past_period_is_the_same_whenever_it_is_made(office: Office) -> None:
    """The week's meeting was held on Friday and handed in on Tuesday; of 24 classes 3 had had
    their lesson by Friday."""
    friday, monday = date(2026, 3, 20), date(2026, 3, 23)
    await lessons(office, TODAY, range(1, 4))
    await until(office, monday)
    weekly = await paper(office, ReportKind.WEEKLY, friday)
    assert any(LESSON in row and "3/24" in row for row in weekly.sheets[2].rows)
    figures = dict(weekly.figure_names())
    await until(office, date(2026, 3, 24))
    meeting = {"host": "王芳", "attendees": ["张强"], "decisions": "整改"}
    told = await hand_in(office, friday, "meeting", "meeting", kind_type="weekly", **meeting)
    assert told == "late"
    await lessons(office, date(2026, 3, 24), range(4, 25))
    again = await paper(office, ReportKind.WEEKLY, friday)
    assert dict(again.figure_names()) == figures
    assert [sheet.rows for sheet in again.sheets[:3]] == [s.rows for s in weekly.sheets[:3]]
    assert again.sheets[0].notes[1].endswith("统计截至：2026-03-22")
    state = {line.rule_id: (line.state, line.done) for line in again.found.lines}
    assert state[MEETING] == (State.OVERDUE, 0)
    now = {line.rule_id: (line.state, line.done) for line in again.found.ledger}
    assert now[MEETING] == (State.LATE, 1)


async def test_what_was_done_in_part_by_then_is_told_as_such(office: Office) -> None:
    due = date(2026, 3, 27)
    await lessons(office, TODAY, range(1, 4))
    await until(office, date(2026, 4, 2))
    await lessons(office, due, range(4, 25))
    march = await paper(office, ReportKind.MONTHLY, due)
    (row,) = (line for line in march.found.lines if line.rule_id == LESSON and line.due == due)
    assert (row.state, row.done, row.needed) == (State.OVERDUE, 3, 24)
    april = await paper(office, ReportKind.MONTHLY, date(2026, 4, 2))
    assert april.found.lines == april.found.ledger  # the month that runs is as it is now
    assert april.sheets[0].notes[1].endswith("统计截至：2026-04-02")


async def test_a_term_is_scored_by_how_its_duties_stand_now(office: Office) -> None:
    friday = date(2026, 3, 20)
    await until(office, date(2026, 3, 24))
    meeting = {"host": "王芳", "attendees": ["张强"], "decisions": "整改"}
    await hand_in(office, friday, "meeting", "meeting", kind_type="weekly", **meeting)
    term = await paper(office, ReportKind.EVALUATION, friday)
    state = {(line.rule_id, line.due): line.state for line in term.found.lines}
    assert state[MEETING, friday] is State.LATE

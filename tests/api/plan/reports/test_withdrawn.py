"""Papers and scores after a record was taken back."""

from __future__ import annotations

import base64
from datetime import date, timedelta
from html import unescape
from io import BytesIO
from typing import Any

import pytest
from docx import Document
from openpyxl import load_workbook

from api.access.actor import Actor, Grant
from api.access.rights import Role
from api.plan.reports.making import prepare
from api.plan.reports.periods import ReportKind
from api.plan.states import State
from api.plan.viewer import PlanViewer
from tests.api.plan.conftest import TODAY
from tests.api.plan.reports.conftest import Office, jpeg
from tests.api.plan.reports.test_past_papers import MEETING, hand_in, paper, until
from tests.api.plan.test_routes import BASE

REPORTS = f"{BASE}/reports"
PAGE = "/plan/units/sample-primary"
REASON = "=误报"
BUREAU = PlanViewer("周敏", Actor("周敏", (Grant(Role.BUREAU),)))
# Of `busy`: the inspection, the fire drill and the weekly meeting.
INSPECTION, DRILL, TALK = 1, 2, 3


async def take_back(office: Office, number: int) -> None:
    answer = await office.director.post(f"{BASE}/records/{number}/withdraw", reason=REASON)
    assert answer.status_code == 200, answer.text


async def make(office: Office, kind: str, form: str, **day: str) -> tuple[int, bytes]:
    answer = await office.director.post(REPORTS, kind=kind, form=form, **day)
    assert answer.status_code == 200, answer.text
    number = answer.json()["id"]
    return number, (await office.director.get(f"{REPORTS}/{number}/file")).content


def rows(content: bytes, sheet: str) -> list[tuple[Any, ...]]:
    return list(load_workbook(BytesIO(content))[sheet].iter_rows(values_only=True))


async def test_a_record_taken_back_leaves_the_figures_and_is_named(busy: Office) -> None:
    first, before = await make(busy, "half_month", "xlsx")
    await take_back(busy, INSPECTION)
    _, after = await make(busy, "half_month", "xlsx")
    title = "校园安全隐患排查整治半月报"
    figures = [
        {row[1]: row[2] for row in rows(content, title) if len(row) > 2}
        for content in (before, after)
    ]
    assert [one["排查次数"] for one in figures] == [1, 0]
    assert figures[1]["按时完成"] == figures[0]["按时完成"] - 1
    listed = [[row[1] for row in rows(content, "工作记录")] for content in (before, after)]
    assert ["#1" in one for one in listed] == [True, False]
    assert "已撤回的记录" not in load_workbook(BytesIO(before)).sheetnames
    (line,) = [row for row in rows(after, "已撤回的记录") if row[2] == "#1"]
    assert line[1:] == (
        *("示范小学", "#1", "2026-03-16", "安全自查（半月）", "inspection self"),
        *("王芳", "王芳", "2026-03-16", REASON),
    )
    # What was made before stays byte for byte; the list of papers says what became of its record.
    assert (await busy.director.get(f"{REPORTS}/{first}/file")).content == before
    page = unescape((await busy.director.get(f"{PAGE}/reports")).text)
    assert page.count("其中记录生成后已撤回：") == 1
    assert "示范小学_半月报" in (await busy.director.get(f"{PAGE}/records/1")).text


@pytest.mark.parametrize("kind", list(ReportKind))
async def test_every_paper_says_what_was_taken_back_in_every_form(
    busy: Office, kind: ReportKind
) -> None:
    await take_back(busy, DRILL)
    _, book = await make(busy, kind.value, "xlsx")
    assert [row[2] for row in rows(book, "已撤回的记录") if row[1] == "示范小学"] == ["#2"]
    _, text = await make(busy, kind.value, "docx")
    tables = Document(BytesIO(text)).tables
    assert any(REASON in cell.text for row in tables[-1].rows for cell in row.cells)


async def test_the_next_periods_paper_names_a_record_of_one_that_was_sent(busy: Office) -> None:
    """Of the half-month before, in the paper that the district has: the next one says so."""
    pack, _ = await make(busy, "half_month", "xlsx")
    await busy.director.post(f"{REPORTS}/{pack}/receipt", receipt_no="CC-2026-0316")
    april = date(2026, 4, 2)
    await until(busy, april)
    await take_back(busy, DRILL)
    prepared = await paper(busy, ReportKind.HALF_MONTH, april)
    assert [one.record.id for one in prepared.found.withdrawn] == [DRILL]
    bureau = await prepare(busy.plan, BUREAU, "bureau", ReportKind.WEEKLY, april)
    assert bureau.words == ()
    assert [row[1:3] for row in bureau.sheets[-1].rows] == [("示范小学", "#2")]
    may = date(2026, 5, 6)
    await until(busy, may)
    assert (await paper(busy, ReportKind.HALF_MONTH, may)).found.withdrawn == ()


async def take_hazard_back(office: Office, number: int) -> None:
    path = f"{BASE}/hazards/{number}"
    found = (await office.director.get(f"{BASE}/hazards?closed=true")).json()
    (version,) = [one["version"] for one in found if one["id"] == number]
    answer = await office.director.post(f"{path}/withdraw", version=version, reason=REASON)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("number", "found", "closed", "still_open"),
    [(1, 2, 0, 2), (3, 2, 1, 1)],
    ids=["closed", "open"],
)
async def test_a_hazard_taken_back_leaves_the_figures_and_is_named(
    busy: Office, number: int, found: int, closed: int, still_open: int
) -> None:
    first, before = await make(busy, "half_month", "xlsx")
    places = [row[1] for row in rows(before, "隐患台账")][4:]
    busy.clock.advance(60.0)
    await take_hazard_back(busy, number)
    _, after = await make(busy, "half_month", "xlsx")
    title = "校园安全隐患排查整治半月报"
    figures = {row[1]: row[2] for row in rows(after, title) if len(row) > 2}
    assert (figures["本期新增隐患"], figures["本期销号"]) == (found, closed)
    assert figures["期末未销"] == still_open
    gone = places.pop(number - 1)
    assert [row[1] for row in rows(after, "隐患台账")][4:] == places
    assert "已撤回的隐患" not in load_workbook(BytesIO(before)).sheetnames
    (line,) = [row for row in rows(after, "已撤回的隐患") if row[2] == f"#{number}"]
    assert (line[1], line[3], line[8:]) == ("示范小学", gone, ("王芳", "2026-03-16", REASON))
    # What was made before stays byte for byte; the list of papers says what became of its hazard.
    assert (await busy.director.get(f"{REPORTS}/{first}/file")).content == before
    page = unescape((await busy.director.get(f"{PAGE}/reports")).text)
    assert page.count("其中隐患生成后已撤回：") == 1
    assert f'href="{PAGE}/hazards/{number}"' in page


@pytest.mark.parametrize("kind", list(ReportKind))
async def test_every_paper_names_a_hazard_that_was_taken_back(
    busy: Office, kind: ReportKind
) -> None:
    await take_hazard_back(busy, 2)
    _, book = await make(busy, kind.value, "xlsx")
    assert [row[2] for row in rows(book, "已撤回的隐患") if row[1] == "示范小学"] == ["#2"]


async def test_the_districts_next_paper_names_a_hazard_of_the_one_before(busy: Office) -> None:
    await make(busy, "half_month", "xlsx")
    april = date(2026, 4, 2)
    await until(busy, april)
    await take_hazard_back(busy, 3)
    prepared = await paper(busy, ReportKind.HALF_MONTH, april)
    assert [one.hazard.id for one in prepared.found.withdrawn_hazards] == [3]
    bureau = await prepare(busy.plan, BUREAU, "bureau", ReportKind.WEEKLY, april)
    assert bureau.words == ()
    assert [row[1:3] for row in bureau.sheets[-1].rows] == [("示范小学", "#3")]
    # One that was opened anew of a past period does not repeat what is known to be wrong.
    march = await paper(busy, ReportKind.HALF_MONTH, TODAY)
    assert [one.id for one in march.found.hazards] == [1, 2]
    assert march.words == ()
    assert [one.hazard.id for one in march.found.withdrawn_hazards] == [3]
    may = date(2026, 5, 6)
    await until(busy, may)
    assert (await paper(busy, ReportKind.HALF_MONTH, may)).found.withdrawn_hazards == ()


async def test_a_score_that_rests_on_a_hazard_taken_back_says_so(busy: Office) -> None:
    answer = await busy.director.post(
        f"{BASE}/evaluation/scores", measure_id="3.9.1", judge="self", deducted=1.0,
        reason="隐患多", references=["hazard:2"],
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    await take_hazard_back(busy, 2)
    page = (await busy.director.get(f"{PAGE}/evaluation")).text
    assert "隐患#2（已撤回）" in page


async def test_a_past_paper_made_anew_does_not_repeat_the_mistake(office: Office) -> None:
    """The meeting counted when the week ended; it had never been held, and the new paper knows."""
    monday = date(2026, 3, 23)
    meeting = {"host": "王芳", "attendees": ["张强"], "decisions": "整改"}
    await hand_in(office, TODAY, "meeting", "meeting", kind_type="weekly", **meeting)
    await until(office, monday)
    before = await paper(office, ReportKind.WEEKLY, TODAY)
    assert _stand(before) == (State.SUBMITTED, 1)
    await take_back(office, 1)
    after = await paper(office, ReportKind.WEEKLY, TODAY)
    assert _stand(after) == (State.OVERDUE, 0)
    assert [one.record.id for one in after.found.withdrawn] == [1]


async def test_the_record_that_takes_the_place_counts_from_its_own_day(office: Office) -> None:
    """The week's meeting was entered on Monday and, right, again after the week had ended."""
    meeting = {"host": "王芳", "attendees": ["张强"], "decisions": "整改"}
    await hand_in(office, TODAY, "meeting", "meeting", kind_type="weekly", **meeting)
    twice = (("in-time", TODAY + timedelta(2)), ("too-late", date(2026, 3, 23)))
    for key, day in twice:
        await until(office, day)
        answer = await office.director.post(
            f"{BASE}/records", client_key=f"past-{key}", kind="meeting", kind_type="weekly",
            happened_on=TODAY.isoformat(), title=key, details=meeting,
        )  # fmt: skip
        assert answer.json()["counted"] == []
    await take_back(office, 1)
    assert _stand(await paper(office, ReportKind.WEEKLY, TODAY)) == (State.SUBMITTED, 1)
    await take_back(office, 2)
    late = await paper(office, ReportKind.WEEKLY, TODAY)
    assert _stand(late) == (State.OVERDUE, 0)
    now = {line.rule_id: (line.state, line.done) for line in late.found.ledger}
    assert now[MEETING] == (State.LATE, 1)


def _stand(prepared: Any) -> tuple[State, int]:
    return next((one.state, one.done) for one in prepared.found.lines if one.rule_id == MEETING)


async def test_pictures_of_a_record_taken_back_stay_and_leave_with_no_pack(busy: Office) -> None:
    stored = await busy.director.post(
        f"{BASE}/attachments",
        subject=f"record:{INSPECTION}",
        name="楼梯.jpg",
        media_type="image/jpeg",
        content_base64=base64.b64encode(jpeg()).decode(),
    )
    file = stored.json()["id"]
    await busy.director.post(f"{BASE}/attachments/{file}/privacy", privacy="clear")
    assert len((await paper(busy, ReportKind.HALF_MONTH, TODAY)).found.photos) == 1
    await take_back(busy, INSPECTION)
    assert (await paper(busy, ReportKind.HALF_MONTH, TODAY)).found.photos == ()
    assert (await busy.director.get(f"{BASE}/attachments/{file}")).content == jpeg()
    assert "楼梯.jpg" in (await busy.director.get(f"{PAGE}/records/{INSPECTION}")).text


async def test_the_receipt_of_a_pack_is_noted_though_one_record_was_taken_back(
    busy: Office,
) -> None:
    """Two inspections were uploaded; the receipt counts for the one that stands."""
    await busy.record("r4", "inspection", "self", inspector="李明", places="操场", result="found")
    pack, _ = await make(busy, "half_month", "xlsx")
    await take_back(busy, INSPECTION)
    answer = await busy.director.post(f"{REPORTS}/{pack}/receipt", receipt_no="CC-2026-0316")
    assert answer.status_code == 200, answer.text
    pages = [(await busy.director.get(f"{PAGE}/records/{one}")).text for one in (INSPECTION, 4)]
    assert ["<dd>CC-2026-0316</dd>" in page for page in pages] == [False, True]


async def test_points_taken_for_a_record_that_was_taken_back_say_so(busy: Office) -> None:
    score = {"measure_id": "2.7.2", "judge": "self", "deducted": 1.5, "reason": "疏散超时"}
    path = f"{BASE}/evaluation/scores"
    given = await busy.director.post(path, **score, references=["record:2", "record:1"])
    assert given.status_code == 200, given.text
    await take_back(busy, DRILL)
    page = (await busy.director.get(f"{PAGE}/evaluation")).text
    assert "记录#2（已撤回）" in page
    assert "记录#1（已撤回）" not in page
    _, book = await make(busy, "evaluation", "xlsx")
    assert any("记录#2（已撤回）、记录#1" in row for row in rows(book, "扣分依据"))


async def test_a_count_of_a_record_taken_back_stops_the_paper(busy: Office) -> None:
    async with busy.plan.database.write() as connection:
        await connection.exec_driver_sql("UPDATE plan_records SET state = 'withdrawn' WHERE id = 1")
    answer = await busy.director.post(REPORTS, kind="half_month", form="xlsx")
    assert (answer.status_code, answer.json()["code"]) == (409, "plan_rows_disagree")
    assert "记录#1 已撤回的记录被计入" in answer.json()["message"]["zh"]

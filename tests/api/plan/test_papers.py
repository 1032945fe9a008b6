"""Calendar feeds against two readers of others, papers read back, figures that must reconcile."""

from dataclasses import replace
from datetime import date, timedelta
from io import BytesIO

import httpx
import pytest
import recurring_ical_events
from docx import Document
from icalendar import Calendar
from openpyxl import load_workbook

from api.plan.errors import StepRefusal
from api.plan.feeds import AHEAD, PAST, _folded
from api.plan.half_month import HazardFigures, Period, figures, refuse_unreconciled
from api.plan.hazards import Hazard, HazardLevel, HazardState
from api.plan.layout import PLAN_HEADER, plan_sheet
from api.plan.sheets import safe_cell
from config.plan import load_catalogue
from tests.api.plan.conftest import TODAY
from tests.api.plan.test_routes import BASE, Person, client, director

__all__ = ["client", "director"]


async def test_the_feed_holds_exactly_the_ledgers_occurrences(
    client: httpx.AsyncClient, director: Person
) -> None:
    granted = (await director.post(f"{BASE}/feeds")).json()
    answer = await client.get(granted["path"])
    assert answer.headers["content-type"].startswith("text/calendar")
    calendar = Calendar.from_ical(answer.text)
    first, last = TODAY - PAST, TODAY + AHEAD
    listed = [
        *(await director.get(f"{BASE}/occurrences?from={first}&to={TODAY - timedelta(1)}")).json(),
        *(await director.get(f"{BASE}/occurrences?from={TODAY}&to={last}")).json(),
    ]
    wanted = sorted(
        (line["due_on"], line["title_zh"]) for line in listed if line["state"] != "exempt"
    )
    events = calendar.walk("VEVENT")
    found = sorted(
        (event.decoded("DTSTART").isoformat(), str(event["SUMMARY"])) for event in events
    )
    assert found == wanted
    assert len(wanted) > 100
    expanded = recurring_ical_events.of(calendar).between(first, last + timedelta(days=1))
    days = sorted(
        (event.decoded("DTSTART").isoformat(), str(event["SUMMARY"])) for event in expanded
    )
    assert days == wanted
    drill = next(event for event in events if "R-3.10.1-6." in str(event["UID"]))
    alarms = [alarm.decoded("TRIGGER") for alarm in drill.walk("VALARM")]
    assert alarms == [-timedelta(days=days) for days in (30, 14, 7)]


async def test_a_revoked_feed_is_gone(client: httpx.AsyncClient, director: Person) -> None:
    granted = (await director.post(f"{BASE}/feeds")).json()
    stranger = Person(client, "赵六", "sample-middle")
    other = f"/api/v1/plan/units/sample-middle/feeds/{granted['id']}/revoke"
    assert (await stranger.post(other)).status_code == 404
    assert (await client.get(granted["path"])).status_code == 200
    assert (await director.post(f"{BASE}/feeds/{granted['id']}/revoke")).status_code == 204
    assert (await client.get(granted["path"])).status_code == 404
    assert (await client.get(f"/api/v1/plan/feeds/{'x' * 43}.ics")).status_code == 404


def test_long_lines_are_folded_between_characters() -> None:
    line = "SUMMARY:" + "安全" * 60
    pieces = list(_folded(line))
    assert all(len(piece.encode()) <= 75 for piece in pieces)
    assert pieces[0] + "".join(piece[1:] for piece in pieces[1:]) == line


async def test_the_plan_table_equals_the_plan(director: Person) -> None:
    texts = [measure.text_zh for measure in load_catalogue().measures()]
    answer = await director.get("/api/v1/plan/papers/plan.xlsx")
    page = load_workbook(BytesIO(answer.content)).worksheets[0]
    rows = list(page.iter_rows(values_only=True))
    header = rows.index(PLAN_HEADER)
    body = [row for row in rows[header + 1 :] if isinstance(row[0], int)]
    assert [row[2] for row in body] == texts
    assert sorted({row[0] for row in body}) == list(range(1, 21))
    assert page.freeze_panes == f"A{header + 2}"
    word = Document(BytesIO((await director.get("/api/v1/plan/papers/plan.docx")).content))
    cells = [row.cells for row in word.tables[0].rows][1:]
    assert [row[2].text for row in cells if row[0].text.isdigit()] == texts
    assert "%E5%AE%89%E5%85%A8" in answer.headers["content-disposition"]


async def test_the_half_month_pack_shows_the_reconciled_figures(director: Person) -> None:
    for number, place in enumerate(("东楼梯", "=1+1")):
        form = {"client_key": f"phone-000{number}", "location": place, "description": "扶手松动"}
        made = (await director.post(f"{BASE}/hazards", **form)).json()
    path = f"{BASE}/hazards/{made['id']}"
    await director.post(f"{path}/assign", version=1, fixer="张强", due_on="2026-03-20")
    answer = await director.get(f"{BASE}/papers/half-month.xlsx?day=2026-03-16")
    book = load_workbook(BytesIO(answer.content))
    assert book.sheetnames == ["校园安全隐患半月报", "隐患台账", "任务完成情况"]
    figures_page = {row[0]: row[1] for row in book.worksheets[0].iter_rows(values_only=True)}
    assert figures_page["本期新增"] == 2
    assert figures_page["期末未销"] == 2
    assert figures_page["整改率"] == "0%"
    ledger_page = list(book.worksheets[1].iter_rows(values_only=True))
    assert {row[1] for row in ledger_page[-2:]} == {"东楼梯", "'=1+1"}
    assert "2026-03%E4%B8%8B.xlsx" in answer.headers["content-disposition"]
    word = Document(BytesIO((await director.get(f"{BASE}/papers/half-month.docx")).content))
    assert [table.rows[0].cells[0].text for table in word.tables] == ["项目", "序号", "序号"]


async def test_the_evaluation_names_the_rows_behind_each_deduction(director: Person) -> None:
    answer = await director.get(f"{BASE}/papers/evaluation.xlsx?from=2026-03-01&to=2026-07-15")
    rows = list(load_workbook(BytesIO(answer.content)).worksheets[0].iter_rows(values_only=True))
    assert rows[0][0] == "平安校园学期评价表"
    assert rows[3][:3] == ("编号", "推进措施", "应完成")


BASE_HAZARD = Hazard(
    1, "东楼梯", "扶手", HazardLevel.ORDINARY, HazardState.ASSIGNED, "王芳", date(2026, 3, 5)
)
HAZARDS = (
    BASE_HAZARD,  # found in the period, open
    replace(BASE_HAZARD, found=date(2026, 2, 20)),  # carried over, open
    replace(BASE_HAZARD, found=date(2026, 2, 20), closed=date(2026, 3, 1)),  # carried, closed
    replace(BASE_HAZARD, level=HazardLevel.MAJOR, closed=date(2026, 3, 15)),  # found, closed
    replace(BASE_HAZARD, closed=date(2026, 3, 16)),  # found, closed after the period
    replace(BASE_HAZARD, found=date(2026, 1, 1), closed=date(2026, 2, 28)),  # closed before
    replace(BASE_HAZARD, found=date(2026, 3, 16)),  # found after
    replace(BASE_HAZARD, due=date(2026, 3, 10)),  # found, open, overdue
    replace(BASE_HAZARD, state=HazardState.DRAFT),  # a camera's draft
)


def test_the_figures_of_a_half_month_counted_by_hand() -> None:
    found = figures(Period.of(date(2026, 3, 8)), HAZARDS, inspections=2)
    assert found == HazardFigures(2, 2, 4, 1, 2, 4, 1)
    assert found.closing_rate == pytest.approx(2 / 6)


def test_figures_that_do_not_reconcile_are_refused() -> None:
    with pytest.raises(StepRefusal, match="plan_figures_differ") as caught:
        refuse_unreconciled(HazardFigures(0, 2, 4, 0, 2, 5, 0))
    assert caught.value.values == {"expected": 4, "found": 5}
    # Closed before it was found: a date typed wrongly.
    wrong = replace(BASE_HAZARD, closed=date(2026, 3, 2), found=date(2026, 3, 20))
    with pytest.raises(StepRefusal, match="plan_figures_differ"):
        figures(Period.of(date(2026, 3, 8)), (wrong,), 0)


PERIODS = [
    (date(2027, 3, 15), date(2027, 3, 1), date(2027, 3, 15), "2027-03上"),
    (date(2027, 2, 16), date(2027, 2, 16), date(2027, 2, 28), "2027-02下"),
    (date(2028, 2, 29), date(2028, 2, 16), date(2028, 2, 29), "2028-02下"),
    (date(2026, 12, 31), date(2026, 12, 16), date(2026, 12, 31), "2026-12下"),
]


@pytest.mark.parametrize(("day", "first", "last", "name"), PERIODS)
def test_halves_of_months(day: date, first: date, last: date, name: str) -> None:
    assert Period.of(day) == Period(first, last)
    assert Period.of(day).name == name


@pytest.mark.parametrize("value", ["=1+1", "+86", "-1", "@a", 5, "正常"])
def test_cells_never_start_a_formula(value: str | int) -> None:
    cell = safe_cell(value)
    assert not isinstance(cell, str) or cell[0] not in "=+-@"


def test_sections_span_the_table() -> None:
    sheet = plan_sheet(load_catalogue())
    assert [len(row) for row in sheet.rows].count(1) == 5
    assert len(sheet.rows) == 41

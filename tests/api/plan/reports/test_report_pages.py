"""Pages of the papers and of the evaluation: what stands on them, and whose they are."""

import re

import pytest

from tests.api.plan.reports.conftest import Office, jpeg
from tests.api.plan.reports.test_making import attach
from tests.api.plan.test_routes import BASE, Person

UNIT = "/plan/units/sample-primary"
PATHS = [
    *(f"{UNIT}/reports?kind={kind}" for kind in ("half_month", "weekly", "monthly", "evaluation")),
    *(f"{UNIT}/evaluation", f"{UNIT}/rows/ROW", f"{UNIT}/hazards/1"),
]


async def first_row(office: Office) -> int:
    """Number of one of the school's occurrences."""
    listed = await office.director.get(f"{BASE}/occurrences?from=2026-03-16&to=2026-03-31")
    return int(listed.json()[0]["id"])


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("path", PATHS)
async def test_pages_render_in_both_languages_without_inline_code(
    busy: Office, path: str, lang: str
) -> None:
    path = path.replace("ROW", str(await first_row(busy)))
    joined = "&" if "?" in path else "?"
    answer = await busy.director.get(f"{path}{joined}lang={lang}")
    assert answer.status_code == 200, answer.text
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", answer.text)
    assert f'lang="{"zh-CN" if lang == "zh" else "en"}"' in answer.text


async def test_the_page_shows_figures_gaps_and_who_made_what(busy: Office) -> None:
    await attach(busy, "hazard:2", "看台.jpg", jpeg())
    await busy.director.post(f"{BASE}/reports", kind="half_month", form="xlsx")
    page = (await busy.director.get(f"{UNIT}/reports")).text
    assert '<td>本期新增隐患</td><td class="number">3</td>' in page
    assert "1 张照片未确认可否外传" in page
    assert "示范小学_半月报_2026-03下.xlsx" in page
    assert "<td>王芳</td>" in page
    assert "2026-03-16 08:00" in page
    assert "一键生成资料包" in page


async def test_rows_that_disagree_stand_on_the_page_instead_of_buttons(busy: Office) -> None:
    async with busy.plan.database.write() as connection:
        await connection.exec_driver_sql("UPDATE plan_hazards SET closed_day = 20000 WHERE id = 1")
    page = (await busy.director.get(f"{UNIT}/reports")).text
    assert "数字不符，不能导出" in page
    assert f'<a href="{UNIT}/hazards/1">隐患#1 销号早于发现' in page
    assert "一键生成资料包" not in page


async def test_a_deduction_leads_to_the_row_it_rests_on(busy: Office) -> None:
    body = {"measure_id": "2.7.2", "judge": "self", "deducted": 1.5, "reason": "疏散超时"}
    row_id = await first_row(busy)
    await busy.director.post(
        f"{BASE}/evaluation/scores", **body, references=["record:2", f"occurrence:{row_id}"]
    )
    page = (await busy.director.get(f"{UNIT}/evaluation")).text
    assert '<b id="score-self">98.5</b>' in page
    links = re.findall(r'<a href="([^"]+)">(?:记录|台账)#\d+</a>', page)
    assert links == [f"{UNIT}/records/2", f"{UNIT}/rows/{row_id}"]
    assert 'id="take-self"' in page
    assert 'id="take-bureau"' not in page
    assert 'id="take-bureau"' in (await busy.bureau.get(f"{UNIT}/evaluation")).text
    row = (await busy.director.get(f"{UNIT}/rows/{row_id}")).text
    assert f"<h1>#{row_id} " in row


async def test_others_see_no_papers(busy: Office) -> None:
    row_id = str(await first_row(busy))
    for path in PATHS:
        assert (await busy.stranger.get(path.replace("ROW", row_id))).status_code == 404
    guard = Person(busy.client, "保安", role="security_room")
    for path in PATHS[:5]:
        assert (await guard.get(path)).status_code == 403
    today = (await guard.get(UNIT)).text
    assert f"{UNIT}/reports" not in today
    assert f"{UNIT}/reports" in (await busy.director.get(UNIT)).text

"""The term's evaluation: three columns, each point with its rows."""

from datetime import date
from io import BytesIO
from typing import Any

import pytest
from openpyxl import load_workbook

from config.plan import PlanFileError
from config.plan.scoring import load_scoring
from tests.api.plan.conftest import TODAY
from tests.api.plan.reports.conftest import Office
from tests.api.plan.reports.test_making import made
from tests.api.plan.test_routes import BASE, Person
from tests.api.plan.test_school_year import CALENDARS, body

PATH = f"{BASE}/evaluation"


@pytest.fixture
async def later(busy: Office) -> Office:
    """Two days later nobody has gone round: the daily rounds are missed."""
    busy.clock.advance(2 * 86_400.0)
    await busy.plan.roll()
    return busy


async def give(person: Person, **body: object) -> Any:
    return await person.post(f"{PATH}/scores", **body)


async def test_missed_rounds_take_points_and_name_their_rows(later: Office) -> None:
    found = (await later.director.get(PATH)).json()
    listed = (await later.director.get(f"{BASE}/occurrences?from=2026-03-01&to=2026-03-18")).json()
    missed = {f"occurrence:{one['id']}" for one in listed if one["state"] == "missed"}
    assert missed
    auto = [one for one in found["deductions"] if one["judge"] == "auto"]
    assert {one["references"][0] for one in auto} == missed
    assert {one["points"] for one in auto} == {0.5}
    by_measure = {one["measure_id"]: one for one in found["measures"]}
    for name, measure in by_measure.items():
        own = sum(one["points"] for one in auto if one["measure_id"] == name)
        assert measure["auto_points"] == min(own, 5.0)
    taken = sum(one["auto_points"] for one in found["measures"])
    assert found["auto_score"] == pytest.approx(100 - taken)
    # Nobody has judged yet: that is no full score.
    assert (found["self_score"], found["bureau_score"]) == (None, None)


async def test_own_and_bureau_columns_link_to_rows_of_the_unit(later: Office) -> None:
    own = {"measure_id": "2.7.2", "judge": "self", "deducted": 1.5, "reason": "疏散超时"}
    answer = await give(later.director, **own, references=["record:2"])
    assert answer.status_code == 200, answer.text
    assert answer.json()["self_score"] == 98.5
    bureau = {**own, "judge": "bureau", "deducted": 2.0, "reason": "现场核查"}
    refused = await give(later.director, **bureau, references=["record:2"])
    assert refused.status_code == 403
    given = await give(later.bureau, **bureau, references=["record:2", "hazard:3"])
    assert given.json()["bureau_score"] == 98.0
    assert {
        "measure_id": "2.7.2",
        "judge": "bureau",
        "points": 2.0,
        "reason": "现场核查",
        "references": ["record:2", "hazard:3"],
    } in given.json()["deductions"]
    again = await give(later.director, **{**own, "deducted": 0.0, "reason": ""})
    assert again.json()["self_score"] == 100.0


REFUSED: list[tuple[dict[str, object], int, str]] = [
    ({"references": []}, 409, "plan_score_needs_rows"),
    ({"reason": ""}, 409, "plan_score_needs_rows"),
    ({"references": ["record:999"]}, 404, "plan_row_unknown"),
    ({"references": ["hazard:77"]}, 404, "plan_row_unknown"),
    ({"measure_id": "9.9.9"}, 404, "plan_measure_unknown"),
    ({"references": ["picture:1"]}, 422, "request_invalid"),
    ({"deducted": -1}, 422, "request_invalid"),
    ({"deducted": 0.15}, 422, "request_invalid"),
]


@pytest.mark.parametrize(("wrong", "status", "code"), REFUSED)
async def test_points_without_rows_are_refused(
    busy: Office, wrong: dict[str, object], status: int, code: str
) -> None:
    good = {
        "measure_id": "2.7.2",
        "judge": "self",
        "deducted": 1.0,
        "reason": "超时",
        "references": ["record:2"],
    }
    answer = await give(busy.director, **{**good, **wrong})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_another_schools_row_is_no_ground(busy: Office) -> None:
    other = Person(busy.client, "赵六", "sample-middle")
    body = {"measure_id": "2.7.2", "judge": "self", "deducted": 1.0, "reason": "超时"}
    path = "/api/v1/plan/units/sample-middle/evaluation/scores"
    assert (await other.post(path, **body, references=["record:2"])).status_code == 404
    assert (await busy.stranger.get(PATH)).status_code == 404
    police = Person(busy.client, "民警", role="police_room")
    assert (await police.get(PATH)).status_code == 403


async def test_the_paper_shows_each_point_with_a_link_to_its_ground(later: Office) -> None:
    body = {"measure_id": "2.7.2", "judge": "self", "deducted": 1.5, "reason": "疏散超时"}
    await give(later.director, **body, references=["record:2"])
    found = (await later.director.get(PATH)).json()
    book = load_workbook(BytesIO(await made(later.director, "evaluation", "xlsx")))
    page, grounds = book["平安校园学期考核评价表"], book["扣分依据"]
    rows = list(page.iter_rows(min_row=7))
    drill = next(row for row in rows if row[0].value == "2.7.2")
    assert drill[7].value == 1.5
    target = int(drill[7].hyperlink.location.split("!A")[1])
    assert grounds.cell(target, 3).value == "自评"
    assert grounds.cell(target, 7).value == "记录#2"
    assert [cell.value for cell in rows[-2][7:10]] == [98.5, found["auto_score"], "未评"]
    lines = list(grounds.iter_rows(min_row=5, values_only=True))
    assert len(lines) == len(found["deductions"])
    assert all(line[6] for line in lines)
    shown = sum(row[8].value for row in rows if row[0].value and row[0].value[0].isdigit())
    assert shown == pytest.approx(100 - found["auto_score"])


async def test_a_term_is_scored_by_its_own_days(later: Office) -> None:
    body = {"measure_id": "2.7.2", "judge": "self", "deducted": 1.5, "reason": "疏散超时"}
    await give(later.director, **body, references=["record:2"])
    autumn = (await later.director.get(f"{PATH}?day=2025-11-01")).json()
    assert autumn["self_score"] is None
    assert date.fromisoformat(autumn["last"]) < TODAY


async def test_scores_stay_with_their_term_when_its_days_are_entered_anew(later: Office) -> None:
    own = {"measure_id": "2.7.2", "judge": "self", "deducted": 1.5, "reason": "疏散超时"}
    await give(later.director, **own, references=["record:2"])
    bureau = {**own, "judge": "bureau", "deducted": 2.0}
    await give(later.bureau, **bureau, references=["record:2"])
    terms = [
        {"name": "spring", "start": "2026-03-02", "end": "2026-07-10"},
        {"name": "autumn", "start": "2026-09-01", "end": "2027-01-15"},
    ]
    entered = await later.bureau.post(f"{CALENDARS}/2026", **body(terms=terms))
    assert entered.status_code == 200, entered.text
    found = (await later.director.get(PATH)).json()
    assert (found["first"], found["last"]) == ("2026-03-02", "2026-07-10")
    assert (found["self_score"], found["bureau_score"]) == (98.5, 98.0)
    again = await give(later.director, **{**own, "deducted": 0.5}, references=["record:2"])
    assert again.json()["self_score"] == 99.5
    autumn = (await later.director.get(f"{PATH}?day=2026-10-01")).json()
    assert (autumn["self_score"], autumn["bureau_score"]) == (None, None)


SCORING = [
    ("full: 100\ndeductions: {missed: 0.25, overdue: 1, late: 0}\nmeasure_cap: 5\n", "a tenth"),
    ("full: 100\ndeductions: {missed: 1, overdue: 1}\nmeasure_cap: 5\n", "deductions"),
    ("full: -1\ndeductions: {missed: 1, overdue: 1, late: 0}\nmeasure_cap: 5\n", "full"),
    ("extra: 1\nfull: 1\ndeductions: {missed: 1, overdue: 1, late: 0}\nmeasure_cap: 5\n", "extra"),
]


@pytest.mark.parametrize(("text", "named"), SCORING)
def test_a_wrong_scoring_file_is_refused_with_its_line(
    tmp_path: Any, text: str, named: str
) -> None:
    path = tmp_path / "scoring.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(PlanFileError, match=named):
        load_scoring(path)


def test_points_are_kept_in_tenths() -> None:
    shipped = load_scoring()
    assert [shipped.tenths(state) for state in ("missed", "overdue", "late", "open")] == [
        5,
        10,
        2,
        0,
    ]

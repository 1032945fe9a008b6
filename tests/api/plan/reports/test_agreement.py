"""A paper whose rows disagree is refused, and the rows are named."""

import pytest

from api.plan.reports.writing import Form
from tests.api.plan.reports.conftest import Office
from tests.api.plan.test_routes import BASE

REPORTS = f"{BASE}/reports"

BROKEN = [
    # A count that has no record behind it.
    (
        "UPDATE plan_occurrences SET done = done + 1 WHERE id IN "
        "(SELECT occurrence_id FROM plan_counts WHERE record_id = 1)",
        ("台账#", "完成数与计入的记录数不符：1 ≠ 2"),
    ),
    # A count that was lost.
    (
        "DELETE FROM plan_counts WHERE record_id = 3",
        ("完成数与计入的记录数不符：0 ≠ 1",),
    ),
    # Done with too few records.
    (
        "UPDATE plan_occurrences SET needed = 4 WHERE id IN "
        "(SELECT occurrence_id FROM plan_counts WHERE record_id = 3)",
        ("次数不足却记为完成：4 ≠ 1",),
    ),
    # A camera's draft that counts.
    ("UPDATE plan_records SET state = 'draft' WHERE id = 1", ("记录#1 草稿被计入",)),
    # Closed before it was found.
    (
        "UPDATE plan_hazards SET closed_day = found_day - 3 WHERE id = 1",
        ("隐患#1 销号早于发现：>= 2026-03-16 ≠ 2026-03-13", "期初＋新增－销号与期末不符"),
    ),
    # Closed without a day.
    (
        "UPDATE plan_hazards SET closed_day = NULL WHERE id = 1",
        ("隐患#1 状态与销号日期不符：closed ≠ -",),
    ),
]


@pytest.mark.parametrize(("statement", "named"), BROKEN)
async def test_rows_that_disagree_are_named_and_nothing_is_made(
    busy: Office, statement: str, named: tuple[str, ...]
) -> None:
    assert (await busy.director.post(REPORTS, kind="half_month", form="xlsx")).status_code == 200
    async with busy.plan.database.write() as connection:
        changed = await connection.exec_driver_sql(statement)
        assert changed.rowcount >= 1
    for form in Form:
        answer = await busy.director.post(REPORTS, kind="half_month", form=form.value)
        assert (answer.status_code, answer.json()["code"]) == (409, "plan_rows_disagree")
        for words in named:
            assert words in answer.json()["message"]["zh"]
    shown = (await busy.director.get(f"{REPORTS}/preview?kind=half_month")).json()
    assert any(named[0] in row for row in shown["disagreements"])
    assert len((await busy.director.get(REPORTS)).json()) == 1


async def test_the_bureaus_paper_names_the_school_whose_rows_disagree(busy: Office) -> None:
    async with busy.plan.database.write() as connection:
        await connection.exec_driver_sql("UPDATE plan_hazards SET closed_day = 20000 WHERE id = 1")
    answer = await busy.bureau.post("/api/v1/plan/units/bureau/reports", kind="weekly", form="xlsx")
    assert answer.status_code == 409
    assert "示范小学 隐患#1 销号早于发现" in answer.json()["message"]["zh"]


async def test_a_record_counted_twice_in_one_duty_is_named(busy: Office) -> None:
    async with busy.plan.database.write() as connection:
        await connection.exec_driver_sql(
            "INSERT INTO plan_counts (occurrence_id, record_id, merged) "
            "SELECT other.id, plan_counts.record_id, 0 FROM plan_counts "
            "JOIN plan_occurrences AS own ON own.id = plan_counts.occurrence_id "
            "JOIN plan_occurrences AS other ON other.rule_id = own.rule_id "
            "AND other.unit_no = own.unit_no AND other.id <> own.id "
            "WHERE plan_counts.record_id = 1 LIMIT 1"
        )
    answer = await busy.director.post(REPORTS, kind="half_month", form="xlsx")
    assert answer.status_code == 409
    assert "记录#1 同一任务重复计入" in answer.json()["message"]["zh"]

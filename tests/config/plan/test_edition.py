"""Plans of several years side by side: which holds when, and what their ids mean."""

from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from config.plan import PlanFileError, load_catalogue, load_edition
from config.plan.catalogue import SHIPPED_CATALOGUE
from config.plan.new_edition import new_edition
from config.plan.table_import import Row, preview
from tests.config.plan.test_table_import import PLAN, whole_plan

NEW = ("", "", "组织开展校园低空飞行器安全专项排查并建立登记制度。", "区局、学校", "全年")


def with_row(before: str) -> list[Row]:
    """The whole plan with one new measure before a known one, in its task."""
    rows: list[tuple[str, ...]] = []
    for row in whole_plan():
        if row.cells[2:3] == (PLAN.measure(before).text_zh,):
            rows.append((row.cells[0], row.cells[1], *NEW[2:]))
        rows.append(row.cells)
    return [Row(number, cells) for number, cells in enumerate(rows, start=1)]


@pytest.mark.parametrize("before", ["1.2.1", "2.7.1", "3.9.1"])
def test_a_new_row_moves_no_duty_to_another_id(tmp_path: Path, before: str) -> None:
    found = preview(with_row(before), PLAN)
    assert found.faults == ()
    stream = StringIO()
    YAML().dump(new_edition(found, PLAN, 2027, "二〇二七年计划"), stream)
    (tmp_path / "catalogue-2027.yaml").write_text(stream.getvalue(), "utf-8")
    later = load_edition(tmp_path).catalogue_of(2027)
    assert {r.id: (r.zh, r.obligation) for r in later.rules()} == {
        r.id: (r.zh, r.obligation) for r in PLAN.rules()
    }
    task = before.rpartition(".")[0]
    known = {m.id for m in PLAN.measures() if m.id.rpartition(".")[0] == task}
    (new,) = {m.id for m in later.measures()} - {m.id for m in PLAN.measures()}
    assert new == f"{task}.{len(known) + 1}"
    assert later.measure(new).text_zh == NEW[2]


def test_an_id_that_an_earlier_plan_used_is_not_given_again() -> None:
    found = preview(with_row("2.7.1"), PLAN)
    data = new_edition(found, PLAN, 2028, "计划", {"2.7.8"})
    ids = [m["id"] for s in data["sections"] for t in s["tasks"] for m in t["measures"]]
    assert "2.7.9" in ids


def test_an_id_for_another_duty_is_refused(tmp_path: Path) -> None:
    """Read by id, work of last year would count for this year's other duty."""
    text = SHIPPED_CATALOGUE.read_text("utf-8")
    year = f"source_plan_year: {PLAN.source_plan_year}"
    assert year in text
    text = text.replace(year, "source_plan_year: 2027")
    swapped = text.replace("id: R-1.2.4-1\n", "id: R-9.9.9-9\n")
    swapped = swapped.replace("id: R-1.2.4-2\n", "id: R-1.2.4-1\n")
    assert swapped != text
    (tmp_path / "catalogue-2027.yaml").write_text(swapped, "utf-8")
    with pytest.raises(PlanFileError, match=r"R-1\.2\.4-1 was .*give the new rule an id"):
        load_edition(tmp_path)
    (tmp_path / "catalogue-2027.yaml").write_text(text, "utf-8")
    assert load_edition(tmp_path).catalogue_of(2027).source_plan_year == 2027


def test_an_id_means_what_the_plan_of_its_year_says_else_the_nearest() -> None:
    base = load_edition()
    rule = PLAN.rule("R-1.2.4-2")

    def plan(year: int, words: str | None) -> object:
        measure = PLAN.measure("1.2.4")
        rules = tuple(
            replace(one, zh=words or "") if one.id == rule.id else one
            for one in measure.rules
            if words is not None or one.id != rule.id
        )
        sections = tuple(
            replace(
                s,
                tasks=tuple(
                    replace(
                        t,
                        measures=tuple(
                            replace(m, rules=rules) if m.id == "1.2.4" else m for m in t.measures
                        ),
                    )
                    for t in s.tasks
                ),
            )
            for s in PLAN.sections
        )
        return replace(PLAN, source_plan_year=year, sections=sections)

    later = {2027: plan(2027, "甲"), 2028: plan(2028, None), 2029: plan(2029, "乙")}
    edition = replace(base, later=later)  # type: ignore[arg-type]
    names = [edition.title_of(rule.id, year) for year in (2020, 2026, 2027, 2028, 2029, 2040)]
    assert names == [rule.zh, rule.zh, "甲", "甲", "乙", "乙"]
    assert edition.rule_of("R-9.9.9-9", 2027) is None
    assert edition.title_of("R-9.9.9-9", 2027) == "R-9.9.9-9"
    assert [(one.first, one.last) for one in edition.plans()] == [
        *((1, 2026), (2027, 2027), (2028, 2028), (2029, 9999)),
    ]
    assert load_catalogue().measure("1.2.4").rules


def test_a_duty_that_no_plan_has_is_not_switched_off_in_silence(tmp_path: Path) -> None:
    unit = "- {id: a, name_zh: 甲, name_en: A, kind: primary, switched_off: [3.9.2, R-3.9.1-2, %s]}"
    units = tmp_path / "units.yaml"
    units.write_text("units:\n" + unit % "R-3.9.1-22", "utf-8")
    with pytest.raises(PlanFileError) as caught:
        load_edition(tmp_path)
    assert "单位 a 停用了 'R-3.9.1-22'，没有这个措施或规则" in str(caught.value)
    units.write_text("units:\n" + unit % "R-3.9.2-1", "utf-8")
    assert load_edition(tmp_path).unit("a").switched_off[-1] == "R-3.9.2-1"

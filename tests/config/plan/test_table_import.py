"""The five-column table: every kind of fault by row and column, and what the good rows keep."""

from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from config.plan import load_calendar, load_catalogue
from config.plan.new_edition import new_edition
from config.plan.table_import import FaultKind, Match, Row, preview, responsible_of
from config.plan.values import Responsible
from config.plan.verify import check_rules

PLAN = load_catalogue()
HEADER = ("序号", "工作任务", "推进措施", "责任单位", "落实时限")
SECTION = ("一、落实责任", "", "", "", "")
KNOWN = PLAN.measure("1.1.2").text_zh


def table(*rows: tuple[str, ...]) -> list[Row]:
    return [Row(number, cells) for number, cells in enumerate((("标题",), HEADER, *rows), start=1)]


# One table with eleven kinds of fault among good rows; row 1 is the title, row 2 the header.
FAULTY = table(
    ("1", "任务甲", "没有分节标题的措施", "学校", "全年"),  # 3
    SECTION,  # 4
    ("1", "任务甲", KNOWN, "区教育局", "3月\n9月"),  # 5: good, known
    ("", "", "任务甲的第二条全新措施", "各学校", "每学期"),  # 6: good, number and task carry on
    ("", "", KNOWN, "区教育局", "全年"),  # 7: repeated
    ("", "", "", "学校", "全年"),  # 8: no measure
    ("", "", "某条措施一", "火星人", "全年"),  # 9: responsible
    ("", "", "某条措施二", "学校", "随便"),  # 10: deadline
    ("二", "任务乙", "某条措施三", "学校", "全年"),  # 11: no number
    ("4", "任务丙", "某条措施四", "学校", "全年"),  # 12: order
    ("5", "", "某条措施五", "学校", "全年"),  # 13: no task
    ("", "任务丁", "长" * 1001, "学校", "全年"),  # 14: too long
    ("", "", "坏\x01字符", "学校", "全年"),  # 15: unreadable
    ("", "", "=A1", "学校", "全年"),  # 16: formula
    ("6", "任务戊", "只有三列"),  # 17: too few cells
    ("6", "任务己", "最后一条全新措施", "区局、学校", ""),  # 18: good, blank deadline as printed
)
EXPECTED = [
    (3, "工作任务", FaultKind.NO_SECTION),
    (7, "推进措施", FaultKind.REPEATED),
    (8, "推进措施", FaultKind.NO_MEASURE),
    (9, "责任单位", FaultKind.RESPONSIBLE),
    (10, "落实时限", FaultKind.DEADLINE),
    (11, "序号", FaultKind.NO_NUMBER),
    (12, "序号", FaultKind.NUMBER_ORDER),
    (13, "工作任务", FaultKind.NO_TASK),
    (14, "推进措施", FaultKind.TOO_LONG),
    (15, "推进措施", FaultKind.UNREADABLE),
    (16, "推进措施", FaultKind.FORMULA),
    (17, "落实时限", FaultKind.TOO_FEW_CELLS),
]


def test_every_fault_is_named_and_the_rest_loads() -> None:
    found = preview(FAULTY, PLAN)
    assert [(fault.row, fault.column, fault.kind) for fault in found.faults] == EXPECTED
    assert len({fault.kind for fault in found.faults}) >= 10
    assert [(one.row, one.task_no, one.task_title) for one in found.measures] == [
        (5, 1, "任务甲"),
        (6, 1, "任务甲"),
        (18, 6, "任务己"),
    ]
    first, second, last = found.measures
    assert (first.match, first.known_id) == (Match.SAME, "1.1.2")
    assert (second.match, second.deadline) == (Match.NEW, ("每学期",))
    assert (last.responsible, last.deadline) == (Responsible.BOTH, ())
    assert len(found.missing_ids) == 35


def test_a_table_without_its_header_loads_nothing() -> None:
    found = preview([Row(1, ("甲", "乙")), Row(2, ("1", "2", "3", "4", "5"))], PLAN)
    assert [fault.kind for fault in found.faults] == [FaultKind.NO_HEADER]
    assert found.measures == ()
    assert preview([], PLAN).faults[0].row == 1


def test_reworded_measures_keep_what_still_stands() -> None:
    old = PLAN.measure("1.2.4").text_zh
    reworded = old.replace("召开1次安全形势分析会", "召开2次形势研判会")
    assert reworded != old
    found = preview(table(SECTION, ("2", "任务", reworded, "学校", "全年")), PLAN)
    # The number 2 does not follow 0; the row is judged again with the right one.
    assert [fault.kind for fault in found.faults] == [FaultKind.NUMBER_ORDER]
    found = preview(table(SECTION, ("1", "任务", reworded, "学校", "全年")), PLAN)
    (one,) = found.measures
    assert (one.match, one.known_id, one.lost_rules) == (Match.REWORDED, "1.2.4", ("R-1.2.4-2",))


def whole_plan() -> list[Row]:
    rows: list[tuple[str, ...]] = []
    for section in PLAN.sections:
        rows.append((f"{section.no_zh}、{section.title_zh}", "", "", "", ""))
        for task in section.tasks:
            rows.extend(
                (
                    str(task.no),
                    task.title_zh,
                    measure.text_zh,
                    "区局、学校",
                    "\n".join(measure.deadline.raw),
                )
                for measure in task.measures
            )
    return table(*rows)


def test_the_whole_plan_comes_back_with_all_its_rules(tmp_path: Path) -> None:
    found = preview(whole_plan(), PLAN)
    assert found.faults == ()
    assert found.missing_ids == ()
    assert {one.match for one in found.measures} == {Match.SAME}
    path = tmp_path / "catalogue.yaml"
    stream = StringIO()
    YAML().dump(new_edition(found, PLAN, 2027, "二〇二七年计划"), stream)
    path.write_text(stream.getvalue(), "utf-8")
    loaded = load_catalogue(path)
    assert loaded.version == "2027.1"
    assert [rule.id for rule in loaded.rules()] == [rule.id for rule in PLAN.rules()]
    assert [m.text_zh for m in loaded.measures()] == [m.text_zh for m in PLAN.measures()]
    assert all(check.holds for check in check_rules(loaded, load_calendar()))


def test_a_new_row_gets_one_standing_duty_and_no_rule(tmp_path: Path) -> None:
    found = preview(FAULTY, PLAN)
    path = tmp_path / "catalogue.yaml"
    stream = StringIO()
    YAML().dump(new_edition(found, PLAN, 2027, "二〇二七年计划"), stream)
    path.write_text(stream.getvalue(), "utf-8")
    loaded = load_catalogue(path)
    assert [rule.id for rule in loaded.rules()] == ["R-1.1.2-1"]
    new = loaded.measure("1.6.1")
    assert [one.quote_zh for one in new.obligations] == [new.text_zh]
    assert new.rules == ()


WORDS = [
    ("区教育局", Responsible.BUREAU),
    ("安全科", Responsible.BUREAU),
    ("各中小学（幼儿园）", Responsible.SCHOOL),
    ("区教育局、各中小学", Responsible.BOTH),
    ("火星", None),
]


@pytest.mark.parametrize(("words", "expected"), WORDS)
def test_who_is_responsible(words: str, expected: Responsible | None) -> None:
    assert responsible_of(words) is expected


@given(st.lists(st.lists(st.text(max_size=30), max_size=7), max_size=20))
def test_any_table_is_read_without_a_crash(cells: list[list[str]]) -> None:
    rows = [Row(n, tuple(row)) for n, row in enumerate([list(HEADER), *cells], start=1)]
    found = preview(rows, PLAN)
    read = {one.row for one in found.measures}
    assert not read & {fault.row for fault in found.faults}

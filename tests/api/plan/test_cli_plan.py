"""`xiaoan plan verify | due | import | export`, every option."""

import time
from datetime import datetime
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook
from typer.testing import CliRunner

from api.cli.plan import plan_app
from config.plan import load_catalogue, load_edition
from config.plan.catalogue import SHIPPED_CATALOGUE
from config.plan.units import BUREAU_ZONE
from tests.conftest import CHECKOUT

RUNNER = CliRunner()
PLAN = load_catalogue()


def run(*arguments: object, code: int = 0) -> str:
    result = RUNNER.invoke(plan_app, [str(one) for one in arguments])
    assert result.exit_code == code, result.output
    return result.output


def test_verify_passes_on_the_shipped_plan() -> None:
    output = run("verify")
    assert "措施原文：36/36" in output
    assert "重复规则：61/61 与登记次数一致（2020, 2026, 2027）" in output
    assert "Rules: 61 of 61 give the recorded counts (2020, 2026, 2027)" in run(
        "verify", "--lang", "en"
    )


def test_verify_names_the_row_that_was_changed(tmp_path: Path) -> None:
    changed = SHIPPED_CATALOGUE.read_text("utf-8").replace("BYMONTHDAY=15,-1", "BYMONTHDAY=15,31")
    (tmp_path / "catalogue.yaml").write_text(changed, "utf-8")
    output = run("verify", "--plan", tmp_path, "--lang", "en", code=1)
    assert "Rules: 59 of 61" in output
    assert "R-3.9.1-5 expected_raw 2026: wanted 24, found 19" in output


def test_verify_compares_with_a_given_inventory() -> None:
    inventory = CHECKOUT / "../shared/plan/plan_inventory.yaml"
    if not inventory.is_file():
        pytest.skip("the plan's inventory is not beside this checkout")
    assert "plan_inventory.yaml 逐字比对：36/36" in run("verify", "--source", inventory)


@pytest.mark.parametrize(("school", "bus"), [("sample-middle", True), ("sample-primary", False)])
def test_due_shows_bus_duties_only_where_there_are_buses(school: str, bus: bool) -> None:
    output = run("due", "--school", school, "--date", "2026-06-15")
    assert ("R-3.11.3-1" in output) is bus
    assert "R-2.7.2-1" in output


def test_due_without_a_day_is_today() -> None:
    assert "示范区教育局" in run("due", "--school", "bureau") or "没有待办" in run(
        "due", "--school", "bureau"
    )


# At any hour one of the two has another day than the district.
@pytest.mark.parametrize("machine", ["Etc/GMT+12", "Pacific/Kiritimati"])
def test_today_is_the_districts_wherever_the_machine_thinks_it_is(
    monkeypatch: pytest.MonkeyPatch, machine: str
) -> None:
    before = datetime.now(BUREAU_ZONE).date()
    monkeypatch.setenv("TZ", machine)
    time.tzset()
    try:
        output = run("due", "--school", "sample-primary")
    finally:
        monkeypatch.undo()
        time.tzset()
    assert any(day.isoformat() in output for day in (before, datetime.now(BUREAU_ZONE).date()))
    title = run("due", "--school", "sample-primary", "--date", before.isoformat()).split("\n")[0]
    assert output.startswith(title) or before != datetime.now(BUREAU_ZONE).date()


def test_due_of_the_units_in_a_plan_folder(tmp_path: Path) -> None:
    units = "units:\n- {id: erdao-1, name_zh: 一小, name_en: No 1, kind: primary, classes: 6}\n"
    (tmp_path / "units.yaml").write_text(units, "utf-8")
    output = run("due", "--school", "erdao-1", "--date", "2026-06-15", "--plan", tmp_path)
    assert "一小 2026-06-15 待办" in output


def test_due_of_an_unentered_year_carries_the_banner() -> None:
    output = run("due", "--school", "bureau", "--date", "2027-03-31", "--lang", "en")
    assert "Holidays and make-up days of 2027 are not entered" in output
    assert "R-1.1.2-1" in output


@pytest.mark.parametrize("suffix", ["xlsx", "docx"])
def test_what_is_exported_imports_without_a_fault(tmp_path: Path, suffix: str) -> None:
    table, out = tmp_path / f"计划.{suffix}", tmp_path / "catalogue.yaml"
    run("export", table)
    output = run("import", table, "--year", 2027, "--out", out, "--lang", "en")
    assert "36 row(s) load, 0 row(s) are wrong." in output
    again = load_catalogue(out)
    assert [m.text_zh for m in again.measures()] == [m.text_zh for m in PLAN.measures()]
    assert len(list(again.rules())) == 61


def test_export_writes_a_pdf_and_the_plan_of_a_year(tmp_path: Path) -> None:
    run("export", tmp_path / "plan.pdf", "--year", 2026, "--lang", "en")
    assert (tmp_path / "plan.pdf").read_bytes().startswith(b"%PDF")
    folder = next_year(tmp_path)
    run("export", tmp_path / "next.xlsx", "--year", 2027, "--plan", folder)
    run("export", tmp_path / "now.xlsx", "--year", 2026, "--plan", folder)
    titles = [
        load_workbook(tmp_path / name).worksheets[0]["A1"].value
        for name in ("next.xlsx", "now.xlsx")
    ]
    assert titles == ["二〇二七年计划", PLAN.title_zh]


def table_of(folder: Path, changes: dict[str, str]) -> Path:
    """The plan in force as a workbook, some measures with other words."""
    book = Workbook()
    page = book.active
    page.append(("序号", "工作任务", "推进措施", "责任单位", "落实时限"))
    for section, task in PLAN.tasks():
        if task is section.tasks[0]:
            page.append((f"{section.no_zh}、{section.title_zh}",))
        for one in task.measures:
            words = changes.get(one.id, one.text_zh)
            page.append((task.no, task.title_zh, words, "区局、学校", "\n".join(one.deadline.raw)))
    path = folder / "二〇二七年计划.xlsx"
    book.save(path)
    return path


REWORDED = PLAN.measure("1.2.4").text_zh.replace("召开1次安全形势分析会", "召开2次形势研判会")


def next_year(tmp_path: Path, *options: object) -> Path:
    """A plan folder that holds next year's plan beside this year's."""
    folder = tmp_path / "plan"
    folder.mkdir(exist_ok=True)
    table = table_of(tmp_path, {"1.2.4": REWORDED})
    run("import", table, "--year", 2027, "--into", folder, *options)
    return folder


def test_next_years_plan_stands_beside_this_years(tmp_path: Path) -> None:
    folder = next_year(tmp_path)
    edition = load_edition(folder)
    assert [edition.catalogue_of(year).version for year in (2020, 2026, 2027, 2030)] == [
        *("2020.1", "2020.1", "2027.1", "2027.1"),
    ]
    assert edition.catalogue_of(2027).measure("1.2.4").text_zh == REWORDED
    arguments = ("due", "--school", "sample-primary", "--plan", folder)
    assert "R-1.2.4-2" in run(*arguments, "--date", "2026-12-07")
    assert "R-1.2.4-2" not in run(*arguments, "--date", "2027-03-08")


def test_a_plan_is_not_replaced_unasked(tmp_path: Path) -> None:
    folder = next_year(tmp_path)
    before = (folder / "catalogue-2027.yaml").read_bytes()
    table = tmp_path / "二〇二七年计划.xlsx"
    output = run("import", table, "--year", 2027, "--into", folder, code=2)
    assert "--replace" in output
    assert (folder / "catalogue-2027.yaml").read_bytes() == before
    next_year(tmp_path, "--replace", "--duty", "1.2.4b=召开2次形势研判会")
    assert (folder / "catalogue-2027.yaml").read_bytes() != before


def test_a_reworded_duty_keeps_its_rule_when_its_new_words_are_named(tmp_path: Path) -> None:
    duty = next(r.obligation for r in PLAN.rules() if r.id == "R-1.2.4-2")
    folder = next_year(tmp_path, "--duty", f"{duty}=召开2次形势研判会")
    later = load_edition(folder).catalogue_of(2027)
    assert later.rule("R-1.2.4-2").rrule == PLAN.rule("R-1.2.4-2").rrule
    quote = next(one.quote_zh for one in later.obligations() if one.id == duty)
    assert quote == "召开2次形势研判会"


def test_a_person_says_which_measure_a_row_continues(tmp_path: Path) -> None:
    changes = {"2.7.2": "每月组织师生开展应急演练，并做好记录。"}
    table = table_of(tmp_path, changes)
    row = next(
        cells[0].row
        for cells in load_workbook(table).worksheets[0].iter_rows()
        if cells[2].value == changes["2.7.2"]
    )
    plain = run("import", table, "--year", 2027)
    assert f"✓ 第{row}行 为新增措施" in plain
    assert "新表中没有这些措施：2.7.2" in plain
    mapped = run("import", table, "--year", 2027, "--map", f"{row}=2.7.2")
    assert f"✓ 第{row}行 由 2.7.2 改写" in mapped
    assert "新表中没有这些措施" not in mapped
    other = run("import", table, "--year", 2027, "--map", "3=new")
    assert "✓ 第3行 为新增措施" in other
    assert "新表中没有这些措施：1.1.1, 2.7.2" in other


REFUSED = [
    (["due", "--school", "nowhere"], 1, "sample-primary"),
    (["due", "--school", "bureau", "--date", "31.3.2027"], 2, "--date"),
    (["verify", "--plan", "absent-folder"], 1, "no such folder"),
    (["verify", "--source", "absent.yaml"], 1, "no such file"),
    (["verify", "--lang", "fr"], 2, "use one of zh, en"),
    (["export", "plan.doc"], 2, ".docx"),
    (["import", "TABLE", "--year", "2027", "--map", "12"], 2, "ROW=MEASURE"),
    (["import", "TABLE", "--year", "2027", "--map", "999=2.7.2"], 2, "row 999"),
    (["import", "TABLE", "--year", "2027", "--map", "3=9.9.9"], 2, "9.9.9"),
    (["import", "TABLE", "--year", "2027", "--map", "3=2.7.2", "--map", "4=2.7.2"], 2, "two rows"),
    (["import", "TABLE", "--year", "2027", "--duty", "1.2.4b"], 2, "DUTY=WORDS"),
    (["import", "TABLE", "--year", "2027", "--duty", "9.9.9a=演练"], 2, "9.9.9a"),
    (["import", "TABLE", "--year", "2027", "--duty", "1.2.4b=无此文字"], 2, "no row says"),
    (["import", "TABLE", "--year", "2027", "--into", "absent-folder"], 2, "no folder"),
    (["import", "TABLE", "--year", "1999"], 2, "--year"),
]


@pytest.mark.parametrize(("arguments", "code", "message"), REFUSED)
def test_what_cannot_be_done_is_said(
    tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    table = str(table_of(tmp_path, {})) if "TABLE" in arguments else ""
    output = run(*(table if one == "TABLE" else one for one in arguments), code=code)
    assert message in " ".join(output.replace("│", " ").split())


def test_a_plan_file_named_for_another_year_is_refused(tmp_path: Path) -> None:
    folder = next_year(tmp_path)
    (folder / "catalogue-2027.yaml").rename(folder / "catalogue-2028.yaml")
    output = run("verify", "--plan", folder, "--lang", "en", code=1)
    assert "catalogue-2028.yaml" in output
    assert "name it catalogue-2027.yaml" in output

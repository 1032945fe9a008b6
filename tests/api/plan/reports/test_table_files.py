"""The table out of real files: exported by the program, read back, and files that are none."""

from io import BytesIO
from pathlib import Path

import pytest
from openpyxl import Workbook
from typer.testing import CliRunner

from api.cli_plan import plan_app
from api.plan.reports.table_files import read_table
from config.plan import PlanFileError, load_catalogue

RUNNER = CliRunner()


@pytest.mark.parametrize("suffix", ["xlsx", "docx"])
def test_what_is_exported_imports_without_a_fault(tmp_path: Path, suffix: str) -> None:
    table, out = tmp_path / f"计划.{suffix}", tmp_path / "catalogue.yaml"
    exported = RUNNER.invoke(plan_app, ["export", str(table)])
    assert exported.exit_code == 0, exported.output
    result = RUNNER.invoke(
        plan_app, ["import", str(table), "--year", "2027", "--out", str(out), "--lang", "en"]
    )
    assert result.exit_code == 0, result.output
    assert "36 row(s) load, 0 row(s) are wrong." in result.output
    again = load_catalogue(out)
    assert [m.text_zh for m in again.measures()] == [m.text_zh for m in load_catalogue().measures()]
    assert len(list(again.rules())) == 61


def test_faults_of_a_file_are_named_by_row_and_column(tmp_path: Path) -> None:
    book = Workbook()
    page = book.active
    page.append(("序号", "工作任务", "推进措施", "责任单位", "落实时限"))
    page.append(("一、责任",))
    page.append((1.0, "任务", "全新的措施", "学校", "全年"))
    page.append((2, "任务", "=SUM(A1:A2)", "无人", "哪天都行"))
    path = tmp_path / "表.xlsx"
    book.save(path)
    result = RUNNER.invoke(plan_app, ["import", str(path), "--year", "2027"])
    assert result.exit_code == 1
    for column in ("推进措施", "责任单位", "落实时限"):
        assert f"第4行“{column}”列" in result.output
    assert "可导入 1 行，有错 1 行" in result.output


NO_TABLES = [(b"", "a.xlsx"), (b"PK\x03\x04broken", "a.docx"), (b"x", "a.pdf"), (b"{}", "a.xlsx")]


@pytest.mark.parametrize(("content", "name"), NO_TABLES)
def test_what_is_no_table_is_refused(content: bytes, name: str) -> None:
    with pytest.raises(PlanFileError, match=r"— mend: "):
        read_table(content, name)


def test_a_long_table_is_refused() -> None:
    book = Workbook()
    for number in range(5_002):
        book.active.append((number,))
    stream = BytesIO()
    book.save(stream)
    with pytest.raises(PlanFileError, match="more than 5000 rows"):
        read_table(stream.getvalue(), "long.xlsx")


def test_an_absent_table_is_said() -> None:
    result = RUNNER.invoke(plan_app, ["import", "absent.xlsx", "--year", "2027"])
    assert result.exit_code == 1
    assert "absent.xlsx" in result.output

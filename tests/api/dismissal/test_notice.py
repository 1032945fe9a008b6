"""The notice in three forms, and the command."""

from pathlib import Path

import pytest
import typer
from openpyxl import load_workbook
from PIL import Image
from typer.testing import CliRunner

from api.cli_dismissal import dismissal_app
from api.coverage.errors import ReportError
from api.dismissal.check import Checked, Walked
from api.dismissal.export import export
from api.dismissal.notice import notice_of
from api.dismissal.stagger import Departure, Stagger
from config import sample_school_directory
from tests.api.dismissal.cases import room, school

PLAN = school(room("a", "f2"), room("b", "f1"))
TIMETABLE = Stagger(
    (Departure("a", 45.0, 40.0, 1.1), Departure("b", 0.0, 40.0, 1.1)), 0.5, 106.0, 106.0
)


def test_rows_come_in_the_order_of_leaving() -> None:
    notice = notice_of(
        PLAN, Checked(TIMETABLE, {"wide": Walked(1.2, 106.0)}), "zh", site_name="示范学校"
    )
    assert [row[:2] for row in notice.rows] == [("16:30:00", "b"), ("16:30:45", "a")]
    assert notice.rows[0][4] == "甲 → 门"
    assert notice.title == "示范学校 错峰放学安排"
    assert "1.20" in notice.notes[1]
    assert sum(notice.curves[0].per_s) * notice.slot_s == pytest.approx(88.0)


def test_three_forms(tmp_path: Path) -> None:
    notice = notice_of(PLAN, Checked(TIMETABLE, {}), "zh", site_name="示范学校")
    for suffix in (".pdf", ".xlsx", ".png"):
        export(notice, tmp_path / f"notice{suffix}")
    assert (tmp_path / "notice.pdf").read_bytes().startswith(b"%PDF")
    sheet = load_workbook(tmp_path / "notice.xlsx").worksheets[0]
    assert sheet["A1"].value == "示范学校 错峰放学安排"
    assert [cell.value for cell in sheet[3]][:4] == ["16:30:00", "b", "f1", 44]
    with Image.open(tmp_path / "notice.png") as picture:
        assert picture.size[0] == 1240
    with pytest.raises(ReportError, match=r"\.pdf, \.xlsx, \.png"):
        export(notice, tmp_path / "notice.doc")


def test_the_command_prints_capacities_timetable_and_flow() -> None:
    app = typer.Typer()
    app.add_typer(dismissal_app, name="dismissal")
    said = CliRunner().invoke(
        app,
        ["dismissal", "plan", "--site", str(sample_school_directory()), "--no-check",
         "--lang", "en"],
        env={"COLUMNS": "160"},
    )  # fmt: skip
    assert said.exit_code == 0, said.output
    assert "198" in said.output  # 3.0 m x 1.1 per m and s x 60
    assert "with Stair A, the widest, blocked, 340 people" in said.output
    assert "16:30:00" in said.output
    assert "Not checked in simulation" in said.output

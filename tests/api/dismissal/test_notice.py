"""The notice in three forms, and the command."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer
from openpyxl import load_workbook
from PIL import Image
from typer.testing import CliRunner

import api.cli.dismissal as cli_dismissal
from api.cli.dismissal import dismissal_app
from api.coverage.errors import ReportError
from api.dismissal.check import Checked, Walked
from api.dismissal.export import export
from api.dismissal.notice import notice_of
from api.dismissal.stagger import StaggerError
from api.dismissal.timetable import Departure, Stagger
from config import sample_school_directory
from config.dismissal import DismissalFile
from tests.api.dismissal.cases import DOOR, NARROW, WIDE, room, school

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


def test_curves_are_told_apart_without_their_colours(tmp_path: Path) -> None:
    notice = notice_of(PLAN, Checked(TIMETABLE, {}), "zh", site_name="示范学校")
    many = replace(notice, curves=notice.curves[:1] * 6)
    for suffix in (".png", ".xlsx"):
        export(many, tmp_path / f"notice{suffix}")
    with Image.open(tmp_path / "notice.png") as picture:
        dark = np.asarray(picture.convert("L")) < 200
    # The samples of the legend, one a line at the foot of the picture: drawn or not, by place.
    rows = [tuple(row) for row in dark[-32 * 6 - 40 :, 80:230]]
    assert len({row for row in rows if sum(row) > 40}) >= 6
    (chart,) = load_workbook(tmp_path / "notice.xlsx").worksheets[1]._charts
    styles = [one.graphicalProperties.line.dashStyle for one in chart.series]
    assert len(set(styles)) == 6


def test_a_school_without_stairs_has_a_notice_without_curves(tmp_path: Path) -> None:
    one = replace(room("a", "f1", route=("door",)), name_zh="²")
    flat = DismissalFile(1, "16:30", ("f1",), (DOOR,), (one,))
    leaves = Stagger((Departure("a", 0.0, 40.0, 1.1),), 0.5, 60.0, 60.0)
    notice = notice_of(flat, Checked(leaves, {}), "zh", site_name="附小<东区>[/x]")
    assert notice.curves == ()
    for suffix in (".pdf", ".xlsx", ".png"):
        export(notice, tmp_path / f"notice{suffix}")
    book = load_workbook(tmp_path / "notice.xlsx")
    assert [cell.value for cell in book.worksheets[0][3]][:4] == ["16:30:00", "²", "f1", 44]
    assert len(book.worksheets) == 1


def test_a_long_way_is_broken_into_lines(tmp_path: Path) -> None:
    def height(name: str) -> int:
        stair = replace(WIDE, name_zh=name)
        notice = notice_of(
            replace(PLAN, places=(stair, NARROW, DOOR)),
            Checked(TIMETABLE, {}),
            "zh",
            site_name="示范学校",
        )
        export(notice, tmp_path / "notice.png")
        with Image.open(tmp_path / "notice.png") as picture:
            return picture.size[1]

    assert height("教学楼东侧第一部疏散楼梯（靠近操场）") > height("甲")


@pytest.mark.parametrize(
    ("refused", "zh"),
    [
        (
            StaggerError(
                "even at 10% of capacity a stair reaches 9.00 per m², not below 1.5; "
                "send fewer classes over it"
            ),
            "即使只用通行能力的 10%，仍有楼梯达到 9.00 人/平方米，不低于 1.5；"
            "请减少走这部楼梯的班级",
        ),
        (
            StaggerError("the parts of a stair do not touch; check its width and its exit's"),
            "一部楼梯的各部分接不上；请检查它和出口的宽度",
        ),
    ],
)
def test_the_command_refuses_in_chinese_first(
    monkeypatch: pytest.MonkeyPatch, refused: StaggerError, zh: str
) -> None:
    def never_calm(*given: object, **named: object) -> None:
        raise refused

    monkeypatch.setattr(cli_dismissal, "_found", never_calm)
    app = typer.Typer()
    app.add_typer(dismissal_app, name="dismissal")
    said = CliRunner().invoke(app, ["dismissal", "plan", "--site", str(sample_school_directory())])
    assert said.exit_code == 1
    assert said.output.splitlines()[-2:] == [zh, str(refused)]


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

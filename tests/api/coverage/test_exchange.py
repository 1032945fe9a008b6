"""Plans and schedules for other programs: what goes out comes back the same."""

import csv
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import ezdxf
import numpy as np
import openpyxl
import pytest
from ezdxf import units
from typer.testing import CliRunner

from api.cli.coverage import coverage_app
from api.coverage.document import AuditDocument
from api.coverage.dxf import read_dxf, write_dxf
from api.coverage.errors import DrawingError, ReportError, extra_package
from api.coverage.floor_keys import DRAWN, keys_of, write_floor
from api.coverage.geojson import read_geojson, write_geojson
from api.coverage.schedule import COLUMNS, write_schedule
from config import Site, load_site, sample_school_directory

SCHOOL = sample_school_directory()


@pytest.fixture(scope="module")
def site() -> Site:
    return load_site(SCHOOL)


def test_a_floor_comes_back_whole(site: Site, tmp_path: Path) -> None:
    for floor in site.floors:
        keys = keys_of(floor)
        path = tmp_path / f"{floor.id}.geojson"
        write_geojson(floor, site.cameras, path)
        assert read_geojson(path) == keys
        drawing = tmp_path / f"{floor.id}.dxf"
        write_dxf(floor, [one for one in site.cameras if one.floor_id == floor.id], drawing)
        assert read_dxf(drawing) == keys


def test_a_site_file_goes_out_and_back(site: Site, tmp_path: Path) -> None:
    keys = keys_of(site.floor("f1"))
    write_floor(SCHOOL, "f1", keys, tmp_path / "again")
    again = load_site(tmp_path / "again")
    assert again.floors == site.floors
    assert again.zones == site.zones
    assert [one.camera for one in again.cameras] == [one.camera for one in site.cameras]


def test_a_moved_wall_is_taken_over(site: Site, tmp_path: Path) -> None:
    """As somebody does it in a CAD program: one end of a wall pulled by 0.5 m, keys untouched."""
    path = tmp_path / "yard.dxf"
    write_dxf(site.floor("yard"), (), path)
    drawing = ezdxf.readfile(path)
    wall = drawing.modelspace().query('LWPOLYLINE[layer=="XIAOAN_WALL"]')[2]
    assert wall.get_points("xy") == [(6.0, 0.0), (6.0, 2.5)]
    wall.set_points([(6.0, 0.0), (6.0, 2.0)], format="xy")
    drawing.saveas(path)
    write_floor(SCHOOL, "yard", read_dxf(path), tmp_path / "moved")
    moved = load_site(tmp_path / "moved").floor("yard").walls[2]
    assert moved.points_xy_m == ((6.0, 0.0), (6.0, 2.0))
    assert moved.height_m == 2.2


def test_walls_of_a_foreign_drawing_in_millimetres(tmp_path: Path) -> None:
    drawing = ezdxf.new("R2010", units=units.MM)
    drawing.layers.add("A-WALL")
    space = drawing.modelspace()
    space.add_line((0, 0), (5000, 0), dxfattribs={"layer": "A-WALL"})
    outline = [(0, 0), (4000, 0), (4000, 3000), (0, 3000)]
    space.add_lwpolyline(outline, close=True, dxfattribs={"layer": "A-WALL"})
    space.add_line((0, 0), (9, 9), dxfattribs={"layer": "FURNITURE"})
    path = tmp_path / "architect.dxf"
    drawing.saveas(path)
    keys = read_dxf(path, wall_layers=["a-wall"], wall_height_m=3.2)
    assert keys["walls"] == [
        {"points": [[0.0, 0.0], [5.0, 0.0]], "height_m": 3.2},
        {"points": [[0.0, 0.0], [4.0, 0.0], [4.0, 3.0], [0.0, 3.0], [0.0, 0.0]], "height_m": 3.2},
    ]
    (first, _) = read_dxf(path, wall_layers=["a-wall"])["walls"]
    # Up to the ceiling of the floor that takes them in.
    assert first == {"points": [[0.0, 0.0], [5.0, 0.0]]}
    with pytest.raises(DrawingError, match=r"architect\.dxf: no wall.*A-WALL"):
        read_dxf(path)


def test_walls_in_blocks_and_curved_walls_of_a_foreign_drawing(tmp_path: Path) -> None:
    """A room as a block, turned by 90 degrees and 5 m aside; an arc of 2 m; text is no wall."""
    drawing = ezdxf.new("R2010", units=units.MM)
    drawing.layers.add("A-WALL")
    room = drawing.blocks.new("ROOM")
    room.add_line((0, 0), (1000, 0), dxfattribs={"layer": "A-WALL"})
    # Layer 0 in a block means the layer on which the block is inserted.
    room.add_line((0, 0), (0, 1000), dxfattribs={"layer": "0"})
    room.add_line((0, 0), (500, 500), dxfattribs={"layer": "FURNITURE"})
    space = drawing.modelspace()
    space.add_blockref("ROOM", (5000, 0), dxfattribs={"rotation": 90, "layer": "A-WALL"})
    space.add_arc((0, 0), 2000, 0, 90, dxfattribs={"layer": "A-WALL"})
    space.add_text("room 1", dxfattribs={"layer": "A-WALL"})
    path = tmp_path / "blocks.dxf"
    drawing.saveas(path)
    first, second, arc = (
        wall["points"] for wall in read_dxf(path, wall_layers=["A-WALL"])["walls"]
    )
    assert (first, second) == ([[5.0, 0.0], [5.0, 1.0]], [[5.0, 0.0], [4.0, 0.0]])
    assert (arc[0], arc[-1]) == ([2.0, 0.0], [0.0, 2.0])
    middles = [np.hypot((a[0] + b[0]) / 2, (a[1] + b[1]) / 2) for a, b in pairwise(arc)]
    assert min(middles) >= 2.0 - 0.02
    assert max(np.hypot(x, y) for x, y in arc) == pytest.approx(2.0, abs=1e-3)


def test_drawings_that_cannot_be_taken_are_refused(tmp_path: Path) -> None:
    unitless = tmp_path / "unitless.dxf"
    ezdxf.new("R2010", units=0).saveas(unitless)
    with pytest.raises(DrawingError, match="INSUNITS"):
        read_dxf(unitless)
    torn = tmp_path / "torn.dxf"
    torn.write_text("no drawing")
    with pytest.raises(DrawingError, match=r"torn\.dxf"):
        read_dxf(torn)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("no json", "cannot be read"),
        ("[]", "feature collection"),
        ({"features": []}, "degrees"),
        (
            {"xiaoan": {}, "features": [{"properties": {"part": "wall"}, "geometry": {}}]},
            r"features\[0\]",
        ),
        (
            {
                "xiaoan": {},
                "features": [
                    {
                        "properties": {"part": "wall"},
                        "geometry": {"type": "Polygon", "coordinates": [[[0, 0]]]},
                    }
                ],
            },
            "LineString",
        ),
    ],
)
def test_other_geojson_is_refused(tmp_path: Path, content: Any, message: str) -> None:
    path = tmp_path / "other.geojson"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(DrawingError, match=message):
        read_geojson(path)


def test_an_unknown_floor_and_a_full_folder_are_refused(site: Site, tmp_path: Path) -> None:
    with pytest.raises(DrawingError, match="f1, yard, f3"):
        write_floor(SCHOOL, "f9", {}, tmp_path)
    with pytest.raises(DrawingError, match="empty"):
        write_floor(SCHOOL, "f1", {}, SCHOOL)
    assert set(DRAWN) < set(keys_of(site.floor("f1")))


def test_the_schedule_repeats_the_audit(document: AuditDocument, tmp_path: Path) -> None:
    cameras = [camera for floor in document.floors for camera in floor.cameras]
    write_schedule(document, tmp_path / "cameras.csv")
    with (tmp_path / "cameras.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [camera.id for camera in cameras]
    assert float(rows[0]["height_m"]) == cameras[0].z_m
    stair = next(part for _, part in document.areas if part.id == "area-stair")
    shown = next(one.area_m2 for one in stair.seen_by if one.camera_id == "cam-stair")
    assert f"area-stair {shown:g} m²" in rows[0]["shows"]
    alone = sum(
        one.area_m2 for _, part in document.areas for one in part.only_by
        if one.camera_id == "cam-stair"
    )  # fmt: skip
    assert float(rows[0]["alone_m2"]) == pytest.approx(alone, abs=0.001)
    write_schedule(document, tmp_path / "cameras.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "cameras.xlsx").active
    assert sheet is not None
    table = list(sheet.values)
    assert table[0][:3] == ("编号\nId", "名称\nName (Chinese)", "英文名称\nName (English)")
    assert table[1][COLUMNS.index("name_zh")] == cameras[0].name.zh
    assert [row[0] for row in table[1:]] == [camera.id for camera in cameras]
    assert len(table[0]) == len(COLUMNS)
    assert table[1][COLUMNS.index("ptz")] == "否 no"
    with pytest.raises(ReportError, match="xlsx"):
        write_schedule(document, tmp_path / "cameras.doc")


def test_the_commands(tmp_path: Path) -> None:
    runner = CliRunner()
    plan = tmp_path / "f3.dxf"
    base = ["--site", str(SCHOOL), "--floor", "f3"]
    done = runner.invoke(coverage_app, ["export", *base, "--out", str(plan)])
    assert done.exit_code == 0, done.output
    out = tmp_path / "redrawn"
    done = runner.invoke(coverage_app, ["import", str(plan), *base, "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert load_site(out).floor("f3") == load_site(SCHOOL).floor("f3")
    done = runner.invoke(coverage_app, ["export", *base[:3], "no", "--out", str(plan)])
    assert done.exit_code == 1
    assert "yard" in done.output


def test_a_missing_library_is_named_with_its_mend() -> None:
    told = pytest.raises(ReportError, match=r"package ezdxf is missing.*xiaoan\[reports\]")
    with told, extra_package():
        raise ModuleNotFoundError("No module named 'ezdxf'", name="ezdxf")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        ("a: [", "it is no YAML"),
        (b"\xff\xfe\x00", "it is no YAML"),
        ("- 1\n", "no site with floors"),
        ("site: {}\nfloors: 1\n", "no site with floors"),
    ],
    ids=["absent", "not YAML", "binary", "a list", "no floors"],
)
def test_a_site_that_cannot_be_redrawn_is_told(
    site: Site, tmp_path: Path, content: str | bytes | None, words: str
) -> None:
    drawing, school = tmp_path / "f1.geojson", tmp_path / "school"
    write_geojson(site.floor("f1"), (), drawing)
    school.mkdir()
    if content is not None:
        written = content if isinstance(content, bytes) else content.encode()
        (school / "site.yaml").write_bytes(written)
    asked = ["import", str(drawing), "--site", str(school), "--floor", "f1"]
    said = CliRunner().invoke(coverage_app, [*asked, "--out", str(tmp_path / "new")])
    assert said.exit_code == 1
    assert words in said.output.replace("\n", "")
    assert "xiaoan site check" in said.output.replace("\n", "")
    assert not (tmp_path / "new").exists()


def test_a_drawing_nested_without_end_and_a_place_out_of_reach_are_told(
    site: Site, tmp_path: Path
) -> None:
    drawing = tmp_path / "deep.geojson"
    drawing.write_text("[" * 200_000, "utf-8")
    asked = ["import", str(drawing), "--site", str(SCHOOL), "--floor", "f1", "--out"]
    said = CliRunner().invoke(coverage_app, [*asked, str(tmp_path / "new")])
    assert said.exit_code == 1
    assert "deep.geojson: cannot be read" in said.output
    write_geojson(site.floor("f1"), (), drawing)
    said = CliRunner().invoke(coverage_app, [*asked, str(tmp_path / ("n" * 300))])
    assert said.exit_code == 1
    assert "choose another folder" in said.output.replace("\n", "")
    out = tmp_path / ("n" * 300) / "schedule.csv"
    said = CliRunner().invoke(coverage_app, ["schedule", "--site", str(SCHOOL), "--out", str(out)])
    assert said.exit_code == 1
    assert "schedule.csv" in said.output

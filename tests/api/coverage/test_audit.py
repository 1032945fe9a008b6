"""The audit of the sample school: figures that follow from its drawing, and the seal."""

import csv
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from shapely.geometry import Polygon
from typer.testing import CliRunner

from api.cli.coverage import coverage_app
from api.coverage.audit import audit_site
from api.coverage.audit_file import read_json, write_json
from api.coverage.difference import difference, since_last
from api.coverage.document import AreaPart, AuditDocument, Name
from api.coverage.errors import AuditFileError
from api.coverage.floors import scenes_of
from api.coverage.table import rows_of, write_csv
from config import Site, load_site, sample_school_directory
from config.barriers import barriers_of
from tests.api.coverage.conftest import MADE_AT


@pytest.fixture(scope="module")
def site() -> Site:
    return load_site(sample_school_directory())


def area(document: AuditDocument, area_id: str) -> AreaPart:
    return next(part for _, part in document.areas if part.id == area_id)


def test_a_stair_is_judged_on_its_own_slope(site: Site) -> None:
    (floor,) = (scene for scene in scenes_of(site) if scene.floor.id == "f1")
    (stair,) = (part for part in floor.areas if part.id == "area-stair")
    (surface,) = stair.surfaces
    assert surface.planes[0].slope_x == pytest.approx(-0.5)
    # Half way up a flight of 1.8 m, heads at the 1.5 m of the area.
    middle = np.array([[1.8, 1.5]])
    assert surface.planes[0].z_at(middle)[0] == pytest.approx(0.9 + 1.5)


def test_shut_doors_and_lintels(site: Site) -> None:
    """The toilet door is 2.1 m high between walls of 4.8 m."""
    floor = site.floor("f1")
    shut = barriers_of(floor)
    opened = barriers_of(floor, all_open=True)
    assert len(shut.drawn) == len(opened.drawn) + 1
    heights = {float(height) for height in opened.lintels.heights_m}
    assert heights == {door.height_m for door in floor.doors}


def test_the_figures_of_the_sample_school(document: AuditDocument) -> None:
    stair = area(document, "area-stair")
    assert stair.area_m2 == pytest.approx(3.6 * 3.0)
    assert stair.met
    hall = area(document, "area-hall")
    # 8 x 6 m less the notice stand of 1.6 x 0.2 m.
    assert hall.area_m2 == pytest.approx(48 - 0.32)
    assert not hall.met
    gate = area(document, "area-gate")
    # 5.5 m high at 80 degrees, f = 762.7 px: 62.5 px/m ends 12.2 m along the axis, past the area.
    assert gate.met
    assert gate.steps[2].seen_m2 < gate.area_m2


def test_no_camera_looks_into_the_toilet(document: AuditDocument) -> None:
    assert document.totals.forbidden_views == 0


def test_without_its_wall_the_toilet_can_be_seen(site: Site) -> None:
    """The wall behind the door is taken away: then the hall camera looks in when it is open."""
    floor = site.floor("f1")
    open_floor = replace(floor, walls=floor.walls[:-1])
    floors = tuple(open_floor if one.id == "f1" else one for one in site.floors)
    found = audit_site(replace(site, floors=floors), MADE_AT)
    (place,) = (place for part in found.floors for place in part.forbidden)
    assert [view.camera_id for view in place.views] == ["cam-hall"]
    assert not place.views[0].doors_as_drawn
    assert found.totals.forbidden_views == 1


def test_sums_fit_their_parts(document: AuditDocument) -> None:
    areas = [part for _, part in document.areas]
    for part in areas:
        assert part.blind_m2 == pytest.approx(part.area_m2 - part.assured_m2, abs=0.002)
        spots_m2 = sum(spot.area_m2 for spot in part.blind) + part.slivers_m2
        assert spots_m2 == pytest.approx(part.blind_m2, abs=0.02)
        for spot in part.blind:
            assert Polygon(spot.polygon[0], spot.polygon[1:]).area == pytest.approx(
                spot.area_m2, abs=0.02
            )
    assert document.totals.required_m2 == pytest.approx(sum(part.area_m2 for part in areas))
    numbers = [spot.number for part in areas for spot in part.blind]
    assert numbers == list(range(1, len(numbers) + 1))


def test_processes_change_nothing(document: AuditDocument, site: Site) -> None:
    assert audit_site(site, MADE_AT, processes=2) == document


def test_an_unfit_camera_fails_the_as_built_check(site: Site) -> None:
    camera = site.camera("cam-hall")
    pose = camera.camera.pose
    turned = replace(camera, planned_pose=replace(pose, pan_deg=pose.pan_deg + 4.0))
    cameras = tuple(turned if one.id == camera.id else one for one in site.cameras)
    found = audit_site(replace(site, cameras=cameras), MADE_AT)
    (part,) = (one for floor in found.floors for one in floor.cameras if one.id == camera.id)
    assert part.deviation is not None
    assert part.deviation.differs
    # Turning about the upright by 4 degrees turns an axis 36 degrees below level by 3.2.
    assert part.deviation.turn_deg == pytest.approx(3.2, abs=0.1)


def test_json_comes_back_and_its_seal_is_checked(document: AuditDocument, tmp_path: Path) -> None:
    path = tmp_path / "audit.json"
    write_json(document, path)
    assert read_json(path) == document
    path.write_text(path.read_text(encoding="utf-8").replace("cam-hall", "cam-hull"))
    with pytest.raises(AuditFileError, match="sha256"):
        read_json(path)


@pytest.mark.parametrize(
    ("content", "message"), [("{}", "xiaoan coverage audit"), ("not json", "JSON")]
)
def test_other_files_are_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(content)
    with pytest.raises(AuditFileError, match=message):
        read_json(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AuditFileError, match="check the path"):
        read_json(tmp_path / "none.json")


def test_confirming_seals_anew(document: AuditDocument) -> None:
    done = document.confirmed("王主任", "2026-11-24T01:00:00Z")
    assert done.sha256 == done.digest() != document.sha256
    assert done.totals == document.totals
    with pytest.raises(AuditFileError, match="name"):
        document.confirmed("  ", "2026-11-24T01:00:00Z")


def test_csv_repeats_the_figures(document: AuditDocument, tmp_path: Path) -> None:
    path = tmp_path / "audit.csv"
    write_csv(document, path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(rows_of(document))
    stair = next(row for row in rows if row["area_id"] == "area-stair")
    assert float(stair["assured_m2"]) == area(document, "area-stair").assured_m2
    assert stair["name_zh"] == "楼梯甲"
    kinds = [row["kind"] for row in rows]
    spots = [spot for _, part in document.areas for spot in part.blind]
    assert kinds.count("blind_spot") == len(spots)
    assert (kinds.count("site"), kinds.count("floor")) == (1, len(document.floors))
    whole = rows[kinds.index("site")]
    assert float(whole["blind_m2"]) == document.totals.blind_m2
    assert float(whole["area_m2"]) == document.totals.required_m2
    causes = [row["cause"] for row in rows if row["kind"] == "blind_spot"]
    assert causes == [spot.cause for spot in spots]
    cameras = [camera for floor in document.floors for camera in floor.cameras]
    told = [row for row in rows if row["kind"] == "camera"]
    assert [row["camera_id"] for row in told] == [camera.id for camera in cameras]
    assert [float(row["height_m"]) for row in told] == [camera.z_m for camera in cameras]
    steps = [float(row["seen_m2"]) for row in rows if row["kind"] == "step"]
    assert steps == [step.seen_m2 for _, part in document.areas for step in part.steps]
    kinds_of_place = {row["level"] for row in rows if row["kind"] == "key_area"}
    assert kinds_of_place == {one.id for one in document.key_areas}


def test_a_name_is_no_formula_in_a_spreadsheet(document: AuditDocument) -> None:
    bad = document.model_copy(update={"site_name": Name(zh="=1+1", en="@x")})
    (site_row,) = (row for row in rows_of(bad) if row["kind"] == "site")
    assert (site_row["name_zh"], site_row["name_en"]) == ("'=1+1", "'@x")


def test_difference_names_what_a_lost_camera_costs(document: AuditDocument, site: Site) -> None:
    fewer = replace(site, cameras=tuple(one for one in site.cameras if one.id != "cam-corridor3"))
    found = difference(document, audit_site(fewer, MADE_AT))
    assert found.cameras_removed == ("cam-corridor3",)
    assert [change.area_id for change in found.areas] == ["area-corridor-3f"]
    assert found.areas[0].worse
    assert difference(document, document).is_empty
    # A figure that only follows from how a camera hangs says nothing of the camera.
    floors = [
        floor.model_copy(
            update={
                "cameras": [
                    one.model_copy(update={"dead_zone_floor_m": 9.9}) for one in floor.cameras
                ]
            }
        )
        for floor in document.floors
    ]
    assert difference(document, document.model_copy(update={"floors": floors})).is_empty


def test_the_command_writes_and_compares(tmp_path: Path) -> None:
    runner = CliRunner()
    school = str(sample_school_directory())
    paths = [tmp_path / "one.json", tmp_path / "two.json"]
    for path in paths:
        done = runner.invoke(coverage_app, ["audit", "--site", school, "--out", str(path)])
        assert done.exit_code == 0, done.output
    assert json.loads(paths[0].read_text(encoding="utf-8"))["site_id"] == "sample-school"
    same = runner.invoke(coverage_app, ["diff", *map(str, paths), "--lang", "en"])
    assert same.exit_code == 0
    assert "Nothing changed" in same.output


def test_two_schools_are_not_compared(document: AuditDocument, tmp_path: Path) -> None:
    """A district's folder holds the audits of many schools, whose areas bear the same ids."""
    paths = [tmp_path / "ours.json", tmp_path / "theirs.json"]
    write_json(document, paths[0])
    write_json(document.model_copy(update={"site_id": "school-2"}).sealed(), paths[1])
    done = CliRunner().invoke(coverage_app, ["diff", *map(str, paths)])
    assert done.exit_code == 2
    assert "of the site sample-school, the later one of school-2" in done.output
    with pytest.raises(AuditFileError, match="give two of the same site"):
        since_last(read_json(paths[1]), document)


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (["audit", "--site", "nowhere", "--out", "a.json"], 1),
        (["audit", "--site", "nowhere", "--out", "a.doc"], 2),
        (["diff", "none.json", "none.json"], 2),
    ],
)
def test_the_command_refuses_with_a_reason(arguments: list[str], exit_code: int) -> None:
    done = CliRunner().invoke(coverage_app, arguments)
    assert done.exit_code == exit_code
    assert done.output.strip()


def test_an_audit_is_confirmed_as_it_was_read(document: AuditDocument, tmp_path: Path) -> None:
    """The figures and the time of the audit stay; a name and a seal of its own come."""
    write_json(document, tmp_path / "audit.json")
    out = tmp_path / "signed.json"
    words = ["confirm", str(tmp_path / "audit.json"), "--name", "王主任"]
    words += ["--site", str(sample_school_directory()), "--out", str(out)]
    done = CliRunner().invoke(coverage_app, words)
    assert done.exit_code == 0, done.output
    signed = read_json(out)
    assert signed.confirmation is not None
    assert signed.confirmation.name == "王主任"
    assert signed.model_copy(update={"confirmation": None}).sealed() == document


def test_a_changed_audit_is_not_confirmed(document: AuditDocument, tmp_path: Path) -> None:
    path = tmp_path / "audit.json"
    write_json(document, path)
    path.write_text(path.read_text(encoding="utf-8").replace('"met": false', '"met": true'))
    words = ["confirm", str(path), "--name", "x", "--site", str(sample_school_directory())]
    done = CliRunner().invoke(coverage_app, [*words, "--out", str(tmp_path / "a.json")])
    assert done.exit_code == 1
    assert "sha256" in done.output
    assert not (tmp_path / "a.json").exists()


def test_an_audit_from_before_keeps_its_seal() -> None:
    """Written before presets, faces and retention were told: nothing of them is sealed."""
    old = read_json(Path(__file__).with_name("audit_of_2026_11_28.json"))
    assert old.sha256 == old.digest()
    (area,) = (part for _, part in old.areas)
    assert area.seen_m2 > 0.0
    assert (area.retention, area.seen_by, area.steep_faces_m2) == (None, [], None)


def test_old_parts_that_are_empty_are_not_sealed(document: AuditDocument) -> None:
    """Without a cause and a time zone the seal covers what the first audits' covered."""
    plain = document.model_dump(mode="json", exclude={"sha256"})
    plain["timezone"] = ""
    for spot in (s for f in plain["floors"] for a in f["areas"] for s in a["blind"]):
        spot["cause"] = ""
    old = AuditDocument.model_validate(plain)
    for name in ("timezone", "uptime", "since_last", "recording_sha256"):
        del plain[name]
    for floor in plain["floors"]:
        del floor["underlay"]
        for camera in floor["cameras"]:
            del camera["ptz"], camera["presets"], camera["range_m"]
        for part in floor["areas"]:
            del part["steep_faces_m2"], part["retention"]
            for spot in part["blind"]:
                del spot["cause"]
    words = json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert old.digest() == hashlib.sha256(words.encode()).hexdigest()

"""The 16 kinds of key places: filled in, absent with a reason, or still open."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli.coverage import coverage_app
from api.coverage.audit_file import read_json, write_json
from api.coverage.document import AuditDocument
from config import SiteFileError, load_site, sample_school_directory
from config.key_areas import filled_key_areas, key_areas
from config.site_load import SITE_FILE

SCHOOL = sample_school_directory()


@pytest.fixture
def school(tmp_path: Path) -> Path:
    folder = tmp_path / "school"
    folder.mkdir()
    shutil.copyfile(SCHOOL / SITE_FILE, folder / SITE_FILE)
    return folder


def change(folder: Path, old: str, new: str) -> None:
    path = folder / SITE_FILE
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_there_are_sixteen_kinds_each_with_its_own_id() -> None:
    kinds = key_areas()
    assert len({kind.id for kind in kinds}) == len(kinds) == 16


def test_the_sample_school_says_what_it_has_and_what_not(document: AuditDocument) -> None:
    told = {one.kind.id: one for one in filled_key_areas(load_site(SCHOOL))}
    assert told["stairs"].area_ids == ("area-stair",)
    assert told["teaching-corridors"].area_ids == ("area-corridor-2f", "area-corridor-3f")
    assert told["canteen"].absent_because.startswith("配餐到班")
    still_open = {name for name, one in told.items() if not one.is_filled}
    assert "perimeter" in still_open
    in_audit = {one.id for one in document.key_areas if not one.filled}
    assert in_audit == still_open


def test_the_command_counts_and_says_whose_list_it_is(school: Path) -> None:
    done = CliRunner().invoke(coverage_app, ["key-areas", "--site", str(school), "--lang", "en"])
    assert done.exit_code == 1
    assert "9 of 16 filled in" in done.output
    assert "this project's reading" in done.output
    assert "not the text of a standard" in done.output


def test_a_wrong_kind_is_told_with_line_and_mend(school: Path) -> None:
    change(school, "key_areas: [stairs]", "key_areas: [stair]")
    with pytest.raises(SiteFileError, match=r"no key area 'stair'.*stairs"):
        load_site(school)
    change(school, "key_areas: [stair]", "key_areas: [stairs]")
    change(school, "id: canteen, because", "id: cantine, because")
    with pytest.raises(SiteFileError, match=r"no key area 'cantine'.*canteen"):
        load_site(school)


def test_a_camera_that_turns_counts_at_its_home_preset(school: Path, tmp_path: Path) -> None:
    change(school, "  - id: cam-gate\n", "  - id: cam-gate\n    ptz: true\n")
    out = tmp_path / "audit.json"
    done = CliRunner().invoke(coverage_app, ["audit", "--site", str(school), "--out", str(out)])
    assert done.exit_code == 0, done.output
    cameras = [camera for floor in read_json(out).floors for camera in floor.cameras]
    assert [camera.id for camera in cameras if camera.ptz] == ["cam-gate"]


def test_a_proposal_is_compared_with_the_site_as_it_is(school: Path, tmp_path: Path) -> None:
    """The gate's camera looks further down: the gate loses a part, and the command says so."""
    other = tmp_path / "proposal"
    shutil.copytree(school, other)
    change(other, "pan_deg: 90.0, tilt_deg: 38.0", "pan_deg: 90.0, tilt_deg: 60.0")
    command = ["compare", "--site", str(school), "--proposal", str(other), "--lang", "en"]
    done = CliRunner().invoke(coverage_app, command)
    assert done.exit_code == 1, done.output
    (line,) = (line for line in done.output.splitlines() if "area-gate" in line)
    before, after, lost = (float(cell) for cell in re.findall(r"-?\d+\.\d+", line))
    assert before == 42.0
    assert lost == pytest.approx(after - before)
    assert lost < -1.0
    assert "≠ Camera: cam-gate" in done.output
    same = CliRunner().invoke(
        coverage_app, ["compare", "--site", str(school), "--proposal", str(school), "--lang", "en"]
    )
    assert same.exit_code == 0


def test_an_audit_from_before_these_parts_keeps_its_seal(
    document: AuditDocument, tmp_path: Path
) -> None:
    """As it was written then: without the keys that came later."""
    older = document.model_copy(update={"key_areas": []}).sealed()
    path = tmp_path / "audit.json"
    write_json(older, path)
    text = path.read_text(encoding="utf-8").replace(' "key_areas": [],\n', "")
    assert "key_areas" not in text.partition('"floors"')[2].partition('"uptime"')[0][-200:]
    path.write_text(text, encoding="utf-8")
    assert read_json(path).sha256 == older.sha256

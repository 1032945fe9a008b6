"""What a command is asked to write: refused before the work where it cannot lie there."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli.coverage import coverage_app
from api.coverage.audit_file import read_json, write_json
from api.coverage.document import AuditDocument
from api.coverage.errors import DrawingError, ReportError
from api.coverage.floor_keys import write_site_file
from api.coverage.out_file import writing
from api.coverage.uptime import Span, read_uptime
from api.database import DatabaseError
from config import load_site, sample_school_directory

SITE = ["--site", str(sample_school_directory()), "--lang", "en"]


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (["audit"], "audit.json"),
        (["confirm", "audit-to-read.json", "--name", "王主任"], "audit.json"),
        (["schedule"], "cameras.csv"),
    ],
)
def test_a_missing_folder_is_named_before_the_work(
    command: list[str], name: str, tmp_path: Path
) -> None:
    folder = tmp_path / "not-there"
    done = CliRunner().invoke(coverage_app, [*command, *SITE, "--out", str(folder / name)])
    assert done.exit_code == 1
    # Neither the site's cameras nor the audit that is to be read were looked at.
    assert done.output.replace("\n", "") == (
        f"cannot write {name}: there is no folder {folder}; make it first"
    )


def test_what_the_machine_refuses_is_told(tmp_path: Path) -> None:
    """A folder stands where the file should."""
    told = pytest.raises(ReportError, match=r"^audit\.json was not written: Is a directory; ")
    with told, writing(tmp_path / "audit.json", "en"):
        tmp_path.write_text("x")


def test_a_signed_audit_is_not_signed_again(document: AuditDocument, tmp_path: Path) -> None:
    signed = tmp_path / "signed.json"
    write_json(document.confirmed("李主任", document.made_at), signed)
    words = ["confirm", str(signed), "--name", "other", *SITE, "--out", str(signed)]
    done = CliRunner().invoke(coverage_app, words)
    assert done.exit_code == 1
    assert "李主任" in done.output
    kept = read_json(signed).confirmation
    assert kept is not None
    assert kept.name == "李主任"


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("sqlite:///{folder}/typo/xiaoan.db", "there is no database {folder}/typo/xiaoan.db"),
        ("sqlite:///{folder}/empty.db", "cannot read the database"),
        ("nonsense", "is not a URL"),
    ],
)
def test_a_record_that_cannot_be_read_is_told_in_a_line(
    address: str, told: str, tmp_path: Path
) -> None:
    (tmp_path / "empty.db").touch()
    site = load_site(sample_school_directory())
    span = Span(date(2026, 9, 1), date(2026, 9, 30), hours=720.0)
    with pytest.raises(DatabaseError) as refused:
        read_uptime(site, address.format(folder=tmp_path), span)
    assert told.format(folder=tmp_path) in str(refused.value)
    assert not (tmp_path / "typo").exists()


def test_a_proposal_is_not_written_over_a_file(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine", "utf-8")
    with pytest.raises(DrawingError, match=r"taken cannot be written \(File exists\)"):
        write_site_file({}, tmp_path, tmp_path / "taken")


def test_a_drawing_that_is_cut_off_is_told(tmp_path: Path) -> None:
    (tmp_path / "cut.dxf").write_text("0\nSECTION\n", "utf-8")
    asked = ["import", str(tmp_path / "cut.dxf"), *SITE, "--floor", "f1"]
    done = CliRunner().invoke(coverage_app, [*asked, "--out", str(tmp_path / "new")])
    assert done.exit_code == 1
    assert "cut.dxf: cannot be read as DXF (it is cut off); save it anew" in done.output


@pytest.mark.parametrize("suffix", [".dxf", ".geojson"])
def test_a_plan_that_cannot_be_written_is_told(suffix: str, tmp_path: Path) -> None:
    taken = tmp_path / f"floor{suffix}"
    taken.mkdir()
    done = CliRunner().invoke(coverage_app, ["export", *SITE, "--floor", "f1", "--out", str(taken)])
    assert done.exit_code == 1
    assert f"floor{suffix} was not written: Is a directory" in done.output

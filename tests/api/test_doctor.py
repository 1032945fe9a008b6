"""The doctor names what is missing and how to mend it."""

import shutil
import socket
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from api.coverage import fonts
from api.database import migrate
from api.doctor import Check, Patient, Status, examine
from config import sample_school_directory
from models import registry


def patient(run_dir: Path, port: int, site_dir: Path | None = None) -> Patient:
    return Patient(run_dir, "127.0.0.1", port, "en", site_dir)


def named(checks: tuple[Check, ...], name: str) -> Check:
    return next(check for check in checks if check.name == name)


def test_a_sound_machine_has_nothing_that_must_be_mended(tmp_path: Path) -> None:
    checks = examine(patient(tmp_path, 8440, sample_school_directory()))
    failed = [check for check in checks if check.status is Status.FAIL]
    assert failed == []
    assert named(checks, "Package cv2").status is Status.OK
    assert named(checks, "Site files").status is Status.OK


def test_the_chosen_head_network_is_the_one_that_is_looked_for(tmp_path: Path) -> None:
    chosen = replace(patient(tmp_path, 8440), head_network="xiaoan-heads-1")
    found = named(examine(chosen), "Network weights")
    assert (found.status, found.found) == (Status.OK, "xiaoan-heads-1.onnx")
    wrong = named(examine(replace(chosen, head_network="xiaoan-heads-9")), "Network weights")
    assert wrong.status is Status.FAIL
    assert "xiaoan-heads-9" in wrong.found


def test_an_int8_file_that_cannot_be_used_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = named(examine(patient(tmp_path, 8440)), "int8 weights")
    assert (sound.status, sound.found) == (Status.OK, "xiaoan-heads-2-int8.zip")
    weights = tmp_path / "weights"
    shutil.copytree(registry.WEIGHTS_DIR, weights)
    monkeypatch.setattr(registry, "WEIGHTS_DIR", weights)
    (weights / "xiaoan-heads-2-int8.zip").unlink()
    checks = examine(patient(tmp_path, 8440))
    assert named(checks, "Network weights").status is Status.OK
    found = named(checks, "int8 weights")
    assert found.status is Status.WARN
    assert "xiaoan-heads-2-int8.zip" in found.found
    assert "f32" in found.mend


def test_a_taken_port_is_told_with_its_mend(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        check = named(examine(patient(tmp_path, port)), f"Port {port}")
    assert check.status is Status.WARN
    assert "XIAOAN_PORT" in check.mend


def test_an_address_of_another_machine_is_not_a_taken_port(tmp_path: Path) -> None:
    elsewhere = replace(patient(tmp_path, 8440), host="192.0.2.77")
    check = named(examine(elsewhere), "Port 8440")
    assert check.status is Status.FAIL
    assert "192.0.2.77" in check.mend
    assert "XIAOAN_HOST" in check.mend


def test_a_database_that_does_not_answer_is_told(tmp_path: Path) -> None:
    url = f"postgresql://xiaoan:pa55@/xiaoan?host={tmp_path}"
    check = named(examine(replace(patient(tmp_path, 8440), database_url=url)), "Database")
    assert check.status is Status.FAIL
    assert "cannot open" in check.found
    assert "pa55" not in check.found


def test_a_damaged_database_is_told_with_its_mend(tmp_path: Path) -> None:
    path = tmp_path / "xiaoan.db"
    url = f"sqlite:///{path}"
    asked = replace(patient(tmp_path, 8440), database_url=url)
    assert named(examine(asked), "Database").status is Status.OK  # the first start makes it
    assert not path.exists()
    migrate(url)
    assert named(examine(asked), "Database").status is Status.OK
    with path.open("r+b") as file:
        # All but the first pages, which alone a start reads.
        file.seek(path.stat().st_size // 2)
        file.write(b"\xff" * 4096 * 20)
    check = named(examine(asked), "Database")
    assert check.status is Status.FAIL
    assert str(path) in check.found
    assert "restore the backup" in check.found


def test_a_database_of_a_newer_version_is_told(tmp_path: Path) -> None:
    """Somebody went back to the old program and not to the old database."""
    path = tmp_path / "xiaoan.db"
    migrate(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    asked = replace(patient(tmp_path, 8440), database_url=f"sqlite:///{path}")
    check = named(examine(asked), "Database")
    assert check.status is Status.FAIL
    assert f"{path} was written by another version of xiaoan (its form is 9999)" in check.found


def test_a_broken_site_is_told_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text("id: [unclosed\n", encoding="utf-8")
    check = named(examine(patient(tmp_path, 8440, tmp_path)), "Site files")
    assert check.status is Status.FAIL
    assert "site.yaml:" in check.found


def test_a_password_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    shutil.copytree(sample_school_directory(), tmp_path / "school")
    site = tmp_path / "school" / "site.yaml"
    text = site.read_text("utf-8")
    old = "uri: virtual:two_way_gate?seed=1&light=day"
    site.write_text(
        text.replace(old, "uri: rtsp://10.0.0.9/a\n    credentials: env:XIAOAN_NOT_SET")
    )
    failed = [c for c in examine(patient(tmp_path, 8440, site.parent)) if c.status is Status.FAIL]
    assert [check.name for check in failed] == ["Password of camera cam-gate"]
    assert "XIAOAN_NOT_SET is not set" in failed[0].found


def test_a_missing_package_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "jupedsim", None)
    check = named(examine(patient(tmp_path, 8440)), "Virtual campus")
    assert check.status is Status.WARN
    assert "sim" in check.mend


def test_a_broken_file_beside_the_site_file_is_told(tmp_path: Path) -> None:
    for source in sample_school_directory().glob("*.yaml"):
        (tmp_path / source.name).write_bytes(source.read_bytes())
    (tmp_path / "desk.yaml").write_text("format: 1\nladder: []\n", encoding="utf-8")
    checks = examine(patient(tmp_path, 8440, tmp_path))
    desk = named(checks, "Site file desk.yaml")
    assert desk.status is Status.FAIL
    assert desk.found.startswith("desk.yaml:2: ladder")
    assert named(checks, "Site file timetable.yaml").status is Status.OK
    assert named(checks, "Site file delivery.yaml").found == "Absent (defaults are used)"


def test_a_data_folder_too_long_for_the_workers_sockets_fails(tmp_path: Path) -> None:
    found = named(
        examine(patient(tmp_path / ("数据" * 20), 8440)), "Length of the data folder's path"
    )
    assert found.status is Status.FAIL
    assert "XIAOAN_RUN_DIR" in found.mend


@pytest.mark.parametrize(
    ("given", "told"), [("", "there is no such file"), ("no font", "cannot be embedded")]
)
def test_a_chosen_font_that_is_none_is_named_with_its_own_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, told: str
) -> None:
    chosen = tmp_path / "school.ttf"
    if given:
        chosen.write_text(given, encoding="ascii")
    monkeypatch.setattr(fonts, "FONT_NAME", "XiaoanNotRegistered")
    monkeypatch.setenv("XIAOAN_REPORT_FONT", str(chosen))
    found = named(examine(patient(tmp_path, 8440)), "Chinese font for reports and exported films")
    assert found.status is Status.WARN
    assert "school.ttf" in found.found
    assert told in found.found
    assert found.mend.startswith("correct XIAOAN_REPORT_FONT")


def test_a_machine_without_a_chinese_font_is_told_before_the_first_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "Chinese font for reports and exported films"
    assert named(examine(patient(tmp_path, 8440)), name).status is Status.OK
    monkeypatch.setattr(fonts, "FONT_FILES", ())
    monkeypatch.setattr(fonts, "FONT_NAME", "XiaoanNotRegistered")
    found = named(examine(patient(tmp_path, 8440)), name)
    assert found.status is Status.WARN
    assert "fonts-wqy-zenhei" in found.mend


def test_a_misspelt_setting_is_told_with_what_is_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XIAOAN_DATABASE_URI", "postgresql://xiaoan@/xiaoan")
    check = named(examine(patient(tmp_path, 1)), "Environment variable")
    assert (check.status, check.found) == (Status.WARN, "XIAOAN_DATABASE_URI")
    assert "XIAOAN_DATABASE_URL" in check.mend


def test_a_file_in_the_place_of_the_run_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file", "utf-8")
    for run_dir in (tmp_path / "var", tmp_path / "var" / "below"):
        check = named(examine(patient(run_dir, 8440)), "Data folder can be written")
        assert (check.status, bool(check.mend)) == (Status.FAIL, True)

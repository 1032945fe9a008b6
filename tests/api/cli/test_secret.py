"""`xiaoan secret`: what it asks, keeps and tells, and its lines in the audit log."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli.root import app
from config import secret_store as store

VALUE = "admin:three-small-owls"


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Site folder and run folder."""
    monkeypatch.delenv(store.KEY_VARIABLE, raising=False)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    site, run = tmp_path / "site", tmp_path / "run"
    site.mkdir()
    run.mkdir()
    return site, run


def test_set_list_rotate_and_remove(places: tuple[Path, Path]) -> None:
    site, run = places
    where = ["--site", str(site), "--run-dir", str(run)]
    runner = CliRunner()
    kept = runner.invoke(app, ["secret", "set", "cam-gate", *where], input=f"{VALUE}\n")
    assert kept.exit_code == 0, kept.output
    assert (run / store.KEY_FILE).exists()
    assert not (site / store.KEY_FILE).exists()
    listed = runner.invoke(app, ["secret", "list", *where])
    assert (listed.exit_code, "cam-gate" in listed.output) == (0, True)
    assert runner.invoke(app, ["secret", "rotate", *where]).exit_code == 0
    keys = store.load_keys(run / store.KEY_FILE)
    assert keys.open("cam-gate", store.read_store(site)["cam-gate"]) == VALUE
    assert runner.invoke(app, ["secret", "remove", "cam-gate", *where]).exit_code == 0
    assert runner.invoke(app, ["secret", "remove", "cam-gate", *where]).exit_code == 1
    with sqlite3.connect(run / "xiaoan.db") as database:
        rows = database.execute("SELECT action, subject, detail_json FROM audit_log").fetchall()
    assert [row[:2] for row in rows] == [
        ("secret.set", "cam-gate"),
        ("secret.rotated", "1"),
        ("secret.removed", "cam-gate"),
    ]
    assert "owls" not in kept.output + listed.output + str(rows)


def test_a_key_that_does_not_fit_is_told(places: tuple[Path, Path]) -> None:
    site, run = places
    where = ["--site", str(site), "--run-dir", str(run)]
    runner = CliRunner()
    runner.invoke(app, ["secret", "set", "cam-gate", *where], input=f"{VALUE}\n")
    (run / store.KEY_FILE).unlink()
    gone = runner.invoke(app, ["secret", "list", *where])
    assert gone.exit_code == 2
    assert store.KEY_VARIABLE in gone.output


def test_a_store_that_cannot_be_written_is_told_and_stays(
    places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    site, run = places
    asked = ["secret", "set", "cam-gate", "--site", str(site), "--run-dir", str(run)]
    assert CliRunner().invoke(app, asked, input=f"{VALUE}\n").exit_code == 0
    before = (site / store.STORE_FILE).read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(store, "replace_whole", full)
    refused = CliRunner().invoke(app, asked, input="admin:other-owls\n")
    assert refused.exit_code == 2
    assert isinstance(refused.exception, SystemExit)
    assert "No space left on device" in refused.output
    assert "owls" not in refused.output
    assert (site / store.STORE_FILE).read_bytes() == before

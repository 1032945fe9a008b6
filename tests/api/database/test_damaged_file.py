"""A database file that is damaged, or whose disk is full, is told once with its path and mend."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner

from api.access.tables import AUDIT
from api.cli.root import app
from api.database import DatabaseError, migrate
from config import sample_school_directory
from tests.api.desk_cases import running_desk
from tests.streams.full_disk import full_disk


def damage(path: Path, table: str) -> None:
    """Overwrite the first page of a table with noise."""
    connection = sqlite3.connect(path)
    query = "SELECT rootpage FROM sqlite_schema WHERE name = ?"
    (page,) = connection.execute(query, (table,)).fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)


def test_a_damaged_file_is_told_with_its_path_and_the_mend(sqlite_url: str) -> None:
    path = sqlite_url.removeprefix("sqlite:///")
    damage(Path(path), "alembic_version")
    with pytest.raises(DatabaseError) as told:
        migrate(sqlite_url)
    assert str(told.value).startswith(
        f"cannot open, read or change the database {path}: database disk"
    )
    assert "restore the backup" in str(told.value)


async def test_damage_that_the_migrations_do_not_touch_is_told_at_the_start(
    sqlite_url: str,
) -> None:
    damage(Path(sqlite_url.removeprefix("sqlite:///")), "events")
    with pytest.raises(DatabaseError, match=r"desk\.db: .* malformed; .*restore the backup"):
        async with running_desk(sqlite_url):
            pass


def test_the_service_says_in_one_line_why_it_cannot_start(tmp_path: Path) -> None:
    migrate(f"sqlite:///{tmp_path}/xiaoan.db")
    damage(tmp_path / "xiaoan.db", "events")
    command = [sys.executable, "-m", "api.service_process"]
    ended = subprocess.run(
        [*command, "--site", str(sample_school_directory())],
        env=os.environ | {"XIAOAN_RUN_DIR": str(tmp_path), "XIAOAN_ACCESS": "open"},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    told = ended.stdout + ended.stderr
    assert ended.returncode == 2
    assert "Traceback" not in told
    assert told.count("the service cannot start") == 1
    assert "restore the backup" in told


def test_the_audit_of_a_restored_file_that_is_damaged_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(f"sqlite:///{tmp_path}/xiaoan.db")
    damage(tmp_path / "xiaoan.db", AUDIT.name)
    monkeypatch.setenv("XIAOAN_RUN_DIR", str(tmp_path))
    result = CliRunner().invoke(app, ["audit", "verify"])
    assert result.exit_code == 2
    assert "restore the backup" in result.output


async def test_while_the_disk_is_full_the_watch_logs_the_mend_once(sqlite_url: str) -> None:
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    with structlog.testing.capture_logs() as logs:
        async with running_desk(sqlite_url, watch_every_s=0.01) as desk:
            await desk.send(desk.reading("stair", "L0"))
            with full_disk(path):
                desk.clock.advance(30.0)
                failed = desk.service.desk.metrics.failed_ticks
                while failed._value.get() < 3.0:
                    await asyncio.sleep(0.01)
    (told,) = (entry for entry in logs if entry["event"] == "watch.database_refused")
    assert str(path) in told["error"]
    assert "look whether the disk" in told["error"]

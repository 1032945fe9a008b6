"""`xiaoan audit verify` on a database that somebody has changed by hand.

The chain itself shows a changed, moved or missing entry. A cut-off end and a chain written anew
from some entry on leave a chain that holds: they show against the anchors, kept outside.
"""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.access import audit
from api.cli.root import app
from api.database import Database
from vision.instants import Utc

ANCHORS = audit.ANCHOR_FILE


@pytest.fixture
def run_dir(sqlite_url: str, tmp_path: Path) -> Path:
    """A run folder with five entries, and anchors after the third and the fifth."""

    async def fill() -> None:
        async with Database(f"sqlite:///{tmp_path / 'xiaoan.db'}") as database:
            for number in range(1, 6):
                async with database.write() as connection:
                    act = audit.Act("alarm.acknowledged", str(number))
                    entry = await audit.append(connection, "王芳", act, Utc(number))
                if number in (3, 5):
                    anchor = audit.Anchor(entry.seq, entry.hash)
                    audit.write_anchor(tmp_path / ANCHORS, anchor, Utc(number))

    Path(sqlite_url.removeprefix("sqlite:///")).rename(tmp_path / "xiaoan.db")
    asyncio.run(fill())
    return tmp_path


def verified(run_dir: Path, *more: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["audit", "verify", "--run-dir", str(run_dir), *more])
    return result.exit_code, result.output


def tamper(run_dir: Path, *statements: str) -> None:
    """As somebody with the file does it: the triggers go first."""
    with sqlite3.connect(run_dir / "xiaoan.db") as database:
        database.execute("DROP TRIGGER audit_log_no_update")
        database.execute("DROP TRIGGER audit_log_no_delete")
        for statement in statements:
            database.execute(statement)


def test_a_log_that_nobody_touched_holds(run_dir: Path) -> None:
    code, told = verified(run_dir)
    assert code == 0
    assert "5" in told


@pytest.mark.parametrize(
    ("statement", "seq", "words"),
    [
        ("UPDATE audit_log SET actor = '李强' WHERE seq = 2", 2, "内容被改"),
        ("DELETE FROM audit_log WHERE seq = 4", 5, "缺少一条或多条"),
        ("DELETE FROM audit_log WHERE seq = 5", 5, "结尾被截去"),
        ("DELETE FROM audit_log", 5, "结尾被截去"),
    ],
)
def test_tampering_ends_with_code_1_and_names_the_entry(
    run_dir: Path, statement: str, seq: int, words: str
) -> None:
    tamper(run_dir, statement)
    code, told = verified(run_dir)
    assert code == 1
    assert f"第 {seq} 条" in told
    assert words in told


def test_a_cut_off_end_shows_only_against_an_anchor(run_dir: Path) -> None:
    """Without the anchors the shorter chain is whole: copy them off this machine."""
    tamper(run_dir, "DELETE FROM audit_log WHERE seq > 3")
    kept = run_dir / "copy-elsewhere.jsonl"
    (run_dir / ANCHORS).rename(kept)
    assert verified(run_dir)[0] == 0
    code, told = verified(run_dir, "--anchors", str(kept))
    assert (code, "结尾被截去" in told) == (1, True)


def test_a_chain_written_anew_shows_against_the_anchor(run_dir: Path) -> None:
    tamper(run_dir, "DELETE FROM audit_log WHERE seq > 2")

    async def forge() -> None:
        async with Database(f"sqlite:///{run_dir / 'xiaoan.db'}") as database:
            for number in range(3, 6):
                async with database.write() as connection:
                    act = audit.Act("alarm.closed", str(number))
                    await audit.append(connection, "李强", act, Utc(number))

    asyncio.run(forge())
    code, told = verified(run_dir)
    assert code == 1
    assert "第 3 条" in told


@pytest.mark.parametrize("command", [["audit", "verify"], ["account", "list"]])
def test_no_database_is_no_whole_log(tmp_path: Path, command: list[str]) -> None:
    """A mistyped folder was once a log of no entries that held, and a database in that place."""
    elsewhere = tmp_path / "typo"
    result = CliRunner().invoke(app, [*command, "--run-dir", str(elsewhere)])
    assert result.exit_code == 2
    assert str(elsewhere / "xiaoan.db") in result.output
    assert not elsewhere.exists()


@pytest.mark.parametrize("name", ["gone.jsonl", "."])
def test_anchors_that_are_not_there_are_not_none(run_dir: Path, name: str) -> None:
    tamper(run_dir, "DELETE FROM audit_log WHERE seq > 3")
    code, told = verified(run_dir, "--anchors", str(run_dir / "kept-elsewhere" / name))
    assert code == 2
    assert "锚点文件" in told

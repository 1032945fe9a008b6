"""A command that cannot write what it was asked for says so in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli.root import app
from config import sample_school_directory

FILM = "{folder}/film.mp4"
SITE = str(sample_school_directory())


@pytest.mark.parametrize(
    "command",
    [
        ["plan", "export", "{folder}/gone/plan.xlsx"],
        ["analyze", FILM, "--site", SITE, "--camera", "cam-stair", "--out", FILM],
    ],
    ids=lambda command: command[0],
)
def test_a_place_that_cannot_be_written_is_told(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"not read before its results have a place")
    result = CliRunner().invoke(
        app, [*(word.format(folder=tmp_path) for word in command), "--lang", "en"]
    )
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert "was not written" in result.output
    assert len(result.output.strip().splitlines()) <= 2


ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
"""A locale that has no Chinese, and a Python that takes it at its word."""


def in_ascii(*words: str | bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", "from api.command import main; main()", *words],
        env={**os.environ, **ASCII},
        input=b"correct horse battery staple\n" * 2,
        capture_output=True,
        check=False,
    )


def test_a_name_typed_in_a_locale_without_chinese_is_the_one_on_the_screen(tmp_path: Path) -> None:
    run_dir, name = ("--run-dir", str(tmp_path)), "李明"
    added = in_ascii("account", "add", "li", "--role", "school", "--display-name", name, *run_dir)
    assert added.returncode == 0, added.stderr.decode()
    listed = in_ascii("account", "list", *run_dir)
    assert f'"display_name": "{name}"'.encode() in listed.stdout
    out = tmp_path / "audit.json"
    audit = in_ascii("coverage", "audit", "--site", SITE, "--out", str(out), "--confirm", name)
    assert audit.returncode == 0, audit.stderr.decode()
    assert f'"name": "{name}"' in out.read_text("utf-8")


def test_bytes_that_are_no_name_are_refused_in_words(tmp_path: Path) -> None:
    words = ("account", "disable", "李明".encode("gbk"), "--run-dir", str(tmp_path))
    refused = in_ascii(*words)
    assert refused.returncode == 2
    assert b"UTF-8" in refused.stderr
    assert b"Traceback" not in refused.stderr


def test_results_go_into_a_folder_with_a_chinese_name_in_any_locale(tmp_path: Path) -> None:
    write = (
        "import sys; from pathlib import Path; from api.analysis.tables import *;"
        "write_table(tracks_table([]), Path(sys.argv[1]))"
    )
    subprocess.run(
        [sys.executable, "-c", write, str(tmp_path / "轨迹.parquet")],
        env={**os.environ, **ASCII},
        check=True,
    )
    assert [path.name for path in tmp_path.iterdir()] == ["轨迹.parquet"]

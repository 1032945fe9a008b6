"""A command that cannot write what it was asked for says so in one line."""

from __future__ import annotations

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

"""What a command cannot use ends it with a sentence, whoever types it."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli.root import app
from config import sample_school_directory

# The machine refuses to look for it, as it does in a folder of another user: also to root.
OUT_OF_REACH = "n" * 300
SITE = str(sample_school_directory())


@pytest.mark.parametrize(
    ("command", "word"),
    [
        (f"account list --run-dir {OUT_OF_REACH}", "user of the service"),
        (f"audit verify --run-dir {OUT_OF_REACH}", "user of the service"),
        (f"selftest --site {SITE} --within 1 --run-dir {OUT_OF_REACH}", "user of the service"),
        (f"doctor --run-dir {OUT_OF_REACH}", "user of the service"),
        (f"plan verify --plan {OUT_OF_REACH}", "cannot be looked for"),
        (f"site sample {OUT_OF_REACH}", OUT_OF_REACH),
        ("replay --readings . --profile p.yaml --timezone ../../etc/passwd", "no time zone"),
        ("replay --readings . --profile p.yaml --timezone Europe", "no time zone"),
        (f"analyze film --site {SITE} --camera cam-stair --out o --threads 3000000000", "256"),
        ("models bench --threads 3000000000", "256"),
    ],
    ids=lambda given: given.partition(" --")[0][:20],
)
def test_it_is_refused_in_words(
    command: str, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "400")
    # What a command sets for its own process is of this test alone.
    result = CliRunner().invoke(app, command.split(), env={"XIAOAN_RUN_DIR": None})
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code in (1, 2)
    assert word in result.output.replace("\n", "")


def test_a_bench_looks_for_the_site_before_it_measures(monkeypatch: pytest.MonkeyPatch) -> None:
    # The first thing that a measurement needs is not there either.
    monkeypatch.setenv("XIAOAN_HEAD_NETWORK", "xiaoan-heads-9")
    result = CliRunner().invoke(app, ["bench", "--site", "nowhere"])
    assert result.exit_code == 2
    assert "site.yaml" in result.output
    assert "xiaoan-heads-9" not in result.output

"""`xiaoan run` starts without what it does not need, and is the same command."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from api import command
from benchmarks.peers.rtsp import free_port


def test_run_says_what_is_wrong_with_a_site_and_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["xiaoan", "run", "--site", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 2
    assert "site.yaml" in capsys.readouterr().out


def test_the_others_are_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["xiaoan", "--help"])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert all(name in told for name in ("run", "demo", "doctor", "coverage", "bench"))


def test_the_supervisor_loads_no_web_framework() -> None:
    look = "import sys, api.cli.run; print({'fastapi', 'alembic'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("encoding", ["gbk", "latin-1"])
def test_a_terminal_of_another_encoding_ends_no_command(encoding: str, tmp_path: Path) -> None:
    """A service takes the machine's locale: what it cannot print must not keep it from starting."""
    call = "import sys; from api.command import main; sys.argv = ['xiaoan', *sys.argv[1:]]; main()"
    # The mark of a note is in neither, and a path may hold any character.
    missing = str(tmp_path / "△学校")
    done = subprocess.run(
        [sys.executable, "-c", call, "run", "--site", missing, "--run-dir", str(tmp_path)],
        env={**os.environ, "PYTHONIOENCODING": encoding, "XIAOAN_PORT": str(free_port())},
        capture_output=True,
        check=False,
    )
    assert b"UnicodeEncodeError" not in done.stderr
    assert done.returncode == 2
    assert b"site.yaml" in done.stdout

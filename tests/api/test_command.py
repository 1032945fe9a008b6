"""`xiaoan run` starts without what it does not need, and is the same command."""

import subprocess
import sys
from pathlib import Path

import pytest

from api import command


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
    look = "import sys, api.cli_run; print({'fastapi', 'alembic'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"

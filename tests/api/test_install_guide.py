"""What the guide tells an engineer to type exists."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from api.cli import app
from config import load_site, sample_school_directory
from config.networks import NETWORKS_FILE, load_networks
from config.settings import ENV_PREFIX, ServiceSettings, load_settings
from config.site_files import FILES

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "docs/install.md")
LINE = re.compile(r"^(?:\.venv/bin/|/opt/xiaoan/bin/)?xiaoan ([a-z].*)$")


def commands() -> list[str]:
    """Every `xiaoan ...` line of the code blocks of the README and the guide."""
    found = []
    for page in PAGES:
        blocks = re.findall(r"```sh\n(.*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL)
        lines = "".join(blocks).splitlines()
        found += [
            match[1].partition("#")[0].strip() for line in lines if (match := LINE.match(line))
        ]
    return found


def test_there_are_commands_to_check() -> None:
    assert len(commands()) > 15


@pytest.mark.parametrize("line", commands())
def test_a_command_of_the_guide_exists_with_its_options(line: str) -> None:
    here: Any = typer.main.get_command(app)
    words = shlex.split(line)
    while hasattr(here, "commands"):
        assert words, f"{line}: names a group only"
        assert words[0] in here.commands, line
        here = here.commands[words.pop(0)]
    options = {name for parameter in here.params for name in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options


def test_the_settings_file_holds_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "deploy" / "xiaoan.env").read_text("utf-8")
    pairs = re.findall(r"^(#?)(XIAOAN_[A-Z_]+)=(.*)$", text, re.MULTILINE)
    names = {name.removeprefix(ENV_PREFIX).lower() for _, name, _ in pairs}
    assert names - {"secrets_key_file"} <= set(ServiceSettings.model_fields)
    # For a demonstration, and for a service and workers on machines of their own.
    assert set(ServiceSettings.model_fields) - names == {"access", "ingest_token_file"}
    for off, name, value in pairs:
        if not off:
            monkeypatch.setenv(name, value)
    settings = load_settings()
    assert (settings.run_dir, settings.host) == (Path("/var/lib/xiaoan"), "127.0.0.1")


def test_the_unit_starts_what_the_guide_installs() -> None:
    unit = (ROOT / "deploy" / "xiaoan.service").read_text("utf-8")
    guide = (ROOT / "docs" / "install.md").read_text("utf-8")
    assert "ExecStart=/opt/xiaoan/bin/xiaoan run --site /etc/xiaoan/site\n" in unit
    for path in ("/opt/xiaoan", "/etc/xiaoan/xiaoan.env", "/etc/xiaoan/site", "/var/lib/xiaoan"):
        assert path in unit
        assert path in guide


def test_the_guide_installs_the_packages_that_a_demonstration_installs() -> None:
    """What is missing on the school's PC only shows with the first report or exported film."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    demo = re.search(r"^\$\(SYSTEM\):.*\n\tscripts/system-packages (.*)$", makefile, re.MULTILINE)
    guide = (ROOT / "docs" / "install.md").read_text("utf-8")
    typed = re.search(r"^apt-get install (.*)$", guide, re.MULTILINE)
    assert demo is not None
    assert typed is not None
    assert set(demo[1].split()) < set(typed[1].split())
    assert "fonts-wqy-zenhei" in demo[1]


def yaml_blocks() -> list[str]:
    guide = (ROOT / "docs" / "install.md").read_text("utf-8")
    return re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL)


def test_the_guides_file_of_pairs_calibrates_the_sample_schools_camera(tmp_path: Path) -> None:
    (pairs,) = (block for block in yaml_blocks() if block.startswith("camera:"))
    (tmp_path / "pairs-cam-stair.yaml").write_text(pairs, "utf-8")
    shutil.copytree(sample_school_directory(), tmp_path / "site")
    asked = ["calibrate", str(tmp_path / "pairs-cam-stair.yaml"), "--site", str(tmp_path / "site")]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0, result.output
    note = load_site(tmp_path / "site").camera("cam-stair").calibration
    assert note is not None
    assert note.rms_m < 0.05


def test_the_guides_networks_can_be_used(tmp_path: Path) -> None:
    (networks,) = (block for block in yaml_blocks() if block.startswith("networks:"))
    (tmp_path / NETWORKS_FILE).write_text(networks, "utf-8")
    rules = load_networks(tmp_path)
    assert rules.refusal("10.20.3.4") == ""
    assert rules.refusal("10.21.3.4")


def test_every_file_that_a_site_may_have_is_in_the_guide() -> None:
    guide = (ROOT / "docs" / "install.md").read_text("utf-8")
    assert [name for name in FILES if f"| `{name}` |" not in guide] == []

"""What the guide tells an engineer to type exists."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from api.cli.root import app
from config import load_site, sample_school_directory
from config.networks import NETWORKS_FILE, load_networks
from config.plan.units import load_units
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


@pytest.fixture
def block(tmp_path: Path) -> Callable[..., list[str]]:
    """The command that runs a block of the chapter on backups under `tmp_path`."""
    guide = (ROOT / "docs" / "install.md").read_text("utf-8")
    chapter = guide.partition("## 8. Back up, restore")[2].partition("## 9. ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", chapter, re.DOTALL)
    for folder in ("etc/xiaoan", "var/lib/xiaoan", "media/backup"):
        (tmp_path / folder).mkdir(parents=True)
    stubs = f'systemctl() {{ echo "$1" >> {tmp_path}/service; }}\n'
    stubs += "xiaoan() { :; }; chown() { :; }; date() { echo now; }\n"

    def command(has: str, name: str = "", more: str = "") -> list[str]:
        (found,) = (one for one in blocks if has in one)
        found = re.sub(r"(?<!\w)/(?=etc/|var/lib|media/)", f"{tmp_path}/", found)
        # An archive made as root of `/` names its files without it.
        found = found.replace(
            f" {tmp_path}/etc/xiaoan {tmp_path}/var/lib/xiaoan &&",
            f" -C {tmp_path} etc/xiaoan var/lib/xiaoan &&",
        )
        return ["bash", "-c", stubs + more + found.replace("xiaoan-DATE.tar.gz", name)]

    return command


@pytest.fixture
def school_pc(block: Callable[..., list[str]]) -> Callable[..., str]:
    """Runs a block of the chapter on backups; what it printed."""

    def run(has: str, name: str = "") -> str:
        ended = subprocess.run(block(has, name), capture_output=True, text=True, check=False)
        return ended.stdout + ended.stderr

    return run


def test_a_line_that_drops_in_the_middle_of_a_backup_leaves_no_school_unwatched(
    tmp_path: Path, block: Callable[..., list[str]]
) -> None:
    """The shell of whoever sits at the other end is hung up, and all that it runs."""
    waits = f"tar() {{ echo at work > {tmp_path}/tar; sleep 60; }}\n"
    # Where the tests themselves run without a terminal, hanging up may be ignored.
    hears = ["env", "--default-signal=HUP"]
    with subprocess.Popen([*hears, *block("tar czf", more=waits)], start_new_session=True) as shell:
        while not (tmp_path / "tar").exists():
            assert shell.poll() is None
            time.sleep(0.02)
        os.killpg(shell.pid, signal.SIGHUP)
        shell.wait(timeout=30)
        deadline = time.monotonic() + 30.0
        while (told := (tmp_path / "service").read_text().split()) != ["stop", "start"]:
            assert time.monotonic() < deadline, told
            time.sleep(0.02)


def test_the_guides_backup_comes_back_whole_and_without_what_came_later(
    tmp_path: Path, school_pc: Callable[..., str]
) -> None:
    data = tmp_path / "var/lib/xiaoan"
    (data / "xiaoan.db").write_text("of the evening")
    (tmp_path / "etc/xiaoan/xiaoan.env").write_text("of the evening")
    assert school_pc("tar czf") == ""
    (backup,) = (tmp_path / "media/backup").iterdir()
    (data / "xiaoan.db").write_text("of the next day")
    (data / "xiaoan.db-wal").write_text("of the next day")
    assert school_pc("tar xzf", backup.name) == ""
    assert school_pc("xiaoan-before") == ""
    assert [(one.name, one.read_text()) for one in data.iterdir()] == [
        ("xiaoan.db", "of the evening")
    ]
    assert (tmp_path / "etc/xiaoan/xiaoan.env").read_text() == "of the evening"
    kept = tmp_path / "var/lib/xiaoan-before-now/xiaoan.db"
    assert kept.read_text() == "of the next day"
    # Once more within the minute, so that what was there cannot be moved away.
    (data / "xiaoan.db").write_text("of the third day")
    school_pc("tar xzf", backup.name)
    assert "not empty" in school_pc("xiaoan-before")
    assert (data / "xiaoan.db").read_text() == "of the third day"
    assert kept.read_text() == "of the next day"


def test_what_the_guide_cuts_off_is_neither_a_backup_nor_a_data_folder(
    tmp_path: Path, school_pc: Callable[..., str]
) -> None:
    data = tmp_path / "var/lib/xiaoan"
    (data / "xiaoan.db").write_bytes(os.urandom(100_000))
    school_pc("tar czf")
    (whole,) = (tmp_path / "media/backup").iterdir()
    whole.write_bytes(whole.read_bytes()[:50_000])
    (data / "xiaoan.db").write_text("of now")
    assert "tar: " in school_pc("tar xzf", whole.name)
    assert (data / "xiaoan.db").read_text() == "of now"
    whole.unlink()
    # A folder that is not there stands for a medium that is full.
    (tmp_path / "etc/xiaoan").rename(tmp_path / "etc/elsewhere")
    assert "tar: " in school_pc("tar czf")
    assert [one.suffix for one in (tmp_path / "media/backup").iterdir()] == [".part"]


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


def test_the_guides_units_can_be_used(tmp_path: Path) -> None:
    (units,) = (block for block in yaml_blocks() if block.startswith("units:"))
    (tmp_path / "units.yaml").write_text(units, "utf-8")
    found = load_units(tmp_path / "units.yaml")
    assert [(unit.id, unit.site) for unit in found][1:] == [("no-1", "school-1"), ("no-2", "")]


def test_the_guides_networks_can_be_used(tmp_path: Path) -> None:
    (networks,) = (block for block in yaml_blocks() if block.startswith("networks:"))
    (tmp_path / NETWORKS_FILE).write_text(networks, "utf-8")
    rules = load_networks(tmp_path)
    assert rules.refusal("10.20.3.4") == ""
    assert rules.refusal("10.21.3.4")


def test_every_file_that_a_site_may_have_is_in_the_guide() -> None:
    guide = (ROOT / "docs" / "install.md").read_text("utf-8")
    assert [name for name in FILES if f"| `{name}` |" not in guide] == []

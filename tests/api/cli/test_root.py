"""The command line as a person types it."""

import os
import re
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli.root import app
from api.demo import emptied, refuse_foreign_folder
from api.run_folder import LOCK_FILE, owned_run_folder
from benchmarks.peers.rtsp import free_port
from config.errors import SettingsError
from config.settings import load_settings
from streams.pictures.picture_server import LONGEST_PATH_BYTES
from streams.worker.assembly import socket_path

RUNNER = CliRunner()


@pytest.mark.parametrize(
    "group",
    ["run", "demo", "analyze", "calibrate", "site", "virtual", "models", "coverage", "plan"],
)
def test_every_command_explains_itself_in_both_languages(group: str) -> None:
    shown = RUNNER.invoke(app, [group, "--help"])
    assert shown.exit_code == 0
    assert any("一" <= letter <= "鿿" for letter in shown.output)


def test_the_sample_school_can_be_copied_and_passes_its_own_check(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    assert RUNNER.invoke(app, ["site", "sample", str(folder)]).exit_code == 0
    assert RUNNER.invoke(app, ["site", "check", str(folder)]).exit_code == 0
    again = RUNNER.invoke(app, ["site", "sample", str(folder), "--lang", "en"])
    assert again.exit_code == 1
    assert "not empty" in again.output


def test_run_refuses_a_broken_site_in_one_message(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text("format: 1\nzonse: []\n", encoding="utf-8")
    shown = RUNNER.invoke(app, ["run", "--site", str(tmp_path), "--run-dir", str(tmp_path / "v")])
    assert shown.exit_code == 2
    assert "site.yaml:2" in shown.output
    assert "Traceback" not in shown.output


def test_run_refuses_a_head_network_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, before anything is started, and not by each worker again and again."""
    monkeypatch.setenv("XIAOAN_HEAD_NETWORK", "xiaoan-heads-9")
    assert RUNNER.invoke(app, ["site", "sample", str(tmp_path / "school")]).exit_code == 0
    folders = ["--site", str(tmp_path / "school"), "--run-dir", str(tmp_path / "v")]
    shown = RUNNER.invoke(app, ["run", *folders])
    assert shown.exit_code == 2
    assert "xiaoan-heads-9" in shown.output
    assert "xiaoan-heads-2" in shown.output
    assert not (tmp_path / "v").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent.mp4", "--camera", "cam-stair"], "absent.mp4"),
        (["film.mp4", "--camera", "cam-nowhere"], "cam-stair"),
        (["broken.mp4", "--camera", "cam-stair"], "broken.mp4"),
        (["film.mp4", "--camera", "cam-stair", "--network", "no-such-heads"], "no-such-heads"),
    ],
)
def test_analyze_refuses_bad_input_in_one_message(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert RUNNER.invoke(app, ["site", "sample", "school"]).exit_code == 0
    Path("broken.mp4").write_bytes(b"not a film" * 100)
    Path("film.mp4").write_bytes(b"")
    shown = RUNNER.invoke(app, ["analyze", *arguments, "--site", "school", "--out", "out"])
    assert shown.exit_code != 0
    assert message in shown.output
    assert "Traceback" not in shown.output


def test_a_run_beside_another_one_leaves_its_settings_alone(tmp_path: Path) -> None:
    """The other one's processes read them whenever they are started again."""
    assert RUNNER.invoke(app, ["site", "sample", str(tmp_path / "school")]).exit_code == 0
    folders = ["--site", str(tmp_path / "school"), "--run-dir", str(tmp_path / "v")]
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        shown = RUNNER.invoke(app, ["run", *folders, "--port", port])
    assert shown.exit_code == 2
    assert port in shown.output
    assert not (tmp_path / "v").exists()


def test_a_run_folder_has_one_run_at_a_time(tmp_path: Path) -> None:
    assert RUNNER.invoke(app, ["site", "sample", str(tmp_path / "school")]).exit_code == 0
    settings = load_settings(run_dir=tmp_path / "var")
    command = ["run", "--site", str(tmp_path / "school"), "--run-dir", str(tmp_path / "var")]
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with owned_run_folder(settings):
        shown = RUNNER.invoke(app, [*command, "--port", str(port)])
    assert shown.exit_code == 2
    assert str(os.getpid()) in shown.output
    assert [path.name for path in (tmp_path / "var").iterdir()] == [LOCK_FILE]
    # Nobody has to clean up after the one before, however it ended.
    with owned_run_folder(settings), pytest.raises(SettingsError), owned_run_folder(settings):
        raise AssertionError


def test_a_run_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    settings = load_settings(run_dir=tmp_path / "file" / "var")
    with pytest.raises(SettingsError, match="--run-dir"), owned_run_folder(settings):
        raise AssertionError


def test_a_run_folder_too_long_for_the_workers_sockets_is_refused_before_the_start(
    tmp_path: Path,
) -> None:
    """Every worker would end and be started again for ever, under a console that seems to run."""
    folder = tmp_path / ("数据目录" * 8)
    settings = load_settings(run_dir=folder)
    with pytest.raises(SettingsError, match="--run-dir") as refused, owned_run_folder(settings):
        raise AssertionError
    assert not folder.exists()
    most = int(re.search(r"(\d+) (?:字节|bytes)", str(refused.value))[1])  # type: ignore[index]
    longest = tmp_path / ("d" * (most - len(os.fsencode(tmp_path.resolve())) - 1))
    with owned_run_folder(load_settings(run_dir=longest)):
        assert len(os.fsencode(socket_path(longest, "worker-63"))) == LONGEST_PATH_BYTES


def test_a_second_demo_leaves_the_first_ones_data_alone(tmp_path: Path) -> None:
    settings = load_settings(run_dir=tmp_path / "demo", port=free_port())
    with owned_run_folder(settings):
        kept = tmp_path / "demo" / "xiaoan.db"
        kept.write_bytes(b"alarms")
        asked = ["demo", "--run-dir", str(tmp_path), "--port", str(free_port())]
        said = RUNNER.invoke(app, asked)
        assert said.exit_code == 2
        assert kept.read_bytes() == b"alarms"


def test_a_demo_empties_no_folder_that_was_no_demos(tmp_path: Path) -> None:
    own = tmp_path / "demo" / "photos"
    own.mkdir(parents=True)
    asked = ["demo", "--check", "--run-dir", str(tmp_path), "--port", str(free_port())]
    said = RUNNER.invoke(app, asked)
    assert said.exit_code == 2
    assert str(tmp_path / "demo") in said.output
    assert [path.name for path in (tmp_path / "demo").iterdir()] == ["photos"]


def test_what_a_demo_left_is_no_foreign_folder(tmp_path: Path) -> None:
    refuse_foreign_folder(tmp_path / "absent")
    refuse_foreign_folder(tmp_path)
    (tmp_path / "xiaoan.db").touch()
    refuse_foreign_folder(tmp_path)
    (tmp_path / "xiaoan.db").rename(tmp_path / "other.db")
    with pytest.raises(SettingsError, match="--run-dir"):
        refuse_foreign_folder(tmp_path)


def test_a_demo_starts_from_nothing(tmp_path: Path) -> None:
    settings = load_settings(run_dir=tmp_path)
    (tmp_path / "rings").mkdir()
    (tmp_path / "rings" / "old").touch()
    (tmp_path / "xiaoan.db").touch()
    with owned_run_folder(settings):
        emptied(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["run.lock"]

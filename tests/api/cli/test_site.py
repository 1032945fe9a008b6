"""`xiaoan site check`: what it prints and its exit code."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli.site import site_app
from config import sample_school_directory
from config.plan.school_calendar import SHIPPED_CALENDAR

RUNNER = CliRunner(env={"COLUMNS": "160", "XIAOAN_LANGUAGE": "zh"})


def test_the_sample_school_is_listed() -> None:
    result = RUNNER.invoke(site_app, ["check", str(sample_school_directory())])
    assert result.exit_code == 0
    for words in ("示范学校", "楼梯甲", "10.8", "stair-a 100%", "hall-1f 97%", "可以使用"):
        assert words in result.output


def test_the_english_table() -> None:
    result = RUNNER.invoke(site_app, ["check", str(sample_school_directory()), "--lang", "en"])
    assert result.exit_code == 0
    assert "Sample school" in result.output
    assert "Stairs" in result.output


def test_problems_are_listed_and_the_exit_code_is_1(
    tmp_path: Path,
) -> None:
    text = (sample_school_directory() / "site.yaml").read_text(encoding="utf-8")
    spoiled = text.replace("tilt_deg: 38.0", "tlt_deg: 38.0").replace("type: gate", "type: gates")
    (tmp_path / "site.yaml").write_text(spoiled, encoding="utf-8")
    result = RUNNER.invoke(site_app, ["check", str(tmp_path), "--lang", "en"])
    assert result.exit_code == 1
    assert "3 problem(s)" in result.output
    assert "cameras[3].pose.tlt_deg: unknown key — mend: did you mean `tilt_deg`?" in result.output
    assert "zones[3].type" in result.output


def test_a_zone_without_camera_and_a_missing_secret_are_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CAM_9", raising=False)
    text = (sample_school_directory() / "site.yaml").read_text(encoding="utf-8")
    text = text.replace("zones: [corridor-3f]", "credentials: env:CAM_9")
    text = text.replace("virtual:quiet_corridor?seed=1&light=day", "rtsp://10.0.0.9/a")
    (tmp_path / "site.yaml").write_text(text, encoding="utf-8")
    result = RUNNER.invoke(site_app, ["check", str(tmp_path), "--lang", "en"])
    assert result.exit_code == 0
    assert "No camera measures these zones: corridor-3f" in result.output
    assert "environment variable CAM_9 is not set" in result.output
    assert "rtsp://***@10.0.0.9/a" in result.output


def test_an_unknown_language_is_refused() -> None:
    result = RUNNER.invoke(site_app, ["check", str(sample_school_directory()), "--lang", "fr"])
    assert result.exit_code == 2
    assert "use one of zh, en" in result.output


def test_a_folder_without_site_file_is_told(tmp_path: Path) -> None:
    result = RUNNER.invoke(site_app, ["check", str(tmp_path)])
    assert result.exit_code == 1
    assert "there is no such file" in result.output


def copy_of_the_sample(directory: Path) -> Path:
    folder = directory / "school"
    result = RUNNER.invoke(site_app, ["sample", str(folder)])
    assert result.exit_code == 0
    return folder


def test_the_sample_is_complete_and_passes_its_own_check(tmp_path: Path) -> None:
    folder = copy_of_the_sample(tmp_path)
    names = {path.name for path in folder.iterdir()}
    assert {"site.yaml", "desk.yaml", "cards.yaml", "recording.yaml", "timetable.yaml"} <= names
    assert {"dismissal.yaml", "panels.example.yaml", "delivery.example.yaml"} <= names
    result = RUNNER.invoke(site_app, ["check", str(folder), "--lang", "en"])
    assert result.exit_code == 0
    for words in ("action cards 12", "people 6, ladder steps 4", "Absent (defaults are used)"):
        assert words in result.output


def test_the_examples_can_be_used_as_they_are(tmp_path: Path) -> None:
    folder = copy_of_the_sample(tmp_path)
    for name in ("panels", "delivery", "oidc"):
        (folder / f"{name}.example.yaml").rename(folder / f"{name}.yaml")
    result = RUNNER.invoke(site_app, ["check", str(folder), "--lang", "en"])
    assert result.exit_code == 0, result.output
    assert "modules 1, buttons 2, door contacts 2, outputs 2" in result.output
    assert "targets 2, paths 3" in result.output


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        ("desk.yaml", 'at: "07:10"', 'at: "7.10"', "desk.yaml:"),
        ("cards.yaml", "guard-hall", "guard-nobody", "guard-nobody"),
        ("panels.yaml", "coil: 1", "coil: 0", "coil 0 of 'io-gate' is already"),
        ("delivery.yaml", "driver: webhook", "driver: pigeon", "delivery.yaml:"),
        ("oidc.yaml", "https://id", "http://id", "this must begin with https://"),
        ("recording.yaml", "retention_days: 30", "retention_days: 3", "recording.yaml:"),
    ],
)
def test_a_fault_in_any_file_is_told_with_file_line_and_mend(
    tmp_path: Path, name: str, old: str, new: str, told: str
) -> None:
    folder = copy_of_the_sample(tmp_path)
    for example in ("panels", "delivery", "oidc"):
        (folder / f"{example}.example.yaml").rename(folder / f"{example}.yaml")
    content = (folder / name).read_text(encoding="utf-8")
    assert old in content
    (folder / name).write_text(content.replace(old, new, 1), encoding="utf-8")
    result = RUNNER.invoke(site_app, ["check", str(folder), "--lang", "en"])
    assert result.exit_code == 1
    assert told in result.output
    assert f"{name} cannot be used" in result.output
    (line,) = [one for one in result.output.splitlines() if one.startswith(f"  {name}:")][:1]
    assert "mend: " in line


def test_faults_of_files_beside_the_site_file_are_told_in_chinese_first(tmp_path: Path) -> None:
    folder = copy_of_the_sample(tmp_path)
    desk = (folder / "desk.yaml").read_text(encoding="utf-8")
    (folder / "desk.yaml").write_text(desk.replace("after_s: 30", "after: 30", 1), "utf-8")
    result = RUNNER.invoke(site_app, ["check", str(folder)])
    assert result.exit_code == 1
    lines = [line for line in result.output.splitlines() if line.startswith("  desk.yaml:")]
    assert "没有这个键" in lines[0] or "缺少" in lines[0]
    assert "unknown key" in result.output


def test_what_is_doubtful_is_noted_and_refuses_nothing(tmp_path: Path) -> None:
    folder = copy_of_the_sample(tmp_path)
    site = (folder / "site.yaml").read_text(encoding="utf-8")
    old = "{id: stair-foot, from: [3.6, 0], to: [3.6, 3]}"
    assert old in site
    turned = "{id: stair-foot, from: [3.6, 3], to: [3.6, 0]}"
    site = site.replace(old, turned, 1).replace("en: Upper corridor}", 'en: "Upper corridor [/b]"}')
    (folder / "site.yaml").write_text(site, "utf-8")
    cards = (folder / "cards.yaml").read_text(encoding="utf-8")
    named = "  - id: stay-upstairs\n    audio: gone.wav\n"
    (folder / "cards.yaml").write_text(cards.replace("  - id: stay-upstairs\n", named, 1), "utf-8")
    (folder / "plan").mkdir()
    calendar = SHIPPED_CALENDAR.read_text("utf-8")
    (folder / "plan" / "calendar.yaml").write_text(calendar, "utf-8")
    result = RUNNER.invoke(site_app, ["check", str(folder), "--lang", "en"])
    assert result.exit_code == 0, result.output
    notes = [line for line in result.output.splitlines() if line.startswith("△ ")]
    assert [note.split(": ")[1] for note in notes[:2]] == [
        "zones[1].exits[0].from",
        "announcements[0].audio",
    ]
    assert any(
        "timetable.yaml: The bureau has not entered: spring term of " in one for one in notes
    )
    assert any(one.startswith("△ plan: it holds no units.yaml") for one in notes)
    assert "Upper corridor [/b]" in result.output


@pytest.mark.parametrize("place", ["taken.txt", "taken.txt/below", "full"])
def test_a_sample_that_cannot_be_written_says_why(tmp_path: Path, place: str) -> None:
    (tmp_path / "taken.txt").write_text("mine", "utf-8")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "site.yaml").write_text("mine", "utf-8")
    result = RUNNER.invoke(site_app, ["sample", str(tmp_path / place)])
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert "目录" in result.output
    assert (tmp_path / "full" / "site.yaml").read_text("utf-8") == "mine"


def test_a_sample_in_an_unknown_language_is_refused_before_it_is_written(tmp_path: Path) -> None:
    result = RUNNER.invoke(site_app, ["sample", str(tmp_path / "new"), "--lang", "fr"])
    assert result.exit_code == 2
    assert not (tmp_path / "new").exists()


def test_a_school_that_still_bears_the_samples_id_is_noted(tmp_path: Path) -> None:
    """A district could not tell the papers of two such schools apart."""
    file = copy_of_the_sample(tmp_path) / "site.yaml"
    note = "△ site.id is still the sample's sample-school"
    assert note in RUNNER.invoke(site_app, ["check", str(file.parent), "--lang", "en"]).output
    written = file.read_text("utf-8").replace("  id: sample-school", "  id: no-1", 1)
    file.write_text(written, "utf-8")
    shown = RUNNER.invoke(site_app, ["check", str(file.parent), "--lang", "en"])
    assert (shown.exit_code, note in shown.output) == (0, False)
    shipped = RUNNER.invoke(site_app, ["check", str(sample_school_directory()), "--lang", "en"])
    assert note not in shipped.output


def test_a_file_that_nobody_reads_is_noted(tmp_path: Path) -> None:
    RUNNER.invoke(site_app, ["sample", str(tmp_path / "school")])
    (tmp_path / "school" / "networks.yml").write_text("networks: [10.0.0.0/8]\n", "utf-8")
    result = RUNNER.invoke(site_app, ["check", str(tmp_path / "school")])
    assert result.exit_code == 0
    assert "△ networks.yml: 没有程序读这个文件 — 改法 mend: 改名为 networks.yaml" in result.output


def test_an_address_that_the_networks_do_not_allow_is_noted(tmp_path: Path) -> None:
    """Everything reads well, and the receiver would still never be connected to."""
    school = tmp_path / "school"
    RUNNER.invoke(site_app, ["sample", str(school)])
    site = (school / "site.yaml").read_text("utf-8")
    site = site.replace("virtual:quiet_corridor?seed=1&light=day", "rtsp://192.168.10.9/a")
    site = site.replace("virtual:two_way_gate?seed=1&light=day", "rtsp://10.0.0.9/a")
    (school / "site.yaml").write_text(site, "utf-8")
    (school / "delivery.example.yaml").rename(school / "delivery.yaml")
    (school / "networks.yaml").write_text("networks: [192.168.10.0/24, 10.20.0.6/32]\n", "utf-8")
    result = RUNNER.invoke(site_app, ["check", str(school), "--lang", "en"])
    assert result.exit_code == 0
    told = [line for line in result.output.splitlines() if "networks.yaml does not let" in line]
    assert [line.split()[1] for line in told] == ["cam-gate:", "police:"]
    assert "10.0.0.9" in told[0]
    assert "10.20.0.5" in told[1]
    (school / "networks.yaml").unlink()
    assert "does not let" not in RUNNER.invoke(site_app, ["check", str(school)]).output

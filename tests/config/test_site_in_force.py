"""The settings that a run goes by, when the folder can be used and when it cannot."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from config.cards_load import load_cards
from config.desk_plan import load_desk_plan
from config.errors import ConfigError
from config.networks import load_networks
from config.panels_load import load_panels
from config.plan import load_edition
from config.plan.school_calendar import SHIPPED_CALENDAR
from config.profiles import load_profiles
from config.site_files import check_files
from config.site_in_force import COPIES, settle_site
from config.site_load import SITE_FILE, load_site, sample_school_directory
from vision.instants import Utc

MONDAY, TUESDAY = Utc.from_iso("2026-03-02T07:00:00+08:00"), Utc.from_iso("2026-03-03T07:00+08:00")


@pytest.fixture
def school(tmp_path: Path) -> Path:
    folder = tmp_path / "school"
    shutil.copytree(sample_school_directory(), folder)
    for example in folder.glob("*.example.yaml"):
        example.unlink()
    (folder / "delivery.yaml").write_text("targets: []\n", "utf-8")
    return folder


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    return tmp_path / "var"


def rewrite(path: Path, old: str, new: str) -> None:
    content = path.read_text("utf-8")
    assert old in content
    path.write_text(content.replace(old, new, 1), "utf-8")


def test_a_good_folder_is_read_from_its_copy(school: Path, run_dir: Path) -> None:
    found = settle_site(school, run_dir, MONDAY)
    assert (found.taken_at, found.problems) == (MONDAY, ())
    assert found.site.directory == school
    assert found.site.file(SITE_FILE).is_relative_to(run_dir / COPIES)
    assert found.site.sha256 == load_site(school).sha256
    assert found.site.file(SITE_FILE).stat().st_mode & 0o077 == 0
    assert load_cards(found.site, load_desk_plan(found.site)).cards
    # It is followed while the service runs.
    assert not found.site.file("delivery.yaml").exists()


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("site.yaml", "site: [", "site.yaml"),
        ("desk.yaml", "format: 1\nladder: 7\n", "desk.yaml"),
        ("cards.yaml", "format: 2\n", "cards.yaml"),
        ("recording.yaml", "format: 1\nwrong: 1\n", "recording.yaml"),
        ("timetable.yaml", "- 1\n", "timetable.yaml"),
        ("networks.yaml", "networks: 10.0.0.0/8\n", "networks.yaml"),
        ("panels.yaml", "devices: {}\n", "panels.yaml"),
    ],
)
def test_a_broken_file_does_not_stop_a_start(
    school: Path, run_dir: Path, name: str, content: str, told: str
) -> None:
    good = settle_site(school, run_dir, MONDAY)
    (school / name).write_text(content, "utf-8")
    found = settle_site(school, run_dir, TUESDAY)
    assert found.taken_at == MONDAY
    assert found.problems
    assert told in found.problems[0]
    assert found.site.cameras == good.site.cameras
    assert load_desk_plan(found.site) == load_desk_plan(good.site)


def test_a_secret_that_cannot_be_had_stops_no_start_and_is_told_by_the_check(
    school: Path, run_dir: Path
) -> None:
    panels = (
        "format: 1\nonvif:\n  - id: cam-io\n    name: {zh: 甲, en: A}\n"
        "    url: http://192.168.10.31/onvif\n    credentials: file:none.secret\n"
    )
    (school / "panels.yaml").write_text(panels, "utf-8")
    found = settle_site(school, run_dir, MONDAY)
    assert found.problems == ()
    assert set(load_panels(found.site).locked) == {"cam-io"}
    standing = {one.name: one for one in check_files(load_site(school))}["panels.yaml"]
    (problem,) = standing.problems
    assert str(problem).startswith(
        "panels.yaml:6: onvif[0].credentials: the secret file none.secret"
    )


def test_a_mended_file_holds_from_the_next_start(school: Path, run_dir: Path) -> None:
    settle_site(school, run_dir, MONDAY)
    rewrite(school / SITE_FILE, "site:", "sight:")
    assert settle_site(school, run_dir, TUESDAY).problems
    rewrite(school / SITE_FILE, "sight:", "site:")
    found = settle_site(school, run_dir, TUESDAY)
    assert (found.taken_at, found.problems) == (TUESDAY, ())


def test_what_was_never_good_is_refused(school: Path, run_dir: Path) -> None:
    rewrite(school / SITE_FILE, "site:", "sight:")
    with pytest.raises(ConfigError, match="sight"):
        settle_site(school, run_dir, MONDAY)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path, run_dir: Path, school: Path) -> None:
    settle_site(school, run_dir, MONDAY)
    with pytest.raises(ConfigError, match="no such file"):
        settle_site(tmp_path / "scool", run_dir, TUESDAY)


def test_settings_of_another_school_are_never_taken(
    tmp_path: Path, school: Path, run_dir: Path
) -> None:
    settle_site(school, run_dir, MONDAY)
    other = tmp_path / "other"
    other.mkdir()
    (other / SITE_FILE).write_text("site: [", "utf-8")
    with pytest.raises(ConfigError):
        settle_site(other, run_dir, TUESDAY)


def test_a_change_while_it_runs_is_not_read(school: Path, run_dir: Path) -> None:
    found = settle_site(school, run_dir, MONDAY)
    rewrite(school / SITE_FILE, "site:", "sight:")
    again = load_site(school, read_from=found.site.read_from)
    assert again == found.site


def test_one_copy_is_kept_and_an_equal_one_not_made_again(school: Path, run_dir: Path) -> None:
    first = settle_site(school, run_dir, MONDAY).site.read_from
    assert settle_site(school, run_dir, TUESDAY).site.read_from == first
    with (school / SITE_FILE).open("a", encoding="utf-8") as file:
        file.write("# moved a camera\n")
    second = settle_site(school, run_dir, TUESDAY).site.read_from
    assert second != first
    assert [path for path in (run_dir / COPIES).iterdir() if path.is_dir()] == [second]


def test_broken_settings_leave_the_good_copy_whole(school: Path, run_dir: Path) -> None:
    good = settle_site(school, run_dir, MONDAY).site.read_from
    (school / "desk.yaml").write_text("format: 9\n", "utf-8")
    for _ in range(2):
        assert settle_site(school, run_dir, TUESDAY).site.read_from == good


def test_profiles_and_the_plan_go_along(school: Path, run_dir: Path) -> None:
    own = Path(str(sample_school_directory().parent)) / "profiles" / "default.yaml"
    (school / "limits").mkdir()
    shutil.copy(own, school / "limits" / "ours.yaml")
    rewrite(school / SITE_FILE, "site:\n", "site:\n  profiles: limits/ours.yaml\n")
    (school / "plan").mkdir()
    good = settle_site(school, run_dir, MONDAY).site
    (school / "limits" / "ours.yaml").write_text("format: 0\n", "utf-8")
    found = settle_site(school, run_dir, TUESDAY)
    assert all(line.startswith("ours.yaml:1: id: ") for line in found.problems)
    assert load_profiles(found.site.profiles_file) == load_profiles(good.profiles_file)


def test_profiles_outside_the_folder_are_read_where_they_lie(school: Path, run_dir: Path) -> None:
    own = Path(str(sample_school_directory().parent)) / "profiles" / "default.yaml"
    shutil.copy(own, school.parent / "district.yaml")
    rewrite(school / SITE_FILE, "site:\n", "site:\n  profiles: ../district.yaml\n")
    found = settle_site(school, run_dir, MONDAY)
    assert (found.taken_at, found.problems) == (None, ())
    assert found.site.read_from is None


def test_a_run_folder_that_cannot_be_written_stops_nothing(school: Path, tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("", "utf-8")
    found = settle_site(school, in_the_way, MONDAY)
    assert (found.taken_at, found.problems) == (None, ())
    assert found.site.read_from is None


def test_a_copy_that_was_spoilt_is_not_taken(school: Path, run_dir: Path) -> None:
    kept = settle_site(school, run_dir, MONDAY).site.read_from
    assert kept is not None
    (kept / SITE_FILE).write_text("", "utf-8")
    (school / SITE_FILE).write_text("site: [", "utf-8")
    with pytest.raises(ConfigError):
        settle_site(school, run_dir, TUESDAY)


UNDERLAY = """\
    underlay:
      file: plan1.png
      points: [{px: [0, 0], at: [0, 0]}, {px: [100, 0], at: [10, 0]}]"""
CALENDAR = "timetable.yaml:4: calendar"
PROFILES = Path(str(sample_school_directory().parent)) / "profiles" / "default.yaml"


def warnings_of(caplog: pytest.LogCaptureFixture) -> str:
    return "\n".join(record.getMessage() for record in caplog.records)


def test_a_drawing_that_is_gone_stops_no_start(
    school: Path, run_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rewrite(school / SITE_FILE, "    elevation_m: 7.2", f"    elevation_m: 7.2\n{UNDERLAY}")
    (school / "plan1.png").write_bytes(b"")
    with_it = settle_site(school, run_dir, MONDAY).site
    (school / "plan1.png").unlink()
    again = load_site(school, read_from=with_it.read_from)
    assert [floor.underlay for floor in again.floors if floor.underlay] == []
    found = settle_site(school, run_dir, TUESDAY)
    assert (found.taken_at, found.problems) == (TUESDAY, ())
    assert "underlay.file: there is no file 'plan1.png'" in warnings_of(caplog)


def test_a_sound_that_is_gone_stops_no_start(
    school: Path, run_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rewrite(
        school / "cards.yaml",
        "  - id: stay-upstairs\n",
        "  - id: stay-upstairs\n    audio: a.wav\n",
    )
    found = settle_site(school, run_dir, MONDAY)
    assert (found.taken_at, found.problems) == (MONDAY, ())
    assert "there is no file 'a.wav' beside the cards" in warnings_of(caplog)
    standing = {one.name: one for one in check_files(load_site(school))}["cards.yaml"]
    assert (standing.problems, len(standing.notes)) == ((), 1)


@pytest.mark.parametrize("name", ["school.yml", "plan/school.yml", "plan/calendar.yaml"])
def test_the_calendar_that_the_timetable_names_goes_along(
    school: Path, run_dir: Path, name: str
) -> None:
    (school / "plan").mkdir()
    shutil.copy(SHIPPED_CALENDAR, school / name)
    rewrite(school / "timetable.yaml", "format: 1\n", f"format: 1\ncalendar: {name}\n")
    found = settle_site(school, run_dir, MONDAY)
    assert (found.taken_at, found.problems) == (MONDAY, ())


def test_the_calendar_that_a_unit_names_goes_along(school: Path, run_dir: Path) -> None:
    (school / "plan").mkdir()
    shutil.copy(SHIPPED_CALENDAR, school / "plan" / "primary.yml")
    unit = "{id: a, name_zh: 甲, name_en: A, kind: primary, calendar: primary.yml}"
    (school / "plan" / "units.yaml").write_text(f"units: [{unit}]\n", "utf-8")
    found = settle_site(school, run_dir, MONDAY)
    assert load_edition(found.site.file("plan")).calendars.keys() == {"", "primary.yml"}


def test_a_plan_folder_without_files_is_still_a_plan(school: Path, run_dir: Path) -> None:
    assert not settle_site(school, run_dir, MONDAY).site.file("plan").exists()
    (school / "plan").mkdir()
    assert settle_site(school, run_dir, MONDAY).site.file("plan").is_dir()
    (school / "plan").rmdir()
    assert not settle_site(school, run_dir, MONDAY).site.file("plan").exists()


def test_what_an_editor_leaves_behind_is_no_setting(school: Path, run_dir: Path) -> None:
    (school / ".#desk.yaml").symlink_to("user@host.123:1")
    (school / "old.yaml").mkdir()
    found = settle_site(school, run_dir, MONDAY)
    assert (found.taken_at, found.problems) == (MONDAY, ())
    assert not found.site.file("old.yaml").exists()


@pytest.mark.parametrize("way", ["name", "absolute", "link"])
def test_profiles_in_the_folder_are_read_from_the_copy(
    school: Path, run_dir: Path, way: str
) -> None:
    shutil.copy(PROFILES, school / "ours.yaml")
    (school / "current.yaml").symlink_to("ours.yaml")
    named = {"name": "ours.yaml", "absolute": school / "ours.yaml", "link": "current.yaml"}[way]
    rewrite(school / SITE_FILE, "site:\n", f"site:\n  profiles: {named}\n")
    good = settle_site(school, run_dir, MONDAY).site
    assert good.profiles_file is not None
    assert good.profiles_file.is_relative_to(run_dir)
    (school / "ours.yaml").write_text("format: 0\n", "utf-8")
    found = settle_site(school, run_dir, TUESDAY)
    assert found.taken_at == MONDAY
    assert load_profiles(found.site.profiles_file) == load_profiles(good.profiles_file)


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        ("timetable.yaml", "format: 1\n", "format: 1\ncalendar: none.yaml\n", CALENDAR),
        ("timetable.yaml", "format: 1\n", "format: 1\ncalendar: .\n", CALENDAR),
        ("timetable.yaml", "format: 1\n", "format: 1\ncalendar: ../c.yaml\n", CALENDAR),
        ("timetable.yaml", "format: 1\n", 'format: 1\ncalendar: "a\\0.yaml"\n', CALENDAR),
        ("site.yaml", "site:\n", f"site:\n  profiles: {'a' * 300}\n", "site.yaml:"),
        ("site.yaml", "site:\n", 'site:\n  profiles: "a\\0b"\n', "site.yaml:"),
    ],
)  # fmt: skip
def test_a_name_that_no_file_has_is_told_by_its_key(
    school: Path, run_dir: Path, name: str, old: str, new: str, told: str
) -> None:
    settle_site(school, run_dir, MONDAY)
    rewrite(school / name, old, new)
    found = settle_site(school, run_dir, TUESDAY)
    assert found.taken_at == MONDAY
    assert found.problems[0].startswith(told)
    assert not [line for line in found.problems if COPIES in line]


def test_the_check_and_a_start_say_the_same(school: Path, run_dir: Path) -> None:
    settle_site(school, run_dir, MONDAY)
    shutil.copy(PROFILES, school / "ours.yaml")
    rewrite(school / "ours.yaml", "leave_s: 30", "leave_s: 3x")
    rewrite(school / SITE_FILE, "site:\n", "site:\n  profiles: ours.yaml\n")
    rewrite(school / "timetable.yaml", "format: 1\n", "format: 1\ncalendar: school.yml\n")
    shutil.copy(SHIPPED_CALENDAR, school / "school.yml")
    standings = check_files(load_site(school))
    checked = [str(problem) for one in standings for problem in one.problems]
    assert checked == [
        "ours.yaml:14: defaults.leave_s: must be a number, got '3x' — mend: write a plain number"
    ]
    assert set(checked) <= set(settle_site(school, run_dir, TUESDAY).problems)


@pytest.mark.parametrize("name", ["networks.yaml", "desk.yaml", "recording.yaml"])
def test_a_link_that_leads_nowhere_is_no_missing_file(
    school: Path, run_dir: Path, name: str
) -> None:
    """Without `networks.yaml` a site may connect anywhere: its disk only has to be late."""
    (school / "networks.yaml").write_text("networks: [10.0.0.0/8]\n", "utf-8")
    settle_site(school, run_dir, MONDAY)
    (school / name).unlink()
    (school / name).symlink_to("/nowhere/at/all.yaml")
    found = settle_site(school, run_dir, TUESDAY)
    assert found.taken_at == MONDAY
    assert "leads nowhere" in " ".join(found.problems)
    assert load_networks(found.site.folder.read_from).networks is not None
    (standing,) = (one for one in check_files(load_site(school)) if one.name == name)
    assert standing.present
    assert [problem.file for problem in standing.problems] == [name]


def test_a_folder_in_the_place_of_a_file_is_refused(school: Path, run_dir: Path) -> None:
    (school / "timetable.yaml").unlink()
    (school / "timetable.yaml").mkdir()
    with pytest.raises(ConfigError, match=r"timetable\.yaml: it is a folder"):
        settle_site(school, run_dir, MONDAY)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("networks.yml", "networks.yaml"),
        ("Networks.yaml", "networks.yaml"),
        ("network.yaml", "networks.yaml"),
        ("delivery.yaml.txt", "delivery.yaml"),
        ("time-table.yaml", "timetable.yaml"),
        ("desk-before-may.yaml", None),
        ("pairs-cam-stair.yaml", None),
        ("oidc.example.yaml", None),
        (".desk.yaml.swp", None),
    ],
)
def test_a_file_that_nobody_reads_is_told(
    school: Path, written: str, meant: str | None, caplog: pytest.LogCaptureFixture, run_dir: Path
) -> None:
    (school / written).write_text("networks: [10.0.0.0/8]\n", "utf-8")
    standings = check_files(load_site(school))
    told = {note.file: note.mend for one in standings for note in one.notes}
    assert told == ({} if meant is None else {written: f"call it {meant}"})
    settle_site(school, run_dir, MONDAY)
    if meant == "networks.yaml":
        assert f"{written}: nobody reads this file" in caplog.text

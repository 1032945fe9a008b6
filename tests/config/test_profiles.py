"""Threshold profiles: the packaged set, and what a wrong file is told."""

from pathlib import Path

import pytest

from config.profiles import ProfileFileError, load_profiles, parse_profiles
from vision.geometry.zones import ZoneType
from vision.risk.readings import Level

PACKAGED = Path(__file__).resolve().parents[2] / "config" / "profiles" / "default.yaml"
TEXT = PACKAGED.read_text("utf-8")


@pytest.mark.parametrize(
    ("kind", "limits"),
    [
        (ZoneType.STAIRS, (1.5, 2.0, 2.7, 3.5)),
        (ZoneType.CORRIDOR, (2.0, 3.0, 4.0, 5.0)),
        (ZoneType.GATE, (2.5, 3.3, 4.0, 5.0)),
        (ZoneType.SQUARE, (2.0, 3.0, 4.0, 5.0)),
    ],
)
def test_the_packaged_limits(kind: ZoneType, limits: tuple[float, ...]) -> None:
    profile = load_profiles()[kind]
    assert tuple(level.threshold_per_m2 for level in profile.levels) == limits
    assert tuple(level.dwell_s for level in profile.levels) == (20, 10, 5, 3)
    assert (profile.leave_ratio, profile.leave_s) == (0.8, 30)
    assert all(level.source for level in profile.levels)


def test_nobody_has_reviewed_the_packaged_numbers_and_it_says_so() -> None:
    assert {profile.reviewer for profile in load_profiles().values()} == {""}
    assert "none yet" in TEXT


def test_capacity_of_stairs_is_lower_up_than_down() -> None:
    rule = load_profiles()[ZoneType.STAIRS].rules.demand_over_capacity
    assert (rule.along_per_m_s, rule.against_per_m_s) == (1.1, 0.88)
    assert load_profiles()[ZoneType.CORRIDOR].rules.demand_over_capacity.along_per_m_s == 1.3


def test_a_rule_is_switched_and_tuned_in_the_file(tmp_path: Path) -> None:
    packaged = "enabled: true\n        density_per_m2: 3.0\n        speed_mps: 0.2"
    tuned = "enabled: false\n        density_per_m2: 2.5\n        speed_mps: 0.3"
    own = TEXT.replace(packaged, tuned, 1)
    file = tmp_path / "own.yaml"
    file.write_text(own.replace('reviewer: ""', 'reviewer: "王工"'), "utf-8")
    profile = load_profiles(file)[ZoneType.STAIRS]
    rule = profile.rules.slow_dense_queue
    assert (rule.enabled, rule.density_per_m2, rule.speed_mps) == (False, 2.5, 0.3)
    assert rule.level is Level.L3
    assert profile.reviewer == "王工"


@pytest.mark.parametrize(
    ("old", "new", "key", "message", "mend"),
    [
        ("leave_s: 30", "leave: 30", "defaults.leave", "unknown key", "did you mean leave_s?"),
        ("leave_ratio: 0.8", "leave_ratio: 1.8", "profiles.stairs.leave_ratio", "0.1..1", "change"),
        (
            "threshold_per_m2: 2.7",
            "threshold_per_m2: 1.7",
            "profiles.stairs.levels.L3.threshold_per_m2",
            "must be above 2",
            "change",
        ),
        ("speed_mps: 0.2", "speed_mps: slow", "profiles.stairs.rules.slow_dense_queue.speed_mps",
         "must be a number", "plain number"),
        ("speed_mps: 0.2", "speed_mps: -1", "profiles.stairs.rules.slow_dense_queue.speed_mps",
         "must not be negative", "change"),
        ("enabled: true", "enabled: 1", "profiles.stairs.rules.slow_dense_queue.enabled",
         "true or false", "true or false"),
        ("level: L3", "level: L9", "profiles.stairs.rules.slow_dense_queue.level",
         "unknown level", "L1, L2, L3 or L4"),
        ("  stairs:", "  stares:", "profiles.stares", "unknown key", "did you mean stairs?"),
        ("      L4: {threshold_per_m2: 3.5", "      L5: {threshold_per_m2: 3.5",
         "profiles.stairs.levels.L5", "unknown key", "use one of L1"),
        ('reviewer: ""', "", "reviewer", "is missing", "add reviewer"),
        ("format: 1", "format: 2", "format", "unknown format", "write 1"),
        ("format: 1", "format: [", "file", "", "YAML"),
        ("id: xiaoan-default-1", "id: 7", "id", "must be text", "quotes"),
        ("    rules:\n", "    rules: none\n", "profiles.stairs.rules", "", ""),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_with_file_line_key_and_mend(
    old: str, new: str, key: str, message: str, mend: str
) -> None:
    assert old in TEXT
    with pytest.raises(ProfileFileError) as caught:
        parse_profiles(TEXT.replace(old, new, 1), "own.yaml")
    (error,) = caught.value.problems
    if key != "profiles.stairs.rules":  # there the YAML itself is broken
        assert error.key == key
    assert message in error.message
    assert mend in error.mend
    assert str(error).startswith(f"own.yaml:{error.line}: ")
    assert error.line >= 1


def test_the_line_is_the_one_of_the_wrong_value() -> None:
    with pytest.raises(ProfileFileError) as caught:
        parse_profiles(TEXT.replace("speed_mps: 0.2", "speed_mps: x", 1), "own.yaml")
    (problem,) = caught.value.problems
    assert "speed_mps" in TEXT.splitlines()[problem.line - 1]


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ProfileFileError, match="check the path"):
        load_profiles(tmp_path / "none.yaml")
    bad = tmp_path / "bad.yaml"
    bad.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ProfileFileError, match="UTF-8"):
        load_profiles(bad)
    with pytest.raises(ProfileFileError, match="must be a mapping"):
        parse_profiles("- 1\n", "list.yaml")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('reviewer: ""', "reviewer: 2026-02-30", "day is out of range"),
        ("leave_s: 30", "leave_s: !!int abc", "abc"),
        ("leave_s: 30", "leave_s: " + "9" * 5000, "digits"),
        ("leave_s: 30", "leave_s: " + "9" * 400, "usual size"),
        ("leave_s: 30", "leave_s: " + "[" * 3000 + "]" * 3000, "too deeply"),
    ],
)
def test_a_value_that_yaml_itself_cannot_make_is_refused(old: str, new: str, message: str) -> None:
    with pytest.raises(ProfileFileError, match=message):
        parse_profiles(TEXT.replace(old, new, 1), "own.yaml")


def test_a_file_is_called_by_its_name_wherever_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("format: 0\n", "utf-8")
    with pytest.raises(ProfileFileError) as caught:
        load_profiles(tmp_path / "own.yaml")
    assert {problem.file for problem in caught.value.problems} == {"own.yaml"}

"""The file of clicked points, and the pose block that goes into the site file."""

from pathlib import Path

import pytest

from config import SITE_FILE, ConfigFileError, parse_site, sample_school_directory
from config.calibration_file import calibration_block, load_calibration_file, with_calibration
from vision.pose.calibration import calibrate

PAIRS = """\
camera: cam-gate
lens: {width_px: 1280, height_px: 720, hfov_deg: 80}
mount: {x_m: 6.1, y_m: -2.1, z_m: 5.5}
uncertainty: {position_m: 0.2}
pairs:
  - {pixel: [124, 665], plan: [2, 1], name: post}
  - {pixel: [1157, 665], plan: [10, 1]}
  - {pixel: [927, 264], plan: [10, 7]}
  - {pixel: [353, 264], plan: [2, 7]}
people:
  - {head: [640, 300], foot: [640, 400]}
"""


def load(tmp_path: Path, text: str) -> None:
    (tmp_path / "pairs.yaml").write_text(text, encoding="utf-8")
    load_calibration_file(tmp_path / "pairs.yaml")


def test_a_file_of_pairs_is_read(tmp_path: Path) -> None:
    (tmp_path / "pairs.yaml").write_text(PAIRS, encoding="utf-8")
    clicked = load_calibration_file(tmp_path / "pairs.yaml")
    assert clicked.camera_id == "cam-gate"
    assert list(clicked.names) == ["post", "2", "3", "4"]
    assert list(clicked.pairs[0].uv_px) == [124, 665]
    assert list(clicked.pairs[0].xyz_m) == [2, 1, 0]
    assert clicked.priors.position_sigma_m == 0.2
    assert clicked.priors.lens.hfov_deg == pytest.approx(80.0)
    assert list(clicked.people[0].foot_uv_px) == [640, 400]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("hfov_deg", "hfov", r"pairs\.yaml:2: lens\.hfov: unknown key — mend: .*`hfov_deg`"),
        ("z_m: 5.5", "z_m: 0", r"pairs\.yaml:3: mount\.z_m: 0 is out of range"),
        ("[124, 665]", "[1300, 665]", r"pairs\.yaml:6: pairs\[0\]\.pixel: the pixel lies outside"),
        ("position_m: 0.2", "position_m: 0", "out of range"),
        ("camera: cam-gate\n", "", "camera: is missing"),
        (", hfov_deg: 80", "", "field of view or its focal length"),
        ("  - {pixel: [927, 264], plan: [10, 7]}\n  - {pixel: [353, 264], plan: [2, 7]}\n", "",
         "needs at least 3 entries, got 2"),
        ("people:", "plane: {through: [[0,0,0],[1,0,0],[2,0,0]]}\npeople:", "not on one line"),
    ],
)  # fmt: skip
def test_a_faulty_file_is_refused(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in PAIRS
    with pytest.raises(ConfigFileError, match=words):
        load(tmp_path, PAIRS.replace(old, new))


def block_of(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "pairs.yaml").write_text(PAIRS, encoding="utf-8")
    clicked = load_calibration_file(tmp_path / "pairs.yaml")
    found = calibrate(clicked.pairs, clicked.priors, leave_one_out=False)
    return calibration_block(found, date="2026-11-23")


def test_the_block_replaces_pose_and_lens_and_nothing_else(
    tmp_path: Path, sample_text: str
) -> None:
    edited = with_calibration(sample_text, "cam-gate", block_of(tmp_path))
    site = parse_site(edited.encode(), directory=sample_school_directory())
    camera = site.camera("cam-gate")
    assert camera.camera.pose.pan_deg == pytest.approx(90.0, abs=1.0)
    assert camera.camera.pose.tilt_deg == pytest.approx(38.0, abs=1.0)
    assert camera.calibration is not None
    assert (camera.calibration.date, camera.calibration.pairs) == ("2026-11-23", 4)
    before, after = sample_text.splitlines(), edited.splitlines()
    assert [line for line in before if line not in after] == [
        "    lens: {width_px: 1280, height_px: 720, hfov_deg: 80.0}",
        "    pose: {x_m: 6.0, y_m: -2.2, z_m: 5.5, pan_deg: 90.0, tilt_deg: 38.0}",
    ]
    assert len(after) == len(before) + 1


def test_a_second_calibration_replaces_the_first(tmp_path: Path, sample_text: str) -> None:
    block = block_of(tmp_path)
    once = with_calibration(sample_text, "cam-gate", block)
    assert with_calibration(once, "cam-gate", block) == once


def test_a_pose_written_over_several_lines_and_its_comments_survive(
    tmp_path: Path, sample_text: str
) -> None:
    spread = sample_text.replace(
        "    pose: {x_m: 6.0, y_m: -2.2, z_m: 5.5, pan_deg: 90.0, tilt_deg: 38.0}\n",
        "    pose:\n      x_m: 6.0\n      y_m: -2.2\n      z_m: 5.5\n      pan_deg: 90.0\n"
        "      tilt_deg: 38.0\n    # kept\n",
    )
    edited = with_calibration(spread, "cam-gate", block_of(tmp_path))
    site = parse_site(edited.encode(), directory=sample_school_directory())
    assert site.camera("cam-gate").calibration is not None
    assert "# kept" in edited
    assert "      x_m: 6.0\n" not in edited


def test_a_camera_without_pose_gets_one(tmp_path: Path, sample_text: str) -> None:
    bare = sample_text.replace(
        "    pose: {x_m: 6.0, y_m: -2.2, z_m: 5.5, pan_deg: 90.0, tilt_deg: 38.0}\n", ""
    )
    edited = with_calibration(bare, "cam-gate", block_of(tmp_path))
    assert parse_site(edited.encode(), directory=sample_school_directory()).camera("cam-gate")


def test_an_unknown_camera_and_one_in_braces_are_refused(tmp_path: Path, sample_text: str) -> None:
    block = block_of(tmp_path)
    with pytest.raises(ConfigFileError, match="no camera 'cam-9'"):
        with_calibration(sample_text, "cam-9", block)
    with pytest.raises(ConfigFileError, match=rf"{SITE_FILE}:1: cameras: written in braces"):
        with_calibration("cameras: [{id: cam-gate}]\n", "cam-gate", block)

"""`xiaoan calibrate`: the residual table, the refusal, and the pose in the site file."""

import os
import shutil
from pathlib import Path

from typer.testing import CliRunner

from api.cli.calibrate import calibrate_app
from config import load_site, sample_school_directory

RUNNER = CliRunner(env={"COLUMNS": "160", "XIAOAN_LANGUAGE": "zh"})
PAIRS = """\
camera: cam-gate
lens: {width_px: 1280, height_px: 720, hfov_deg: 80}
mount: {x_m: 6.1, y_m: -2.1, z_m: 5.5}
pairs:
  - {pixel: [124, 665], plan: [2, 1], name: post}
  - {pixel: [1157, 665], plan: [10, 1]}
  - {pixel: [927, 264], plan: [10, 7]}
  - {pixel: [353, 264], plan: [2, 7]}
"""


def pairs_file(tmp_path: Path, text: str = PAIRS) -> str:
    (tmp_path / "pairs.yaml").write_text(text, encoding="utf-8")
    return str(tmp_path / "pairs.yaml")


def test_residuals_and_the_block_are_printed(tmp_path: Path) -> None:
    result = RUNNER.invoke(calibrate_app, [pairs_file(tmp_path), "--lang", "en"])
    assert result.exit_code == 0, result.output
    for words in (
        "Calibration of camera cam-gate",
        "post",
        "Left out m",
        "pose: {x_m: ",
        "pairs: 4",
    ):
        assert words in result.output


def test_the_pose_goes_into_the_site_file(tmp_path: Path) -> None:
    shutil.copytree(sample_school_directory(), tmp_path / "site")
    arguments = [pairs_file(tmp_path), "--site", str(tmp_path / "site")]
    result = RUNNER.invoke(calibrate_app, arguments)
    assert result.exit_code == 0, result.output
    note = load_site(tmp_path / "site").camera("cam-gate").calibration
    assert note is not None
    assert note.pairs == 4
    # Nothing is left beside the files that were there.
    before = {path.name for path in sample_school_directory().iterdir()}
    assert {path.name for path in (tmp_path / "site").iterdir()} == before


def test_the_service_can_read_the_site_file_as_before(tmp_path: Path) -> None:
    """Root calibrates under any umask; the service reads the file as another user."""
    shutil.copytree(sample_school_directory(), tmp_path / "site")
    kept = tmp_path / "kept.yaml"
    file = (tmp_path / "site" / "site.yaml").rename(kept)
    (tmp_path / "site" / "site.yaml").symlink_to(file)
    kept.chmod(0o640)
    group = max(os.getgroups(), default=os.getgid()) if os.geteuid() else 54321
    os.chown(kept, -1, group)
    umask = os.umask(0o077)
    try:
        arguments = [pairs_file(tmp_path), "--site", str(tmp_path / "site")]
        result = RUNNER.invoke(calibrate_app, arguments)
    finally:
        os.umask(umask)
    assert result.exit_code == 0, result.output
    assert "pairs: 4" in kept.read_text("utf-8")
    assert (kept.stat().st_mode & 0o777, kept.stat().st_gid) == (0o640, group)


def test_a_refusal_names_the_pair_and_leaves_the_site_alone(tmp_path: Path) -> None:
    shutil.copytree(sample_school_directory(), tmp_path / "site")
    before = (tmp_path / "site" / "site.yaml").read_bytes()
    text = PAIRS.replace("[124, 665]", "[424, 665]")
    result = RUNNER.invoke(
        calibrate_app, [pairs_file(tmp_path, text), "--site", str(tmp_path / "site")]
    )
    assert result.exit_code == 1
    assert "标定被拒绝" in result.output
    assert (tmp_path / "site" / "site.yaml").read_bytes() == before


def test_a_faulty_file_and_an_unknown_camera_are_told(tmp_path: Path) -> None:
    result = RUNNER.invoke(calibrate_app, [pairs_file(tmp_path, "camera: c\n")])
    assert result.exit_code == 1
    assert "pairs.yaml:1: pairs: is missing" in result.output
    unknown = pairs_file(tmp_path, PAIRS.replace("cam-gate", "cam-9"))
    result = RUNNER.invoke(calibrate_app, [unknown, "--site", str(sample_school_directory())])
    assert result.exit_code == 1
    assert "no camera 'cam-9'" in result.output

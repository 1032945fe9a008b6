"""`recording.yaml`: what it says, and precise refusals."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from config import ConfigFileError, load_site, sample_school_directory
from config.recording import load_recording


def school(tmp_path: Path, text: str | None) -> Path:
    folder = tmp_path / "school"
    shutil.copytree(sample_school_directory(), folder)
    (folder / "recording.yaml").unlink()
    if text is not None:
        (folder / "recording.yaml").write_text(text, encoding="utf-8")
    return folder


def test_the_sample_school_keeps_its_stair_longer() -> None:
    found = load_recording(load_site(sample_school_directory()))
    assert found.ring.role == "copy"
    assert (found.ring.keep_s, found.ring.floor_s) == (86_400.0, 600.0)
    assert found.clips.days_for(["stair-a"]) == 90
    assert len(found.sha256) == 64


def test_without_a_file_everything_is_recorded_for_a_day(tmp_path: Path) -> None:
    site = load_site(school(tmp_path, None))
    found = load_recording(site)
    assert found.ring.camera_ids == {camera.id for camera in site.cameras}
    assert found.sha256 == ""


def test_a_ring_that_is_the_record_keeps_thirty_days(tmp_path: Path) -> None:
    site = load_site(school(tmp_path, "format: 1\nring:\n  role: record\n"))
    ring = load_recording(site).ring
    assert (ring.keep_s, ring.floor_s) == (30 * 86_400.0, 30 * 86_400.0)


@pytest.mark.parametrize(
    ("text", "kept_days"),
    [
        (None, None),
        ("format: 1\nrecorder:\n  days: 45\n", 45),
        ("format: 1\nring:\n  role: record\n  hours: 2160\n", 90.0),
        ("format: 1\nring:\n  role: record\n  cameras: [cam-gate]\n", 0.0),
    ],
)
def test_for_how_long_a_camera_is_on_record(
    tmp_path: Path, text: str | None, kept_days: float | None
) -> None:
    """90 days of 24 h are 2160 h; a record that leaves the camera out keeps nothing of it."""
    found = load_recording(load_site(school(tmp_path, text)))
    assert found.kept_days("cam-stair") == kept_days


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "format: 1\nclips:\n  retention_days: 29\n",
            "recording.yaml:3: clips.retention_days: 29 days are below the legal minimum",
        ),
        (
            "format: 1\nring:\n  role: record\n  hours: 24\n",
            "recording.yaml:4: ring.hours: 24 hours are below the legal minimum",
        ),
        (
            "format: 1\nareas:\n  - id: stair-b\n    retention_days: 60\n",
            "recording.yaml:3: areas[0].id: the site has no required area or zone 'stair-b'",
        ),
        (
            "format: 1\nring:\n  cameras: [cam-stairs]\n",
            "recording.yaml:3: ring.cameras[0]: the site has no camera 'cam-stairs'",
        ),
        (
            "format: 1\nring:\n  role: record\nrecorder:\n  days: 90\n",
            "recording.yaml:4: recorder: with `role: record` this ring is the record",
        ),
        ("format: 1\nring:\n  hour: 3\n", "recording.yaml:3: ring.hour: unknown key"),
    ],
)
def test_a_wrong_file_is_refused_with_line_key_and_mend(
    tmp_path: Path, text: str, told: str
) -> None:
    with pytest.raises(ConfigFileError) as refusal:
        load_recording(load_site(school(tmp_path, text)))
    assert told in str(refusal.value)
    assert "— mend: " in str(refusal.value)

"""Trajectory files: our reading and writing, with PedPy as the other side."""

from pathlib import Path

import numpy as np
import pedpy
import pytest

from streams.trajectories import (
    Trajectories,
    TrajectoryFileError,
    read_trajectories,
    write_trajectories,
)

PEOPLE = Trajectories(
    ids=np.array([2, 1, 1, 2]),
    frames=np.array([1, 0, 1, 0]),
    xy_m=np.array([[1.5, 2.25], [0.0, 0.5], [0.125, 0.5], [1.0, 2.0]]),
    z_m=np.array([1.6, 1.4, 1.4, 1.6]),
    frame_rate_fps=12.5,
)


@pytest.mark.parametrize("name", ["walk.txt", "walk.txt.gz"])
def test_what_is_written_is_read_again(tmp_path: Path, name: str) -> None:
    write_trajectories(tmp_path / name, PEOPLE, comment="one walk")
    again = read_trajectories(tmp_path / name)
    assert again.frame_rate_fps == 12.5
    np.testing.assert_array_equal(again.ids, [1, 2, 1, 2])
    np.testing.assert_array_equal(again.frames, [0, 0, 1, 1])
    places = np.array([[0.0, 0.5], [1.0, 2.0], [0.125, 0.5], [1.5, 2.25]])
    np.testing.assert_allclose(again.xy_m, places)
    assert [(n, ids.tolist()) for n, ids, _ in again.by_frame()] == [(0, [1, 2]), (1, [1, 2])]


def test_equal_content_gives_equal_bytes(tmp_path: Path) -> None:
    for name in ("a.txt.gz", "b.txt.gz"):
        write_trajectories(tmp_path / name, PEOPLE)
    assert (tmp_path / "a.txt.gz").read_bytes() == (tmp_path / "b.txt.gz").read_bytes()


def test_pedpy_reads_what_we_write(tmp_path: Path) -> None:
    write_trajectories(tmp_path / "walk.txt", PEOPLE)
    theirs = pedpy.load_trajectory_from_txt(trajectory_file=tmp_path / "walk.txt")
    assert theirs.frame_rate == 12.5
    assert theirs.data[["id", "frame", "x", "y"]].to_numpy()[0].tolist() == [1, 0, 0.0, 0.5]
    assert len(theirs.data) == 4


@pytest.mark.parametrize(
    ("name", "options", "people", "fps"),
    [
        ("bi_corr_400_b_03", {}, 480, 25.0),
        ("bottleneck_040_c_56_h", {}, 75, 25.0),
        ("uo-180-180-070", {"frame_rate_fps": 16.0, "unit": "cm"}, 148, 16.0),
    ],
)
def test_the_archive_sets_are_read(
    shared_data: Path, name: str, options: dict[str, object], people: int, fps: float
) -> None:
    path = shared_data / "trajectories" / f"{name}.txt.gz"
    read = read_trajectories(path, **options)  # type: ignore[arg-type]
    assert len(np.unique(read.ids)) == people
    assert read.frame_rate_fps == fps
    assert np.abs(read.xy_m).max() < 20  # metres, not centimetres


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# id frame x/m y/m z/m\n1 0 0 0 0\n", "add `# framerate: 25 fps`"),
        ("# framerate: 25 fps\n1 0 0 0 0\n", "add `# id frame x/m"),
        ("# framerate: 25 fps x/m\n1 0 zero 0 0\n", "walk.txt:2: not a number"),
        ("# framerate: 25 fps x/m\n1 0 0 0 0\n1 1 0\n", "walk.txt:3: 3 columns"),
        ("# framerate: 25 fps x/m\n1 0 nan 0 0\n", "walk.txt:2: not a finite"),
        ("# framerate: 25 fps x/m\n", "no positions"),
    ],
)
def test_wrong_files_are_refused_with_line_and_mend(
    tmp_path: Path, text: str, message: str
) -> None:
    file = tmp_path / "walk.txt"
    file.write_text(text, "utf-8")
    with pytest.raises(TrajectoryFileError, match=message) as caught:
        read_trajectories(file)
    assert "mend" in str(caught.value)


def test_missing_and_broken_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.txt.gz").write_bytes(b"no gzip")
    (tmp_path / "bad.txt").write_bytes(b"\xff\xfe")
    for name in ("none.txt", "bad.txt.gz", "bad.txt"):
        with pytest.raises(TrajectoryFileError, match="mend"):
            read_trajectories(tmp_path / name)

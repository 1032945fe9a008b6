"""The index of the ring: which notes are read, and when again."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.recording import index
from streams.recording.clock_runs import ClockRun
from streams.recording.index import (
    newest_video_files,
    segment_path,
    segments,
    segments_in,
    video_files,
)
from streams.recording.notes import (
    Closing,
    anchor_line,
    closing_line,
    notes_of,
    opening_line,
    read_segment,
)
from streams.recording.values import Anchor, EndCause, How, Segment
from vision.instants import Utc

START = Utc.from_iso("2026-03-02T08:00:00+00:00")
CAMERA = "cam-1"
SEGMENT_S = 10.0


def written(root: Path, number: int, *, ended: bool = True) -> Path:
    """The segment that begins `number` times ten seconds after the start."""
    opened = START.plus(SEGMENT_S * number)
    path = segment_path(root, CAMERA, opened)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"video")
    lines = opening_line(CAMERA, opened, How.COPIED, ClockRun(Utc(0), ""))
    lines += b"".join(anchor_line(Anchor(t, opened.plus(t))) for t in (0.0, 5.0, 9.9))
    if ended:
        lines += closing_line(Closing(opened.plus(SEGMENT_S), EndCause.FULL, 5))
    notes_of(path).write_bytes(lines)
    return path


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Which notes were read, in order."""
    found: list[Path] = []

    def reading(video: Path) -> Segment | None:
        found.append(video)
        return read_segment(video)

    monkeypatch.setattr(index, "read_segment", reading)
    monkeypatch.setattr(index, "_ended", {})
    return found


def between(root: Path, first_s: float, last_s: float) -> list[float]:
    """When the segments of a span begin, in seconds after the start."""
    found = segments(root, CAMERA, START.plus(first_s), START.plus(last_s))
    return [one.start - START for one in found]


def test_notes_that_have_ended_are_read_once(tmp_path: Path, read: list[Path]) -> None:
    paths = [written(tmp_path, number, ended=number < 5) for number in range(6)]
    assert between(tmp_path, 0.0, 100.0) == [0.0, 10.0, 20.0, 30.0, 40.0, 50.0]
    read.clear()
    assert between(tmp_path, 15.0, 100.0) == [10.0, 20.0, 30.0, 40.0, 50.0]
    assert read == [paths[5]]
    written(tmp_path, 5)
    (last,) = segments(tmp_path, CAMERA, START.plus(55.0), START.plus(100.0))
    assert last.closed


def test_a_deleted_segment_and_one_of_another_size_are_not_what_they_were(
    tmp_path: Path, read: list[Path]
) -> None:
    first, second = (written(tmp_path, number) for number in range(2))
    assert len(between(tmp_path, 0.0, 100.0)) == 2
    first.unlink()
    second.write_bytes(b"another video")
    read.clear()
    (found,) = segments(tmp_path, CAMERA, START, START.plus(100.0))
    assert read == [second]
    assert found.size_bytes == len(b"another video")


def test_a_segment_that_is_deleted_while_the_folder_is_read_is_none(
    tmp_path: Path, read: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ring deletes its oldest at any time; the name may be listed already."""
    path = written(tmp_path, 0)
    assert between(tmp_path, 0.0, 100.0) == [0.0]
    path.unlink()
    notes_of(path).unlink()
    listed = {path.parent: [path.name], path.parent.parent: [path.parent.name]}
    monkeypatch.setattr(index, "_names", lambda folder, folders=False: listed[folder])
    assert between(tmp_path, 0.0, 100.0) == []


def test_what_lies_far_before_and_after_a_span_is_not_read(
    tmp_path: Path, read: list[Path]
) -> None:
    """A segment lasts a quarter of an hour at most."""
    near = [written(tmp_path, number) for number in (150, 200, 240)]
    for number in (0, 59, 350):
        written(tmp_path, number)
    assert between(tmp_path, 2000.0, 2100.0) == [2000.0]
    assert sorted(read) == near


@pytest.mark.parametrize("lasted_s", [2_000.0, 9_000.0])
def test_a_segment_that_has_lasted_for_hours_is_found(tmp_path: Path, lasted_s: float) -> None:
    """Of a camera whose key pictures do not come again."""
    path = written(tmp_path, 0, ended=False)
    with notes_of(path).open("ab") as notes:
        notes.write(anchor_line(Anchor(lasted_s, START.plus(lasted_s))))
    span = START.plus(lasted_s - 60.0), START.plus(lasted_s + 60.0)
    assert [one.path for one in segments(tmp_path, CAMERA, *span)] == [path]
    assert [one.path for one in segments_in(path.parent, *span)] == [path]
    written(tmp_path, round(lasted_s) // 10)
    assert between(tmp_path, lasted_s - 60.0, lasted_s + 60.0) == [0.0, lasted_s]
    assert between(tmp_path, lasted_s + 9.0, lasted_s + 60.0) == [lasted_s]


def test_only_so_many_are_remembered(
    tmp_path: Path, read: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "_MOST_REMEMBERED", 2)
    paths = [written(tmp_path, number) for number in range(3)]
    assert len(between(tmp_path, 0.0, 100.0)) == 3
    assert len(index._ended) == 2
    read.clear()
    assert len(between(tmp_path, 0.0, 5.0)) == 1
    assert read
    assert set(read) <= set(paths)


@pytest.mark.parametrize("count", [1, 20, 400, 1_000])
def test_the_newest_files_are_the_last_of_all(tmp_path: Path, count: int) -> None:
    for number in range(0, 1_000, 2):
        # 180 an hour, over three hours.
        written(tmp_path, number)
    folder = tmp_path / CAMERA
    assert newest_video_files(folder, count) == list(video_files(folder))[-count:]


def test_a_camera_without_a_folder_has_no_files(tmp_path: Path) -> None:
    assert newest_video_files(tmp_path / CAMERA, 20) == []


@pytest.mark.parametrize(
    "line",
    [
        b'{"offset_s": 5.0}',
        b'{"offset_s": "soon", "captured_ns": 1}',
        b'{"end_ns": 1, "cause": "whim", "bytes": 5, "sha256": ""}',
        b'{"end_ns": 1, "cause": "full"}',
        b"[1]",
    ],
)
def test_a_line_of_notes_that_says_too_little_is_a_torn_one(tmp_path: Path, line: bytes) -> None:
    path = written(tmp_path, 0, ended=False)
    whole = read_segment(path)
    assert whole is not None
    notes = notes_of(path)
    notes.write_bytes(notes.read_bytes() + line + b"\n")
    assert read_segment(path) == whole


@pytest.mark.parametrize("known", [b'"camera"', b'"copied"'])
def test_notes_without_a_camera_or_of_an_unknown_way_are_no_segment(
    tmp_path: Path, known: bytes
) -> None:
    path = written(tmp_path, 0)
    notes = notes_of(path)
    assert known in notes.read_bytes()
    notes.write_bytes(notes.read_bytes().replace(known, b'"other"'))
    assert read_segment(path) is None


@pytest.mark.parametrize(
    ("offset_s", "captured_s"),
    [(0.0, 100.0), (3.9, 103.9), (4.0, 104.5), (5.0, 105.5), (8.0, 108.2), (9.5, 109.7)],
)
def test_a_picture_was_taken_as_the_anchor_before_it_says(
    offset_s: float, captured_s: float
) -> None:
    """The clip of an alarm tells these times; the camera's clock moved twice in this segment."""
    anchors = tuple(
        Anchor(at_s, START.plus(told_s))
        for at_s, told_s in ((0.0, 100.0), (4.0, 104.5), (8.0, 108.2))
    )
    segment = Segment(
        CAMERA, Path("a.mp4"), START, START, True, EndCause.FULL, How.COPIED, anchors, 5
    )
    assert segment.captured_at(offset_s) - START == pytest.approx(captured_s)

"""The shelf of one camera: what it counts, and what it deletes first."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.recording import RingSettings
from streams.recording import pruning
from streams.recording.index import segment_path, video_files, video_sizes
from streams.recording.notes import notes_of
from streams.recording.pruning import Shelf
from tests.streams.recording.films import CAMERA, START, ring_settings

# The segments of these tests begin at 12:00, 12:20, 12:40, 13:00 ... and have 10 bytes each.
EVERY_S = 1_200.0
SIZE = 10


def write(root: Path, number: int) -> Path:
    path = segment_path(root, CAMERA, START.plus(EVERY_S * number))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * SIZE)
    notes_of(path).write_bytes(b"")
    return path


def loaded(root: Path, count: int) -> Shelf:
    for number in range(count):
        write(root, number)
    shelf = Shelf(root / CAMERA)
    shelf.load()
    return shelf


def kept(root: Path) -> list[int]:
    """The numbers of the segments that are left."""
    times_s = [int(path.stem) / 1e9 - START.ns / 1e9 for path in video_files(root / CAMERA)]
    return [round(time_s / EVERY_S) for time_s in times_s]


def keep(seconds: float) -> RingSettings:
    return ring_settings(keep_s=seconds, floor_s=0.0)


def test_what_is_too_old_goes_and_its_hours_with_it(tmp_path: Path) -> None:
    shelf = loaded(tmp_path, 7)
    assert shelf.total_bytes == 7 * SIZE
    # At 14:10 what began before 13:10 goes: 12:00 to 13:00.
    assert shelf.prune(START.plus(7_800.0), keep(3_600.0)) == 4
    assert (kept(tmp_path), shelf.total_bytes) == ([4, 5, 6], 3 * SIZE)
    assert sorted(path.name for path in (tmp_path / CAMERA).iterdir()) == [
        "2026090113", "2026090114",
    ]  # fmt: skip


def test_segments_give_way_from_the_oldest_on(tmp_path: Path) -> None:
    shelf = loaded(tmp_path, 7)
    assert shelf.give_way(START.plus(8_000.0), 0.0, wanted_bytes=SIZE * 3.5) == 4 * SIZE
    assert kept(tmp_path) == [4, 5, 6]


def test_a_ring_is_listed_once_and_then_hour_by_hour_as_it_is_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed: list[str] = []

    def listing(hour: Path) -> list[tuple[str, int]]:
        listed.append(hour.name[-2:])
        return video_sizes(hour)

    monkeypatch.setattr(pruning, "video_sizes", listing)
    shelf = loaded(tmp_path, 7)
    assert listed == ["12", "13", "14"]
    listed.clear()
    for minute in range(130, 150):
        # The oldest segment is a minute older each time; at 14:20 that of 12:20 has gone.
        shelf.prune(START.plus(60.0 * minute), keep(7_200.0))
    assert (kept(tmp_path), listed) == ([2, 3, 4, 5, 6], ["12"])


def test_the_segment_that_is_being_written_is_not_deleted(tmp_path: Path) -> None:
    shelf = loaded(tmp_path, 1)
    growing = write(tmp_path, 1)
    shelf.begin(growing)
    shelf.growing_bytes = SIZE
    assert shelf.prune(START.plus(1e6), keep(60.0)) == 1
    assert (kept(tmp_path), shelf.total_bytes) == ([1], SIZE)
    shelf.add(growing, 2 * SIZE)
    assert shelf.total_bytes == 2 * SIZE
    assert shelf.prune(START.plus(1e6), keep(60.0)) == 1
    assert (kept(tmp_path), shelf.total_bytes) == ([], 0)


def test_segments_that_another_process_deleted_are_counted_no_more(tmp_path: Path) -> None:
    shelf = loaded(tmp_path, 4)
    for path in list(video_files(tmp_path / CAMERA))[:3]:
        path.unlink()
        notes_of(path).unlink()
    (tmp_path / CAMERA / "2026090112").rmdir()
    assert shelf.prune(START.plus(1e4), keep(3e4)) == 0
    assert shelf.total_bytes == SIZE

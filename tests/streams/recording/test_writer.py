"""The ring on the disk: limits, a full disk, and what stays after a kill."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from streams.clock import SimulatedClock
from streams.recording import read_status, segments
from streams.recording.files import OpenSegment
from streams.recording.index import video_files
from streams.recording.notes import notes_of, read_segment
from streams.recording.values import Anchor, EndCause, How
from streams.recording.writer import QUEUE_BYTES, RingWriter
from tests.streams.recording.films import CAMERA, START, ring_settings
from vision.instants import Utc

KB = 1000


class Ring:
    """A writer without its thread, on a simulated clock and a disk of a told size."""

    def __init__(
        self, root: Path, *, free: int = 10**12, keep_s: float = 3_600.0, floor_s: float = 60.0,
        camera_bytes: int = 10**9, reserve_bytes: int = 0,
    ) -> None:  # fmt: skip
        self.root, self.free = root, free
        self.clock = SimulatedClock(START)
        settings = ring_settings(
            keep_s=keep_s, floor_s=floor_s, camera_bytes=camera_bytes, reserve_bytes=reserve_bytes
        )
        self.writer = RingWriter(
            root, settings, self.clock, camera_ids=[CAMERA], free_bytes=lambda _: self.free
        )
        self.writer.prepare()

    def record(self, seconds: float = 10.0, size: int = KB) -> None:
        """One segment of `size` bytes, as long as `seconds`."""
        begun = self.clock.utc()
        if self.writer.refusal(CAMERA) is None:
            self.writer.open(CAMERA, begun, How.COPIED)
            self.writer.write(CAMERA, b"x" * size)
            self.writer.anchor(CAMERA, Anchor(0.0, begun))
        self.clock.advance(seconds)
        self.writer.close_segment(CAMERA, self.clock.utc(), EndCause.FULL)
        self.writer.drain()
        self.writer.housekeep()

    def starts_s(self) -> list[float]:
        return [s.start - START for s in segments(self.root, CAMERA, Utc(0), START.plus(1e6))]


def test_what_is_older_than_asked_for_is_deleted(tmp_path: Path) -> None:
    ring = Ring(tmp_path, keep_s=35.0, floor_s=0.0)
    for _ in range(10):
        ring.record(10.0)
    # The clock stands at 100 s: what began before 65 s is gone.
    assert ring.starts_s() == [70.0, 80.0, 90.0]


def test_a_budget_of_bytes_deletes_the_oldest(tmp_path: Path) -> None:
    ring = Ring(tmp_path, camera_bytes=3 * KB, floor_s=20.0)
    for _ in range(10):
        ring.record(10.0)
    assert ring.starts_s() == [70.0, 80.0, 90.0]
    assert sum(path.stat().st_size for path in video_files(tmp_path / CAMERA)) == 3 * KB


def test_nothing_younger_than_the_floor_is_deleted(tmp_path: Path) -> None:
    ring = Ring(tmp_path, camera_bytes=3 * KB, floor_s=10_000.0)
    for _ in range(10):
        ring.record(10.0)
    # The fourth segment goes over the budget; recording stops rather than deleting.
    assert ring.starts_s() == [0.0, 10.0, 20.0, 30.0]
    assert ring.writer.refusal(CAMERA) is EndCause.BUDGET


def test_a_disk_near_its_end_stops_the_recording_once_and_it_goes_on_later(tmp_path: Path) -> None:
    ring = Ring(tmp_path, free=10_000, reserve_bytes=5_000, floor_s=1_000.0)
    ring.record()
    assert ring.writer.refusal(CAMERA) is None
    ring.free = 4_000
    ring.writer.housekeep()
    status = read_status(tmp_path, CAMERA)
    assert status is not None
    assert (status.recording, status.cause) == (False, EndCause.DISK_FULL)
    for _ in range(5):
        ring.record()
    assert ring.starts_s() == [0.0]
    # The status tells since when, and is not renewed while nothing changes.
    assert read_status(tmp_path, CAMERA) == status
    ring.free = 5_100
    ring.record()
    assert ring.writer.refusal(CAMERA) is EndCause.DISK_FULL
    ring.free = 9_000
    ring.clock.advance(11.0)
    ring.writer.housekeep()
    ring.record()
    assert len(ring.starts_s()) == 2
    again = read_status(tmp_path, CAMERA)
    assert again is not None
    assert again.recording


def test_old_segments_give_way_before_the_recording_stops(tmp_path: Path) -> None:
    ring = Ring(tmp_path, free=10_000, reserve_bytes=5_000, floor_s=30.0)
    for _ in range(8):
        ring.record()
    ring.free = 3_500
    ring.writer.housekeep()
    # 1,500 bytes are missing: the two oldest segments go.
    assert ring.starts_s()[0] == 20.0
    assert ring.writer.refusal(CAMERA) is None


@pytest.mark.parametrize(
    ("number", "cause"),
    [(errno.ENOSPC, EndCause.DISK_FULL), (errno.EIO, EndCause.DISK_ERROR)],
)
def test_a_write_that_fails_stops_the_recording_and_not_the_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, cause: EndCause
) -> None:
    ring = Ring(tmp_path)

    def refuse(self: OpenSegment, data: bytes) -> None:
        raise OSError(number, "told by the test")

    with monkeypatch.context() as disk:
        disk.setattr(OpenSegment, "append", refuse)
        ring.record()
        assert ring.writer.refusal(CAMERA) is cause
    ring.clock.advance(11.0)
    ring.writer.housekeep()
    assert ring.writer.refusal(CAMERA) is None
    # The segment whose first bytes did not fit is gone; the next one is whole.
    ring.record()
    assert ring.starts_s() == [21.0]


def test_the_queue_is_bounded(tmp_path: Path) -> None:
    ring = Ring(tmp_path)
    ring.writer.open(CAMERA, START, How.COPIED)
    assert ring.writer.write(CAMERA, b"x" * QUEUE_BYTES)
    assert not ring.writer.write(CAMERA, b"x")
    ring.writer.drain()
    assert ring.writer.write(CAMERA, b"x")


def test_what_a_killed_worker_left_open_is_closed_at_the_next_start(tmp_path: Path) -> None:
    ring = Ring(tmp_path)
    ring.record()
    ring.writer.open(CAMERA, START.plus(50.0), How.COPIED)
    ring.writer.write(CAMERA, b"x" * 500)
    ring.writer.anchor(CAMERA, Anchor(0.0, START.plus(50.0)))
    ring.writer.anchor(CAMERA, Anchor(1.0, START.plus(51.0)))
    ring.writer.drain()
    left = list(video_files(tmp_path / CAMERA))[-1]
    with notes_of(left).open("ab") as notes:
        notes.write(b'{"offset_s": 2.0, "capt')
    # Nothing ended the first writer: it was killed.
    Ring(tmp_path)
    segment = read_segment(left)
    assert segment is not None
    assert (segment.closed, segment.cause, segment.size_bytes) == (True, EndCause.KILLED, 500)
    assert segment.end == START.plus(51.0)
    assert len(segments(tmp_path, CAMERA, Utc(0), START.plus(1e6))) == 2


def test_a_segment_without_a_picture_is_removed_at_the_next_start(tmp_path: Path) -> None:
    ring = Ring(tmp_path)
    ring.writer.open(CAMERA, START, How.COPIED)
    ring.writer.drain()
    Ring(tmp_path)
    assert list((tmp_path / CAMERA).glob("*/*")) == []

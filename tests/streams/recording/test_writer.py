"""The ring on the disk: limits, a full disk, and what stays after a kill."""

from __future__ import annotations

import errno
import threading
from pathlib import Path

import pytest

from streams.clock import SimulatedClock
from streams.recording import read_status, segments
from streams.recording import writer as writer_module
from streams.recording.files import OpenSegment
from streams.recording.index import video_files
from streams.recording.notes import notes_of, read_segment
from streams.recording.pruning import Shelf
from streams.recording.recovery import close_left_open
from streams.recording.values import Anchor, EndCause, How, RingStatus
from streams.recording.writer import QUEUE_BYTES, QUEUE_PIECES, RingWriter
from tests.streams.recording.films import CAMERA, START, ring_settings
from tests.streams.recording.ring_cases import KB, Ring
from tests.streams.test_supervisor import wait_until
from vision.instants import Utc


def test_a_stop_for_another_reason_is_told_as_that(tmp_path: Path) -> None:
    ring = Ring(tmp_path, free=10_000, reserve_bytes=5_000, camera_bytes=KB // 2, floor_s=1_000.0)
    ring.record()
    assert ring.writer.refusal(CAMERA) is EndCause.BUDGET
    ring.free = 4_000
    ring.clock.advance(5.0)
    ring.writer.housekeep()
    assert ring.writer.refusal(CAMERA) is EndCause.DISK_FULL
    status = read_status(tmp_path, CAMERA)
    assert status == RingStatus(False, ring.clock.utc(), EndCause.DISK_FULL)


def test_a_status_that_the_disk_did_not_take_is_told_later(tmp_path: Path) -> None:
    ring = Ring(tmp_path)
    ring.begin()
    ring.writer.drain()
    told = read_status(tmp_path, CAMERA)
    assert told == RingStatus(True, START)
    (tmp_path / CAMERA / "status.json").unlink()
    ring.writer.housekeep()
    assert read_status(tmp_path, CAMERA) == told


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


def test_a_camera_whose_segment_is_cut_short_by_a_full_disk_is_not_said_to_be_recorded(
    tmp_path: Path,
) -> None:
    ring = Ring(tmp_path, free=10_000, reserve_bytes=5_000, floor_s=1_000.0)
    ring.begin()
    ring.writer.drain()
    ring.free = 4_000
    ring.writer.housekeep()
    stopped = RingStatus(False, START, EndCause.DISK_FULL)
    assert (ring.writer.status()[CAMERA], read_status(tmp_path, CAMERA)) == (stopped, stopped)
    ring.clock.advance(1.0)
    ring.writer.close_segment(CAMERA, ring.clock.utc(), EndCause.DISK_FULL)
    ring.writer.drain()
    ring.writer.housekeep()
    assert read_status(tmp_path, CAMERA) == stopped


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


def test_one_camera_that_cannot_go_on_leaves_the_others_their_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files of `bad` lie on a broken sector."""
    ring = Ring(tmp_path, keep_s=25.0, floor_s=0.0, camera_ids=("bad", "good"))
    append = OpenSegment.append

    def append_where_it_can(self: OpenSegment, data: bytes) -> None:
        if "bad" in self.path.parts:
            raise OSError(errno.EIO, "told by the test")
        append(self, data)

    def close_where_it_can(folder: Path) -> int:
        if folder.name == "bad":
            raise OSError(errno.EIO, "told by the test")
        return close_left_open(folder)

    with monkeypatch.context() as disk:
        disk.setattr(OpenSegment, "append", append_where_it_can)
        disk.setattr(writer_module, "close_left_open", close_where_it_can)
        for _ in range(4):
            ring.begin(camera_id="bad")
            ring.record(10.0, camera_id="good")
        assert ring.writer.refusal("bad") is EndCause.DISK_ERROR
        assert ring.writer.status()["bad"] == RingStatus(False, START.plus(10), EndCause.DISK_ERROR)
        assert ring.starts_s("good") == [20.0, 30.0]
    # Tried each ten seconds: the last time at 40 s.
    ring.clock.advance(9.0)
    ring.writer.housekeep()
    assert ring.writer.refusal("bad") is EndCause.DISK_ERROR
    ring.clock.advance(1.0)
    ring.writer.housekeep()
    assert ring.writer.refusal("bad") is None
    ring.record(10.0, camera_id="bad")
    assert ring.starts_s("bad") == [50.0]


def test_a_ring_that_could_not_be_counted_is_counted_before_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Ring(tmp_path).record()

    def refuse(self: Shelf) -> None:
        raise OSError(errno.EIO, "told by the test")

    with monkeypatch.context() as disk:
        disk.setattr(Shelf, "load", refuse)
        ring = Ring(tmp_path, keep_s=35.0, floor_s=0.0)
        assert ring.writer.refusal(CAMERA) is EndCause.DISK_ERROR
    ring.clock.advance(20.0)
    ring.writer.housekeep()
    ring.record(10.0)
    assert ring.starts_s() == [0.0, 20.0]
    ring.record(10.0)
    assert ring.starts_s() == [20.0, 30.0]


def test_a_camera_is_left_to_another_worker_also_when_its_segment_cannot_be_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = Ring(tmp_path)
    ring.begin()
    ring.writer.drain()

    def refuse(self: OpenSegment, end: Utc, cause: EndCause) -> None:
        self.abandon()
        raise OSError(errno.EIO, "told by the test")

    monkeypatch.setattr(OpenSegment, "close", refuse)
    ring.writer.forget(CAMERA)
    ring.writer.drain()
    assert (ring.writer.status(), ring.writer.refusal(CAMERA)) == ({}, None)


def test_the_queue_is_bounded_and_what_it_refuses_begins_when_all_is_written(
    tmp_path: Path,
) -> None:
    ring = Ring(tmp_path)
    ring.writer.open(CAMERA, START, How.COPIED)
    assert ring.writer.write(CAMERA, b"x" * QUEUE_BYTES)
    assert ring.writer.refusal(CAMERA) is None
    assert not ring.writer.write(CAMERA, b"x")
    assert ring.writer.refusal(CAMERA) is EndCause.SLOW_DISK
    ring.writer.drain()
    assert ring.writer.refusal(CAMERA) is None
    assert ring.writer.write(CAMERA, b"x")


def test_small_pieces_fill_the_queue_as_well(tmp_path: Path) -> None:
    ring = Ring(tmp_path)
    for _ in range(QUEUE_PIECES):
        ring.writer.anchor(CAMERA, Anchor(0.0, START))
    assert not ring.writer.write(CAMERA, b"x")


class SlowCount:
    """Stands for `Shelf.load` of a ring that takes long to count."""

    def __init__(self) -> None:
        self.begun, self.may_end = threading.Event(), threading.Event()
        self.ended = False

    def __call__(self, shelf: Shelf) -> None:
        self.begun.set()
        self.may_end.wait(10.0)
        self.ended = shelf.counted = True


def test_a_ring_is_counted_while_its_pieces_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Ring(tmp_path)
    before.begin()
    before.writer.drain()
    # The file of that worker, which was killed, says that it records.
    left = read_status(tmp_path, CAMERA)
    assert left is not None
    assert left.recording
    count, clock = SlowCount(), SimulatedClock(START.plus(60.0))
    monkeypatch.setattr(Shelf, "load", lambda shelf: count(shelf))
    with RingWriter(tmp_path, ring_settings(), clock, camera_ids=[CAMERA]) as writer:
        assert count.begun.wait(10.0)
        assert not count.ended
        waiting = RingStatus(False, START.plus(60.0))
        assert (writer.status()[CAMERA], read_status(tmp_path, CAMERA)) == (waiting, waiting)
        writer.open(CAMERA, START.plus(60.0), How.COPIED)
        writer.write(CAMERA, b"x" * KB)
        writer.anchor(CAMERA, Anchor(0.0, START.plus(60.0)))
        count.may_end.set()
    wait_until(lambda: not writer.alive)
    found = segments(tmp_path, CAMERA, Utc(0), START.plus(1e6))
    assert [(one.start - START, one.cause) for one in found] == [
        (0.0, EndCause.KILLED), (60.0, EndCause.STOPPED),
    ]  # fmt: skip


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_ends_by_an_error_takes_nothing_more_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Shelf) -> None:
        raise ValueError("told by the test")

    monkeypatch.setattr(Shelf, "load", fail)
    clock = SimulatedClock(START)
    with RingWriter(tmp_path, ring_settings(), clock, camera_ids=[CAMERA]) as writer:
        wait_until(lambda: not writer.alive)
        stopped = RingStatus(False, START, EndCause.STOPPED)
        assert (writer.status()[CAMERA], read_status(tmp_path, CAMERA)) == (stopped, stopped)
        assert writer.refusal(CAMERA) is EndCause.STOPPED


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


def test_notes_whose_video_was_never_begun_go_at_the_next_start(tmp_path: Path) -> None:
    ring = Ring(tmp_path)
    ring.record()
    ring.record()
    first, last = video_files(tmp_path / CAMERA)
    orphan = last.with_name(f"{last.stem[:-1]}7.jsonl")
    orphan.write_bytes(notes_of(last).read_bytes())
    Ring(tmp_path)
    assert not orphan.exists()
    assert notes_of(first).exists()
    assert notes_of(last).exists()
    assert len(ring.starts_s()) == 2

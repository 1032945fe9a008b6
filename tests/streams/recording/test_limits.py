"""What of the ring is deleted, and when."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.recording.index import video_files
from streams.recording.values import EndCause
from streams.recording.writer import RingWriter
from tests.streams.recording.films import CAMERA, START, ring_settings
from tests.streams.recording.ring_cases import KB, Ring


def test_what_is_older_than_asked_for_is_deleted(tmp_path: Path) -> None:
    ring = Ring(tmp_path, keep_s=35.0, floor_s=0.0)
    for _ in range(10):
        ring.record(10.0)
    # The clock stands at 100 s: what began before 65 s is gone.
    assert ring.starts_s() == [70.0, 80.0, 90.0]


def test_a_clock_that_is_set_to_another_year_deletes_nothing_at_once(tmp_path: Path) -> None:
    """It is put right an hour later; before, the next look had deleted the whole ring."""
    ring = Ring(tmp_path, keep_s=86_400.0, floor_s=0.0)
    for _ in range(3):
        ring.record(10.0)
    ring.clock.step_utc(365 * 86_400.0)
    for _ in range(60):
        ring.clock.advance(60.0)
        ring.writer.housekeep()
    assert ring.starts_s() == [0.0, 10.0, 20.0]
    ring.clock.step_utc(-365 * 86_400.0)
    ring.clock.advance(86_400.0 - 3_600.0 - 15.0)
    ring.writer.housekeep()
    # A day after the second one began, six hours and more after the clock was last set.
    assert ring.starts_s() == [20.0]


@pytest.mark.parametrize("restarts", [True, False])
def test_after_a_time_without_recordings_age_counts_once_the_clock_stood_for_six_hours(
    tmp_path: Path, *, restarts: bool
) -> None:
    """The worker starts anew where its clock jumps. Two months of holidays look the same."""
    ring = Ring(tmp_path, keep_s=86_400.0, floor_s=0.0)
    ring.record(10.0)
    if restarts:
        ring.clock.step_utc(60 * 86_400.0)
        again = RingWriter(
            tmp_path, ring_settings(keep_s=86_400.0, floor_s=0.0), ring.clock, camera_ids=(CAMERA,)
        )
        again.prepare()
        ring.writer = again
    else:
        ring.clock.advance(60 * 86_400.0)
    left = []
    for _ in range(13):
        ring.writer.housekeep()
        left.append(len(ring.starts_s()))
        ring.clock.advance(1_800.0)
    assert left == ([1] * 12 + [0] if restarts else [0] * 13)


def test_a_machine_that_is_off_every_night_and_over_the_weekend_deletes_by_age(
    tmp_path: Path,
) -> None:
    """It never runs for six hours; before, no recording of it grew too old."""
    settings = ring_settings(keep_s=86_400.0, floor_s=0.0)
    ring = Ring(tmp_path, keep_s=86_400.0, floor_s=0.0)
    for off_s in (20 * 3_600.0, 68 * 3_600.0):
        ring.record(10.0)
        ring.clock.advance(off_s)
        ring.writer = RingWriter(tmp_path, settings, ring.clock, camera_ids=(CAMERA,))
        ring.writer.prepare()
    ring.writer.housekeep()
    assert ring.starts_s() == []


def test_a_clock_that_is_ahead_deletes_no_more_than_the_budget_asks_for(tmp_path: Path) -> None:
    ring = Ring(tmp_path, keep_s=86_400.0, floor_s=20.0, camera_bytes=3 * KB)
    for _ in range(3):
        ring.record(10.0)
    ring.clock.step_utc(365 * 86_400.0)
    ring.record(10.0)
    assert ring.starts_s()[:2] == [10.0, 20.0]


def test_what_a_clock_told_that_ran_a_year_ahead_does_not_fill_the_ring(tmp_path: Path) -> None:
    """Before, each new recording was the oldest, and gone after ten minutes for a year."""
    ring = Ring(tmp_path, keep_s=86_400.0, floor_s=20.0, camera_bytes=5 * KB)
    ring.clock.step_utc(365 * 86_400.0)
    for _ in range(5):
        ring.record(10.0)
    ring.clock.step_utc(-365 * 86_400.0)
    begun_s = ring.clock.utc() - START
    for _ in range(9):
        ring.record(10.0)
    left = [path.stem for path in video_files(tmp_path / CAMERA)]
    assert left == [f"{START.plus(begun_s + 10.0 * n).ns:020d}" for n in range(4, 9)]
    assert ring.writer.refusal(CAMERA) is None


def test_what_a_clock_told_that_ran_a_year_ahead_is_kept_no_longer_than_the_rest(
    tmp_path: Path,
) -> None:
    """Of a PC that starts anew every day; the time runs from when it was seen to lie ahead."""
    settings = ring_settings(keep_s=86_400.0, floor_s=0.0)
    ring = Ring(tmp_path, keep_s=86_400.0, floor_s=0.0)
    ring.clock.step_utc(365 * 86_400.0)
    ring.record(10.0)
    ring.clock.step_utc(-365 * 86_400.0)
    left = []
    for _ in range(3):
        ring.record(10.0)
        left.append(len(list(video_files(tmp_path / CAMERA))))
        ring.clock.advance(16 * 3_600.0)
        ring.writer = RingWriter(tmp_path, settings, ring.clock, camera_ids=(CAMERA,))
        ring.writer.prepare()
    # 1 + 1, then 1 + 2; after 32 hours the one that lies ahead and that of the first day are gone.
    assert left == [2, 3, 2]
    assert not (tmp_path / CAMERA / "ahead.txt").exists()


def test_a_clock_that_falls_back_by_years_costs_nothing_once_it_is_put_right(
    tmp_path: Path,
) -> None:
    """Its battery is empty: all that was recorded lies ahead then."""
    ring = Ring(tmp_path, keep_s=86_400.0, floor_s=20.0, camera_bytes=5 * KB)
    for _ in range(3):
        ring.record(10.0)
    ring.clock.step_utc(-5 * 365 * 86_400.0)
    ring.record(10.0)
    ring.clock.step_utc(5 * 365 * 86_400.0)
    ring.record(10.0)
    assert ring.starts_s()[-4:] == [0.0, 10.0, 20.0, 40.0]


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


def test_the_segment_that_is_being_written_outlives_all_that_is_older(tmp_path: Path) -> None:
    ring = Ring(tmp_path, keep_s=35.0, floor_s=0.0)
    ring.record(10.0)
    ring.begin()
    ring.writer.drain()
    ring.clock.advance(300.0)
    ring.writer.housekeep()
    assert ring.starts_s() == [10.0]
    ring.writer.close_segment(CAMERA, ring.clock.utc(), EndCause.FULL)
    ring.writer.drain()
    ring.writer.housekeep()
    assert ring.starts_s() == []

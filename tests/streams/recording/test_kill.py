"""SIGKILL of the process that records: what it wrote plays, and little is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from streams.clock import SystemClock
from streams.recording import EndCause, join, parts_of, segments
from streams.recording.writer import RingWriter
from tests.conftest import CHECKOUT
from tests.streams.recording.films import CAMERA, frames_in, make_film, ring_settings
from vision.instants import Utc

FOR_EVER = Utc(2**62)


def test_a_killed_recording_plays_and_misses_at_most_two_seconds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = make_film(tmp_path / "film.mp4", seconds=30.0)
    command = [
        sys.executable, "-m", "tests.streams.recording.recording_process",
        str(film), str(tmp_path / "ring"),
    ]  # fmt: skip
    process = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    # Pictures are counted, not seconds: 55 pictures are two whole segments and half of a third.
    shown = [int(process.stdout.readline()) for _ in range(55)]
    process.kill()
    process.wait()
    process.stdout.close()
    left = segments(tmp_path / "ring", CAMERA, Utc(0), FOR_EVER)
    assert [segment.closed for segment in left] == [True, True, False]
    (part,) = parts_of(left)
    joined = join(part, Utc(shown[0]), FOR_EVER, tmp_path / "clip.mp4")
    missing_s = Utc(shown[-1]) - joined.end
    with capsys.disabled():
        sys.stdout.write(f" [missing after SIGKILL: {missing_s:.2f} s]")
    # A fragment is a second; the second one allows for a writer that was just being held up.
    assert missing_s <= 2.0
    assert frames_in(tmp_path / "clip.mp4") == joined.packets >= 35
    # The next worker closes what was left open.
    with RingWriter(tmp_path / "ring", ring_settings(), SystemClock(), camera_ids=[CAMERA]):
        pass
    again = segments(tmp_path / "ring", CAMERA, Utc(0), FOR_EVER)
    assert [segment.cause for segment in again] == [
        EndCause.FULL, EndCause.FULL, EndCause.KILLED,
    ]  # fmt: skip

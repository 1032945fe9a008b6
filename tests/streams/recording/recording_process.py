"""A worker's recording for tests that kill it: `python -m ... FILM RING`. Plays FILM for ever."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from streams.clock import SystemClock
from streams.decoding.av_container import open_with_av
from streams.decoding.sources import Pace, PlainUri, Playback, Timeouts, open_source
from streams.recording.recorder import CameraRecorder
from streams.recording.writer import RingWriter
from tests.streams.recording.films import CAMERA, ring_settings


def main(film: str, root: str) -> None:
    clock = SystemClock()
    with RingWriter(Path(root), ring_settings(), clock, camera_ids=[CAMERA]) as writer:
        tap = CameraRecorder(CAMERA, writer, clock, segment_s=2.0)
        playback = Playback(clock, threading.Event(), Pace.LIVE, tap=tap)
        uri = PlainUri(f"file:{film}")
        while True:
            with open_source(
                uri, opener=open_with_av, timeouts=Timeouts(), playback=playback
            ) as source:
                for picture in source.pictures():
                    sys.stdout.write(f"{picture.captured_at.ns}\n")
                    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])

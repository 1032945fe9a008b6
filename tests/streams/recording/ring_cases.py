"""A ring on the disk that a test drives by hand."""

from __future__ import annotations

from pathlib import Path

from streams.clock import SimulatedClock
from streams.recording import segments
from streams.recording.values import Anchor, EndCause, How
from streams.recording.writer import RingWriter
from tests.streams.recording.films import CAMERA, START, ring_settings
from vision.instants import Utc

KB = 1000


class Ring:
    """A writer without its thread, on a simulated clock and a disk of a told size."""

    def __init__(
        self, root: Path, *, free: int = 10**12, keep_s: float = 3_600.0, floor_s: float = 60.0,
        camera_bytes: int = 10**9, reserve_bytes: int = 0, camera_ids: tuple[str, ...] = (CAMERA,),
    ) -> None:  # fmt: skip
        self.root, self.free = root, free
        self.clock = SimulatedClock(START)
        settings = ring_settings(
            keep_s=keep_s, floor_s=floor_s, camera_bytes=camera_bytes, reserve_bytes=reserve_bytes
        )
        self.writer = RingWriter(
            root, settings, self.clock, camera_ids=camera_ids, free_bytes=lambda _: self.free
        )
        self.writer.prepare()

    def begin(self, size: int = KB, camera_id: str = CAMERA) -> None:
        """A segment with `size` bytes, if it is taken."""
        begun = self.clock.utc()
        if self.writer.refusal(camera_id) is None:
            self.writer.open(camera_id, begun, How.COPIED)
            self.writer.write(camera_id, b"x" * size)
            self.writer.anchor(camera_id, Anchor(0.0, begun))

    def record(self, seconds: float = 10.0, size: int = KB, camera_id: str = CAMERA) -> None:
        """One segment of `size` bytes, as long as `seconds`."""
        self.begin(size, camera_id)
        self.clock.advance(seconds)
        self.writer.close_segment(camera_id, self.clock.utc(), EndCause.FULL)
        self.writer.drain()
        self.writer.housekeep()

    def starts_s(self, camera_id: str = CAMERA) -> list[float]:
        return [s.start - START for s in segments(self.root, camera_id, Utc(0), START.plus(1e6))]

"""Fakes that the tests of `streams` share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from streams.decoding.sources import Container, PlainUri, RawPicture, SourceUri, Timeouts
from streams.spooling.reporting import Origin
from vision.arrays import UInt8Array
from vision.health.count_sanity import Sanity
from vision.instants import Utc
from vision.observations import CrowdObservation, Frame, HeadPoints, Region
from vision.risk.doors import DoorState
from vision.risk.readings import Level, Reason, ZoneMeasurement, ZoneReading

URI = PlainUri("rtsp://camera/live")
ORIGIN = Origin("school", "w1", "run1")
NOON = Utc.from_iso("2026-09-01T12:00:00Z")


@dataclass(frozen=True, slots=True)
class FakePicture:
    """A picture of one grey value; counts conversions through `converted`."""

    pts_s: float | None
    size_px: tuple[int, int] = (64, 48)
    grey: int = 0
    converted: list[float | None] = field(default_factory=list)

    def bgr(self, size_px: tuple[int, int]) -> UInt8Array:
        self.converted.append(self.pts_s)
        return np.full((size_px[1], size_px[0], 3), self.grey, np.uint8)


Step = RawPicture | Exception | Callable[[], None]


class FakeContainer:
    """Plays a script: pictures, errors to raise, and functions to call in between."""

    def __init__(self, script: Sequence[Step], *, live: bool = True) -> None:
        self.script = script
        self.live = live
        self.closed = False
        self.started_at: Utc | None = None
        self.duration_s: float | None = None
        self.corrupt = 0

    def pictures(self) -> Iterator[RawPicture]:
        for step in self.script:
            if isinstance(step, Exception):
                raise step
            if callable(step):
                step()
            else:
                yield step

    def close(self) -> None:
        self.closed = True


class FakeOpener:
    """Hands out one prepared container (or error) for each call."""

    def __init__(self, *results: FakeContainer | Exception) -> None:
        self.results = list(results)
        self.opened: list[str] = []

    def __call__(self, uri: SourceUri, timeouts: Timeouts) -> Container:
        self.opened.append(str(uri))
        result = self.results.pop(0)
        if isinstance(result, Exception):
            raise result
        return result


class FakeNetwork:
    """Sees one head in the middle, or raises for a picture whose grey is listed."""

    model_id = "fake@00000000"

    def __init__(self, failing_greys: Sequence[int] = ()) -> None:
        self.failing_greys = failing_greys
        self.seen = 0

    def observe(self, image_bgr: UInt8Array, region: Region | None = None) -> CrowdObservation:
        del region
        self.seen += 1
        if int(image_bgr[0, 0, 0]) in self.failing_greys:
            raise ArithmeticError("the network failed")
        height, width = image_bgr.shape[:2]
        heads = HeadPoints(
            np.array([[width / 2, height / 2]], np.float32),
            np.array([8.0], np.float32),
            np.array([0.9], np.float32),
        )
        return CrowdObservation(heads, None, 0.1)


def measurement(zone_id: str, at: Utc, density: float = 1.0) -> ZoneMeasurement:
    return ZoneMeasurement(zone_id, at, 3.0, 0.5, density, 0.2, (1.0, 1.0), 0.5, 1.0)


def reading(zone_id: str, at: Utc, level: Level, rule: str = "density") -> ZoneReading:
    measured = None if level is Level.UNKNOWN else measurement(zone_id, at)
    return ZoneReading(zone_id, at, level, (Reason(rule),), measured)


class FakeAnalyser:
    """One zone for each camera, `zone-<camera>`, at a level that the test sets."""

    def __init__(self) -> None:
        self.level = Level.L0
        self.lost: list[tuple[str, str]] = []
        self.doubts: list[str] = []
        self.expired: list[Utc] = []
        self.silent: tuple[str, ...] = ()
        self.second: list[tuple[str, Sanity]] = []

    def second_count(self, camera_id: str, verdict: Sanity, at: Utc) -> None:
        del at
        self.second.append((camera_id, verdict))
        self.doors: dict[str, DoorState] = {}

    def note_doors(self, states: Mapping[str, DoorState]) -> None:
        self.doors = dict(states)

    def region(self, frame: Frame) -> Region | None:
        del frame
        return None

    def observe(
        self, frame: Frame, observation: CrowdObservation, doubt: str = ""
    ) -> tuple[ZoneReading, ...]:
        self.doubts.append(doubt)
        return (reading(f"zone-{frame.camera_id}", frame.captured_at, self.level),)

    def camera_lost(self, camera_id: str, at: Utc, cause: str) -> tuple[ZoneReading, ...]:
        self.lost.append((camera_id, cause))
        return (reading(f"zone-{camera_id}", at, Level.UNKNOWN, cause),)

    def expire(self, now: Utc) -> tuple[ZoneReading, ...]:
        self.expired.append(now)
        return tuple(reading(zone, now, Level.UNKNOWN, "no_frames") for zone in self.silent)


def frame(camera_id: str, at: Utc, grey: int = 90, sequence: int = 0) -> Frame:
    return Frame(camera_id, sequence, at, np.full((48, 64, 3), grey, np.uint8))

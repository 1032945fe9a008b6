"""Newest reading of a zone, newest state of a camera: frozen values."""

from __future__ import annotations

from dataclasses import dataclass

from streams.records import CameraState, ReadingData
from vision.instants import Utc


@dataclass(frozen=True, slots=True)
class Limits:
    """Ages that turn a reading into "nobody knows"; seconds."""

    stale_after_s: float
    lost_after_s: float
    startup_grace_s: float
    future_tolerance_s: float


@dataclass(frozen=True, slots=True)
class ZoneState:
    """The newest reading of a zone.

    Attributes:
        captured_at: as the worker said; `received_at`: when it got here.
        level_since: since when the level has been the same.
    """

    zone_id: str
    reading: ReadingData
    captured_at: Utc
    received_at: Utc
    level_since: Utc

    @property
    def seen_at(self) -> Utc:
        """Capture time, but never later than arrival: a clock that runs ahead cannot make an
        old reading look fresh, nor hide newer ones once it is put right."""
        return seen_at(self.captured_at, self.received_at)


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """The newest state that a worker told of a camera."""

    camera_id: str
    state: CameraState
    since: Utc
    cause: str
    detail: str
    captured_at: Utc
    received_at: Utc

    @property
    def seen_at(self) -> Utc:
        return seen_at(self.captured_at, self.received_at)


def seen_at(captured_at: Utc, received_at: Utc) -> Utc:
    """The earlier of both."""
    return min(captured_at, received_at)

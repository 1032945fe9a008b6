"""The newest analysed picture of each camera, drawn and encoded only when somebody asks."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from streams.clock import Clock
from streams.pictures.drawing import ZoneOutline, draw, encode_jpeg
from vision.instants import Monotonic, Utc
from vision.observations import Frame, HeadPoints
from vision.risk.readings import ZoneReading


@dataclass(frozen=True, slots=True)
class Jpeg:
    """An encoded picture and when it was taken."""

    captured_at: Utc
    data: bytes


@dataclass(frozen=True, slots=True)
class _Analysed:
    frame: Frame
    heads: HeadPoints
    stored_at: Monotonic


@dataclass(frozen=True, slots=True)
class _Drawn:
    jpeg: Jpeg
    drawn_at: Monotonic


class UnknownCameraError(KeyError):
    """A picture was asked of a camera that this worker does not have."""


class LatestPictures:
    """Keeps one picture a camera. Thread-safe.

    At most five pictures a second are drawn for each camera however many people look, and a
    picture older than `keep_s` is no longer shown at all.
    """

    def __init__(
        self,
        outlines: Mapping[str, Sequence[ZoneOutline]],
        clock: Clock,
        *,
        spacing_s: float = 0.2,
        keep_s: float = 60.0,
    ) -> None:
        self._outlines = {camera: tuple(zones) for camera, zones in outlines.items()}
        self._clock = clock
        self._spacing_s = spacing_s
        self._keep_s = keep_s
        self._lock = threading.Lock()
        self._analysed: dict[str, _Analysed] = {}
        self._drawn: dict[str, _Drawn] = {}
        self._readings: dict[str, ZoneReading] = {}

    def join(self, outlines: Mapping[str, Sequence[ZoneOutline]]) -> None:
        """Keep pictures of these cameras too."""
        with self._lock:
            self._outlines |= {camera: tuple(zones) for camera, zones in outlines.items()}

    def leave(self, camera_ids: Iterable[str]) -> None:
        """Forget these cameras."""
        with self._lock:
            for camera_id in camera_ids:
                for known in (self._outlines, self._analysed, self._drawn):
                    known.pop(camera_id, None)

    def put(self, frame: Frame, heads: HeadPoints, readings: Sequence[ZoneReading]) -> None:
        analysed = _Analysed(frame, heads, self._clock.monotonic())
        with self._lock:
            self._analysed[frame.camera_id] = analysed
        self.update_readings(readings)

    def update_readings(self, readings: Sequence[ZoneReading]) -> None:
        with self._lock:
            self._readings.update({reading.zone_id: reading for reading in readings})

    def jpeg(self, camera_id: str) -> Jpeg | None:
        """The newest picture, or `None` while there is none that may be shown.

        Raises:
            UnknownCameraError: for a camera that this worker does not have.
        """
        now = self._clock.monotonic()
        with self._lock:
            outlines = self._outlines.get(camera_id)
            analysed = self._analysed.get(camera_id)
            drawn = self._drawn.get(camera_id)
            readings = dict(self._readings)
        if outlines is None:
            raise UnknownCameraError(camera_id)
        if analysed is None or now - analysed.stored_at > self._keep_s:
            return None
        if drawn is not None and now - drawn.drawn_at < self._spacing_s:
            return drawn.jpeg
        image = draw(analysed.frame, analysed.heads, outlines, readings)
        jpeg = Jpeg(analysed.frame.captured_at, encode_jpeg(image))
        with self._lock:
            self._drawn[camera_id] = _Drawn(jpeg, now)
        return jpeg


__all__ = ["Jpeg", "LatestPictures", "UnknownCameraError"]

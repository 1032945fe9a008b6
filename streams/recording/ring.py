"""The recording of one worker: a writer and a recorder for each of its cameras."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from config.recording import RingSettings
from streams.clock import Clock
from streams.decoding.tap import SourceTap
from streams.recording.recorder import CameraRecorder
from streams.recording.writer import RingWriter
from vision.instants import Utc

RECORDINGS_FOLDER = "recordings"


def recordings_folder(run_dir: Path) -> Path:
    """Where the rings of all cameras of a machine lie."""
    return run_dir / RECORDINGS_FOLDER


class Recording:
    """Records the cameras that the settings name; a context manager."""

    def __init__(
        self, root: Path, settings: RingSettings, clock: Clock, camera_ids: Sequence[str]
    ) -> None:
        chosen = [camera_id for camera_id in camera_ids if camera_id in settings.camera_ids]
        self._writer = RingWriter(root, settings, clock, camera_ids=chosen)
        self._taps = {
            camera_id: CameraRecorder(camera_id, self._writer, clock, segment_s=settings.segment_s)
            for camera_id in chosen
        }

    def tap(self, camera_id: str) -> SourceTap | None:
        """What hears this camera's packets; `None` when it is not recorded."""
        return self._taps.get(camera_id)

    def forget(self, camera_id: str) -> None:
        """Leave this camera's ring to another process."""
        if camera_id in self._taps:
            self._writer.forget(camera_id)

    def gap_s(self, camera_id: str, now: Utc) -> float | None:
        """For how long the camera has not been recorded; `None` when it is not meant to be."""
        status = self._writer.status().get(camera_id)
        if status is None:
            return None
        return 0.0 if status.recording else max(0.0, now - status.since)

    def status(self) -> dict[str, str]:
        """`recording`, or why not, by camera."""
        return {
            camera_id: "recording" if status.recording else (status.cause or "waiting")
            for camera_id, status in self._writer.status().items()
        }

    def __enter__(self) -> Self:
        self._writer.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.__exit__(kind, error, trace)


__all__ = ["RECORDINGS_FOLDER", "Recording", "recordings_folder"]

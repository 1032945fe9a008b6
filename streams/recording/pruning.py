"""The closed segments of one camera and which of them go first."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from config.recording import RingSettings
from streams.recording.index import opened_at, video_files
from streams.recording.notes import notes_of
from vision.instants import Utc


@dataclass(slots=True)
class Shelf:
    """Oldest first. Nothing younger than the floor is ever deleted.

    Attributes:
        growing_bytes: of the segment that is being written.
    """

    folder: Path
    growing_bytes: int = 0
    _closed: deque[tuple[Path, int]] = field(default_factory=deque)
    _closed_bytes: int = 0

    @property
    def total_bytes(self) -> int:
        return self._closed_bytes + self.growing_bytes

    def load(self) -> None:
        """Count what is on the disk."""
        self._closed.clear()
        self._closed_bytes = 0
        for path in video_files(self.folder):
            self.add(path, path.stat().st_size)

    def add(self, path: Path, size_bytes: int) -> None:
        self._closed.append((path, size_bytes))
        self._closed_bytes += size_bytes

    def prune(self, now: Utc, settings: RingSettings) -> int:
        """Delete what is older than `keep_s`, and above the budget what is older than the floor.

        Returns:
            How many segments were deleted.
        """
        deleted = 0
        while self._closed:
            age_s = now - opened_at(self._closed[0][0])
            too_old = age_s > settings.keep_s
            too_much = self.total_bytes > settings.camera_bytes and age_s > settings.floor_s
            if not (too_old or too_much):
                break
            self._delete_oldest()
            deleted += 1
        return deleted

    def give_way(self, now: Utc, floor_s: float, wanted_bytes: float) -> int:
        """Delete from the oldest on until so many bytes are free, down to the floor; the bytes."""
        given = 0
        while self._closed and given < wanted_bytes:
            if now - opened_at(self._closed[0][0]) <= floor_s:
                break
            given += self._delete_oldest()
        return given

    def _delete_oldest(self) -> int:
        path, size_bytes = self._closed[0]
        path.unlink(missing_ok=True)
        notes_of(path).unlink(missing_ok=True)
        self._closed.popleft()
        self._closed_bytes -= size_bytes
        hour = path.parent
        if hour != self.folder and not any(hour.iterdir()):
            hour.rmdir()
        return size_bytes


__all__ = ["Shelf"]

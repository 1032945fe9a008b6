"""The closed segments of one camera and which of them go first."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from config.recording import RingSettings
from streams.recording.index import hours, opened_at, video_sizes
from streams.recording.notes import notes_of
from vision.instants import Utc


@dataclass(slots=True)
class Shelf:
    """Oldest first. Nothing younger than the floor is ever deleted.

    A ring of a month holds 259,200 segments a camera: only their hours are kept in mind, and the
    segments of the oldest one.

    Attributes:
        growing_bytes: of the segment that is being written.
        counted: what is on the disk was counted.
    """

    folder: Path
    growing_bytes: int = 0
    counted: bool = False
    _growing: str = ""
    _closed_bytes: int = 0
    _bytes_of: dict[str, int] = field(default_factory=dict)
    _listed_hour: str = ""
    _listed: deque[tuple[str, int]] = field(default_factory=deque)

    @property
    def total_bytes(self) -> int:
        return self._closed_bytes + self.growing_bytes

    def load(self) -> None:
        """Count what is on the disk, while no segment is being written."""
        self._bytes_of = {
            hour: sum(size for _, size in video_sizes(self.folder / hour))
            for hour in hours(self.folder)
        }
        self._closed_bytes = sum(self._bytes_of.values())
        self._listed_hour, self.counted = "", True

    def begin(self, path: Path) -> None:
        """This segment is being written from now on."""
        self._growing, self.growing_bytes = path.name, 0

    def add(self, path: Path, size_bytes: int) -> None:
        """The segment that was being written is closed."""
        self._growing, self.growing_bytes = "", 0
        hour = path.parent.name
        self._bytes_of[hour] = self._bytes_of.get(hour, 0) + size_bytes
        self._closed_bytes += size_bytes
        if hour == self._listed_hour:
            self._listed.append((path.name, size_bytes))

    def newest(self) -> Utc | None:
        """About when the newest closed segment was opened; `None` where there is none."""
        for hour in sorted(self._bytes_of, reverse=True):
            closed = [name for name, _ in video_sizes(self.folder / hour) if name != self._growing]
            if closed:
                return opened_at(Path(closed[-1]))
        return None

    def prune(self, now: Utc, settings: RingSettings, *, by_age: bool = True) -> int:
        """Delete what is older than `keep_s`, and above the budget what is older than the floor.

        Args:
            by_age: whether the former; see `streams.recording.ageing`.

        Returns:
            How many segments were deleted.
        """
        deleted = 0
        while (oldest := self._oldest()) is not None:
            age_s = now - opened_at(oldest)
            too_old = by_age and age_s > settings.keep_s
            too_much = self.total_bytes > settings.camera_bytes and age_s > settings.floor_s
            if not (too_old or too_much):
                break
            self._delete(oldest)
            deleted += 1
        return deleted

    def give_way(self, now: Utc, floor_s: float, wanted_bytes: float) -> int:
        """Delete from the oldest on until so many bytes are free, down to the floor; the bytes."""
        given = 0
        while given < wanted_bytes and (oldest := self._oldest()) is not None:
            if now - opened_at(oldest) <= floor_s:
                break
            given += self._delete(oldest)
        return given

    def _oldest(self) -> Path | None:
        """The oldest closed segment; an hour in which none is left is forgotten, and its folder
        deleted."""
        while self._bytes_of:
            hour = min(self._bytes_of)
            if hour != self._listed_hour:
                found = video_sizes(self.folder / hour)
                self._listed = deque(one for one in found if one[0] != self._growing)
                self._listed_hour = hour
            if self._listed:
                return self.folder / hour / self._listed[0][0]
            self._closed_bytes -= self._bytes_of.pop(hour)
            self._listed_hour = ""
            _remove_empty(self.folder / hour)
        return None

    def _delete(self, oldest: Path) -> int:
        oldest.unlink(missing_ok=True)
        notes_of(oldest).unlink(missing_ok=True)
        _, size_bytes = self._listed.popleft()
        self._bytes_of[self._listed_hour] -= size_bytes
        self._closed_bytes -= size_bytes
        return size_bytes


def _remove_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


__all__ = ["Shelf"]

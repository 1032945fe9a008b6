"""The closed segments of one camera and which of them go first."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from config.recording import RingSettings
from config.whole_files import replace_whole
from streams.recording.index import hours, opened_at, video_sizes
from streams.recording.notes import notes_of
from vision.instants import Utc

AHEAD_FILE = "ahead.txt"
# What lies less far ahead is a time that comes soon.
_AHEAD_S = 86_400.0


@dataclass(slots=True)
class Shelf:
    """Oldest first. Nothing younger than the floor is ever deleted.

    A ring of a month holds 259,200 segments a camera: only their hours are kept in mind, and the
    segments of the oldest one.

    What was told by a clock that ran far ahead lies in days that are still to come, once it is put
    right, and would fill the ring until they are here. It goes first, and is at least as old as it
    is known to lie ahead.

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
    _oldest: _Listed = field(default_factory=lambda: _Listed())
    _ahead: _Listed = field(default_factory=lambda: _Listed())
    _ahead_since: _Since = field(init=False)

    def __post_init__(self) -> None:
        self._ahead_since = _Since(self.folder / AHEAD_FILE)

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
        self._oldest.hour = self._ahead.hour = ""
        self.counted = True

    def begin(self, path: Path) -> None:
        """This segment is being written from now on."""
        self._growing, self.growing_bytes = path.name, 0

    def add(self, path: Path, size_bytes: int) -> None:
        """The segment that was being written is closed."""
        self._growing, self.growing_bytes = "", 0
        hour = path.parent.name
        self._bytes_of[hour] = self._bytes_of.get(hour, 0) + size_bytes
        self._closed_bytes += size_bytes
        for listed in (self._oldest, self._ahead):
            if hour == listed.hour:
                listed.segments.append((path.name, size_bytes))

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
        for oldest, age_s in self._in_turn(now):
            too_old = by_age and age_s > settings.keep_s
            too_much = self.total_bytes > settings.camera_bytes and age_s > settings.floor_s
            if not (too_old or too_much):
                continue
            self._delete(oldest)
            deleted += 1
        return deleted

    def give_way(self, now: Utc, floor_s: float, wanted_bytes: float) -> int:
        """Delete from the oldest on until so many bytes are free, down to the floor; the bytes."""
        given = 0
        for oldest, age_s in self._in_turn(now):
            if given < wanted_bytes and age_s > floor_s:
                given += self._delete(oldest)
        return given

    def _in_turn(self, now: Utc) -> Iterator[tuple[Path, float]]:
        """Closed segments with their ages, in the order in which they go: what lies ahead, then the
        oldest. Of each it goes on only as long as those before are deleted."""
        ahead_of = f"{now.plus(_AHEAD_S).to_datetime():%Y%m%d%H}"
        before = None
        while (path := self._first(self._ahead, ahead_of)) not in (None, before):
            yield path, now - self._ahead_since.noticed(now)
            before = path
        if path is None:
            self._ahead_since.forget()
        before = None
        while (path := self._first(self._oldest)) not in (None, before):
            yield path, now - opened_at(path)
            before = path

    def _first(self, listed: _Listed, after: str = "") -> Path | None:
        """The oldest closed segment of the hours after one; an hour in which none is left is
        forgotten, and its folder deleted."""
        while hour := min((one for one in self._bytes_of if one > after), default=""):
            if hour != listed.hour:
                found = video_sizes(self.folder / hour)
                listed.segments = deque(one for one in found if one[0] != self._growing)
                listed.hour = hour
            if listed.segments:
                return self.folder / hour / listed.segments[0][0]
            self._closed_bytes -= self._bytes_of.pop(hour)
            listed.hour = ""
            _remove_empty(self.folder / hour)
        return None

    def _delete(self, path: Path) -> int:
        """Delete the first of what is listed of an hour."""
        path.unlink(missing_ok=True)
        notes_of(path).unlink(missing_ok=True)
        hour, size_bytes = path.parent.name, 0
        for listed in (self._oldest, self._ahead):
            if listed.hour == hour and listed.segments and listed.segments[0][0] == path.name:
                _, size_bytes = listed.segments.popleft()
        self._bytes_of[hour] -= size_bytes
        self._closed_bytes -= size_bytes
        return size_bytes


@dataclass(slots=True)
class _Listed:
    """The segments of one hour, oldest first, with their bytes."""

    hour: str = ""
    segments: deque[tuple[str, int]] = field(default_factory=deque)


@dataclass(slots=True)
class _Since:
    """Since when something is so, also for the next process."""

    file: Path
    _moment: Utc | None = None
    _known: bool = False

    def noticed(self, now: Utc) -> Utc:
        if not self._known:
            self._moment, self._known = self._read(), True
        if self._moment is None or self._moment > now:
            self._moment = now
            # A full disk must not keep from deleting: this process remembers by itself.
            with contextlib.suppress(OSError):
                replace_whole(self.file, str(now.ns).encode(), durable=False)
        return self._moment

    def forget(self) -> None:
        if self._moment is not None or not self._known:
            self._moment, self._known = None, True
            with contextlib.suppress(OSError):
                self.file.unlink()

    def _read(self) -> Utc | None:
        try:
            return Utc(int(self.file.read_bytes()))
        except (OSError, ValueError):
            return None


def _remove_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


__all__ = ["Shelf"]

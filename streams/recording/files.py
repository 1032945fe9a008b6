"""One segment while it is written."""

from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from streams.recording.clock_runs import ClockRun
from streams.recording.notes import Closing, anchor_line, closing_line, notes_of, opening_line
from streams.recording.values import Anchor, EndCause, How
from vision.instants import Utc

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND
# Pictures of minors: nobody but this account reads them.
_MODE = 0o600


@dataclass(slots=True)
class OpenSegment:
    """Appends to a segment's two files; every method may raise `OSError`."""

    path: Path
    _video: int
    _notes: int
    size_bytes: int = 0
    _digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    @classmethod
    def create(cls, path: Path, camera_id: str, opened: Utc, how: How, run: ClockRun) -> Self:
        path.parent.mkdir(parents=True, exist_ok=True)
        notes = os.open(notes_of(path), _FLAGS, _MODE)
        try:
            _write(notes, opening_line(camera_id, opened, how, run))
            video = os.open(path, _FLAGS, _MODE)
        except OSError:
            os.close(notes)
            raise
        return cls(path, video, notes)

    def append(self, data: bytes) -> None:
        self._digest.update(data)
        self.size_bytes += len(data)
        _write(self._video, data)

    def note(self, anchor: Anchor) -> None:
        _write(self._notes, anchor_line(anchor))

    def close(self, end: Utc, cause: EndCause) -> None:
        """Write the last line and bring both files to the disk."""
        closing = Closing(end, cause, self.size_bytes, self._digest.hexdigest())
        try:
            os.fsync(self._video)
            _write(self._notes, closing_line(closing))
            os.fsync(self._notes)
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Let go of the files as they are."""
        for descriptor in (self._video, self._notes):
            with contextlib.suppress(OSError):
                os.close(descriptor)


def _write(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


__all__ = ["OpenSegment"]

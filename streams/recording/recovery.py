"""What a killed worker left open: segments that play and only lack the last line of their notes."""

from __future__ import annotations

import itertools
from pathlib import Path

import structlog

from streams.recording.index import hours, newest_video_files
from streams.recording.notes import SUFFIX, Closing, closing_line, notes_of, read_segment
from streams.recording.values import EndCause

_log = structlog.get_logger(__name__)

# A worker has one open segment a camera; a few more after kills in quick succession.
_LOOK_BACK = 20


def close_left_open(folder: Path) -> int:
    """Close the newest segments of a camera that nobody writes any more; how many there were.

    A segment without a picture is deleted. The digest stays empty: nobody knows what was meant to
    follow.
    """
    closed = 0
    newest = newest_video_files(folder, _LOOK_BACK)
    for video in newest:
        segment = read_segment(video)
        if segment is None:
            _delete(video)
            closed += 1
        elif not segment.closed:
            last = closing_line(Closing(segment.end, EndCause.KILLED, segment.size_bytes))
            with notes_of(video).open("ab") as notes:
                # A torn line ends here.
                notes.write(b"\n" + last)
            closed += 1
    if closed:
        _log.info("segments that were left open are closed", folder=folder.name, count=closed)
    _delete_orphans(folder, {video.stem for video in newest})
    return closed


def _delete_orphans(folder: Path, kept: set[str]) -> None:
    """Notes whose video was never begun."""
    newest = hours(folder)[-1:]
    for notes in itertools.chain.from_iterable((folder / h).glob(f"*{SUFFIX}") for h in newest):
        if notes.stem not in kept and not notes.with_suffix(".mp4").exists():
            notes.unlink(missing_ok=True)


def _delete(video: Path) -> None:
    video.unlink(missing_ok=True)
    notes_of(video).unlink(missing_ok=True)


__all__ = ["close_left_open"]

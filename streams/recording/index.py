"""Finding segments on the disk: `ROOT/CAMERA/YYYYMMDDHH/START_NS.mp4` with its notes beside it.

The folders are the index: any process may read it while the worker writes, and a kill cannot
damage it. The service looks every few seconds at the last half hour of all cameras, thousands of
segments: notes that have ended are read once.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from streams.recording.notes import VIDEO_SUFFIX, read_segment
from streams.recording.values import EndCause, RingStatus, Segment
from vision.instants import Utc

STATUS_FILE = "status.json"
# Nearly all segments are shorter. One of a camera that sends key pictures only at the start has no
# end: it is the last that began before, and is looked for where no other reaches back far enough.
_LONGEST_SEGMENT_S = 900.0
_UNTOLD = Utc(0)
_NAME_LENGTH = 20 + len(VIDEO_SUFFIX)
# About 2 KiB each; three quarters of an hour of 24 cameras is 6,500.
_MOST_REMEMBERED = 10_000
# By path, as text: a path of pathlib costs more to look up than all the rest.
_ended: dict[str, Segment] = {}
_ended_lock = threading.Lock()


def camera_folder(root: Path, camera_id: str) -> Path:
    """Where the segments of a camera lie. Camera ids are safe names by the site file's rules."""
    return root / camera_id


def hour_folder(root: Path, camera_id: str, moment: Utc) -> Path:
    """The folder of a segment that begins at `moment`."""
    return camera_folder(root, camera_id) / f"{moment.to_datetime():%Y%m%d%H}"


def segment_path(root: Path, camera_id: str, opened: Utc) -> Path:
    """The video file of a segment that is opened at `opened`."""
    return hour_folder(root, camera_id, opened) / f"{opened.ns:020d}{VIDEO_SUFFIX}"


def new_segment_path(root: Path, camera_id: str, opened: Utc) -> Path:
    """As `segment_path`, where nothing lies yet: a clock that was set back tells times twice."""
    path = segment_path(root, camera_id, opened)
    while path.exists():
        opened = Utc(opened.ns + 1)
        path = segment_path(root, camera_id, opened)
    return path


def video_files(folder: Path) -> Iterator[Path]:
    """All segment files of a camera, oldest first."""
    for hour in hours(folder):
        yield from _videos(folder / hour)


def newest_video_files(folder: Path, count: int) -> list[Path]:
    """The last `count` segment files of a camera, oldest first; hours before them are not read."""
    found: list[Path] = []
    for hour in reversed(hours(folder)):
        found = [*_videos(folder / hour), *found]
        if len(found) >= count:
            break
    return found[-count:]


def hours(folder: Path) -> list[str]:
    """The names of a camera's hour folders, oldest first."""
    return sorted(_names(folder, folders=True))


def video_sizes(hour: Path) -> list[tuple[str, int]]:
    """Name and bytes of each segment file in an hour's folder, oldest first."""
    found = []
    # The folder, or a file of it, may be deleted meanwhile by the process that had the camera.
    with contextlib.suppress(FileNotFoundError), os.scandir(hour) as entries:
        for entry in entries:
            if entry.name.endswith(VIDEO_SUFFIX):
                with contextlib.suppress(FileNotFoundError):
                    found.append((entry.name, entry.stat().st_size))
    return sorted(found)


def segments(root: Path, camera_id: str, start: Utc, end: Utc) -> tuple[Segment, ...]:
    """Segments of a camera with pictures between `start` and `end`, in order."""
    folder = camera_folder(root, camera_id)
    first = f"{start.plus(-_LONGEST_SEGMENT_S).to_datetime():%Y%m%d%H}"
    last = f"{end.to_datetime():%Y%m%d%H}"
    found: list[Segment] = []
    earlier = ""
    for hour in _names(folder, folders=True):
        if first <= hour <= last:
            found.extend(segments_in(folder / hour, start, end))
        elif hour < first:
            earlier = max(earlier, hour)
    if earlier and not _reaches_back(found, start):
        found.extend(segments_in(folder / earlier, start, end))
    return tuple(sorted(found, key=lambda segment: segment.start))


def segments_in(folder: Path, start: Utc, end: Utc) -> tuple[Segment, ...]:
    """Segments that lie in one folder, with pictures between `start` and `end`, in order."""
    found: list[Segment] = []
    before = ""
    earliest, latest = (
        f"{max(moment.ns, 0):020d}"
        for moment in (start.plus(-_LONGEST_SEGMENT_S), end.plus(_LONGEST_SEGMENT_S))
    )
    for name in _names(folder):
        if not name.endswith(VIDEO_SUFFIX):
            continue
        stem = name.removesuffix(VIDEO_SUFFIX)
        # By its name alone; a foreign name tells nothing.
        if stem.isdecimal() and not earliest <= stem.zfill(20) <= latest:
            if stem.zfill(20) < earliest:
                before = max(before, name, key=lambda one: one.zfill(_NAME_LENGTH))
            continue
        segment = _read(folder, name, start, end)
        if segment is not None:
            found.append(segment)
    if before and not _reaches_back(found, start):
        segment = _read(folder, before, start, end)
        found.extend(() if segment is None else (segment,))
    return tuple(sorted(found, key=lambda segment: segment.start))


def _reaches_back(found: Iterable[Segment], start: Utc) -> bool:
    return any(segment.start <= start for segment in found)


def _read(folder: Path, name: str, start: Utc, end: Utc) -> Segment | None:
    """A segment with pictures of the span; of one that has ended the notes are remembered, as
    nothing is ever added to them."""
    key = f"{folder}/{name}"
    with _ended_lock:
        known = _ended.pop(key, None)
        if known is not None:
            # Last, as the one that was asked for last.
            _ended[key] = known
    if known is not None and not _overlaps(known, start, end):
        return None
    if known is None or not _is_still(key, known):
        known = read_segment(folder / name)
        with _ended_lock:
            _ended.pop(key, None)
            if known is not None and known.closed:
                _ended[key] = known
                if len(_ended) > _MOST_REMEMBERED:
                    del _ended[next(iter(_ended))]
    return known if known is not None and _overlaps(known, start, end) else None


def _overlaps(segment: Segment, start: Utc, end: Utc) -> bool:
    return segment.start < end and segment.end > start


def _is_still(path: str, known: Segment) -> bool:
    """The ring deletes its oldest segments."""
    try:
        # A `Path` would cost more than the call.
        return os.stat(path).st_size == known.size_bytes  # noqa: PTH116
    except OSError:
        return False


def opened_at(video: Path) -> Utc:
    """About when a segment was opened, from its name; 0 for a foreign file."""
    return Utc(int(video.stem)) if video.stem.isdecimal() else _UNTOLD


def read_status(root: Path, camera_id: str) -> RingStatus | None:
    """What the worker last said of a camera's recording; `None` before its first word."""
    try:
        fields = json.loads((camera_folder(root, camera_id) / STATUS_FILE).read_bytes())
        cause = fields["cause"]
        return RingStatus(
            bool(fields["recording"]),
            Utc(int(fields["since_ns"])),
            EndCause(cause) if cause else None,
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def status_bytes(status: RingStatus) -> bytes:
    """The content of a status file."""
    fields = {
        "recording": status.recording,
        "since_ns": status.since.ns,
        "cause": status.cause.value if status.cause else "",
    }
    return json.dumps(fields).encode()


def _videos(hour: Path) -> list[Path]:
    return [hour / name for name in sorted(_names(hour)) if name.endswith(VIDEO_SUFFIX)]


def _names(folder: Path, *, folders: bool = False) -> list[str]:
    """Names in a folder, or of the folders in it; none where it is not there.

    No file is asked about itself: a ring of a month has 720 folders a camera.
    """
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if not folders or entry.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []


__all__ = [
    "STATUS_FILE",
    "camera_folder",
    "hour_folder",
    "hours",
    "new_segment_path",
    "newest_video_files",
    "opened_at",
    "read_status",
    "segment_path",
    "segments",
    "segments_in",
    "status_bytes",
    "video_files",
    "video_sizes",
]

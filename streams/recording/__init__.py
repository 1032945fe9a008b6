"""Ring recording by packet copy: `ring.Recording` for a worker, `index` and `remux` for readers."""

from streams.recording.clock_runs import ClockRun
from streams.recording.index import read_status, segments, segments_in
from streams.recording.remux import (
    Joined,
    NoPictureError,
    Part,
    RemuxError,
    film_start,
    join,
    parts_of,
)
from streams.recording.ring import Recording, recordings_folder
from streams.recording.values import Anchor, EndCause, Gap, How, RingStatus, Segment, gaps_between

__all__ = [
    "Anchor",
    "ClockRun",
    "EndCause",
    "Gap",
    "How",
    "Joined",
    "NoPictureError",
    "Part",
    "Recording",
    "RemuxError",
    "RingStatus",
    "Segment",
    "film_start",
    "gaps_between",
    "join",
    "parts_of",
    "read_status",
    "recordings_folder",
    "segments",
    "segments_in",
]

"""What a ring recording is made of: frozen values without files."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from streams.recording.clock_runs import ClockRun
from vision.instants import Utc

RECORDING_TOLERANCE_S = 2.0
"""Less than this between two segments is a reconnect or a cut, and no gap."""


class How(StrEnum):
    """How the pictures came into the ring."""

    COPIED = "copied"
    ENCODED = "encoded"


class EndCause(StrEnum):
    """Why a segment ended; also why nothing is recorded."""

    FULL = "full"
    STREAM_ENDED = "stream_ended"
    STOPPED = "stopped"
    KILLED = "killed"
    TIMES_BROKEN = "times_broken"
    SLOW_DISK = "slow_disk"
    DISK_FULL = "disk_full"
    DISK_ERROR = "disk_error"
    BUDGET = "budget"
    NOT_RECORDABLE = "not_recordable"


@dataclass(frozen=True, slots=True)
class Anchor:
    """At `offset_s` after the segment's first picture, pictures were taken at `captured`."""

    offset_s: float
    captured: Utc


@dataclass(frozen=True, slots=True)
class Segment:
    """One file of the ring.

    Attributes:
        path: fragmented MP4; its notes lie beside it (`.jsonl`).
        start, end: capture times of its first and about its last picture.
        closed: nothing is added any more.
        cause: why it ended; `None` while it is open.
        anchors: capture times along the segment, in order.
        size_bytes: of the video file.
        sha256: of the video file when it was closed; empty before, and after a kill.
        clock: by which setting of the clock its times are told; `None` where the notes do not say.
    """

    camera_id: str
    path: Path
    start: Utc
    end: Utc
    closed: bool
    cause: EndCause | None
    how: How
    anchors: tuple[Anchor, ...]
    size_bytes: int
    sha256: str = ""
    clock: ClockRun | None = None

    def is_told_by(self, run: ClockRun | None) -> bool:
        """Whether its times are those of a clock, as far as is known."""
        return run is None or self.clock is None or run.goes_on_from(self.clock, self.end)

    def captured_at(self, offset_s: float) -> Utc:
        """Capture time of the picture `offset_s` after the first one."""
        before = self.anchors[0]
        for anchor in self.anchors:
            if anchor.offset_s > offset_s:
                break
            before = anchor
        return before.captured.plus(offset_s - before.offset_s)


@dataclass(frozen=True, slots=True)
class Gap:
    """A span in which nothing was recorded."""

    start: Utc
    end: Utc
    cause: EndCause | None = None

    @property
    def duration_s(self) -> float:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class RingStatus:
    """Whether a camera is being recorded, and why not.

    Attributes:
        cause: empty while it is recorded.
    """

    recording: bool
    since: Utc
    cause: EndCause | None = None


def gaps_between(
    segments: tuple[Segment, ...],
    start: Utc,
    end: Utc,
    tolerance_s: float = RECORDING_TOLERANCE_S,
) -> tuple[Gap, ...]:
    """Spans of `start`..`end` without a recording that last longer than `tolerance_s`.

    Args:
        segments: in order of their start; they may overlap.
    """
    found: list[Gap] = []
    covered = start
    cause: EndCause | None = None
    for segment in segments:
        if segment.end < covered:
            continue
        if segment.start >= end:
            break
        if segment.start - covered > tolerance_s:
            found.append(Gap(covered, segment.start, cause))
        covered, cause = max(covered, segment.end), segment.cause
    if end - covered > tolerance_s:
        found.append(Gap(covered, end, cause))
    return tuple(found)


__all__ = [
    "RECORDING_TOLERANCE_S",
    "Anchor",
    "EndCause",
    "Gap",
    "How",
    "RingStatus",
    "Segment",
    "gaps_between",
]

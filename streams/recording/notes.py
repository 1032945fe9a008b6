"""The notes beside each segment: lines of JSON, only ever appended, so that a kill tears one line.

{"format": 1, "camera": ..., "opened_ns": ..., "how": "copied", "zero_ns": ..., "boot": ...}
{"offset_s": 0.0, "captured_ns": ...}        at least once a second
{"end_ns": ..., "cause": "full", "bytes": ..., "sha256": ...}
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from streams.recording.clock_runs import ClockRun
from streams.recording.values import Anchor, EndCause, How, Segment
from vision.instants import Utc

SUFFIX = ".jsonl"
VIDEO_SUFFIX = ".mp4"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Closing:
    """The last line of the notes."""

    end: Utc
    cause: EndCause
    size_bytes: int
    sha256: str = ""


def opening_line(camera_id: str, opened: Utc, how: How, run: ClockRun) -> bytes:
    fields = {"camera": camera_id, "opened_ns": opened.ns, "how": how.value}
    return _line({"format": _FORMAT, **fields, "zero_ns": run.zero.ns, "boot": run.boot})


def anchor_line(anchor: Anchor) -> bytes:
    return _line({"offset_s": round(anchor.offset_s, 6), "captured_ns": anchor.captured.ns})


def closing_line(closing: Closing) -> bytes:
    return _line(
        {
            "end_ns": closing.end.ns,
            "cause": closing.cause.value,
            "bytes": closing.size_bytes,
            "sha256": closing.sha256,
        }
    )


def notes_of(video: Path) -> Path:
    """The notes of a segment's file."""
    return video.with_suffix(SUFFIX)


def read_segment(video: Path) -> Segment | None:
    """The segment whose video file is `video`; `None` when its notes say too little to use it."""
    try:
        content = notes_of(video).read_bytes()
        size_bytes = video.stat().st_size
    except OSError:
        return None
    opening: dict[str, object] | None = None
    closing: Closing | None = None
    anchors: list[Anchor] = []
    for raw in content.split(b"\n"):
        fields = _parsed(raw)
        if fields is None:
            continue
        try:
            if "format" in fields and opening is None:
                opening = fields
            elif "offset_s" in fields:
                anchors.append(Anchor(float(str(fields["offset_s"])), _utc(fields["captured_ns"])))
            elif "cause" in fields:
                closing = _closing(fields)
        except (KeyError, ValueError):
            # Whole JSON that says too little is a torn line as well.
            continue
    if opening is None or opening.get("format") != _FORMAT or not anchors:
        return None
    if "camera" not in opening or opening.get("how") not in set(How):
        return None
    first, last = anchors[0], anchors[-1]
    return Segment(
        camera_id=str(opening["camera"]),
        path=video,
        start=first.captured.plus(-first.offset_s),
        end=last.captured if closing is None else max(closing.end, last.captured),
        closed=closing is not None,
        cause=None if closing is None else closing.cause,
        how=How(str(opening["how"])),
        anchors=tuple(anchors),
        size_bytes=size_bytes,
        sha256="" if closing is None else closing.sha256,
        clock=_run(opening),
    )


def _run(opening: dict[str, object]) -> ClockRun | None:
    """Notes of earlier versions tell no boot, and older ones nothing of it."""
    try:
        return ClockRun(_utc(opening["zero_ns"]), str(opening.get("boot", "")))
    except (KeyError, ValueError):
        return None


def _closing(fields: dict[str, object]) -> Closing:
    cause, size = str(fields["cause"]), int(str(fields["bytes"]))
    return Closing(_utc(fields["end_ns"]), EndCause(cause), size, str(fields["sha256"]))


def _line(fields: dict[str, object]) -> bytes:
    return json.dumps(fields).encode() + b"\n"


def _parsed(raw: bytes) -> dict[str, object] | None:
    """One line; `None` for a torn one."""
    try:
        fields = json.loads(raw)
    except ValueError:
        return None
    return fields if isinstance(fields, dict) else None


def _utc(value: object) -> Utc:
    return Utc(int(str(value)))


__all__ = [
    "SUFFIX",
    "VIDEO_SUFFIX",
    "Closing",
    "anchor_line",
    "closing_line",
    "notes_of",
    "opening_line",
    "read_segment",
]

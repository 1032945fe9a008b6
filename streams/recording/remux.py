"""Segments into one MP4 by packet copy, on a time line of capture times.

A gap stays a gap: the picture before it stands still for as long. Segments whose pictures have
another size or coding than those before cannot share a file, nor can those that were taken after
the clock was set: they may overlap those before. Each such stretch is a part.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from uuid import uuid4

import av
import av.error
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from streams.clock import SET_BACK_S
from streams.errors import StreamError
from streams.recording.values import Segment
from vision.instants import Utc

_TICKS_A_SECOND = 90_000
# The notes of a segment may tell its end a little late; more is a clock that was set back.
_OVERLAP_S = 0.5
_OPTIONS = {"movflags": "+faststart"}
DRAFT_SUFFIX = ".part"
"""Ends the name of a file that is not yet whole; a killed process leaves such a one behind."""


class RemuxError(StreamError):
    """Segments that cannot be joined; the text names the file."""


class NoPictureError(RemuxError):
    """Nothing was recorded in the span."""


@dataclass(frozen=True, slots=True)
class TimedPacket:
    """A packet of a segment with the capture time of its picture.

    Attributes:
        lead_s: by how much it is decoded before it is shown (pictures that refer to later ones).
    """

    packet: Packet[VideoStream]
    captured: Utc
    lead_s: float
    key: bool


@dataclass(frozen=True, slots=True)
class Coding:
    """What segments must have in common to share a file."""

    codec: str
    width_px: int
    height_px: int
    extradata: bytes


@dataclass(frozen=True, slots=True)
class Part:
    """Segments of one coding that follow each other in time."""

    coding: Coding
    segments: tuple[Segment, ...]

    @property
    def start(self) -> Utc:
        return self.segments[0].start

    @property
    def end(self) -> Utc:
        return max(segment.end for segment in self.segments)


@dataclass(frozen=True, slots=True)
class Joined:
    """What was written.

    Attributes:
        start: capture time at the film's second 0.
        end: capture time of the last picture.
    """

    start: Utc
    end: Utc
    packets: int


@dataclass(slots=True)
class _Run:
    """A part that grows."""

    coding: Coding
    segments: list[Segment]
    end: Utc


def parts_of(segments: Sequence[Segment]) -> tuple[Part, ...]:
    """Divide segments, in order of time, where the coding changes and where the clock was set back;
    unreadable ones are left out.

    A segment goes on with the part of the same clock that ended last before it began, so that of
    two runs which overlap each stays whole.
    """
    runs: list[_Run] = []
    for segment in segments:
        coding = _coding_of(segment.path)
        if coding is None:
            continue
        begun = segment.start.plus(_OVERLAP_S)
        over = (run for run in runs if run.end <= begun and _same_clock(run.segments[-1], segment))
        before = max(over, key=lambda run: run.end, default=None)
        if before is None or before.coding != coding:
            runs.append(_Run(coding, [segment], segment.end))
        else:
            before.segments.append(segment)
            before.end = max(before.end, segment.end)
    return tuple(Part(run.coding, tuple(run.segments)) for run in runs)


def _same_clock(before: Segment, then: Segment) -> bool:
    """Whether the wall clock was not set between two segments, as far as is known."""
    if before.clock is None or then.clock is None:
        return True
    return abs(then.clock.zero - before.clock.zero) <= SET_BACK_S


def packets_of(segment: Segment) -> Iterator[TimedPacket]:
    """The packets of a segment in the order of decoding; ends at the first damaged one."""
    try:
        container = av.open(str(segment.path))
    except (av.error.FFmpegError, OSError):
        return
    with container:
        yield from _timed(container, segment)


def _timed(container: InputContainer, segment: Segment) -> Iterator[TimedPacket]:
    first_s: float | None = None
    try:
        for packet in container.demux(video=0):
            base = packet.time_base
            if packet.size == 0 or packet.pts is None or packet.dts is None or base is None:
                continue
            if packet.is_corrupt:
                return
            pts_s = float(packet.pts * base)
            first_s = pts_s if first_s is None else first_s
            captured = segment.captured_at(pts_s - first_s)
            lead_s = pts_s - float(packet.dts * base)
            yield TimedPacket(packet, captured, lead_s, packet.is_keyframe)
    except av.error.FFmpegError:
        # The tail of a segment whose writer was killed.
        return


def join(part: Part, start: Utc, end: Utc, out: Path) -> Joined:
    """Write the pictures of `start`..`end` to `out`, from the key picture at or before `start`.

    The file appears whole or not at all, also where two write the same one at once.

    Raises:
        NoPictureError: no picture lies in that span.
        RemuxError: a file cannot be read or written.
    """
    draft = out.with_name(f".{out.name}.{uuid4().hex}{DRAFT_SUFFIX}")
    try:
        with av.open(str(part.segments[0].path)) as model:
            joined = _write(part, model.streams.video[0], (start, end), draft)
        draft.replace(out)
    except (av.error.FFmpegError, OSError) as error:
        raise RemuxError(
            f"{out.name}: cannot be written: {error.strerror} (mend: check the disk)"
        ) from error
    finally:
        draft.unlink(missing_ok=True)
    return joined


def film_start(part: Part, start: Utc) -> Utc:
    """Capture time at second 0 of the film that `join` makes of a part from `start` on: that of the
    key picture at or before it."""
    found = part.start
    for segment in part.segments:
        for timed in packets_of(segment):
            if timed.key:
                found = timed.captured
            if timed.captured >= start:
                return found
    return found


def _write(part: Part, model: VideoStream, span: tuple[Utc, Utc], draft: Path) -> Joined:
    chosen = _from_key_picture(part, *span)
    first = next(chosen, None)
    if first is None:
        raise NoPictureError(f"{draft.name}: no picture was recorded in this span")
    zero, last, count = first.captured, first.captured, 0
    last_dts: int | None = None
    with av.open(str(draft), "w", format="mp4", options=_OPTIONS) as container:
        stream = container.add_stream_from_template(model)
        stream.time_base = Fraction(1, _TICKS_A_SECOND)
        for timed in _with_first(first, chosen):
            # Pictures that are decoded before they are shown are so before second 0.
            at_s = timed.captured - zero
            dts = round((at_s - timed.lead_s) * _TICKS_A_SECOND)
            dts = dts if last_dts is None else max(dts, last_dts + 1)
            copy = Packet(bytes(timed.packet))
            copy.dts, copy.pts = dts, max(round(at_s * _TICKS_A_SECOND), dts)
            copy.time_base, copy.is_keyframe = stream.time_base, timed.key
            copy.stream = stream
            container.mux(copy)
            last, last_dts, count = max(last, timed.captured), dts, count + 1
    return Joined(zero, last, count)


def _from_key_picture(part: Part, start: Utc, end: Utc) -> Iterator[TimedPacket]:
    """Packets from the last key picture at or before `start` up to `end`, and those after it that
    pictures before it refer to."""
    waiting: list[TimedPacket] = []
    later: list[TimedPacket] = []
    begun = False
    for segment in part.segments:
        for timed in packets_of(segment):
            if begun:
                later.append(timed)
                if timed.captured <= end:
                    yield from later
                    later = []
                elif timed.captured.plus(-timed.lead_s - _OVERLAP_S) > end:
                    return
                continue
            if timed.key:
                waiting = []
            waiting.append(timed)
            if timed.captured >= start and timed.captured <= end and waiting[0].key:
                begun = True
                yield from waiting


def _with_first(first: TimedPacket, others: Iterator[TimedPacket]) -> Iterator[TimedPacket]:
    yield first
    yield from others


def _coding_of(path: Path) -> Coding | None:
    try:
        with av.open(str(path)) as container:
            context = container.streams.video[0].codec_context
            data = bytes(context.extradata or b"")
            return Coding(context.name, context.width, context.height, data)
    except (av.error.FFmpegError, OSError, IndexError):
        return None


def nal_units_sha256(packet: Packet[VideoStream], *, length_prefixed: bool) -> str:
    """Digest of an H.264/H.265 packet's NAL units, whatever marks their borders.

    MP4 writes a length of four bytes before each unit where a live stream writes a start code; the
    units themselves must be the same, bit for bit.
    """
    data, digest = bytes(packet), hashlib.sha256()
    units = _by_length(data) if length_prefixed else _by_start_code(data)
    for unit in units:
        digest.update(len(unit).to_bytes(4, "big"))
        digest.update(unit)
    return digest.hexdigest()


def _by_length(data: bytes) -> Iterator[bytes]:
    at = 0
    while at + 4 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : at + 4 + size]
        at += 4 + size


def _by_start_code(data: bytes) -> Iterator[bytes]:
    for unit in data.replace(b"\x00\x00\x00\x01", b"\x00\x00\x01").split(b"\x00\x00\x01"):
        if unit:
            yield unit


__all__ = [
    "DRAFT_SUFFIX",
    "Coding",
    "Joined",
    "NoPictureError",
    "Part",
    "RemuxError",
    "TimedPacket",
    "film_start",
    "join",
    "nal_units_sha256",
    "packets_of",
    "parts_of",
]

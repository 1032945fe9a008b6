"""Which packets of a stream need not be decoded, because a later one begins anew."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from av.packet import Packet
from av.video.stream import VideoStream

# A keyframe that is late by a third of the time between the last two, and further away than is
# near, is no longer relied on.
_LATE = 4 / 3
# No camera takes pictures nearer than this: times that run so slowly tell of no key picture.
_LEAST_APART_S = 0.001
# Packets whose times stand still would be kept without end; this is two seconds of 60 a second.
_MOST_KEPT = 120
# Parameter sets and messages come before the first slice, and are far smaller than this.
_LOOKED_AT_BYTES = 4096
_START_CODE = b"\x00\x00\x01"
# Unit types: of slices, and those of slices that begin anew.
_SLICES = {"h264": range(1, 6), "hevc": range(32)}
_ANEW = {"h264": range(5, 6), "hevc": range(16, 24)}
_PARAMETER_SETS = {"h264": range(7, 9), "hevc": range(32, 35)}


class Keyframes:
    """Which packets need not be decoded while keyframes are enough: all between near ones.

    Cameras send keyframes further apart once nothing moves, and one between when somebody else
    connects, so the next may come late. Until it is there, those left out since the last are kept
    as they came.

    Attributes:
        left_out: packets so far that will never be decoded.
        leaving: whether packets are being left out.
    """

    def __init__(self) -> None:
        self.left_out = 0
        self.leaving = False
        self._kept: list[Packet[VideoStream]] = []
        self._last_pts: int | None = None
        self._tick_s = 0.0
        self._interval_s = math.inf

    def due(
        self, packet: Packet[VideoStream], stream: VideoStream, within_s: float, *, anew: bool
    ) -> Sequence[Packet[VideoStream]]:
        """The packets to decode now, in order: this one, none, or those kept and this one.

        Skipping begins after a packet that begins `anew`. It ends with one, or with all that were
        kept since, so nothing is ever decoded without what it refers to. A stream with reordered
        pictures is decoded whole: its decoder would hold a lone keyframe back until the next.

        Args:
            within_s: how far apart keyframes may lie to be enough; 0 where all pictures are wanted.
        """
        if anew or not packet.size:
            # The next keyframe, or the end of a recording: nothing refers to those kept.
            self.left_out += len(self._kept)
            self._kept.clear()
        if anew:
            self._note(packet)
            self.leaving = self._near(within_s) and not stream.codec_context.has_b_frames
            return (packet,)
        if not self.leaving or not packet.size:
            return (packet,)
        self._kept.append(packet)
        self.leaving = self._near(within_s) and self._in_time(packet, within_s)
        if self.leaving:
            return ()
        kept, self._kept = self._kept, []
        return kept

    def _near(self, within_s: float) -> bool:
        return self._interval_s <= within_s

    def _in_time(self, packet: Packet[VideoStream], within_s: float) -> bool:
        """Whether the next keyframe is not late yet; where no time tells, it is."""
        if packet.pts is None or self._last_pts is None or len(self._kept) > _MOST_KEPT:
            return False
        since_s = (packet.pts - self._last_pts) * self._tick_s
        least_s = _LEAST_APART_S * len(self._kept)
        return least_s <= since_s <= max(within_s, _LATE * self._interval_s)

    def _note(self, packet: Packet[VideoStream]) -> None:
        if packet.pts is None or packet.time_base is None:
            return
        if self._last_pts is not None:
            apart = packet.pts - self._last_pts
            self._interval_s = float(apart * packet.time_base) if apart > 0 else math.inf
        self._last_pts = packet.pts
        self._tick_s = float(packet.time_base)


def length_bytes_of(codec: str, extradata: bytes | None) -> int:
    """Bytes of the length before each unit, as MP4 keeps them (ISO/IEC 14496-15, avcC and hvcC);
    0 for start codes, as cameras send them."""
    at = {"h264": 4, "hevc": 21}.get(codec, 0)
    if not at or not extradata or extradata[0] != 1 or len(extradata) <= at:
        return 0
    return (extradata[at] & 3) + 1


def begins_anew(packet: Packet[VideoStream], codec: str, length_bytes: int = 0) -> bool:
    """Whether nothing that follows refers to anything before this packet.

    Args:
        length_bytes: as `length_bytes_of` its stream; a length of 256 to 511 looks like a start
            code, so that the packet alone does not tell.

    FFmpeg's own mark is not enough: it also stands on the recovery points of a stream that renews
    its picture strip by strip and never sends a whole one. So the first slice has to say it
    (ITU-T H.264 table 7-1: IDR; ITU-T H.265 table 7-1: IRAP, and a stream without reordering has
    none of its leading pictures). Other codecs, such as Motion JPEG, know no such points.
    """
    if not packet.is_keyframe or codec not in _SLICES:
        return packet.is_keyframe
    head = bytes(memoryview(packet)[:_LOOKED_AT_BYTES])
    for first_byte in _unit_headers(head, length_bytes):
        kind = _kind(first_byte, codec)
        if kind in _SLICES[codec]:
            return kind in _ANEW[codec]
    return False


def parameter_sets(packet: Packet[VideoStream], codec: str) -> bytes:
    """The parameter sets that a camera's key picture brings with it, each behind a start code."""
    found = bytearray()
    for unit in bytes(packet).split(_START_CODE)[1:]:
        if unit and _kind(unit[0], codec) in _PARAMETER_SETS.get(codec, ()):
            found += _START_CODE + unit.rstrip(b"\x00")
    return bytes(found)


def _kind(first_byte: int, codec: str) -> int:
    return first_byte & 0x1F if codec == "h264" else first_byte >> 1 & 0x3F


def _unit_headers(head: bytes, length_bytes: int) -> Iterator[int]:
    """The first byte of each unit, behind start codes or behind lengths."""
    if not length_bytes:
        at = head.find(_START_CODE)
        while at >= 0 and at + 3 < len(head):
            yield head[at + 3]
            at = head.find(_START_CODE, at + 3)
        return
    at = 0
    while at + length_bytes < len(head):
        yield head[at + length_bytes]
        at += length_bytes + int.from_bytes(head[at : at + length_bytes], "big")


__all__ = ["Keyframes", "begins_anew", "length_bytes_of", "parameter_sets"]

"""Which packets of a stream need not be decoded, because a later one begins anew."""

from __future__ import annotations

import math
from collections.abc import Iterator

from av.packet import Packet
from av.video.stream import VideoStream

# Parameter sets and messages come before the first slice, and are far smaller than this.
_LOOKED_AT_BYTES = 4096
_START_CODE = b"\x00\x00\x01"
# Unit types: of slices, and those of slices that begin anew.
_SLICES = {"h264": range(1, 6), "hevc": range(32)}
_ANEW = {"h264": range(5, 6), "hevc": range(16, 24)}


class Keyframes:
    """Which packets need not be decoded while keyframes are enough: all between near ones."""

    def __init__(self) -> None:
        self.left_out = 0
        self._last_s: float | None = None
        self._interval_s = math.inf
        self.leaving = False

    def leave_out(
        self, packet: Packet[VideoStream], stream: VideoStream, within_s: float, *, anew: bool
    ) -> bool:
        """Whether to skip this packet.

        Skipping begins after a packet that begins `anew` and ends with one, so nothing is ever
        decoded without what it refers to. A stream with reordered pictures is decoded whole: its
        decoder would hold a lone keyframe back until the next.
        """
        if anew:
            self._note(packet)
            near = self._interval_s <= within_s
            self.leaving = near and not stream.codec_context.has_b_frames
            return False
        if self.leaving and packet.size:
            self.left_out += 1
            return True
        return False

    def _note(self, packet: Packet[VideoStream]) -> None:
        if packet.pts is None or packet.time_base is None:
            return
        at_s = float(packet.pts * packet.time_base)
        if self._last_s is not None:
            self._interval_s = at_s - self._last_s if at_s > self._last_s else math.inf
        self._last_s = at_s


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
        kind = first_byte & 0x1F if codec == "h264" else first_byte >> 1 & 0x3F
        if kind in _SLICES[codec]:
            return kind in _ANEW[codec]
    return False


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


__all__ = ["Keyframes", "begins_anew", "length_bytes_of"]

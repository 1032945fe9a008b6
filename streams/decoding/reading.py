"""Packets as they are read: the first one's time, and when each picture arrived."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from av.packet import Packet
from av.video.stream import VideoStream

from vision.instants import Monotonic

PARSED = frozenset({"h264", "hevc"})
"""Codecs of which FFmpeg finds the end of a camera's picture at the beginning of the next one."""

WHOLE = frozenset({"mjpeg"})
"""Codecs of which a picture is handed out as soon as it has arrived."""


# A key picture, and as many others as may come before a time of decoding is told.
_MOST_UNTOLD = 8


class Read(NamedTuple):
    """A packet of the video.

    Attributes:
        waited: whether it had to be waited for; otherwise it lay ready.
        at: when it arrived; `None` where that is not known.
    """

    packet: Packet[VideoStream]
    waited: bool
    at: Monotonic | None


def first_timed(reads: Iterator[Read]) -> Iterator[Read]:
    """The same packets, of pictures that come in order; the first has a time if the second has.

    FFmpeg loses the time of an H.264 or H.265 picture where it is the first of all. It is the key
    picture that a camera begins with: without a time no recording could begin with it, and the next
    may come ten seconds later. So it waits for the second.
    """
    first = next(reads, None)
    if first is None:
        return
    then = next(reads, None) if first.packet.pts is None else None
    if then is not None and then.packet.pts is not None:
        apart = first.packet.duration or then.packet.duration or 0
        first.packet.pts = first.packet.dts = then.packet.pts - max(apart, 1)
    yield first
    if then is not None:
        yield then
    yield from reads


def reordered_timed(reads: Iterator[Read]) -> Iterator[Read]:
    """The same packets, of pictures that do not come in order; the first ones have their times.

    FFmpeg loses the first one's here too, and tells no time of decoding before it has seen how far
    pictures are moved. A few wait for the second such time, which tells how far they are apart.
    """
    held: list[Read] = []
    told: list[int] = []
    for one in reads:
        held.append(one)
        if one.packet.dts is not None:
            told.append(len(held) - 1)
        if len(told) == 2 or len(held) == _MOST_UNTOLD:
            break
    if len(told) == 2:
        _tell([one.packet for one in held], told[0])
    yield from held
    yield from reads


def _tell(packets: list[Packet[VideoStream]], first: int) -> None:
    """Work out the times before the first that is known; the last one's is known too."""
    first_dts, last_dts, key = packets[first].dts, packets[-1].dts, packets[0]
    shown = [packet.pts for packet in packets[1:] if packet.pts is not None]
    if first_dts is None or last_dts is None or not shown:
        return
    apart = max(1, (last_dts - first_dts) // (len(packets) - 1 - first))
    for before, packet in enumerate(packets[:first]):
        packet.dts = first_dts - (first - before) * apart
    if key.pts is None and key.is_keyframe:
        key.pts = min(shown) - apart


def told_by_the_next(reads: Iterator[Read]) -> Iterator[Read]:
    """The same packets, each with the arrival that the one before it tells.

    A picture of a `PARSED` codec is handed out when the next one begins. Of the first one nobody
    knows when it arrived.
    """
    before: Read | None = None
    for one in reads:
        if before is None:
            yield one._replace(at=None)
        else:
            yield one._replace(waited=before.waited, at=before.at)
        before = one


__all__ = ["PARSED", "WHOLE", "Read", "first_timed", "reordered_timed", "told_by_the_next"]

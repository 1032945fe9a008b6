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


__all__ = ["PARSED", "WHOLE", "Read", "first_timed", "told_by_the_next"]

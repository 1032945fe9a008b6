"""The first picture of a camera's stream, which FFmpeg hands out without its time."""

from __future__ import annotations

from collections.abc import Iterator

from av.packet import Packet
from av.video.stream import VideoStream


def first_timed(
    packets: Iterator[tuple[Packet[VideoStream], bool]],
) -> Iterator[tuple[Packet[VideoStream], bool]]:
    """The same packets, of pictures that come in order; the first has a time if the second has.

    FFmpeg loses the time of an H.264 or H.265 picture where it is the first of all. It is the key
    picture that a camera begins with: without a time no recording could begin with it, and the next
    may come ten seconds later. So it waits for the second.

    Args:
        packets: each with whether it had to be waited for.
    """
    first = next(packets, None)
    if first is None:
        return
    then = next(packets, None) if first[0].pts is None else None
    if then is not None and then[0].pts is not None:
        before = then[0].pts - max(first[0].duration or then[0].duration or 0, 1)
        first[0].pts = first[0].dts = before
    yield first
    if then is not None:
        yield then
    yield from packets


__all__ = ["first_timed"]

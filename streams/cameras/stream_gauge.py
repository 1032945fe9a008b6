"""Measures a camera's stream where its packets pass: how many, how large, and by which clock.

A camera's RTCP sender reports tie its pictures to its own wall clock (RFC 3550, 6.4.1). FFmpeg
hands that on as "producer reference time" beside the packets (AVProducerReferenceTime: microseconds
of UTC, 64 bit, then flags). What lies between that and the arrival is the clock's offset plus the
way over the network, some tenths of a second.
"""

from __future__ import annotations

import struct

from av.packet import Packet
from av.video.stream import VideoStream

from streams.cameras.check import Arrivals
from streams.clock import Clock
from streams.decoding.tap import SourceTap, TappedPicture
from vision.instants import Utc

_REFERENCE_TIME = struct.Struct("=q")


class StreamGauge:
    """A `SourceTap` that counts, and hands everything on to another one.

    Written by the decode thread, read by the analysis thread: plain numbers that replace each
    other.
    """

    def __init__(self, clock: Clock, then: SourceTap | None = None) -> None:
        self._clock = clock
        self._then = then
        self._packets = 0
        self._bytes = 0
        self._offset_s: float | None = None

    def packet(self, packet: Packet[VideoStream], stream: VideoStream, start_s: float) -> None:
        """Count a packet and read the camera's clock where one is told."""
        if packet.size:
            self._packets += 1
            self._bytes += packet.size
        if packet.has_sidedata("prft"):
            self._offset_s = self._offset_of(bytes(packet.get_sidedata("prft")))
        if self._then is not None:
            self._then.packet(packet, stream, start_s)

    def picture(self, raw: TappedPicture, captured_at: Utc) -> None:
        """Hand a picture on."""
        if self._then is not None:
            self._then.picture(raw, captured_at)

    def ended(self) -> None:
        """The connection is gone, and with it what was known of the camera's clock."""
        self._offset_s = None
        if self._then is not None:
            self._then.ended()

    def arrivals(self) -> Arrivals | None:
        """What came so far, decoded or not; `None` for a source without packets."""
        return Arrivals(self._packets, self._bytes) if self._packets else None

    @property
    def clock_offset_s(self) -> float | None:
        """The camera's clock less this machine's; `None` while the camera does not tell its time.

        A camera may count from its start instead of telling the time (RFC 3550 allows it); such a
        time lies before 1970.
        """
        return self._offset_s

    def _offset_of(self, told: bytes) -> float | None:
        if len(told) < _REFERENCE_TIME.size:
            return None
        told_us = _REFERENCE_TIME.unpack_from(told)[0]
        return told_us / 1e6 - self._clock.utc().ns / 1e9 if told_us > 0 else None


__all__ = ["StreamGauge"]

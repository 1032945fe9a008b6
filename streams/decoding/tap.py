"""Who listens to what a source reads: the packets before they are decoded, and capture times."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from av.packet import Packet
from av.video.stream import VideoStream

from vision.arrays import UInt8Array
from vision.instants import Utc


class TappedPicture(Protocol):
    """What a listener may know of a picture: as `streams.decoding.sources.RawPicture`."""

    @property
    def pts_s(self) -> float | None: ...

    @property
    def size_px(self) -> tuple[int, int]: ...

    def bgr(self, size_px: tuple[int, int]) -> UInt8Array: ...


class SourceTap(Protocol):
    """Called in the decode thread; must be quick, and must not raise."""

    def packet(self, packet: Packet[VideoStream], stream: VideoStream, start_s: float) -> None:
        """A packet before it is decoded; its PTS minus `start_s` counts as `pts_s` does."""
        ...

    def picture(self, raw: TappedPicture, captured_at: Utc) -> None:
        """A picture, analysed or not, with its capture time; not yet converted."""
        ...

    def ended(self) -> None:
        """The source was closed."""
        ...


class GatedTap:
    """Passes on what it hears only while it is open."""

    def __init__(self, then: SourceTap) -> None:
        self._then = then
        self.open = False

    def packet(self, packet: Packet[VideoStream], stream: VideoStream, start_s: float) -> None:
        """See `SourceTap`."""
        if self.open:
            self._then.packet(packet, stream, start_s)

    def picture(self, raw: TappedPicture, captured_at: Utc) -> None:
        """See `SourceTap`."""
        if self.open:
            self._then.picture(raw, captured_at)

    def ended(self) -> None:
        """See `SourceTap`."""
        if self.open:
            self._then.ended()


@runtime_checkable
class Tapped(Protocol):
    """A container that has packets and shows them to a tap."""

    tap: SourceTap | None


__all__ = ["GatedTap", "SourceTap", "Tapped", "TappedPicture"]

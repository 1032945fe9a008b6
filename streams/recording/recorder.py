"""One camera's recorder: a tap in its decode thread that cuts what it hears into segments.

It does no file work: bytes go to a `SegmentSink`, and where the sink has no room the segment is
given up and the next one begins at a later key picture. Nothing here may hold up or end the decode
thread: an alarm matters more than its recording.

Time stamps that jump or stand still end no segment: what follows up to the next key picture, ten
seconds of a camera with few of them, could begin none. Such packets go on in the file by when they
came; when their pictures were taken stands in the notes.

Some cameras send no key picture after their first, or one in a minute. Where their segment was
given up, their pictures are encoded, two a second, until one comes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, Protocol

import structlog
from av.packet import Packet
from av.video.stream import VideoStream

from streams.clock import Clock
from streams.decoding.tap import TappedPicture
from streams.recording.muxing import MuxError, PacketMuxer, PictureMuxer, Shape, Shapes
from streams.recording.time_line import Stamp, TimeLine
from streams.recording.values import Anchor, EndCause, How
from vision.instants import Monotonic, Utc

_P = ParamSpec("_P")
_log = structlog.get_logger(__name__)

_ANCHOR_EVERY_S = 1.0
_ANCHOR_SHIFT_S = 0.002
# A time stamp that jumps further is another stretch of time, as is a capture time.
_LARGEST_STEP_S = 10.0
_NOT_GIVEN_UP = (
    EndCause.FULL,
    EndCause.STREAM_ENDED,
    EndCause.STOPPED,
    EndCause.NOT_RECORDABLE,
)
_GIVEN_UP = frozenset(EndCause).difference(_NOT_GIVEN_UP)
_KEY_AWAITED_S = 20.0
# Enough to see what happened; the decode thread has other work.
_ENCODED_EVERY_S = 0.5


class SegmentSink(Protocol):
    """Where segments go; every call returns at once."""

    def refusal(self, camera_id: str) -> EndCause | None:
        """Why nothing of this camera is taken now; `None` when it is."""
        ...

    def open(self, camera_id: str, opened: Utc, how: How) -> None: ...

    def write(self, camera_id: str, data: bytes) -> bool:
        """Take bytes; `False` when there is no room, and then the segment must be closed."""
        ...

    def anchor(self, camera_id: str, anchor: Anchor) -> None: ...

    def close_segment(self, camera_id: str, end: Utc, cause: EndCause) -> None: ...

    def unrecordable(self, camera_id: str) -> None:
        """The camera's stream cannot be stored."""
        ...


class CameraRecorder:
    """A `streams.decoding.tap.SourceTap` that records."""

    def __init__(
        self, camera_id: str, sink: SegmentSink, clock: Clock, *, segment_s: float
    ) -> None:
        self._camera_id = camera_id
        self._sink = sink
        self._clock = clock
        self._segment_s = segment_s
        self._muxer: PacketMuxer | PictureMuxer | None = None
        self._has_packets = False
        self._shapes = Shapes()
        self._shape: Shape | None = None
        self._line = TimeLine(clock)
        self._first_pts_s = 0.0
        self._last_pts_s = 0.0
        self._newest: tuple[float, Utc] | None = None
        self._last_anchor: Anchor | None = None
        self._last_opened = Utc(0)
        self._overflow = False
        self._given_up_at: Monotonic | None = None
        self._warned = False

    def packet(self, packet: Packet[VideoStream], stream: VideoStream, start_s: float) -> None:
        """Copy a packet into the present segment, or begin one at a key picture."""
        self._has_packets = True
        base = packet.time_base
        if packet.size == 0 or packet.pts is None or base is None:
            return
        ticks, a_second = base.numerator, base.denominator
        pts_s = packet.pts * ticks / a_second - start_s
        dts = packet.pts if packet.dts is None else packet.dts
        stamp = Stamp(packet.pts, dts, ticks, a_second, pts_s)
        if packet.is_keyframe and isinstance(self._muxer, PictureMuxer):
            self.close(EndCause.FULL)
        passed_s = self._line.passed_s(stamp) if packet.is_keyframe else 0.0
        self._cut(passed_s, key=packet.is_keyframe)
        shape = self._shapes.of(packet, stream.codec_context) if packet.is_keyframe else None
        if shape is not None and self._shape is not None and shape.size_px != self._shape.size_px:
            # No segment is of two sizes: its head tells one.
            self.close(EndCause.STREAM_ENDED)
        # Before its decoder has seen a key picture no one knows how large the pictures are.
        known = stream.codec_context.width > 0
        begins = packet.is_keyframe and self._muxer is None and known
        if begins:
            self._line.begin(stamp)
            self._shape = shape
            if not self._begin(How.COPIED, pts_s, stream, packet):
                return
        if isinstance(self._muxer, PacketMuxer):
            self._try(self._muxer.add, packet, self._line.follow(stamp))

    def picture(self, raw: TappedPicture, captured_at: Utc) -> None:
        """Note the capture time; encode the picture where the source has no packets."""
        pts_s = raw.pts_s
        if pts_s is None:
            return
        offset_s = self._line.of_picture(pts_s) if self._has_packets else None
        offset_s = pts_s - self._first_pts_s if offset_s is None else offset_s
        if self._is_elsewhere(offset_s, captured_at):
            # The wall clock was set: no segment is of two times.
            self.close(EndCause.TIMES_BROKEN)
            self._last_opened = Utc(0)
        self._newest = (pts_s, captured_at)
        if not self._has_packets or self._bridges(pts_s):
            self._encode(raw, pts_s)
            offset_s = pts_s - self._first_pts_s
        if self._muxer is not None:
            self._note(offset_s, captured_at)

    def ended(self) -> None:
        self.close(EndCause.STREAM_ENDED)
        self._has_packets = False
        self._newest = self._given_up_at = None

    def close(self, cause: EndCause) -> None:
        """End the present segment, if there is one."""
        muxer, self._muxer = self._muxer, None
        if muxer is None:
            return
        self._given_up_at = self._clock.monotonic() if cause in _GIVEN_UP else None
        try:
            muxer.close()
        except MuxError as error:
            self._warn(error)
        end = self._clock.utc() if self._newest is None else self._newest[1]
        self._sink.close_segment(self._camera_id, end, cause)

    def _cut(self, passed_s: float, *, key: bool) -> None:
        """End the present segment where it has to end before what comes `passed_s` after its first
        picture."""
        if self._muxer is None:
            return
        refused = self._sink.refusal(self._camera_id)
        if refused is not None:
            self.close(refused)
        elif key and passed_s >= self._segment_s:
            self.close(EndCause.FULL)

    def _bridges(self, pts_s: float) -> bool:
        """Whether to encode this picture, as there is no key picture for copying to begin with."""
        if isinstance(self._muxer, PacketMuxer):
            return False
        if self._muxer is None:
            given_up = self._given_up_at
            if given_up is None or self._clock.monotonic() - given_up < _KEY_AWAITED_S:
                return False
        return abs(pts_s - self._last_pts_s) >= _ENCODED_EVERY_S

    def _encode(self, raw: TappedPicture, pts_s: float) -> None:
        if not 0.0 < pts_s - self._last_pts_s < _LARGEST_STEP_S:
            # Each picture may begin a segment.
            self.close(EndCause.TIMES_BROKEN)
        self._cut(pts_s - self._first_pts_s, key=True)
        if self._muxer is None and not self._begin(How.ENCODED, pts_s, raw):
            return
        self._last_pts_s = pts_s
        if isinstance(self._muxer, PictureMuxer):
            image = raw.bgr(raw.size_px)
            self._try(self._muxer.add, image, pts_s - self._first_pts_s)

    def _begin(
        self,
        how: How,
        pts_s: float,
        like: VideoStream | TappedPicture,
        first: Packet[VideoStream] | None = None,
    ) -> bool:
        """Open a segment whose first picture has `pts_s`; whether one is open now."""
        refused = self._sink.refusal(self._camera_id)
        if refused is not None:
            if refused in _GIVEN_UP and self._given_up_at is None:
                self._given_up_at = self._clock.monotonic()
            return False
        opened = max(self._about(pts_s), Utc(self._last_opened.ns + 1))
        self._last_opened, self._first_pts_s = opened, pts_s
        self._last_anchor, self._overflow = None, False
        self._sink.open(self._camera_id, opened, how)
        try:
            if isinstance(like, VideoStream):
                self._muxer = PacketMuxer(self._write, like, first, self._shape)
            else:
                self._muxer = PictureMuxer(self._write, like.size_px)
        except MuxError as error:
            self._give_up(error)
        return self._muxer is not None

    def _about(self, pts_s: float) -> Utc:
        """The capture time that `pts_s` will probably get."""
        if self._newest is None:
            return self._clock.utc()
        known_pts_s, captured = self._newest
        step_s = pts_s - known_pts_s
        return captured.plus(step_s) if abs(step_s) < _LARGEST_STEP_S else self._clock.utc()

    def _is_elsewhere(self, offset_s: float, captured_at: Utc) -> bool:
        """Whether this capture time does not go on from those of the segment: it runs back, or far
        ahead."""
        last = self._last_anchor
        if self._muxer is None or last is None or offset_s < last.offset_s:
            return False
        ahead_s = captured_at - last.captured.plus(offset_s - last.offset_s)
        return captured_at < last.captured or ahead_s > _LARGEST_STEP_S

    def _note(self, offset_s: float, captured_at: Utc) -> None:
        last = self._last_anchor
        if offset_s < 0.0:
            # A picture of the segment before, which the decoder held back.
            return
        if last is not None:
            step_s = offset_s - last.offset_s
            shift_s = captured_at - last.captured.plus(step_s)
            if step_s <= 0.0 or (step_s < _ANCHOR_EVERY_S and abs(shift_s) < _ANCHOR_SHIFT_S):
                return
        self._last_anchor = Anchor(offset_s, captured_at)
        self._sink.anchor(self._camera_id, self._last_anchor)

    def _write(self, data: bytes) -> None:
        if not self._overflow and not self._sink.write(self._camera_id, data):
            self._overflow = True

    def _try(self, add: Callable[_P, None], *args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            add(*args, **kwargs)
        except MuxError as error:
            self._give_up(error)
        if self._overflow:
            self.close(EndCause.SLOW_DISK)

    def _give_up(self, error: Exception) -> None:
        self._warn(error)
        if self._muxer is None:
            self._sink.close_segment(self._camera_id, self._clock.utc(), EndCause.NOT_RECORDABLE)
        self.close(EndCause.NOT_RECORDABLE)
        self._given_up_at = None
        self._sink.unrecordable(self._camera_id)

    def _warn(self, error: Exception) -> None:
        """Once: a stream that cannot be stored says so with each packet."""
        if not self._warned:
            self._warned = True
            _log.warning(
                "a part of the stream could not be recorded",
                camera=self._camera_id,
                reason=type(error).__name__,
            )


__all__ = ["CameraRecorder", "SegmentSink"]

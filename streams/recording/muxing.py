"""Fragmented MP4 in memory: what goes in is handed out as bytes that may be appended to a file.

A fragment of about one second is complete in itself, so a file that ends anywhere plays up to its
last whole fragment. Packets are copied, never encoded; only the framing that MP4 asks for (length
before each NAL unit instead of a start code) is set by FFmpeg.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import av
import av.error
from av.container import OutputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from streams.decoding.keyframes import length_bytes_of, parameter_sets
from vision.arrays import UInt8Array

FRAGMENT_S = 1.0
_OPTIONS = {
    "movflags": "empty_moov+default_base_moof",
    "frag_duration": str(round(FRAGMENT_S * 1e6)),
    "flush_packets": "1",
}
_BUFFER_BYTES = 256 * 1024
_TICKS_A_SECOND = 90_000
# Cheap to make and good enough to see what happened; the campus is the only source that needs it.
_ENCODER = {"preset": "ultrafast", "tune": "zerolatency", "crf": "26"}
_KEY_EVERY = 10
# Cameras have one set, or change between two.
_MOST_SHAPES = 16

MuxError = (av.error.FFmpegError, ValueError)
"""What muxing may raise for a stream that MP4 cannot hold."""

Write = Callable[[bytes], None]


class _Sink:
    """The file-like object that FFmpeg writes to."""

    def __init__(self, write: Write) -> None:
        self._write = write

    def write(self, data: bytes) -> int:
        self._write(bytes(data))
        return len(data)


@dataclass(frozen=True, slots=True)
class Shape:
    """How a camera's pictures are from a key picture on."""

    parameter_sets: bytes
    size_px: tuple[int, int]


class Shapes:
    """How large the pictures of one stream are, as its key pictures say.

    A camera may be set to another size without ending its stream; only the parameter sets of its
    next key picture tell, and a decoder reads them. It is asked when they are new.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, Shape | None] = {}

    def of(self, key: Packet[VideoStream], context: VideoCodecContext) -> Shape | None:
        """`None` where a key picture does not say."""
        if length_bytes_of(context.name, context.extradata):
            # Recordings keep them in their head.
            return None
        sets = parameter_sets(key, context.name)
        if not sets:
            return None
        if sets not in self._known:
            size_px = _decoded_size_px(key, context.name)
            shape = None if size_px is None else Shape(sets, size_px)
            if len(self._known) >= _MOST_SHAPES:
                self._known.clear()
            self._known[sets] = shape
        return self._known[sets]


def _decoded_size_px(key: Packet[VideoStream], codec: str) -> tuple[int, int] | None:
    context = cast("VideoCodecContext", VideoCodecContext.create(codec, "r"))
    context.thread_count = 1
    try:
        pictures = [*context.decode(Packet(bytes(key))), *context.decode(None)]
    except av.error.FFmpegError:
        return None
    return (pictures[0].width, pictures[0].height) if pictures else None


class PacketMuxer:
    """Copies the packets of a stream; times in the file begin at its first packet."""

    def __init__(
        self,
        write: Write,
        template: VideoStream,
        first: Packet[VideoStream] | None = None,
        shape: Shape | None = None,
    ) -> None:
        """Raises one of `MuxError` when MP4 cannot hold the stream.

        A camera that tells its parameter sets in key pictures alone may have sent none while it was
        opened: the template then knows neither them nor the size, but `first`, its key picture,
        and the decoder do. Where the camera was set to another size since, `shape` is that of
        `first`, and the template's is that of the size before.
        """
        self._container = _open(write)
        self._stream = self._container.add_stream_from_template(template)
        context, seen = self._stream.codec_context, template.codec_context
        known = (context.width, context.height)
        if shape is not None and shape.size_px != known:
            context.extradata = shape.parameter_sets
            context.width, context.height = shape.size_px
        elif first is not None and not context.extradata and not context.width:
            context.extradata = parameter_sets(first, seen.name) or None
            context.width, context.height = seen.width, seen.height
        self._zero: int | None = None

    def add(self, packet: Packet[VideoStream], shift: int = 0) -> None:
        """Copy one packet; its `dts` must grow from packet to packet, with `shift` added to it."""
        copy = Packet(bytes(packet))
        dts = packet.dts if packet.dts is not None else packet.pts
        if dts is None or packet.pts is None:
            raise ValueError("a packet without a time stamp")
        zero = self._zero = dts if self._zero is None else self._zero
        # Where time stamps are broken a picture may be said to be shown before it is decoded.
        copy.pts, copy.dts = max(packet.pts, dts) + shift - zero, dts + shift - zero
        copy.duration, copy.time_base = packet.duration, packet.time_base
        copy.is_keyframe = packet.is_keyframe
        copy.stream = self._stream
        self._container.mux(copy)

    def close(self) -> None:
        self._container.close()


class PictureMuxer:
    """Encodes pictures as H.264, cheaply: for sources that have no packets."""

    def __init__(self, write: Write, size_px: tuple[int, int]) -> None:
        self._container = _open(write)
        stream = self._container.add_stream("libx264", rate=25, options=_ENCODER)
        # An odd side cannot be stored with half-size colour.
        stream.width, stream.height = (side - side % 2 for side in size_px)
        stream.pix_fmt, stream.gop_size = "yuv420p", _KEY_EVERY
        stream.time_base = stream.codec_context.time_base = Fraction(1, _TICKS_A_SECOND)
        stream.codec_context.thread_count = 1
        self._stream = stream

    def add(self, image_bgr: UInt8Array, offset_s: float) -> None:
        """One (height, width, 3) uint8 BGR picture, `offset_s` after the first."""
        height, width = image_bgr.shape[:2]
        image = image_bgr[: height - height % 2, : width - width % 2]
        frame = VideoFrame.from_ndarray(image, format="bgr24")
        frame.pts, frame.time_base = round(offset_s * _TICKS_A_SECOND), self._stream.time_base
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        self._container.mux(self._stream.encode())
        self._container.close()


def _open(write: Write) -> OutputContainer:
    return av.open(_Sink(write), "w", format="mp4", options=_OPTIONS, buffer_size=_BUFFER_BYTES)


__all__ = ["FRAGMENT_S", "MuxError", "PacketMuxer", "PictureMuxer", "Shape", "Shapes"]

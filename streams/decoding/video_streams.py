"""Which stream of an opened container is the video, and when it begins."""

from __future__ import annotations

from typing import Any

from av.container import InputContainer
from av.video.stream import VideoStream

from streams.decoding.av_errors import COPY_AGAIN, DAMAGED
from streams.errors import NoVideoError, TruncatedFileError


def video_stream(container: InputContainer, where: str, *, quick: bool) -> VideoStream:
    """The video that is decoded, set up for one thread; with `quick` its edges stay rough.

    Raises:
        NoVideoError, TruncatedFileError: there is none, or none that can be decoded.
    """
    # A cover picture in a sound file counts as a video stream for FFmpeg; it is not one.
    streams = [s for s in container.streams.video if not _is_cover_picture(s)]
    if not streams:
        kinds = ", ".join(sorted({s.type for s in container.streams})) or "nothing"
        raise NoVideoError(
            where, f"carries {kinds} and no video", "name the address of the video stream"
        )
    stream = streams[0]
    # PyAV gives no decoder for a stream whose kind a damaged file leaves open.
    if getattr(stream, "codec_context", None) is None:
        raise TruncatedFileError(where, DAMAGED, COPY_AGAIN)
    # One decode thread a camera: frame threads add about 80 ms of latency.
    stream.thread_type = "NONE"
    stream.codec_context.thread_count = 1
    if quick:
        stream.codec_context.options = {"skip_loop_filter": "all"}
    return stream


def _is_cover_picture(stream: VideoStream) -> bool:
    disposition: Any = stream.disposition
    return bool(disposition & type(disposition).attached_pic)


def stream_start_s(stream: VideoStream) -> float:
    """Presentation time at which a recording begins, in seconds."""
    if stream.start_time is None or stream.time_base is None:
        return 0.0
    return float(stream.start_time * stream.time_base)


__all__ = ["stream_start_s", "video_stream"]

"""A picture that FFmpeg has decoded, converted to BGR only when it is wanted."""

from __future__ import annotations

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from vision.arrays import UInt8Array


class AvPicture:
    """One decoded FFmpeg frame."""

    __slots__ = ("_converter", "_frame", "_start_s")

    def __init__(self, frame: VideoFrame, start_s: float, converter: VideoReformatter) -> None:
        self._frame = frame
        self._start_s = start_s
        self._converter = converter

    @property
    def pts_s(self) -> float | None:
        time_s = self._frame.time
        return None if time_s is None else float(time_s) - self._start_s

    @property
    def size_px(self) -> tuple[int, int]:
        return self._frame.width, self._frame.height

    def bgr(self, size_px: tuple[int, int]) -> UInt8Array:
        width, height = size_px
        converted = self._converter.reformat(
            self._frame, width=width, height=height, format="bgr24", threads=1
        )
        return np.ascontiguousarray(converted.to_ndarray(), dtype=np.uint8)


__all__ = ["AvPicture"]

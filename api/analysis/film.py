"""The annotated film of an analysis, and the redaction of heads in it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import cv2
import numpy as np

from vision.arrays import UInt8Array
from vision.observations import HeadPoints

_TICKS_PER_S = 90_000
_BLOCKS = 6
_DEFAULT_HEAD_PX = 18.0


def redact_heads(image_bgr: UInt8Array, heads: HeadPoints) -> UInt8Array:
    """A copy with every found head pixelated to 6x6 blocks; heads that were missed stay visible."""
    redacted = np.array(image_bgr, copy=True)
    height, width = redacted.shape[:2]
    for (u_px, v_px), size_px in zip(heads.centres_uv_px, heads.sizes_px, strict=True):
        reach = 0.75 * float(size_px if np.isfinite(size_px) else _DEFAULT_HEAD_PX)
        left, right = max(0, int(u_px - reach)), min(width, int(u_px + reach) + 1)
        top, bottom = max(0, int(v_px - reach)), min(height, int(v_px + reach) + 1)
        if right - left < 2 or bottom - top < 2:
            continue
        patch = redacted[top:bottom, left:right]
        blocks = cv2.resize(patch, (_BLOCKS, _BLOCKS), interpolation=cv2.INTER_AREA)
        redacted[top:bottom, left:right] = cv2.resize(
            blocks, (right - left, bottom - top), interpolation=cv2.INTER_NEAREST
        )
    return redacted


class FilmWriter:
    """Writes pictures with their own times as H.264 in MP4; a context manager.

    The first picture sets the size, and later ones are scaled to it; odd sizes lose their last row
    or column (H.264 needs even ones).
    """

    def __init__(self, path: Path, *, crf: int = 26) -> None:
        self._container = av.open(str(path), "w")
        self._options = {"crf": str(crf), "preset": "veryfast"}
        self._stream: av.VideoStream | None = None
        self._first: tuple[int, ...] = ()
        self._last_ticks = -1

    def __enter__(self) -> FilmWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if self._stream is not None and kind is None:
                self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()

    def write(self, image_bgr: UInt8Array, at_s: float) -> None:
        """Append a picture shown from `at_s` seconds after the film's start."""
        if self._stream is None:
            height, width = (size - size % 2 for size in image_bgr.shape[:2])
            self._stream, self._first = self._open_stream(width, height), image_bgr.shape
        width, height = self._stream.width, self._stream.height
        if image_bgr.shape == self._first:
            image_bgr = np.ascontiguousarray(image_bgr[:height, :width])
        else:
            image_bgr = np.asarray(cv2.resize(image_bgr, (width, height)), np.uint8)
        picture = av.VideoFrame.from_ndarray(image_bgr, format="bgr24")
        ticks = max(round(at_s * _TICKS_PER_S), self._last_ticks + 1)
        self._last_ticks = ticks
        picture.pts, picture.time_base = ticks, Fraction(1, _TICKS_PER_S)
        self._container.mux(self._stream.encode(picture))

    def _open_stream(self, width: int, height: int) -> av.VideoStream:
        stream = self._container.add_stream("libx264", rate=25, options=self._options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = Fraction(1, _TICKS_PER_S)
        stream.codec_context.time_base = Fraction(1, _TICKS_PER_S)
        return stream

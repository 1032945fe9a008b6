"""Who took a copy, when and why, written over every picture of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from api.evidence.errors import ExportFailedError
from vision.arrays import Float32Array, UInt8Array
from vision.instants import Utc

FONT_VARIABLE = "XIAOAN_REPORT_FONT"
_FONTS = (
    Path("/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc"),
    Path("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc"),
    Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"),
    Path("/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf"),
    Path("C:/Windows/Fonts/msyh.ttc"),
)
_STRENGTH = 0.30


@dataclass(frozen=True, slots=True)
class Watermark:
    """Lines of text; the first is repeated over the picture, all stand at its foot."""

    lines: tuple[str, ...]

    def stamp(self, size_px: tuple[int, int]) -> Stamp:
        """The marks for pictures of this width and height.

        Raises:
            ExportFailedError: the text has Chinese characters and no font has them.
        """
        width, height = size_px
        layer = Image.new("L", (width, height), 0)
        draw = ImageDraw.Draw(layer)
        font = self._font(max(12, height // 34))
        step_x, step_y = max(1, round(draw.textlength(self.lines[0], font=font))) + 60, height // 5
        for row, y in enumerate(range(step_y // 3, height, step_y)):
            for x in range(-(row % 2) * step_x // 2, width, step_x):
                draw.text((x, y), self.lines[0], fill=255, font=font)
        foot = self._foot(width, max(12, height // 40))
        return Stamp(np.asarray(layer, dtype=np.float32)[..., None] / 255.0, foot)

    def _foot(self, width: int, size: int) -> UInt8Array:
        font = self._font(size)
        line_height = round(size * 1.4)
        bar = Image.new("RGB", (width, line_height * (len(self.lines) + 1)), (20, 20, 20))
        draw = ImageDraw.Draw(bar)
        for index, line in enumerate(self.lines):
            draw.text((8, 2 + index * line_height), line, fill=(240, 240, 240), font=font)
        return np.asarray(bar, dtype=np.uint8)[..., ::-1].copy()

    def _font(self, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
        chosen = os.environ.get(FONT_VARIABLE)
        for path in (Path(chosen),) if chosen else _FONTS:
            if path.is_file():
                return ImageFont.truetype(str(path), size)
        if all(line.isascii() for line in self.lines):
            return ImageFont.load_default(size)
        raise ExportFailedError(
            "no font with Chinese characters was found for the watermark; install the package "
            f"fonts-wqy-zenhei, or set {FONT_VARIABLE} to such a font"
        )


@dataclass(frozen=True, slots=True)
class Stamp:
    """Marks for one picture size: (height, width, 1) float32 in 0..1, and the foot's picture."""

    layer: Float32Array
    foot_bgr: UInt8Array

    def on(self, image_bgr: UInt8Array, captured: Utc) -> UInt8Array:
        """The marked picture; the foot is added below, with the capture time."""
        # Light marks on dark pictures and dark ones on light: both are read.
        ink = 255.0 if float(image_bgr.mean()) < 128.0 else 0.0
        weight = self.layer * _STRENGTH
        marked = image_bgr * (1.0 - weight) + ink * weight
        foot = self.foot_bgr.copy()
        text = f"{captured.to_datetime():%Y-%m-%d %H:%M:%S.%f}"[:-3] + " UTC"
        scale = len(foot) / 90.0
        at = (8, len(foot) - 8)
        cv2.putText(
            foot, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, (240, 240, 240), 1, cv2.LINE_AA
        )
        joined = np.vstack([marked.astype(np.uint8), foot])
        # H.264 with half-size colour needs even sides.
        return joined[: len(joined) // 2 * 2, : joined.shape[1] // 2 * 2]


__all__ = ["FONT_VARIABLE", "Stamp", "Watermark"]

"""Who took a copy, when and why, written over every picture of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

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


_INK, _BAR = (240, 240, 240), (20, 20, 20)
_MARGIN_PX = 8

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True, slots=True)
class Watermark:
    """Lines of text; the first is repeated over the picture, all stand at its foot.

    `timezone` is the school's: capture times stand at the foot as its clocks showed them, and in
    UTC.
    """

    lines: tuple[str, ...]
    timezone: str = "UTC"

    def stamp(self, size_px: tuple[int, int]) -> Stamp:
        """The marks for pictures of this width and height.

        Raises:
            ExportFailedError: the text has Chinese characters and no font has them.
        """
        width, height = size_px
        layer = Image.new("L", (width, height), 0)
        draw = ImageDraw.Draw(layer)
        font = self.font(max(12, height // 34))
        step_x, step_y = max(1, round(draw.textlength(self.lines[0], font=font))) + 60, height // 5
        for row, y in enumerate(range(step_y // 3, height, step_y)):
            for x in range(-(row % 2) * step_x // 2, width, step_x):
                draw.text((x, y), self.lines[0], fill=255, font=font)
        marks = np.asarray(layer, dtype=np.float32)[..., None] / 255.0
        return Stamp(marks, Foot.of(self, width, max(12, height // 40)))

    def font(self, size_px: int) -> Font:
        """The first font that has the characters. Raises `ExportFailedError`."""
        chosen = os.environ.get(FONT_VARIABLE)
        for path in (Path(chosen),) if chosen else _FONTS:
            if not path.is_file():
                continue
            try:
                return ImageFont.truetype(str(path), size_px)
            except OSError as error:
                raise ExportFailedError(
                    f"{path.name} is no font ({error}); set {FONT_VARIABLE} to a font with Chinese "
                    "characters, or remove it and install fonts-wqy-zenhei"
                ) from None
        if chosen:
            raise ExportFailedError(
                f"{FONT_VARIABLE} names {chosen}, and there is no such file; correct the variable, "
                "or remove it and install fonts-wqy-zenhei"
            )
        if all(line.isascii() for line in self.lines):
            return ImageFont.load_default(size_px)
        raise ExportFailedError(
            "no font with Chinese characters was found for the watermark; install the package "
            f"fonts-wqy-zenhei, or set {FONT_VARIABLE} to such a font"
        )


@dataclass(frozen=True, slots=True)
class Foot:
    """What stands below every picture: the watermark's lines and the capture time, whole at any
    width.

    Attributes:
        lines: cut to the width.
        time_lines: how many lines the capture time takes at most.
    """

    lines: tuple[str, ...]
    time_lines: int
    width_px: int
    font: Font
    line_px: int
    zone: ZoneInfo

    @classmethod
    def of(cls, mark: Watermark, width_px: int, size_px: int) -> Foot:
        """Raises `ExportFailedError`."""
        font, zone = mark.font(size_px), ZoneInfo(mark.timezone)
        lines = tuple(part for line in mark.lines for part in wrapped(line, font, width_px))
        widest = max("0123456789", key=font.getlength)
        longest = _told(Utc(0), zone).translate({ord(digit): widest for digit in "0123456789"})
        time_lines = len(wrapped(longest, font, width_px))
        return cls(lines, time_lines, width_px, font, round(size_px * 1.4), zone)

    def at(self, captured: Utc) -> UInt8Array:
        """A (height, width, 3) uint8 BGR picture of it, always of one height."""
        height = self.line_px * (len(self.lines) + self.time_lines) + 4
        bar = Image.new("RGB", (self.width_px, height), _BAR)
        draw = ImageDraw.Draw(bar)
        told = wrapped(_told(captured, self.zone), self.font, self.width_px)
        for index, line in enumerate((*self.lines, *told)):
            draw.text((_MARGIN_PX, 2 + index * self.line_px), line, fill=_INK, font=self.font)
        return np.asarray(bar, dtype=np.uint8)[..., ::-1].copy()


@dataclass(frozen=True, slots=True)
class Stamp:
    """Marks for one picture size: (height, width, 1) float32 in 0..1, and the foot."""

    layer: Float32Array
    foot: Foot

    def on(self, image_bgr: UInt8Array, captured: Utc) -> UInt8Array:
        """The marked picture; the foot is added below, with the capture time."""
        # Light marks on dark pictures and dark ones on light: both are read.
        ink = 255.0 if float(image_bgr.mean()) < 128.0 else 0.0
        weight = self.layer * _STRENGTH
        marked = image_bgr * (1.0 - weight) + ink * weight
        joined = np.vstack([marked.astype(np.uint8), self.foot.at(captured)])
        # H.264 with half-size colour needs even sides.
        return joined[: len(joined) // 2 * 2, : joined.shape[1] // 2 * 2]


def wrapped(line: str, font: Font, width_px: int) -> tuple[str, ...]:
    """The line cut so that each piece fits between the margins, at a space where one is near."""
    room_px, pieces = width_px - 2 * _MARGIN_PX, []
    rest = line
    while font.getlength(rest) > room_px:
        count = next((n for n in range(len(rest), 1, -1) if font.getlength(rest[:n]) <= room_px), 1)
        space = rest.rfind(" ", count // 2, count + 1)
        count = count if space <= 0 else space
        pieces.append(rest[:count])
        rest = rest[count:].lstrip(" ")
    return (*pieces, rest) if rest else tuple(pieces)


def _told(captured: Utc, zone: ZoneInfo) -> str:
    """As the school's clocks showed it and in UTC, to the millisecond."""
    utc = captured.to_datetime()
    world = f"{utc:%Y-%m-%d %H:%M:%S.%f}"[:-3] + " UTC"
    there = utc.astimezone(zone)
    if not there.utcoffset():
        return world
    return f"{there.isoformat(' ', 'milliseconds')} ({world})"


__all__ = ["FONT_VARIABLE", "Foot", "Stamp", "Watermark", "wrapped"]

"""A picture made ready for a network: scaled to where heads can be found, padded to strides."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from vision.arrays import UInt8Array, picture

PAD_VALUE = 114
_MULTIPLE_PX = 32


@dataclass(frozen=True, slots=True)
class Canvas:
    """What the network is shown, and the way back.

    Attributes:
        pixels: (height, width, 3) uint8 BGR, sides multiples of 32, the picture in its top left.
        content_width_px, content_height_px: the part that is picture and not padding.
        scale_u, scale_v: canvas pixels per picture pixel.
    """

    pixels: UInt8Array
    content_width_px: int
    content_height_px: int
    scale_u: float
    scale_v: float


def fit(image_bgr: UInt8Array, long_side_px: int, enlarge_below_px: int = 0) -> Canvas:
    """Shrink to `long_side_px` if larger, then pad right and bottom.

    A picture whose long side is below `enlarge_below_px` is doubled first: its heads are a handful
    of pixels, about one step of a network's finest map.

    Raises:
        ShapeError: when it is no (height, width, 3) uint8 picture.
    """
    image = picture(image_bgr)
    height, width = image.shape[:2]
    long_px = max(height, width, 1)
    factor = min(2.0 if long_px < enlarge_below_px else 1.0, long_side_px / long_px)
    shown_width, shown_height = max(1, round(width * factor)), max(1, round(height * factor))
    if factor != 1.0:
        shown = (shown_width, shown_height)
        method = cv2.INTER_AREA if factor < 1.0 else cv2.INTER_CUBIC
        image = np.asarray(cv2.resize(image, shown, interpolation=method), np.uint8)
    pixels = np.full((_whole(shown_height), _whole(shown_width), 3), PAD_VALUE, np.uint8)
    pixels[:shown_height, :shown_width] = image
    scale_u, scale_v = shown_width / max(width, 1), shown_height / max(height, 1)
    return Canvas(pixels, shown_width, shown_height, scale_u, scale_v)


def square(image_bgr: UInt8Array, side_px: int) -> Canvas:
    """Scale the long side to `side_px`, pad right and bottom to a square of it."""
    image = picture(image_bgr)
    height, width = image.shape[:2]
    factor = side_px / max(height, width, 1)
    shown_width, shown_height = max(1, round(width * factor)), max(1, round(height * factor))
    pixels = np.full((side_px, side_px, 3), PAD_VALUE, np.uint8)
    pixels[:shown_height, :shown_width] = cv2.resize(image, (shown_width, shown_height))
    scale_u, scale_v = shown_width / max(width, 1), shown_height / max(height, 1)
    return Canvas(pixels, shown_width, shown_height, scale_u, scale_v)


def _whole(extent_px: int) -> int:
    return -(-max(extent_px, 1) // _MULTIPLE_PX) * _MULTIPLE_PX

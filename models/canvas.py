"""A picture made ready for a network: scaled to where heads can be found, padded to strides."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from vision.arrays import UInt8Array, picture
from vision.errors import ShapeError
from vision.observations import Region
from vision.resizing import shrunk

PAD_VALUE = 114
_MULTIPLE_PX = 32


@dataclass(frozen=True, slots=True)
class Canvas:
    """What the network is shown, and the way back.

    Attributes:
        pixels: (height, width, 3) uint8 BGR, sides multiples of 32, the picture in its top left.
        content_width_px, content_height_px: the part that is picture and not padding.
        scale_u, scale_v: canvas pixels per picture pixel.
        left_px, top_px: picture pixel that lies in the canvas's top left corner.
    """

    pixels: UInt8Array
    content_width_px: int
    content_height_px: int
    scale_u: float
    scale_v: float
    left_px: int = 0
    top_px: int = 0


def cut(
    image_bgr: UInt8Array, region: Region, *, wanted_head_px: float, long_side_px: int
) -> Canvas:
    """The region alone, scaled so that its smallest heads have `wanted_head_px`.

    Enlarged at most twice, and never beyond `long_side_px`; padded right and bottom.

    Raises:
        ShapeError: when it is no (height, width, 3) uint8 picture that holds the region.
    """
    image = picture(image_bgr)
    height, width = image.shape[:2]
    if region.right_px > width or region.bottom_px > height:
        raise ShapeError(
            f"a region up to ({region.right_px}, {region.bottom_px}) px does not lie in a picture "
            f"of {width}x{height} px"
        )
    part = image[region.top_px : region.bottom_px, region.left_px : region.right_px]
    wide, high = part.shape[1], part.shape[0]
    factor = min(wanted_head_px / region.least_head_px, 2.0, long_side_px / max(wide, high))
    canvas = _scaled(part, factor, quick=True)
    return replace(canvas, left_px=region.left_px, top_px=region.top_px)


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
    return _scaled(image, factor)


def resized(image_bgr: UInt8Array, shown: Canvas, factor: float) -> Canvas:
    """The picture of `shown`, which `fit` made of all of it, at `factor` times that size."""
    return _scaled(picture(image_bgr), factor * shown.scale_v)


def _scaled(image: UInt8Array, factor: float, *, quick: bool = False) -> Canvas:
    height, width = image.shape[:2]
    shown_width, shown_height = max(1, round(width * factor)), max(1, round(height * factor))
    pixels = np.full((_whole(shown_height), _whole(shown_width), 3), PAD_VALUE, np.uint8)
    shown = pixels[:shown_height, :shown_width]
    if (shown_height, shown_width) == (height, width):
        shown[:] = image
    elif quick and factor < 1.0:
        shown[:] = shrunk(image, (shown_width, shown_height))
    else:
        method = cv2.INTER_AREA if factor < 1.0 else cv2.INTER_CUBIC
        shown[:] = cv2.resize(image, (shown_width, shown_height), interpolation=method)
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

"""The picture as Ultralytics' networks are shown it: scaled whole, grey borders on both sides."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from models.canvas import PAD_VALUE
from vision.arrays import Float32Array, UInt8Array, picture


@dataclass(frozen=True, slots=True)
class Letterbox:
    """A picture in the middle of a canvas, and the way back.

    Attributes:
        pixels: (height, width, 3) uint8 BGR.
        left_px, top_px: where the picture begins.
        scale_u, scale_v: canvas pixels per picture pixel.
        width_px, height_px: of the picture.
    """

    pixels: UInt8Array
    left_px: int
    top_px: int
    scale_u: float
    scale_v: float
    width_px: int
    height_px: int

    def back(self, boxes_xyxy: Float32Array) -> Float32Array:
        """Boxes (N, 4) of the canvas in pixels of the picture, cut at its borders."""
        shift = np.array([self.left_px, self.top_px] * 2, np.float32)
        scale = np.array([self.scale_u, self.scale_v] * 2, np.float32)
        limits = np.array([self.width_px, self.height_px] * 2, np.float32)
        return np.asarray(np.clip((boxes_xyxy - shift) / scale, 0, limits), np.float32)


def letterbox(image_bgr: UInt8Array, width_px: int, height_px: int) -> Letterbox:
    """Fit a picture into a canvas of the given size, enlarging it where it is smaller.

    Sizes are rounded as in `ultralytics.data.augment.LetterBox` 8.4: an odd spare pixel goes to the
    right and the bottom.

    Raises:
        ShapeError: when it is no (height, width, 3) uint8 picture.
    """
    image = picture(image_bgr)
    height, width = image.shape[:2]
    factor = min(height_px / max(height, 1), width_px / max(width, 1))
    shown_w, shown_h = max(1, round(width * factor)), max(1, round(height * factor))
    left, top = round((width_px - shown_w) / 2 - 0.1), round((height_px - shown_h) / 2 - 0.1)
    pixels = np.full((height_px, width_px, 3), PAD_VALUE, np.uint8)
    shown = image
    if (width, height) != (shown_w, shown_h):
        shown = np.asarray(cv2.resize(image, (shown_w, shown_h)), np.uint8)
    pixels[top : top + shown_h, left : left + shown_w] = shown
    return Letterbox(pixels, left, top, shown_w / width, shown_h / height, width, height)

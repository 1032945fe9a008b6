"""Making a picture smaller at little cost."""

from __future__ import annotations

import cv2
import numpy as np

from vision.arrays import UInt8Array


def shrunk(image: UInt8Array, size_px: tuple[int, int]) -> UInt8Array:
    """The picture scaled down to (width, height).

    Halved exactly, by means of four pixels, as often as it can be, and the rest by linear
    interpolation. OpenCV's area interpolation costs ten times as much for other ratios than whole
    ones, and linear interpolation alone skips pixels below a half.
    """
    width, height = size_px
    small = image
    while small.shape[1] >= 2 * width and small.shape[0] >= 2 * height:
        half = (small.shape[1] // 2, small.shape[0] // 2)
        even = small[: 2 * half[1], : 2 * half[0]]
        small = np.asarray(cv2.resize(even, half, interpolation=cv2.INTER_AREA), np.uint8)
    if small.shape[:2] != (height, width):
        small = np.asarray(cv2.resize(small, (width, height)), np.uint8)
    return small


__all__ = ["shrunk"]

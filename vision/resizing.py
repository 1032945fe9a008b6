"""Making a picture smaller at little cost."""

from __future__ import annotations

import cv2
import numpy as np

from vision.arrays import UInt8Array

_Remembered = tuple[object, UInt8Array, UInt8Array]
# Read and replaced as a whole: whoever finds another picture there makes the half anew.
_remembered: list[_Remembered] = []


def shrunk(image: UInt8Array, size_px: tuple[int, int]) -> UInt8Array:
    """The picture scaled down to (width, height).

    Halved exactly, by means of four pixels, as often as it can be, and the rest by linear
    interpolation. OpenCV's area interpolation costs ten times as much for other ratios than whole
    ones, and linear interpolation alone skips pixels below a half.
    """
    width, height = size_px
    small = image
    while small.shape[1] >= 2 * width and small.shape[0] >= 2 * height:
        small = _first_half(small) if small is image else _halved(small)
    if small.shape[:2] != (height, width):
        small = np.asarray(cv2.resize(small, (width, height)), np.uint8)
    return small


def _first_half(image: UInt8Array) -> UInt8Array:
    """The half of a picture; of one that cannot change the last half is remembered.

    The network and the optical flow look at the same part of the same picture, one after the other,
    and its first half is most of what shrinking it costs.
    """
    if image.flags.writeable:
        return _halved(image)
    place = (image.__array_interface__["data"][0], image.shape, image.strides)
    for known_place, _, known_half in _remembered:
        if known_place == place:
            return known_half
    half = _halved(image)
    half.flags.writeable = False
    # The picture is kept with its half: its memory cannot become another one's meanwhile.
    _remembered[:] = [(place, image, half)]
    return half


def _halved(image: UInt8Array) -> UInt8Array:
    half = (image.shape[1] // 2, image.shape[0] // 2)
    even = image[: 2 * half[1], : 2 * half[0]]
    return np.asarray(cv2.resize(even, half, interpolation=cv2.INTER_AREA), np.uint8)


__all__ = ["shrunk"]

"""One training crop out of one picture: scale, flip, light, camera faults.

All randomness comes from the generator that is handed in, so a crop is a pure function of
(picture, heads, generator state).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.datasets import HeadArray
from vision.arrays import UInt8Array

PAD_VALUE = 114
_SCALE_RANGE = {"brt": (0.75, 1.3), "scut_a": (0.65, 1.5), "scut_b": (0.45, 1.4)}
_OTHER_SCALE_RANGE = (0.5, 1.3)
# A picture with a shorter long side is enlarged at run time where its heads are small
# (`enlarge_below_px` of the card), so it is seen enlarged here too.
_SMALL_PX = 512
# Cameras hang askew, and see colours each in its own way.
_TURNED, _MOST_TURN_DEG = 0.4, 8.0
_RECOLOURED = 0.4


@dataclass(frozen=True, slots=True)
class Crop:
    """A training picture.

    Attributes:
        image_bgr: (height, width, 3) uint8.
        heads: (N, 3) float32 of u, v, head height in pixels of the crop; height may be NaN.
    """

    image_bgr: UInt8Array
    heads: HeadArray


def cut(
    image_bgr: UInt8Array,
    heads: HeadArray,
    *,
    source: str,
    size_px: tuple[int, int],
    rng: np.random.Generator,
    faults: float = 1.0,
) -> Crop:
    """A random, distorted crop of `size_px` (width, height).

    Heads whose centre falls outside or is covered are dropped. `faults` scales how often
    `covered` and `spoil` spoil.
    """
    low, high = _SCALE_RANGE.get(source, _OTHER_SCALE_RANGE)
    if max(image_bgr.shape[:2]) < _SMALL_PX:
        high *= 2.0
    scale = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    stretch = float(np.exp(rng.uniform(-0.08, 0.08)))
    scale_u, scale_v = scale * stretch, scale / stretch
    image, matrix = _window(image_bgr, (scale_u, scale_v), size_px, rng)
    centres = heads[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    moved = np.column_stack([centres, heads[:, 2] * scale_v]).astype(np.float32)
    if rng.random() < 0.5:
        image = image[:, ::-1]
        moved[:, 0] = size_px[0] - moved[:, 0]
    inside = ((moved[:, :2] >= 0) & (moved[:, :2] < size_px)).all(axis=1)
    image, moved = np.ascontiguousarray(image), moved[inside]
    if rng.random() < 0.15 * faults:
        image, moved = covered(image, moved, rng)
    return Crop(spoil(image, rng, faults), moved)


def covered(
    image: UInt8Array, heads: HeadArray, rng: np.random.Generator
) -> tuple[UInt8Array, HeadArray]:
    """One to five posts, bags or signs in front of the crowd; heads behind them are dropped."""
    height, width = image.shape[:2]
    image, seen = image.copy(), np.ones(len(heads), np.bool_)
    for _ in range(int(rng.integers(1, 6))):
        wide = int(width * rng.uniform(0.03, 0.12))
        high = height if rng.random() < 0.5 else int(height * rng.uniform(0.05, 0.3))
        left, top = int(rng.integers(width - wide)), int(rng.integers(height - high + 1))
        image[top : top + high, left : left + wide] = rng.integers(20, 236, 3)
        behind = (heads[:, 0] >= left) & (heads[:, 0] < left + wide)
        seen &= ~(behind & (heads[:, 1] >= top) & (heads[:, 1] < top + high))
    return image, heads[seen]


def _window(
    image: UInt8Array,
    scale_uv: tuple[float, float],
    size_px: tuple[int, int],
    rng: np.random.Generator,
) -> tuple[UInt8Array, NDArray[np.float64]]:
    """Cut first, then scale only the cut part, now and then turned a little about its middle;
    returns the crop and the matrix (2, 3) from pixels of the picture to its own."""
    height, width = image.shape[:2]
    starts = []
    for extent, scale, side in zip((width, height), scale_uv, size_px, strict=True):
        spare = extent - side / scale
        starts.append(rng.uniform(0, spare) if spare > 0 else 0.0)
    turn = rng.uniform(-_MOST_TURN_DEG, _MOST_TURN_DEG) if rng.random() < _TURNED else 0.0
    turned = cv2.getRotationMatrix2D((size_px[0] / 2, size_px[1] / 2), turn, 1.0)
    scaled = np.array(
        [
            [scale_uv[0], 0, -starts[0] * scale_uv[0]],
            [0, scale_uv[1], -starts[1] * scale_uv[1]],
            [0, 0, 1],
        ],
        np.float64,
    )
    matrix = np.asarray(turned, np.float64) @ scaled
    smaller = min(scale_uv) < 0.8
    cropped = cv2.warpAffine(
        cv2.GaussianBlur(image, (0, 0), 0.4 / min(scale_uv)) if smaller else image,
        matrix,
        size_px,
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(PAD_VALUE,) * 3,
    )
    return cropped.astype(np.uint8, copy=False), matrix


def spoil(image: UInt8Array, rng: np.random.Generator, faults: float = 1.0) -> UInt8Array:
    """What light, sensors, lenses and encoders do to a picture, each now and then."""
    image = _light(image, rng, faults)
    if rng.random() < 0.12 * faults:
        image = np.repeat(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[:, :, None], 3, axis=2)
    if rng.random() < 0.12 * faults:
        image = _blur(image, rng)
    if rng.random() < 0.15 * faults:
        image = _noise(image, rng)
    if rng.random() < 0.25 * faults:
        quality = int(rng.integers(10, 70))
        _, coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        image = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
    return image


def _noise(image: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    """Sensor noise; OpenCV draws it, many times faster than numpy, from a seed out of `rng`."""
    noise = np.empty(image.shape, np.int16)
    cv2.setRNGSeed(int(rng.integers(1 << 30)))
    cv2.randn(noise, np.zeros(3), np.full(3, rng.uniform(2, 12)))
    return np.asarray(cv2.add(image, noise, dtype=cv2.CV_8U), np.uint8)


def _light(image: UInt8Array, rng: np.random.Generator, faults: float) -> UInt8Array:
    """Gain, offset and gamma by one table; now and then so dark that little is left."""
    gain, offset, gamma = rng.uniform(0.75, 1.3), rng.uniform(-25, 25), rng.uniform(0.75, 1.35)
    if rng.random() < 0.1 * faults:
        gain, offset, gamma = rng.uniform(0.25, 0.6), 0.0, rng.uniform(1.0, 1.6)
    ramp = (np.arange(256) / 255.0) ** gamma * 255.0 * gain + offset
    recoloured = rng.random() < _RECOLOURED * faults
    tint = rng.uniform(0.75, 1.3, size=3) if recoloured else rng.uniform(0.9, 1.1, size=3)
    table = np.clip(ramp[:, None] * tint, 0, 255).astype(np.uint8)
    image = np.asarray(cv2.LUT(image, table.reshape(256, 1, 3)), np.uint8)
    if not recoloured:
        return image
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    colour = rng.uniform(0.2, 1.6)
    return np.asarray(cv2.addWeighted(image, colour, grey, 1 - colour, 0.0), np.uint8)


def _blur(image: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    if rng.random() < 0.5:
        blurred = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.6, 1.8)))
        return np.asarray(blurred, np.uint8)
    height, width = image.shape[:2]
    share = rng.uniform(0.5, 0.8)
    small = (int(width * share), int(height * share))
    shrunk = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    grown = cv2.resize(shrunk, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(grown, np.uint8)

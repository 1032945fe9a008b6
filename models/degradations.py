"""Pictures made worse on purpose, the same way every time: the slices of an evaluation."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np

from vision.arrays import Float32Array, UInt8Array

Spoil = Callable[[UInt8Array, Float32Array], tuple[UInt8Array, Float32Array]]


def dark(image: UInt8Array, heads: Float32Array) -> tuple[UInt8Array, Float32Array]:
    """A quarter of the light, with sensor noise of 3 grey levels."""
    noise = np.random.default_rng(0).normal(0.0, 3.0, image.shape)
    return np.clip(image * 0.25 + noise, 0, 255).astype(np.uint8), heads


def blurred(image: UInt8Array, heads: Float32Array) -> tuple[UInt8Array, Float32Array]:
    """Out of focus: Gaussian of 1.5 pixels."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 1.5), np.uint8), heads


def compressed(image: UInt8Array, heads: Float32Array) -> tuple[UInt8Array, Float32Array]:
    """JPEG of quality 15."""
    _, coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 15])
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8), heads


def occluded(image: UInt8Array, heads: Float32Array) -> tuple[UInt8Array, Float32Array]:
    """Four upright grey bars, together a fifth of the width; heads behind them are not counted."""
    width = image.shape[1]
    bar = max(1, width // 20)
    covered = image.copy()
    seen = np.ones(len(heads), np.bool_)
    for i in range(4):
        left = width * (2 * i + 1) // 8 - bar // 2
        covered[:, left : left + bar] = 90
        seen &= ~((heads[:, 0] >= left) & (heads[:, 0] < left + bar))
    return covered, heads[seen]


SLICES: Mapping[str, Spoil] = {
    "dark": dark,
    "blurred": blurred,
    "compressed": compressed,
    "occluded": occluded,
}

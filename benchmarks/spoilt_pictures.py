"""Pictures spoilt as weather, darkness and a covered lens do it, for benches at pixel level."""

from __future__ import annotations

import cv2
import numpy as np

from vision.arrays import UInt8Array

DEGRADATIONS = ("none", "rain", "dim", "frame_loss", "half_covered")
DIM = 0.12
RAIN_STREAKS = 500


def spoilt(image_bgr: UInt8Array, how: str, rng: np.random.Generator) -> UInt8Array:
    """One picture, spoilt."""
    height, width = image_bgr.shape[:2]
    if how == "dim":
        noisy = image_bgr * DIM + rng.normal(0.0, 4.0, image_bgr.shape)
        return np.clip(noisy, 0, 255).astype(np.uint8)
    if how == "half_covered":
        covered = image_bgr.copy()
        covered[:, : width // 2] = 4
        return covered
    if how == "rain":
        rainy = image_bgr + rng.normal(0.0, 8.0, image_bgr.shape)
        for x, y in rng.integers([0, 0], [width, height], (RAIN_STREAKS, 2)):
            cv2.line(rainy, (int(x), int(y)), (int(x) + 3, int(y) + 28), (205, 205, 205), 1)
        return np.clip(rainy, 0, 255).astype(np.uint8)
    return image_bgr


__all__ = ["DEGRADATIONS", "spoilt"]

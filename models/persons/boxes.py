"""Overlap of boxes and the choice among overlapping ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vision.arrays import Float32Array, IntArray


def overlap(box: Float32Array, others: Float32Array) -> Float32Array:
    """Intersection over union of one box (4,) with (N, 4); left, top, right, bottom."""
    low = np.maximum(box[:2], others[:, :2])
    high = np.minimum(box[2:], others[:, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = np.prod(np.clip(others[:, 2:] - others[:, :2], 0, None), axis=1)
    area = float(np.prod(np.clip(box[2:] - box[:2], 0, None)))
    union = np.maximum(area + areas - shared, 1e-9)
    return np.asarray(shared / union, dtype=np.float32)


def best_apart(
    boxes: Float32Array, scores: Float32Array, classes: NDArray[np.integer], iou: float
) -> IntArray:
    """Greedy non-maximum suppression inside each class; positions kept, best first."""
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while len(order):
        best = int(order[0])
        kept.append(best)
        rest = order[1:]
        doubled = (overlap(boxes[best], boxes[rest]) > iou) & (classes[rest] == classes[best])
        order = rest[~doubled]
    return np.array(kept, dtype=np.int64)

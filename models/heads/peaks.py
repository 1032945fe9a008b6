"""Head points out of a heat map."""

from __future__ import annotations

import cv2
import numpy as np

from vision.arrays import BoolArray, Float32Array, IntArray
from vision.observations import HeadPoints

MOST_HEADS = 1000
_SAME_HEAD_SHARE = 0.45
_LEAST_HEAT, _LEAST_BEND = 1e-4, 1e-3


def peaks(
    heat: Float32Array,
    log_size: Float32Array,
    *,
    threshold: float,
    stride_px: float,
) -> HeadPoints:
    """Heads at the local maxima of `heat`.

    A cell is a head when it is the largest of its 3x3 neighbours and at least `threshold`; within
    it the centre is the top of the parabola through the logarithms of the peak and its neighbours,
    and the size is the mean of the nine cells, weighted by the square of their heat. Of two
    heads nearer to each other than 0.45 of the larger one's height, the weaker is dropped: a large
    head is a broad hill on which noise makes several peaks.

    Args:
        heat: (rows, columns) in 0..1.
        log_size: (rows, columns), natural log of head height in pixels.
        stride_px: pixels per cell.

    Returns:
        Heads in pixels, best first, at most 1000; `saturated` when there were more.
    """
    largest = cv2.dilate(heat, np.ones((3, 3), np.uint8))
    rows, columns = np.nonzero((heat >= threshold) & (heat >= largest))
    scores = heat[rows, columns]
    order = np.lexsort((columns, rows, -scores))
    saturated = len(order) > MOST_HEADS
    order = order[:MOST_HEADS]
    rows, columns, scores = rows[order], columns[order], scores[order]
    around = _around(heat, rows, columns)
    weights = np.square(around)
    told = (weights * _around(log_size, rows, columns)).sum(axis=(1, 2)) / weights.sum(axis=(1, 2))
    sizes = np.exp(np.clip(told, 0.0, 8.0)).astype(np.float32)
    logs = np.log(np.clip(around, _LEAST_HEAT, 1.0))
    within = np.column_stack([_top(logs[:, 1, :]), _top(logs[:, :, 1])])
    centres = ((np.column_stack([columns, rows]) + 0.5 + within) * stride_px).astype(np.float32)
    kept = _apart(centres, sizes)
    return HeadPoints(centres[kept], sizes[kept], scores[kept], saturated=saturated)


def _around(values: Float32Array, rows: IntArray, columns: IntArray) -> Float32Array:
    """The nine cells around each of N cells, (N, 3, 3); beyond the edge the edge is repeated."""
    padded = cv2.copyMakeBorder(values, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    step = np.arange(3)
    across = columns[:, None, None] + step[None, None, :]
    return np.asarray(padded[rows[:, None, None] + step[None, :, None], across], np.float32)


def _top(logs: Float32Array) -> Float32Array:
    """Where the parabola through (N, 3) values at -1, 0 and 1, largest in the middle, is highest:
    exact for a Gaussian hill, -0.5 to 0.5."""
    before, middle, after = logs.T
    bend = np.maximum(2.0 * middle - before - after, _LEAST_BEND)
    return np.asarray(np.clip(0.5 * (after - before) / bend, -0.5, 0.5), np.float32)


def _apart(centres: Float32Array, sizes: Float32Array) -> BoolArray:
    """Which of the heads (best first) have no better one too near."""
    gap = centres[:, None, :] - centres[None, :, :]
    distance = np.hypot(gap[:, :, 0], gap[:, :, 1])
    near = distance < _SAME_HEAD_SHARE * np.maximum(sizes[:, None], sizes[None, :])
    kept = np.ones(len(centres), dtype=np.bool_)
    # Only heads with a near one need a look; most have none.
    for i in np.flatnonzero(near.sum(axis=1) > 1).tolist():
        if kept[i]:
            kept[i + 1 :] &= ~near[i, i + 1 :]
    return kept

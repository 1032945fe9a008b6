"""Head points out of a heat map."""

from __future__ import annotations

import cv2
import numpy as np

from vision.arrays import BoolArray, Float32Array
from vision.observations import HeadPoints

MOST_HEADS = 1000
_SAME_HEAD_SHARE = 0.45


def peaks(
    heat: Float32Array,
    log_size: Float32Array,
    *,
    threshold: float,
    stride_px: float,
    offset: Float32Array | None = None,
) -> HeadPoints:
    """Heads at the local maxima of `heat`.

    A cell is a head when it is the largest of its 3x3 neighbours and at least `threshold`. Of two
    heads nearer to each other than 0.45 of the larger one's height, the weaker is dropped: a large
    head is a broad hill on which noise makes several peaks.

    Args:
        heat: (rows, columns) in 0..1.
        log_size: (rows, columns), natural log of head height in pixels.
        stride_px: pixels per cell.
        offset: (2, rows, columns), centre u and v in cells from the corner of its cell; without
            it a head is taken to be in the middle of its cell.

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
    sizes = np.exp(np.clip(log_size[rows, columns], 0.0, 8.0)).astype(np.float32)
    within = 0.5 if offset is None else np.clip(offset[:, rows, columns].T, -0.5, 1.5)
    centres = ((np.column_stack([columns, rows]) + within) * stride_px).astype(np.float32)
    kept = _apart(centres, sizes)
    return HeadPoints(centres[kept], sizes[kept], scores[kept], saturated=saturated)


def _apart(centres: Float32Array, sizes: Float32Array) -> BoolArray:
    """Which of the heads (best first) have no better one too near."""
    offset = centres[:, None, :] - centres[None, :, :]
    distance = np.hypot(offset[:, :, 0], offset[:, :, 1])
    near = distance < _SAME_HEAD_SHARE * np.maximum(sizes[:, None], sizes[None, :])
    kept = np.ones(len(centres), dtype=np.bool_)
    # Only heads with a near one need a look; most have none.
    for i in np.flatnonzero(near.sum(axis=1) > 1).tolist():
        if kept[i]:
            kept[i + 1 :] &= ~near[i, i + 1 :]
    return kept

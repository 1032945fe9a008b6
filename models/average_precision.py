"""Average precision of scored boxes, as in PASCAL VOC 2010 and later (all points)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.persons.boxes import overlap
from vision.arrays import BoolArray, Float32Array


@dataclass(frozen=True, slots=True)
class ScoredBoxes:
    """Boxes (N, 4) left, top, right, bottom with scores (N,) of one picture."""

    boxes_xyxy: Float32Array
    scores: Float32Array


def average_precision(
    pictures: Sequence[tuple[ScoredBoxes, Float32Array]], iou: float
) -> float | None:
    """Area under the precision-recall curve over all pictures.

    Args:
        pictures: found boxes and truth (M, 4) of each picture.
        iou: least overlap of a hit; each true box is hit once, by the best-scored box.

    Returns:
        0..1, or `None` when there is no true box.
    """
    truths = sum(len(truth) for _, truth in pictures)
    if not truths:
        return None
    hits = np.concatenate([_hits(found, truth, iou) for found, truth in pictures])
    scores = np.concatenate([found.scores for found, _ in pictures])
    order = np.argsort(-scores, kind="stable")
    right = np.cumsum(hits[order])
    recall = right / truths
    precision = right / np.arange(1, len(right) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    steps = np.diff(np.concatenate([[0.0], recall]))
    return float((steps * envelope).sum())


def _hits(found: ScoredBoxes, truth: Float32Array, iou: float) -> BoolArray:
    hits = np.zeros(len(found.scores), np.bool_)
    if not len(truth):
        return hits
    free = np.ones(len(truth), np.bool_)
    for i in np.argsort(-found.scores, kind="stable"):
        shares = np.where(free, overlap(found.boxes_xyxy[i], truth), -1.0)
        best = int(shares.argmax())
        if shares[best] >= iou:
            free[best] = False
            hits[i] = True
    return hits

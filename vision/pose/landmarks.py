"""Landmarks of a picture, and how a camera moved between two sets of them.

A moved camera is found by matched ORB points and a similarity, as the largest shift of the four
corners. Fewer than 20 inliers give no shift: with fewer one of hundreds of pixels was once
reported for a camera at rest. When they stay away, `vision.health.picture` says that it looks
elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from scipy.spatial import cKDTree

from vision.arrays import Float64Array, UInt8Array

LEAST_INLIERS = 20
# As few may begin the search for more; chance gives up to 7.
_SEED_INLIERS = 10
_POINTS = 1000
_EQUALISED = 4
_SAME_PLACE_PX = 3.0
_MOST_BITS = 64
# So many of its landmarks at their old places are no chance: of another view it is hardly any. Our
# judgement, as is a trifle: a sixth of the shift that counts as a movement
# (`vision.health.picture`).
_MOST_AT_REST = 0.5
_TRIFLE_SHARE = 0.005
_UNMOVED = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


class Landmarks(NamedTuple):
    """Points (N, 2) in pixels and their ORB descriptors (N, 32) uint8."""

    points_uv_px: Float64Array
    descriptors: UInt8Array


@dataclass(frozen=True, slots=True)
class PictureShift:
    """How a picture lies against its baseline.

    Attributes:
        right_share, down_share: shift of the picture's centre over the picture's width.
        turn_deg: clockwise as seen in the picture; `zoom`: size against the baseline.
    """

    right_share: float
    down_share: float
    turn_deg: float
    zoom: float


def landmarks_of(grey: UInt8Array) -> Landmarks:
    """ORB points after local contrast equalisation; `grey` is (H, W) uint8."""
    equal = cv2.createCLAHE(clipLimit=3.0, tileGridSize=(_EQUALISED, _EQUALISED)).apply(grey)
    orb = cv2.ORB.create(nfeatures=_POINTS, fastThreshold=8, edgeThreshold=15, patchSize=23)
    points, descriptors = orb.detectAndCompute(equal, None)
    if descriptors is None or not len(points):
        return Landmarks(np.zeros((0, 2)), np.zeros((0, 32), np.uint8))
    places = np.array([point.pt for point in points], np.float64)
    return Landmarks(places, np.asarray(descriptors, np.uint8))


def lasting_landmarks(first: Landmarks, greys: Sequence[UInt8Array]) -> Landmarks:
    """Those of `first` that at least half of the pictures show within 3 pixels."""
    points, descriptors = first
    times = np.zeros(len(points), dtype=np.int64)
    for grey in greys:
        there, found = landmarks_of(grey)
        for match in _matches(descriptors, found):
            offset = points[match.queryIdx] - there[match.trainIdx]
            times[match.queryIdx] += float(np.hypot(*offset)) <= _SAME_PLACE_PX
    keep = 2 * times >= len(greys)
    return Landmarks(points[keep], descriptors[keep])


def shift_between(
    was: Landmarks, now: Landmarks, size_px: tuple[int, int]
) -> tuple[float | None, int, PictureShift | None]:
    """Largest shift of the four corners in pixels, agreeing landmarks, and their common shift.

    Args:
        size_px: width and height of both pictures.
    """
    if len(now.points_uv_px) < LEAST_INLIERS:
        return None, 0, None
    # RANSAC draws from the library's own generator; equal pictures must give equal answers.
    cv2.setRNGSeed(1)
    at_rest = _at_rest(was, now, size_px)
    if at_rest is not None:
        still, agreeing = at_rest
        return _corner_shift_px(still, size_px), agreeing, _picture_shift(still, *size_px)
    matches = _matches(was.descriptors, now.descriptors)
    if len(matches) < _SEED_INLIERS:
        return None, len(matches), None
    before = was.points_uv_px[[m.queryIdx for m in matches]]
    after = now.points_uv_px[[m.trainIdx for m in matches]]
    cv2.setRNGSeed(1)
    similarity, inliers = _similarity(before, after)
    if similarity is not None and inliers >= _SEED_INLIERS:
        before, after = _guided(was, now, similarity)
        if len(before) > inliers:
            similarity, inliers = _similarity(before, after)
    if similarity is None or inliers < LEAST_INLIERS:
        return None, inliers, None
    return _corner_shift_px(similarity, size_px), inliers, _picture_shift(similarity, *size_px)


def _corner_shift_px(similarity: Float64Array, size_px: tuple[int, int]) -> float:
    """The largest shift of the picture's four corners."""
    wide, high = size_px
    corners = np.array([[0, 0, 1], [wide, 0, 1], [0, high, 1], [wide, high, 1]], np.float64)
    moved = corners @ similarity.T
    return float(np.linalg.norm(moved - corners[:, :2], axis=1).max())


def _at_rest(
    was: Landmarks, now: Landmarks, size_px: tuple[int, int]
) -> tuple[Float64Array, int] | None:
    """The similarity of a camera at rest and how many landmarks agree; `None` for any other.

    A camera is at rest nearly always, and then shows most of its landmarks where they were: to look
    there takes a sixth of comparing each with each. Pairs that are sought near their old places
    make a movement look smaller than it is, so what has moved by more than a trifle is not judged
    by them.
    """
    before, after = _guided(was, now, _UNMOVED)
    if len(before) < max(_MOST_AT_REST * len(was.points_uv_px), LEAST_INLIERS):
        return None
    similarity, inliers = _similarity(before, after)
    if similarity is None or inliers < LEAST_INLIERS:
        return None
    moved = _corner_shift_px(similarity, size_px) > _TRIFLE_SHARE * size_px[0]
    return None if moved else (similarity, inliers)


def _matches(before: UInt8Array, after: UInt8Array) -> list[cv2.DMatch]:
    """Mutual best matches of descriptors that differ in few bits."""
    if not len(before) or not len(after):
        return []
    matcher = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True)
    return [match for match in matcher.match(before, after) if match.distance <= _MOST_BITS]


def _similarity(before: Float64Array, after: Float64Array) -> tuple[Float64Array | None, int]:
    """The similarity (2, 3) that most pairs of points agree on, and how many do."""
    found, agree = cv2.estimateAffinePartial2D(
        before, after, method=cv2.RANSAC, ransacReprojThreshold=3.0, maxIters=500
    )
    inliers = int(agree.sum()) if agree is not None else 0
    return (None if found is None else np.asarray(found, np.float64)), inliers


def _guided(
    was: Landmarks, now: Landmarks, similarity: Float64Array
) -> tuple[Float64Array, Float64Array]:
    """Pairs of landmarks that lie where a first similarity puts them, and look alike.

    The best match over a whole picture is often a like corner elsewhere; near the place where a
    landmark must be there is seldom another. Where the first similarity was chance, next to none
    is found.
    """
    ones = np.ones((len(was.points_uv_px), 1))
    expected = np.hstack([was.points_uv_px, ones]) @ similarity.T
    near = cKDTree(expected).sparse_distance_matrix(
        cKDTree(now.points_uv_px), _SAME_PLACE_PX, output_type="ndarray"
    )
    rows, columns = near["i"].astype(np.int64), near["j"].astype(np.int64)
    bits = np.bitwise_count(was.descriptors[rows] ^ now.descriptors[columns]).sum(axis=1)
    kept = bits <= _MOST_BITS
    rows, columns, bits = rows[kept], columns[kept], bits[kept]
    # The most alike for each landmark that was there.
    order = np.lexsort((columns, bits, rows))
    rows, columns = rows[order], columns[order]
    _, first = np.unique(rows, return_index=True)
    return was.points_uv_px[rows[first]], now.points_uv_px[columns[first]]


def _picture_shift(similarity: Float64Array, wide: int, high: int) -> PictureShift:
    centre = np.array([wide / 2.0, high / 2.0, 1.0])
    right_px, down_px = similarity @ centre - centre[:2]
    return PictureShift(
        right_share=float(right_px) / wide,
        down_share=float(down_px) / wide,
        turn_deg=math.degrees(math.atan2(similarity[1, 0], similarity[0, 0])),
        zoom=float(np.hypot(similarity[0, 0], similarity[1, 0])),
    )


__all__ = [
    "LEAST_INLIERS",
    "Landmarks",
    "PictureShift",
    "landmarks_of",
    "lasting_landmarks",
    "shift_between",
]

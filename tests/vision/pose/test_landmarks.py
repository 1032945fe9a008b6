"""How a picture moved, by its landmarks."""

import cv2
import numpy as np
import pytest

from vision.arrays import UInt8Array
from vision.pose import landmarks
from vision.pose.landmarks import landmarks_of, shift_between

SIZE = (320, 180)


def textured() -> UInt8Array:
    """Grey with many corners, larger than the picture."""
    rng = np.random.default_rng(4)
    coarse = rng.integers(0, 256, (40, 60), dtype=np.uint8)
    large = cv2.resize(coarse, (480, 320), interpolation=cv2.INTER_NEAREST)
    return np.asarray(cv2.GaussianBlur(large, (0, 0), 1.0), np.uint8)


def view(right_px: int, down_px: int) -> UInt8Array:
    return np.ascontiguousarray(textured()[60 + down_px : 240 + down_px, 60 + right_px :][:, :320])


@pytest.mark.parametrize(("right_px", "down_px"), [(0, 0), (1, 0), (3, 2), (8, 0), (30, -12)])
def test_a_shift_is_found_and_as_large_as_it_is(right_px: int, down_px: int) -> None:
    was, now = landmarks_of(view(0, 0)), landmarks_of(view(right_px, down_px))
    shift_px, inliers, shift = shift_between(was, now, SIZE)
    assert shift_px == pytest.approx(np.hypot(right_px, down_px), abs=0.5)
    assert inliers >= landmarks.LEAST_INLIERS
    assert shift is not None
    assert shift.right_share * SIZE[0] == pytest.approx(-right_px, abs=0.5)


@pytest.mark.parametrize(("right_px", "compared"), [(0, False), (1, False), (3, True), (20, True)])
def test_each_is_compared_with_each_only_where_more_than_a_trifle_moved(
    monkeypatch: pytest.MonkeyPatch, right_px: int, *, compared: bool
) -> None:
    asked = []
    whole = landmarks._matches

    def noted(before: UInt8Array, after: UInt8Array) -> list[cv2.DMatch]:
        asked.append(len(before))
        return whole(before, after)

    monkeypatch.setattr(landmarks, "_matches", noted)
    shift_between(landmarks_of(view(0, 0)), landmarks_of(view(right_px, 0)), SIZE)
    assert bool(asked) is compared

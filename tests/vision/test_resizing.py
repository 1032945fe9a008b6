"""Making pictures smaller."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vision.resizing import shrunk


def test_a_half_is_the_mean_of_four_pixels() -> None:
    image = np.array([[10, 20, 0, 0], [30, 40, 0, 8]], np.uint8)
    assert shrunk(image, (2, 1)).tolist() == [[25, 2]]


def test_the_same_size_is_the_same_picture() -> None:
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    assert shrunk(image, (4, 4)).tolist() == image.tolist()


@pytest.mark.parametrize("size_px", [(100, 60), (77, 41), (30, 17), (9, 5)])
def test_it_is_near_to_the_mean_over_areas(size_px: tuple[int, int]) -> None:
    rng = np.random.default_rng(4)
    noise = rng.integers(0, 255, (121, 201, 3), dtype=np.uint8)
    image = np.asarray(cv2.GaussianBlur(noise, (0, 0), 3.0), np.uint8)
    by_area = cv2.resize(image, size_px, interpolation=cv2.INTER_AREA)
    off = shrunk(image, size_px).astype(float) - by_area
    assert np.abs(off).mean() < 2.5
    assert abs(off.mean()) < 0.5


def test_the_remembered_half_is_that_of_the_same_picture() -> None:
    """Two parts of one picture, and another picture in the same memory's place."""
    rng = np.random.default_rng(3)
    for _ in range(20):
        image = rng.integers(0, 256, (64, 96, 3), np.uint8)
        image.flags.writeable = False
        for part in (image[:40, 8:72], image[8:48, 8:72], image[:40, 8:72]):
            for size_px in ((32, 20), (20, 12)):
                assert np.array_equal(shrunk(part, size_px), shrunk(part.copy(), size_px))


def test_a_picture_that_may_change_is_not_remembered() -> None:
    image = np.zeros((40, 40, 3), np.uint8)
    shrunk(image, (10, 10))
    image[:] = 200
    assert int(shrunk(image, (10, 10)).min()) == 200

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.canvas import PAD_VALUE, cut, fit, resized, square
from vision.errors import ShapeError
from vision.observations import Region

sides = st.integers(min_value=1, max_value=400)


@settings(deadline=None)
@given(sides, sides, st.sampled_from([64, 160, 960]))
def test_every_picture_fits_whole_strides(height: int, width: int, long_side: int) -> None:
    canvas = fit(np.full((height, width, 3), 7, np.uint8), long_side)
    rows, columns, _ = canvas.pixels.shape
    assert rows % 32 == 0
    assert columns % 32 == 0
    assert 0 <= rows - canvas.content_height_px < 32
    assert 0 <= columns - canvas.content_width_px < 32
    assert max(canvas.content_width_px, canvas.content_height_px) <= max(long_side, 1)
    assert canvas.scale_u <= 1.0
    assert canvas.scale_u * width == pytest.approx(canvas.content_width_px)


def test_a_small_picture_is_padded_and_not_enlarged() -> None:
    canvas = fit(np.zeros((40, 50, 3), np.uint8), 960)
    assert canvas.pixels.shape == (64, 64, 3)
    assert (canvas.scale_u, canvas.scale_v) == (1.0, 1.0)
    assert int(canvas.pixels[:40, :50].max()) == 0
    assert int(canvas.pixels[40:].min()) == PAD_VALUE


def test_a_wide_picture_is_shrunk_into_the_square() -> None:
    canvas = square(np.zeros((100, 200, 3), np.uint8), 64)
    assert (canvas.content_width_px, canvas.content_height_px) == (64, 32)
    assert (canvas.scale_u, canvas.scale_v) == (0.32, 0.32)


def test_a_picture_is_shown_once_more_at_a_share_of_its_size() -> None:
    image = np.full((100, 200, 3), 9, np.uint8)
    shown = fit(image, 960, enlarge_below_px=512)
    smaller = resized(image, shown, 0.4)
    assert (shown.scale_v, smaller.scale_v) == (2.0, 0.8)
    assert (smaller.content_width_px, smaller.content_height_px) == (160, 80)


def test_a_grey_picture_is_refused() -> None:
    with pytest.raises(ShapeError, match="expected uint8 of shape"):
        fit(np.zeros((10, 10), np.uint8), 64)


def test_a_small_picture_is_doubled_where_the_card_says_so() -> None:
    canvas = fit(np.full((40, 50, 3), 9, np.uint8), 960, enlarge_below_px=64)
    assert (canvas.content_width_px, canvas.content_height_px) == (100, 80)
    assert (canvas.scale_u, canvas.scale_v) == (2.0, 2.0)
    assert fit(np.zeros((40, 64, 3), np.uint8), 960, enlarge_below_px=64).scale_u == 1.0


def test_a_region_is_cut_and_scaled_to_the_wanted_heads() -> None:
    image = np.zeros((720, 1280, 3), np.uint8)
    image[200:300, 400:600] = 200
    region = Region(400, 200, 600, 300, least_head_px=28.0)
    canvas = cut(image, region, wanted_head_px=14.0, long_side_px=960)
    assert (canvas.content_width_px, canvas.content_height_px) == (100, 50)
    assert canvas.pixels.shape == (64, 128, 3)
    assert (canvas.scale_u, canvas.left_px, canvas.top_px) == (0.5, 400, 200)
    assert (canvas.pixels[:50, :100] == 200).all()


def test_small_heads_are_enlarged_within_the_working_size() -> None:
    image = np.zeros((720, 1280, 3), np.uint8)
    small = Region(0, 0, 200, 100, least_head_px=4.0)
    assert cut(image, small, wanted_head_px=14.0, long_side_px=960).scale_u == 2.0
    wide = Region(0, 0, 1280, 100, least_head_px=4.0)
    assert cut(image, wide, wanted_head_px=14.0, long_side_px=960).scale_u == 0.75


def test_a_region_outside_the_picture_is_refused() -> None:
    with pytest.raises(ShapeError, match="does not lie in a picture of 64x48"):
        cut(
            np.zeros((48, 64, 3), np.uint8),
            Region(0, 0, 65, 48, least_head_px=10.0),
            wanted_head_px=14.0,
            long_side_px=960,
        )

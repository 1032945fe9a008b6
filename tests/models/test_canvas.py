import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.canvas import PAD_VALUE, fit, square
from vision.errors import ShapeError

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


def test_a_grey_picture_is_refused() -> None:
    with pytest.raises(ShapeError, match="expected uint8 of shape"):
        fit(np.zeros((10, 10), np.uint8), 64)


def test_a_small_picture_is_doubled_where_the_card_says_so() -> None:
    canvas = fit(np.full((40, 50, 3), 9, np.uint8), 960, enlarge_below_px=64)
    assert (canvas.content_width_px, canvas.content_height_px) == (100, 80)
    assert (canvas.scale_u, canvas.scale_v) == (2.0, 2.0)
    assert fit(np.zeros((40, 64, 3), np.uint8), 960, enlarge_below_px=64).scale_u == 1.0

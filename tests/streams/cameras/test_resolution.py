import pytest

from streams.cameras.resolution import analysed_size_px
from streams.errors import ResolutionChangedError


@pytest.mark.parametrize(
    ("picture", "calibrated", "analysed"),
    [
        ((1280, 720), (1280, 720), (1280, 720)),
        ((640, 360), (1280, 720), (640, 360)),
        ((1920, 1080), (1280, 720), (1280, 720)),
        ((640, 352), (1280, 704), (640, 352)),
        ((640, 359), (1280, 720), (640, 360)),  # an odd sub-stream within 1 %
    ],
)
def test_one_shape_is_analysed_in_its_own_size_up_to_the_calibrated_one(
    picture: tuple[int, int], calibrated: tuple[int, int], analysed: tuple[int, int]
) -> None:
    assert analysed_size_px(picture, calibrated, where="cam") == analysed


@pytest.mark.parametrize(
    ("squeezed", "analysed"),
    [
        ((704, 576), (1024, 576)),
        ((352, 288), (512, 288)),
        ((960, 360), (960, 540)),  # the height was squeezed
        ((1920, 576), (1280, 720)),
    ],
)
def test_a_squeezed_side_is_drawn_out_again(
    squeezed: tuple[int, int], analysed: tuple[int, int]
) -> None:
    size = analysed_size_px(squeezed, (1280, 720), where="cam", squeezed_px=squeezed)
    assert size == analysed


def test_no_other_size_than_the_stated_one_counts_as_squeezed() -> None:
    size = analysed_size_px((640, 360), (1280, 720), where="cam", squeezed_px=(704, 576))
    assert size == (640, 360)
    with pytest.raises(ResolutionChangedError, match=r"squeezed_px: \[352, 288\]"):
        analysed_size_px((352, 288), (1280, 720), where="cam", squeezed_px=(704, 576))


@pytest.mark.parametrize("picture", [(640, 480), (704, 576), (720, 1280), (1280, 960)])
def test_another_shape_is_refused_with_both_sizes_and_a_mend(picture: tuple[int, int]) -> None:
    with pytest.raises(ResolutionChangedError) as caught:
        analysed_size_px(picture, (1280, 720), where="rtsp://cam/live")
    text = str(caught.value)
    assert text.startswith("rtsp://cam/live: ")
    assert f"{picture[0]}x{picture[1]}" in text
    assert "1280x720" in text
    assert "mend: set the camera back" in text
    assert caught.value.cause == "resolution_changed"

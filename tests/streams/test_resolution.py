import pytest

from streams.errors import ResolutionChangedError
from streams.resolution import calibrated_size_px


@pytest.mark.parametrize(
    ("picture", "calibrated"),
    [
        ((1280, 720), (1280, 720)),
        ((640, 360), (1280, 720)),
        ((1920, 1080), (1280, 720)),
        ((640, 352), (1280, 704)),
        ((640, 359), (1280, 720)),  # an odd sub-stream within 1 %
    ],
)
def test_one_shape_is_scaled_to_the_calibration(
    picture: tuple[int, int], calibrated: tuple[int, int]
) -> None:
    assert calibrated_size_px(picture, calibrated, where="cam") == calibrated


def test_a_stated_squeezed_stream_is_scaled_and_no_other_size() -> None:
    for picture in ((704, 576), (640, 360)):
        size = calibrated_size_px(picture, (1280, 720), where="cam", squeezed_px=(704, 576))
        assert size == (1280, 720)
    with pytest.raises(ResolutionChangedError, match=r"squeezed_px: \[352, 288\]"):
        calibrated_size_px((352, 288), (1280, 720), where="cam", squeezed_px=(704, 576))


@pytest.mark.parametrize("picture", [(640, 480), (704, 576), (720, 1280), (1280, 960)])
def test_another_shape_is_refused_with_both_sizes_and_a_mend(picture: tuple[int, int]) -> None:
    with pytest.raises(ResolutionChangedError) as caught:
        calibrated_size_px(picture, (1280, 720), where="rtsp://cam/live")
    text = str(caught.value)
    assert text.startswith("rtsp://cam/live: ")
    assert f"{picture[0]}x{picture[1]}" in text
    assert "1280x720" in text
    assert "mend: set the camera back" in text
    assert caught.value.cause == "resolution_changed"

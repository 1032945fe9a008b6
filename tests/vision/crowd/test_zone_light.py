"""The light of a camera's zones: which cells are black, how bright, and how long that holds."""

import numpy as np
import pytest
from shapely.geometry import box

from vision.arrays import UInt8Array
from vision.crowd.zone_light import DARK_LUMINANCE, LightWatch
from vision.crowd.zone_view import ZoneView
from vision.geometry.camera import Camera, Lens, Pose
from vision.geometry.planes import Plane
from vision.geometry.zones import Zone, ZoneType
from vision.instants import Utc
from vision.observations import Frame

NOON = Utc.from_iso("2026-09-01T12:00:00Z")
LENS = Lens.from_hfov(1280, 720, 62)
# Straight down from 6 m; the floor's x grows to one side of the picture.
CAMERA = Camera(Pose(0.0, 0.0, 6.0, 0, 90), LENS)
HALL = Zone("hall", "f1", ZoneType.CORRIDOR, box(-1.2, -2.0, 1.2, 2.0), Plane(), 1.4)
VIEW = ZoneView.build(CAMERA, HALL)


def watch() -> LightWatch:
    return LightWatch({"hall": VIEW}, LENS)


def frame(image: UInt8Array, at_s: float = 0.0) -> Frame:
    return Frame("cam", 0, NOON.plus(at_s), image)


def even(grey: int, size: tuple[int, int] = (1280, 720)) -> UInt8Array:
    return np.full((size[1], size[0], 3), grey, np.uint8)


def dark_side(size: tuple[int, int] = (1280, 720)) -> UInt8Array:
    image = even(102, size)
    image[:, : size[0] // 2] = 2
    return image


@pytest.mark.parametrize("size", [(1280, 720), (640, 360), (320, 180)])
def test_the_black_half_of_a_picture_is_black_on_the_plan_whatever_the_stream_s_size(
    size: tuple[int, int],
) -> None:
    light = watch().of(frame(dark_side(size))).zones["hall"]
    area = VIEW.grid.area_m2
    assert area[light.lit].sum() / area[VIEW.seen].sum() == pytest.approx(0.5, abs=0.08)
    assert light.luminance == pytest.approx((102 + 2) / 2 / 255, rel=0.08)
    # The cells that are lit are those of the picture's right side, all of them.
    right = VIEW.cell_uv_px[:, 0].reshape(VIEW.grid.shape) > 720
    left = VIEW.cell_uv_px[:, 0].reshape(VIEW.grid.shape) < 560
    assert light.lit[right & VIEW.seen].all()
    assert not light.lit[left].any()


@pytest.mark.parametrize(("grey", "lit"), [(7, False), (8, True)])
def test_three_hundredths_are_black(grey: int, *, lit: bool) -> None:
    assert DARK_LUMINANCE == 0.03  # 7.65 grey levels
    light = watch().of(frame(even(grey))).zones["hall"]
    assert light.lit[VIEW.seen].all() == lit
    assert light.lit.any() == lit
    assert light.luminance == pytest.approx(grey / 255)


def test_a_black_coat_is_not_the_dark() -> None:
    image = even(90)
    image[350:366, 600:616] = 0
    assert watch().of(frame(image)).zones["hall"].lit[VIEW.seen].all()


def test_colour_is_told_apart_from_grey_of_any_brightness() -> None:
    image = even(120)
    image[:, :, 2] = 171
    assert watch().of(frame(image)).chroma == pytest.approx(51 / 255)
    assert watch().of(frame(even(120))).chroma == 0.0


@pytest.mark.parametrize(
    ("grey", "at_s", "same"),
    [
        (100, 0.0, True),
        (100, 0.9, True),
        (100, 0.95, False),
        (100, -0.1, False),  # the clock was set back
        (107, 0.2, True),
        (108, 0.2, False),  # somebody switched the light on
        (92, 0.2, False),
        (0, 0.2, False),
    ],
)
def test_light_is_judged_once_a_second_and_at_once_when_it_changes(
    grey: int, at_s: float, *, same: bool
) -> None:
    light = watch()
    first = light.of(frame(even(100)))
    assert (light.of(frame(even(grey), at_s)) is first) == same


@pytest.mark.parametrize(
    ("share", "grey", "same"),
    [
        (0.10, 160, True),  # people who walk change a few places
        (0.55, 109, False),  # most places, by little in the mean
        (0.45, 109, True),
        (0.20, 160, False),  # few places, by 12 levels in the mean
    ],
)
def test_a_change_of_most_places_or_of_the_mean_is_one_of_light(
    share: float, grey: int, *, same: bool
) -> None:
    light = watch()
    first = light.of(frame(even(100)))
    image = even(100)
    image[:, : round(1280 * share)] = grey
    assert (light.of(frame(image, 0.2)) is first) == same


def test_a_stream_whose_pixels_cannot_be_compared_is_judged_anew() -> None:
    light = watch()
    first = light.of(frame(even(100)))
    assert light.of(frame(even(100, (64, 48)), 0.2)) is not first

"""The annotated picture and how often it is drawn."""

import cv2
import numpy as np
import pytest
from shapely.geometry import box

from streams.clock import SimulatedClock
from streams.pictures.drawing import LEVEL_COLOURS_BGR, draw, encode_jpeg, zone_outline
from streams.pictures.latest import LatestPictures, UnknownCameraError
from tests.streams.fakes import NOON, frame, reading
from vision.geometry.camera import Camera, Lens, Pose
from vision.geometry.zones import Zone, ZoneType
from vision.observations import Frame, HeadPoints
from vision.risk.readings import Level

# Looks straight down from 10 m above the origin: plan x to the right, plan y up in the picture.
DOWN = Camera(Pose(0.0, 0.0, 11.5, pan_deg=90.0, tilt_deg=90.0), Lens(640, 480, focal_px=400.0))
# Head plane at 1.5 m, so 10 m below the camera: 40 px a metre.
ZONE = Zone("hall", "f1", ZoneType.CORRIDOR, box(-2.0, -1.0, 2.0, 1.0))


def picture() -> Frame:
    return Frame("cam", 0, NOON, np.full((480, 640, 3), 128, np.uint8))


def heads(*centres: tuple[float, float]) -> HeadPoints:
    count = len(centres)
    return HeadPoints(
        np.array(centres, np.float32).reshape(count, 2),
        np.full(count, 20.0, np.float32),
        np.full(count, 0.9, np.float32),
    )


def test_the_outline_lies_on_the_head_plane() -> None:
    outline = zone_outline(DOWN, ZONE)
    (line,) = outline.lines_uv_px
    assert line.min(axis=0) == pytest.approx([320 - 80, 240 - 40])
    assert line.max(axis=0) == pytest.approx([320 + 80, 240 + 40])


def test_an_outline_that_leaves_the_view_is_split() -> None:
    ahead = Camera(Pose(0.0, 0.0, 3.0, pan_deg=0.0, tilt_deg=10.0), Lens(640, 480, 400.0))
    behind_and_before = Zone("hall", "f1", ZoneType.CORRIDOR, box(-5.0, -1.0, 5.0, 1.0))
    outline = zone_outline(ahead, behind_and_before)
    assert outline.lines_uv_px
    assert all(np.isfinite(line).all() for line in outline.lines_uv_px)
    assert len(outline.polygon_uv_px) == 0


def test_a_head_takes_the_colour_of_its_zone_and_the_frame_is_untouched() -> None:
    given = picture()
    outline = zone_outline(DOWN, ZONE)
    drawn = draw(
        given,
        heads((320.0, 240.0), (100.0, 100.0)),
        [outline],
        {"hall": reading("hall", NOON, Level.L3)},
    )
    # A ring of radius 10 round the head: its right-most pixel. Lines are drawn with soft edges.
    assert drawn[240, 330].tolist() == pytest.approx(LEVEL_COLOURS_BGR[Level.L3], abs=30)
    assert drawn[100, 110].tolist() == pytest.approx((235, 235, 235), abs=30)
    assert drawn[240 + 40, 300].tolist() == pytest.approx(LEVEL_COLOURS_BGR[Level.L3], abs=30)
    assert int(given.image_bgr.min()) == int(given.image_bgr.max()) == 128


def test_an_outline_lies_at_the_same_place_of_a_smaller_picture() -> None:
    outline = zone_outline(DOWN, ZONE)
    small = Frame("cam", 0, NOON, np.full((240, 320, 3), 128, np.uint8))
    drawn = draw(small, heads((160.0, 120.0)), [outline], {"hall": reading("hall", NOON, Level.L3)})
    assert drawn.shape == (240, 320, 3)
    red = pytest.approx(LEVEL_COLOURS_BGR[Level.L3], abs=30)
    # The border in the middle of its lower side, and the ring of radius 10 round the head.
    assert drawn[120 + 20, 150].tolist() == red
    assert drawn[120, 170].tolist() == red
    (line,) = outline.on(small.image_bgr).lines_uv_px
    assert line.max(axis=0) == pytest.approx([160 + 40, 120 + 20])


def test_a_zone_without_a_reading_is_drawn_unknown() -> None:
    outline = zone_outline(DOWN, ZONE)
    drawn = draw(picture(), heads(), [outline], {})
    assert drawn[240 + 40, 300].tolist() == pytest.approx(LEVEL_COLOURS_BGR[Level.UNKNOWN], abs=30)


def test_level_colours_differ() -> None:
    assert len(set(LEVEL_COLOURS_BGR.values())) == len(Level)


def test_the_jpeg_is_the_picture() -> None:
    image = np.full((48, 64, 3), (200, 100, 50), np.uint8)
    back = cv2.imdecode(np.frombuffer(encode_jpeg(image), np.uint8), cv2.IMREAD_COLOR)
    assert back is not None
    assert back.shape == (48, 64, 3)
    assert back.mean(axis=(0, 1)) == pytest.approx([200, 100, 50], abs=3)


def latest(clock: SimulatedClock) -> LatestPictures:
    return LatestPictures({"cam": ()}, clock, spacing_s=0.2, keep_s=60.0)


def test_there_is_no_picture_before_the_first_frame() -> None:
    assert latest(SimulatedClock(NOON)).jpeg("cam") is None


def test_a_camera_of_another_worker_is_unknown() -> None:
    with pytest.raises(UnknownCameraError):
        latest(SimulatedClock(NOON)).jpeg("other")


def test_at_most_five_pictures_a_second_are_drawn() -> None:
    clock = SimulatedClock(NOON)
    pictures = latest(clock)
    found = []
    for n in range(20):  # two seconds, asked and filled ten times a second
        pictures.put(frame("cam", NOON.plus(n * 0.1), grey=5 * n), heads(), ())
        found.append(pictures.jpeg("cam"))
        clock.advance(0.1)
    assert len({id(jpeg) for jpeg in found}) == 10
    assert [jpeg.captured_at for jpeg in found if jpeg is not None][2] == NOON.plus(0.2)


def test_a_picture_of_a_minute_ago_is_not_shown_any_more() -> None:
    clock = SimulatedClock(NOON)
    pictures = latest(clock)
    pictures.put(frame("cam", NOON), heads(), ())
    clock.advance(59.0)
    assert pictures.jpeg("cam") is not None
    clock.advance(2.0)
    assert pictures.jpeg("cam") is None

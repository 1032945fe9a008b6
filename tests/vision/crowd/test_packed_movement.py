"""Dense flow, on movement whose answer is known."""

import cv2
import numpy as np
import pytest
from shapely.geometry import box

from tests.vision.scene_cases import START
from vision.crowd.dense_flow import DenseFlow, plan_velocities
from vision.crowd.zone_view import ZoneView
from vision.geometry.camera import Camera, Lens, Pose
from vision.geometry.zones import Zone, ZoneType
from vision.observations import Region

YARD = Zone("yard", "f1", ZoneType.SQUARE, box(-2, -1, 2, 1), head_height_m=1.5)
# Straight down from 5 m above the heads: 1 px is 0.0125 m on the head plane at 640 px.
ABOVE = Camera(Pose(0, 0, 6.5, 90, 90), Lens(640, 360, 400.0))


def texture(shift_px: tuple[float, float]) -> np.ndarray:
    """A smooth random picture, moved by (right, down) pixels."""
    rng = np.random.default_rng(6)
    grey = cv2.GaussianBlur(rng.uniform(0, 255, (360, 640)).astype(np.float32), (0, 0), 4)
    grey = 20 + 215 * (grey - grey.min()) / (grey.max() - grey.min())
    matrix = np.array([[1, 0, shift_px[0]], [0, 1, shift_px[1]]], np.float32)
    moved = cv2.warpAffine(grey, matrix, (640, 360), borderMode=cv2.BORDER_REFLECT)
    return np.repeat(moved.astype(np.uint8)[:, :, None], 3, axis=2)


@pytest.mark.parametrize(
    "region",
    [
        None,
        # All of the zone; heads of 18 px are more than the flow needs, so it works at 10/18.
        Region(120, 60, 520, 300, least_head_px=18.0),
        # Its middle alone: what lies outside takes the movement of the border.
        Region(200, 100, 440, 260, least_head_px=10.0),
    ],
)
def test_a_moving_crowd_has_its_speed_in_metres(region: Region | None) -> None:
    """8 px right and 4 px up in 0.2 s are 0.1 m and 0.05 m: 0.5 and 0.25 m/s on the plan."""
    view = ZoneView.build(ABOVE, YARD)
    flow = DenseFlow()
    assert flow.update(texture((0, 0)), START, region) is None
    measured = flow.update(texture((8, -4)), START.plus(0.2), region)
    assert measured is not None
    packed = np.full(view.grid.shape, 0.2)
    places, velocity = plan_velocities(view, packed, measured)
    assert len(places) == view.grid.area_m2.size
    np.testing.assert_allclose(np.median(velocity, axis=0), [0.5, 0.25], atol=0.03)


def test_flow_is_taken_only_where_people_are_and_only_between_near_pictures() -> None:
    view = ZoneView.build(ABOVE, YARD)
    flow = DenseFlow()
    flow.update(texture((0, 0)), START, None)
    measured = flow.update(texture((0, 0)), START.plus(0.2), None)
    assert measured is not None
    people = np.zeros(view.grid.shape)
    assert len(plan_velocities(view, people, measured)[0]) == 0
    people[2, 3] = 0.3
    places, velocity = plan_velocities(view, people, measured)
    np.testing.assert_allclose(places, [view.grid.centres_xy_m.reshape(8, 16, 2)[2, 3]])
    np.testing.assert_allclose(velocity, 0.0, atol=0.02)
    assert flow.update(texture((0, 0)), START.plus(2.0), None) is None

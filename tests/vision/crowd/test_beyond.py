"""Heads at the end of their own zone, seen from there in the zone beyond."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import box

from tests.vision.scene_cases import LENS, STAIR, frame, heads
from tests.vision.test_scene_doubt import CORRIDOR
from vision.arrays import Float64Array
from vision.crowd.borders import Borders
from vision.crowd.camera_watch import CameraWatch, WatchedPicture
from vision.crowd.common_time import CommonTime
from vision.crowd.zone_view import ZoneView
from vision.geometry.camera import Camera, Pose
from vision.geometry.grid import PlanGrid
from vision.geometry.planes import Plane
from vision.geometry.zones import Zone

# The flight ends at x = 0, 1.8 m up, where the landing begins.
LANDING = dataclasses.replace(
    CORRIDOR,
    id="landing",
    floor_id=STAIR.floor_id,
    polygon_xy_m=box(-4, 0, 0, 3),
    plane=Plane(1.8, 0.0, 0.0),
    head_height_m=STAIR.head_height_m,
)
UP_THE_FLIGHT = Camera(Pose(8.6, 1.5, 5.0, 180, 22), LENS)
FROM_THE_LANDING = Camera(Pose(-3.5, 1.5, 6.5, 0, 40), LENS)
CAMERAS = {"cam-a": UP_THE_FLIGHT, "cam-b": FROM_THE_LANDING}


def look(camera_id: str, zone: Zone, grid: PlanGrid) -> ZoneView:
    return ZoneView.build(CAMERAS[camera_id], zone, grid)


BORDERS = Borders([STAIR, LANDING], {STAIR.id: ("cam-a",), "landing": ("cam-b",)}, CAMERAS, look)


def picture_of(people_xy_m: Float64Array) -> WatchedPicture:
    """What the camera of the flight shows of heads on the flight's plane, or its continuation."""
    own = [ZoneView.build(UP_THE_FLIGHT, STAIR)]
    watch = CameraWatch("cam-a", UP_THE_FLIGHT, own, (), BORDERS.beyond("cam-a"))
    return watch.take(frame(0.0), heads(people_xy_m, UP_THE_FLIGHT), CommonTime())


def shares_of(picture: WatchedPicture) -> tuple[Float64Array, Float64Array]:
    """With which share each head counts on the flight, and on the landing beyond."""
    inside, beyond = np.zeros(len(picture.heads.ids)), np.zeros(len(picture.heads.ids))
    own = picture.parts[STAIR.id]
    inside[own.standing] = own.shares
    for (_, zone_id), part in picture.beyond.items():
        assert zone_id == "landing"
        beyond[part.standing] = part.shares
    return inside, beyond


@given(st.lists(st.tuples(st.floats(-0.8, 1.5), st.floats(0.2, 2.8)), min_size=1, max_size=12))
@settings(max_examples=40, deadline=None)
def test_nobody_counts_more_than_once_on_a_flight_and_beyond_its_end(
    places: list[tuple[float, float]],
) -> None:
    inside, beyond = shares_of(picture_of(np.array(places)))
    assert (inside + beyond <= 1.0 + 1e-9).all()


@pytest.mark.parametrize("x_m", [-0.2, -0.1, 0.0])
def test_a_head_at_the_end_of_its_own_zone_counts_beyond_with_what_is_left_of_it(
    x_m: float,
) -> None:
    """At the edge of the landing: perhaps somebody tall on the uppermost step."""
    inside, beyond = shares_of(picture_of(np.array([[x_m, 1.5]])))
    assert 0.05 < inside[0] < 0.5
    assert beyond[0] == pytest.approx(1.0 - inside[0])


def test_a_head_far_from_the_end_of_its_own_zone_counts_nowhere_beyond() -> None:
    inside, beyond = shares_of(picture_of(np.array([[2.5, 1.5]])))
    assert inside[0] == pytest.approx(1.0)
    assert beyond[0] == 0.0

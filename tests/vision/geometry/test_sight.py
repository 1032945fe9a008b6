"""What part of a zone a camera has in its picture, and why it may have none."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import affinity
from shapely.geometry import box

from vision.errors import NotVisibleError
from vision.geometry.camera import Camera, Lens, Pose
from vision.geometry.planes import Plane
from vision.geometry.sight import visible_share, zone_grid_xy_m
from vision.geometry.zones import Zone, ZoneType

LENS = Lens.from_hfov(1280, 720, 90.0)


def _zone(left: float, right: float, *, plane: Plane | None = None) -> Zone:
    return Zone("z", "f", ZoneType.CORRIDOR, box(left, -1, right, 1), plane=plane or Plane())


def test_a_zone_in_the_middle_of_the_picture_is_seen_whole() -> None:
    camera = Camera(Pose(0, 0, 4, 0, 30), LENS)
    assert visible_share(camera, _zone(4, 7)) == 1.0


def test_the_near_edge_of_the_picture_cuts_the_zone() -> None:
    """Straight down from 2.5 m above the heads, VFOV reaches 2.5 * tan(29.36 deg) = 1.406 m."""
    camera = Camera(Pose(0, 0, 4, 0, 90), LENS)
    reach_m = 2.5 * math.tan(math.radians(LENS.vfov_deg / 2))
    assert reach_m == pytest.approx(1.406, abs=1e-3)
    assert visible_share(camera, _zone(0, 2 * reach_m)) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(
    ("pose", "words"),
    [
        (Pose(0, 0, 4, 180, 20), "behind"),
        (Pose(0, 0, 4, 0, 89), "outside"),
        (Pose(0, 0, 4, 70, 20), "outside"),
        (Pose(0, 0, 1.4, 0, 0), "horizon"),
        (Pose(0, 0, 1.6, 0, 0), "horizon"),
    ],
)
def test_what_cannot_be_seen_is_refused_with_the_reason(pose: Pose, words: str) -> None:
    with pytest.raises(NotVisibleError, match=words):
        visible_share(Camera(pose, LENS), _zone(5, 9))


def test_a_stair_that_rises_above_the_camera_is_refused() -> None:
    camera = Camera(Pose(0, 0, 3, 0, 10), LENS)
    with pytest.raises(NotVisibleError, match="horizon"):
        visible_share(camera, _zone(5, 9, plane=Plane(z0_m=2.0, slope_x=0.5)))


def test_the_grid_lies_in_the_zone_and_has_its_corners() -> None:
    grid = zone_grid_xy_m(_zone(2, 6))
    assert {(2.0, -1.0), (6.0, -1.0), (6.0, 1.0), (2.0, 1.0)} <= set(map(tuple, grid.tolist()))
    assert np.all((grid[:, 0] >= 2) & (grid[:, 0] <= 6))
    assert len(grid) > 1000


@given(turn=st.floats(0, 360), x=st.floats(-50, 50), y=st.floats(-50, 50))
def test_the_share_does_not_depend_on_the_frame(turn: float, x: float, y: float) -> None:
    """Camera and zone turned and moved together: the same share, within grid steps."""
    still = visible_share(Camera(Pose(0, 0, 4, 0, 30), LENS), _zone(1, 9))
    moved_zone = affinity.translate(affinity.rotate(box(1, -1, 9, 1), turn, origin=(0, 0)), x, y)
    zone = Zone("z", "f", ZoneType.CORRIDOR, moved_zone)
    assert visible_share(Camera(Pose(x, y, 4, turn, 30), LENS), zone) == pytest.approx(
        still, abs=0.03
    )

"""Which places of a border and of an exit a camera can tell a crossing at."""

import numpy as np
import pytest
from shapely.geometry import Polygon

from tests.vision.scene_cases import FACING, LENS, STAIR
from vision.crowd.border_places import BorderPlaces, PlacesInView
from vision.crowd.zone_view import ZoneView
from vision.geometry.camera import Camera, Pose

FOOT = BorderPlaces.of_line(STAIR.exits[0])


def test_places_lie_half_a_metre_apart_with_a_point_on_either_side() -> None:
    np.testing.assert_allclose(FOOT.xy_m[:, 0], 3.6)
    np.testing.assert_allclose(FOOT.xy_m[:, 1], [0.25, 0.75, 1.25, 1.75, 2.25, 2.75])
    np.testing.assert_allclose(np.sort(FOOT.beside_xy_m[:, 0, 0]), [3.4, 3.8])
    assert FOOT.nearest(np.array([5.0, 1.4])) == 2
    border = BorderPlaces.of_polygon(STAIR.polygon_xy_m)
    assert len(border.xy_m) == 2 * 8 + 2 * 6  # 3.6 m in eight, 3 m in six


@pytest.mark.parametrize(
    "corners",
    [
        [(0, 0), (3, 0), (3, 2), (0, 2)],
        [(0, 0), (1, 0), (3, 0.1), (3, 2), (0, 2)],
        [(1, 0), (3, 0), (3, 2), (0, 2), (0, 0)],  # the ring begins in the midst of a side
    ],
)
def test_a_side_with_a_corner_on_it_is_one_side(corners: list[tuple[float, float]]) -> None:
    border = BorderPlaces.of_polygon(Polygon(corners))
    low = border.xy_m[:, 1] < 0.2
    assert len(set(border.lines[low].tolist())) == 1
    assert len(set(border.lines.tolist())) == 4


@pytest.mark.parametrize(
    ("camera", "shows"),
    [
        (FACING, True),
        # It looks up the flight from above the foot: the floor beyond is not in its picture.
        (Camera(Pose(4.3, 1.5, 4.2, 180, 45), LENS), False),
    ],
)
def test_an_exit_is_shown_where_both_of_its_sides_are(camera: Camera, *, shows: bool) -> None:
    view = ZoneView.build(camera, STAIR)
    quality = PlacesInView(FOOT, view).quality(view.shown)
    assert (quality > 0.0).tolist() == [shows] * 6


def test_a_hidden_cell_beside_an_exit_tells_no_crossing() -> None:
    view = ZoneView.build(FACING, STAIR)
    lower = view.grid.centres_xy_m[:, 1].reshape(view.grid.shape) < 1.5
    quality = PlacesInView(FOOT, view).quality(view.shown & lower)
    assert (quality > 0.0).tolist() == [True] * 3 + [False] * 3

"""Distances to lines, against shapely."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from vision.crowd.movement import border_distance, border_of
from vision.geometry.segments import Segments
from vision.geometry.zones import Line

_COORDINATE = st.integers(-20_000, 20_000).map(lambda millimetres: millimetres / 1000.0)
_PLACES = st.lists(st.tuples(_COORDINATE, _COORDINATE), min_size=1, max_size=8)
RING = shapely.Polygon([(0, 0), (4, 0), (4, 3), (2, 1.5), (0, 3)])


@given(
    _PLACES,
    st.lists(st.tuples(_COORDINATE, _COORDINATE, _COORDINATE, _COORDINATE), min_size=1, max_size=4),
)
def test_the_nearest_place_is_as_far_as_shapely_says_and_lies_on_a_line(
    places: list[tuple[float, float]], drawn: list[tuple[float, float, float, float]]
) -> None:
    ends = np.array(drawn)
    strings = shapely.MultiLineString([[(a, b), (c, d)] for a, b, c, d in drawn])
    away, far_m = Segments(ends[:, :2], ends[:, 2:]).to_nearest(np.array(places))
    feet = shapely.points(np.array(places) + away)
    expected = shapely.distance(strings, shapely.points(places))
    np.testing.assert_allclose(far_m, expected, atol=1e-7)
    np.testing.assert_allclose(shapely.distance(strings, feet), 0.0, atol=1e-7)


def test_of_two_lines_the_nearer_one_counts() -> None:
    lines = (Line("left", (0.0, 0.0), (0.0, 2.0)), Line("right", (10.0, 0.0), (10.0, 2.0)))
    away, far_m = Segments.of_lines(lines).to_nearest(np.array([[1.0, 1.0], [8.0, 3.0]]))
    np.testing.assert_allclose(away, [[-1.0, 0.0], [2.0, -1.0]])
    np.testing.assert_allclose(far_m, [1.0, np.hypot(2.0, 1.0)])


def test_a_line_of_no_length_is_its_point() -> None:
    point = np.array([[1.0, 2.0]])
    assert Segments(point, point).to_nearest(np.array([[4.0, 6.0]]))[1] == pytest.approx([5.0])


def test_a_place_that_is_not_known_has_no_distance() -> None:
    far_m = Segments.of_ring(shapely.get_coordinates(RING)).to_nearest(np.full((1, 2), np.nan))[1]
    assert np.isnan(far_m).all()


@given(_PLACES)
def test_the_border_is_as_far_as_shapely_says(places: list[tuple[float, float]]) -> None:
    points = shapely.points(places)
    far_m = shapely.distance(RING.exterior, points)
    expected = np.where(shapely.contains(RING, points), far_m, -far_m)
    for sides in (None, border_of(RING)):
        found = border_distance(RING, np.array(places), sides)
        np.testing.assert_allclose(found, expected, atol=1e-9)


@pytest.mark.parametrize(("y_m", "expected"), [(0.5, 0.5), (-0.5, -0.5)])
def test_inside_is_positive(y_m: float, expected: float) -> None:
    assert border_distance(RING, np.array([[1.0, y_m]])) == pytest.approx([expected])

"""What a floor hides from an eye below it: by hand, and against lines of sight one by one."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import box

from vision.planes import Plane
from vision.undersides import hidden_from_below

GALLERY = Plane(3.6)
FLOOR_M = box(4.0, -3.0, 10.0, 3.0)


@pytest.mark.parametrize(("z_m", "hidden_m2"), [(2.8, 36.0), (3.61, 0.0)], ids=["below", "above"])
def test_the_floor_itself_is_not_seen_from_below(z_m: float, hidden_m2: float) -> None:
    found = hidden_from_below(FLOOR_M, GALLERY, GALLERY, np.array([0.0, 0.0, z_m]))
    assert found.intersection(FLOOR_M).area == pytest.approx(hidden_m2)


def test_heads_near_the_edge_show_over_it() -> None:
    """From 1 m below, sight to heads 1 m above passes the floor half way: at 4 m to heads at 8."""
    eye = np.array([0.0, 0.0, 2.6])
    found = hidden_from_below(FLOOR_M, GALLERY, GALLERY.raised(1.0), eye)
    assert found.bounds == pytest.approx((8.0, -6.0, 20.0, 6.0))


def test_right_below_it_heads_are_hidden_as_well() -> None:
    eye = np.array([7.0, 0.0, 2.6])
    found = hidden_from_below(FLOOR_M, GALLERY, GALLERY.raised(1.0), eye)
    assert found.contains(FLOOR_M)


@settings(max_examples=60, deadline=None)
@given(
    slope=st.floats(-0.6, 0.6),
    eye=st.tuples(st.floats(-8.0, 12.0), st.floats(-6.0, 6.0), st.floats(-3.0, 3.0)),
    raised=st.floats(0.2, 2.0),
)
def test_a_head_is_hidden_exactly_where_the_line_to_it_meets_the_floor(
    slope: float, eye: tuple[float, float, float], raised: float
) -> None:
    """The oracle walks along each line of sight and asks on which side of the floor it is."""
    walking = Plane(1.0, slope)
    place = np.array([eye[0], eye[1], float(walking.z_at(np.array(eye[:2]))) - abs(eye[2]) - 0.05])
    points = np.random.default_rng(0).uniform([4, -3], [10, 3], (60, 2))
    ends = np.column_stack([points, walking.raised(raised).z_at(points)])
    way = np.linspace(0.0, 1.0, 4001)[:, None, None]
    along = place + way * (ends - place)
    above = along[..., 2] > walking.z_at(along)
    first_above = np.argmax(above, axis=0)
    crossing = along[first_above, np.arange(len(points)), :2]
    expected = shapely.contains_xy(FLOOR_M, crossing[:, 0], crossing[:, 1])
    shape = hidden_from_below(FLOOR_M, walking, walking.raised(raised), place)
    found = shapely.contains_xy(shape, points[:, 0], points[:, 1])
    clear = shapely.distance(FLOOR_M.boundary, shapely.points(crossing)) > 0.02
    assert (found == expected)[clear].all()

"""What a floor hides from an eye below it: by hand, and against lines of sight one by one."""

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from shapely.geometry import Polygon, box

from vision.geometry.planes import Plane
from vision.geometry.undersides import Slab, hidden_from_below

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


def test_a_gallery_hides_the_hall_under_its_edge() -> None:
    """From 2.4 m above the gallery, 3 m behind its edge: to the floor, 6 m below, 7.5 m of way."""
    gallery = Slab(box(-3.0, -3.0, 3.0, 3.0), GALLERY)
    eye = np.array([0.0, 0.0, 6.0])
    assert gallery.hides(Plane(), eye).bounds == pytest.approx((-7.5, -7.5, 7.5, 7.5))
    # Heads of 1.5 m: 4.5 m below the eye.
    assert gallery.hides(Plane(1.5), eye).bounds[2] == pytest.approx(3.0 * 4.5 / 2.4)
    assert gallery.hides(GALLERY, eye).is_empty
    assert gallery.hides(GALLERY.raised(1.5), eye).is_empty
    # From below it, and from beside it, nothing of the hall is hidden.
    assert gallery.hides(Plane(1.5), np.array([0.0, 0.0, 3.5])).is_empty
    assert Slab(Polygon(), GALLERY).hides(Plane(), eye).is_empty


@settings(max_examples=80, deadline=None)
@given(
    slab=st.tuples(st.floats(0.0, 4.0), st.floats(-0.6, 0.6), st.floats(-0.6, 0.6)),
    looked_at=st.tuples(st.floats(-1.0, 3.0), st.floats(-0.6, 0.6), st.floats(-0.6, 0.6)),
    eye=st.tuples(st.floats(-8.0, 14.0), st.floats(-6.0, 6.0), st.floats(0.5, 8.0)),
)
def test_a_place_is_hidden_exactly_where_the_line_to_it_meets_the_slab(
    slab: tuple[float, float, float],
    looked_at: tuple[float, float, float],
    eye: tuple[float, float, float],
) -> None:
    """The oracle asks at which share of each line of sight it meets the slab's plane, and where."""
    plane, target, place = Plane(*slab), Plane(*looked_at), np.array(eye)
    # An eye on the plane itself sees it from no side.
    assume(abs(place[2] - float(target.z_at(place[:2]))) > 1e-3)
    points = np.random.default_rng(1).uniform([-12, -12], [24, 12], (400, 2))
    ends = np.column_stack([points, target.z_at(points)])
    before = place[2] - float(plane.z_at(place[:2]))
    after = ends[:, 2] - plane.z_at(ends[:, :2])
    share = before / np.where(before == after, np.inf, before - after)
    crossing = place[:2] + share[:, None] * (ends[:, :2] - place[:2])
    between = (share > 0.0) & (share < 1.0)
    expected = between & shapely.contains_xy(FLOOR_M, crossing[:, 0], crossing[:, 1])
    shape = Slab(FLOOR_M, plane).hides(target, place)
    found = shapely.contains_xy(shape, points[:, 0], points[:, 1])
    clear = shapely.distance(FLOOR_M.boundary, shapely.points(crossing)) > 1e-3
    clear &= (np.abs(share - 1.0) > 1e-3) & (np.abs(share) > 1e-3)
    assert (found == expected)[clear].all()

"""Visible regions: sums by hand, an independent raster, and input that is drawn badly."""

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import MultiPolygon, Point, Polygon

from benchmarks.coverage_geometry import areas_m2, random_floor
from vision.arrays import BoolArray, Float64Array
from vision.errors import GeometryError
from vision.geometry.barriers import NO_BARRIERS, Barriers
from vision.geometry.planes import Plane
from vision.geometry.visibility import Eye, polygonal, visible_region

ROOM = [(0.0, 0.0), (10.0, 0.0), (10.0, 8.0), (0.0, 8.0), (0.0, 0.0)]
WALLS = (ROOM, math.inf)
# Plan ends of an upright sheet, and the height of its edge.
Sheet = tuple[tuple[float, float], tuple[float, float], float]


def area_m2(
    lines: list[tuple[list[tuple[float, float]], float]], eye: Eye, z_m: float = 0
) -> float:
    return float(visible_region(Barriers.of(lines), eye, plane=Plane(z_m)).area)


@pytest.mark.parametrize(
    ("eye", "expected_m2"),
    [
        (Eye(5, 4, 2.5), 80.0),
        (Eye(0, 4, 2.5, 0), 80.0),
        (Eye(0, 0, 2.5, 45), 80.0),
        (Eye(10, 8, 2.5, -135), 80.0),
    ],
    ids=["middle", "on a wall", "in a corner", "in the far corner"],
)
def test_an_empty_room_is_seen_whole(eye: Eye, expected_m2: float) -> None:
    assert area_m2([WALLS], eye) == pytest.approx(expected_m2, abs=0.02)


def test_a_camera_on_the_outer_face_sees_nothing_inside() -> None:
    seen = visible_region(Barriers.of([WALLS]), Eye(0, 4, 2.5, 180), range_m=20)
    assert seen.intersection(Polygon(ROOM)).area == pytest.approx(0.0, abs=0.05)


def test_a_full_wall_hides_everything_behind_it() -> None:
    # Eye (2, 4), wall x = 4, y 3..5: its rays open to y 0..8 at x = 10; behind it is hidden.
    assert area_m2([WALLS, ([(4.0, 3.0), (4.0, 5.0)], 3.0)], Eye(2, 4, 2.5)) == pytest.approx(50.0)


@pytest.mark.parametrize(("z_m", "shadow_m"), [(0.0, 10.667), (1.5, 2.667)])
def test_shadow_length_of_a_low_obstacle(z_m: float, shadow_m: float) -> None:
    """h = 3.5, o = 2.0, d = 8: d (h - z) / (h - o) - d is 10.7 m at the floor, 2.7 m at 1.5 m."""
    screen = ([(8.0, -1.0), (8.0, 1.0)], 2.0)
    seen = visible_region(Barriers.of([screen]), Eye(0, 0, 3.5), plane=Plane(z_m))
    assert not seen.contains(Point(8.01, 0.0))
    assert not seen.contains(Point(8 + shadow_m - 0.01, 0.0))
    assert seen.contains(Point(8 + shadow_m + 0.01, 0.0))


def test_a_table_hides_no_head() -> None:
    table = ([(4.0, 3.0), (6.0, 3.0), (6.0, 5.0), (4.0, 5.0), (4.0, 3.0)], 0.8)
    assert area_m2([WALLS, table], Eye(2, 4, 2.5), z_m=1.5) == pytest.approx(80.0)
    assert area_m2([WALLS, table], Eye(2, 4, 2.5), z_m=0.0) < 75.0


def test_of_two_barriers_on_one_line_the_higher_counts() -> None:
    low, high = ([(4.0, 3.0), (4.0, 5.0)], 0.5), ([(4.0, 3.0), (4.0, 5.0)], 3.0)
    for lines in ([WALLS, low, high], [WALLS, high, low]):
        assert area_m2(lines, Eye(2, 4, 2.5)) == pytest.approx(50.0)


def test_crossing_walls_hide_both_ways() -> None:
    cross = [([(5.0, 2.0), (5.0, 6.0)], 3.0), ([(3.0, 4.0), (7.0, 4.0)], 3.0)]
    seen = visible_region(Barriers.of([WALLS, *cross]), Eye(4, 3, 2.5))
    assert seen.contains(Point(4.9, 3.9))
    assert not seen.contains(Point(5.1, 3.9))
    assert not seen.contains(Point(4.9, 4.1))


def test_a_wall_towards_the_eye_has_no_width() -> None:
    assert area_m2([WALLS, ([(6.0, 4.0), (9.0, 4.0)], 3.0)], Eye(2, 4, 2.5)) == pytest.approx(80.0)


def test_a_rising_stair_shortens_the_shadow() -> None:
    """On z = x / 2 seen from (0, 0, 5) over a 4 m screen at x = 4, sight meets the plane at 6.67.

    The line from 5 m falls 1 m in 4 m, so 5 - x / 4 = x / 2 at x = 20 / 3.
    """
    barriers = Barriers.of([([(4.0, -2.0), (4.0, 2.0)], 4.0)])
    seen = visible_region(barriers, Eye(0, 0, 5), plane=Plane(0.0, 0.5), range_m=30)
    assert not seen.contains(Point(6.66, 0.0))
    assert seen.contains(Point(6.68, 0.0))


def test_a_lintel_over_an_open_door_shortens_the_view_through_it() -> None:
    """Eye 4 m high, 4 m before a door 2 m high: sight under it meets the floor within 8 m."""
    wall = [([(4.0, -9.0), (4.0, -0.5)], 5.0), ([(4.0, 0.5), (4.0, 9.0)], 5.0)]
    door = [([(4.0, -0.5), (4.0, 0.5)], 2.0)]
    with_lintel = visible_region(Barriers.of(wall, door), Eye(0, 0, 4))
    assert with_lintel.contains(Point(7.99, 0.0))
    assert not with_lintel.contains(Point(8.01, 0.0))
    assert visible_region(Barriers.of(wall), Eye(0, 0, 4)).contains(Point(8.01, 0.0))


def test_a_lintel_above_the_eye_hides_the_upper_part_of_a_flight() -> None:
    """Eye 2.5 m high, 4 m before an opening 2.6 m high; heads on the flight behind it at x/2 - 0.5.

    The line from 2.5 m rises 0.1 m in 4 m, so 2.5 + x / 40 = x / 2 - 0.5 at x = 120 / 19.
    """
    opening = Barriers.of([], [([(4.0, -1.0), (4.0, 1.0)], 2.6)])
    seen = visible_region(opening, Eye(0, 0, 2.5), plane=Plane(-0.5, 0.5), range_m=30)
    assert seen.contains(Point(6.30, 0.0))
    assert not seen.contains(Point(6.33, 0.0))


def in_sight(
    eye_xyz_m: Float64Array, places_xyz_m: Float64Array, sheets: list[Sheet], *, hangs: bool
) -> BoolArray:
    """Which places no sheet hides that reaches up to its height, or hangs from above down to it."""
    free = np.ones(len(places_xyz_m), dtype=np.bool_)
    sight = places_xyz_m - eye_xyz_m
    for start, end, height_m in sheets:
        along, away = np.subtract(end, start), np.subtract(start, eye_xyz_m[:2])
        across = sight[:, 0] * along[1] - sight[:, 1] * along[0]
        t = (away[0] * along[1] - away[1] * along[0]) / across
        u = (away[0] * sight[:, 1] - away[1] * sight[:, 0]) / across
        z_m = eye_xyz_m[2] + t * sight[:, 2]
        meets = (t > 0.0) & (t < 1.0) & (u >= 0.0) & (u <= 1.0)
        free &= ~(meets & (z_m > height_m if hangs else z_m < height_m))
    return free


@pytest.mark.parametrize("block", range(4))
def test_single_sight_lines_agree_on_slopes_among_walls_screens_and_lintels(block: int) -> None:
    for seed in range(block * 40, block * 40 + 40):
        rng = np.random.default_rng(seed)
        slope_x, slope_y = rng.choice([0.0, 1.0]) * rng.uniform(-0.6, 0.6, 2)
        plane = Plane(rng.uniform(0.0, 1.5), slope_x, slope_y)
        x_m, y_m = rng.uniform(-5.0, 5.0, 2)
        z_m = float(plane.z_at(np.array([[x_m, y_m]]))[0]) + rng.uniform(0.5, 4.0)
        drawn: list[list[Sheet]] = [[], []]
        for hangs, most, heights_m in ((0, 5, (0.5, 1.2, 2.0, math.inf)), (1, 3, (1.6, 2.1, 3.0))):
            for _ in range(rng.integers(0, most)):
                start = rng.uniform(-6.0, 6.0, 2)
                end = start + rng.uniform(-3.0, 3.0, 2)
                top_m = float(rng.choice(heights_m))
                drawn[hangs].append(((start[0], start[1]), (end[0], end[1]), top_m))
        upright, hanging = ([([a, b], top_m) for a, b, top_m in some] for some in drawn)
        barriers = Barriers.of(upright, hanging)
        seen = visible_region(barriers, Eye(x_m, y_m, z_m), plane=plane, range_m=15.0)
        places = rng.uniform(-9.0, 9.0, (1000, 2))
        points, eye = np.column_stack([places, plane.z_at(places)]), np.array([x_m, y_m, z_m])
        free = in_sight(eye, points, drawn[0], hangs=False)
        free &= in_sight(eye, points, drawn[1], hangs=True)
        wrong = places[shapely.intersects_xy(seen, *places.T) != free]
        assert (shapely.distance(seen.boundary, shapely.points(wrong)) < 0.02).all()


@pytest.mark.parametrize("block", range(4))
def test_the_area_agrees_with_a_dense_raster(block: int) -> None:
    for seed in range(1000 + block * 5, 1005 + block * 5):
        floor = random_floor(seed)
        exact_m2, raster_m2 = areas_m2(floor)
        assert abs(exact_m2 - raster_m2) / (floor.width_m * floor.depth_m) < 0.002


grid_m = st.integers(-6, 6).map(float)
points_m = st.tuples(grid_m, grid_m)


@settings(max_examples=150, deadline=None)
@given(
    lines=st.lists(
        st.tuples(
            st.lists(points_m, min_size=0, max_size=5), st.sampled_from([0.5, 2.0, math.inf])
        ),
        max_size=12,
    ),
    place=points_m,
    heading_deg=st.sampled_from([None, 0.0, 45.0, 90.0, 200.0]),
    height_m=st.sampled_from([0.0, 1.0, 2.0, 3.0]),
    slope=st.sampled_from([0.0, 0.4]),
)
def test_badly_drawn_plans_never_crash(
    lines: list[tuple[list[tuple[float, float]], float]],
    place: tuple[float, float],
    heading_deg: float | None,
    height_m: float,
    slope: float,
) -> None:
    """Walls on a coarse grid touch, cross, repeat, shrink to points and run through the eye."""
    eye = Eye(*place, height_m, heading_deg)
    seen = visible_region(Barriers.of(lines), eye, plane=Plane(0.0, slope), range_m=10)
    assert isinstance(seen, MultiPolygon)
    assert seen.is_valid
    assert 0.0 <= seen.area <= 400.1


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.1, 1.0))
def test_another_wall_never_shows_more(seed: int, length_m: float) -> None:
    floor = random_floor(seed, 12)
    rng = np.random.default_rng(seed)
    start = rng.uniform([0, 0], [floor.width_m, floor.depth_m])
    if np.hypot(*(start - [floor.eye.x_m, floor.eye.y_m])) < 1.2:
        return
    more = ([tuple(start), (start[0] + length_m, start[1])], 2.0)
    before = visible_region(Barriers.of(floor.lines), floor.eye, plane=floor.plane)
    after = visible_region(Barriers.of([*floor.lines, more]), floor.eye, plane=floor.plane)
    assert after.difference(before).area < 0.03


def test_parts_of_a_collection_that_have_no_area_are_dropped() -> None:
    mixed = shapely.GeometryCollection([Polygon(ROOM), shapely.LineString([(0, 0), (1, 1)])])
    assert polygonal(mixed).area == pytest.approx(80.0)
    assert polygonal(Point(0, 0)).is_empty


def test_impossible_input_is_refused() -> None:
    with pytest.raises(GeometryError, match="finite plan coordinates"):
        Barriers.of([([(0.0, 0.0), (math.nan, 1.0)], 2.0)])
    with pytest.raises(GeometryError, match="range"):
        visible_region(NO_BARRIERS, Eye(0, 0, 3), range_m=0.0)
    with pytest.raises(GeometryError, match="eye"):
        visible_region(NO_BARRIERS, Eye(math.inf, 0, 3))

"""Coverage of areas: sums by hand, chances against a plain simulation, and laws that must hold."""

import math

import numpy as np
import pytest
import shapely
from scipy.stats import binom, norm
from shapely.geometry import Polygon, box

from vision.arrays import Float64Array
from vision.coverage.audit import (
    AreaCoverage,
    CoverageArea,
    CoverageCamera,
    Sights,
    Surface,
    audit_area,
    forbidden_views,
    weighted_share,
)
from vision.coverage.blind_spots import blind_spots
from vision.coverage.chance import EXACT, CameraDraws, Cells, PoseError, chance_of_at_least
from vision.errors import GeometryError
from vision.geometry.barriers import NO_BARRIERS, Barriers
from vision.geometry.camera import Camera, Lens, Pose
from vision.geometry.planes import Plane
from vision.geometry.undersides import Slab
from vision.geometry.visibility import Eye, visible_region

LENS = Lens.from_hfov(1920, 1080, 90.0)
FLOOR, HEAD = Plane(), Plane(1.5)


def down_camera(name: str, x_m: float, error: PoseError = EXACT) -> CoverageCamera:
    """Looks straight down from 4 m: a picture of 4.5 m along x and 8 m along y on the floor."""
    return CoverageCamera(name, Camera(Pose(x_m, 0.0, 4.0, 0.0, 90.0), LENS), error)


def area_of(polygon: Polygon, px_per_m: float = 25.0, redundancy: int = 1) -> CoverageArea:
    return CoverageArea("a", (Surface(polygon, (FLOOR,)),), px_per_m, redundancy)


def test_one_camera_over_a_large_area() -> None:
    found = audit_area(area_of(box(-5, -5, 5, 5)), Sights(NO_BARRIERS, [down_camera("c", 0.0)]))
    assert found.seen_m2 == pytest.approx(36.0)
    assert found.seen_twice_m2 == 0.0
    assert dict(found.only_by_m2) == pytest.approx({"c": 36.0})
    # Cells of 0.25 m on a picture edge of 2.25 m and 4 m: the assured part is exact as well.
    assert found.assured_m2 == pytest.approx(36.0)
    assert found.blind[0].area_m2 == pytest.approx(64.0)


def test_two_cameras_overlap_where_both_look() -> None:
    cameras = [down_camera("left", -1.0), down_camera("right", 1.0)]
    found = audit_area(area_of(box(-5, -4, 5, 4)), Sights(NO_BARRIERS, cameras))
    # Pictures reach -3.25..1.25 and -1.25..3.25 along x, 8 m along y.
    assert found.seen_m2 == pytest.approx(6.5 * 8)
    assert found.seen_twice_m2 == pytest.approx(2.5 * 8)
    assert found.single_m2 == pytest.approx(4.0 * 8)
    assert dict(found.only_by_m2) == pytest.approx({"left": 16.0, "right": 16.0})
    assert [spot.area_m2 for spot in found.blind] == pytest.approx([14.0, 14.0])
    assert found.blind[0].radius_m == pytest.approx(1.75 / 2, abs=0.03)


def test_an_area_that_asks_for_two_cameras_is_assured_where_two_look() -> None:
    cameras = [down_camera("left", -1.0), down_camera("right", 1.0)]
    found = audit_area(area_of(box(-5, -4, 5, 4), redundancy=2), Sights(NO_BARRIERS, cameras))
    assert found.assured_m2 == pytest.approx(2.5 * 8)


def test_steps_of_the_ladder_shrink_with_the_density() -> None:
    """f = 960 px over 4 m is 240 px/m: recognise is reached everywhere, identify nowhere."""
    found = audit_area(area_of(box(-2, -2, 2, 2)), Sights(NO_BARRIERS, [down_camera("c", 0.0)]))
    assert {name: shape.area for name, shape in found.steps} == pytest.approx(
        {"detect": 16.0, "observe": 16.0, "recognise": 16.0, "identify": 0.0}
    )


def test_all_planes_must_be_seen() -> None:
    """The head plane at 1.5 m is 2.5 m below the camera: 5 m x 2.8125 m are in the picture."""
    area = CoverageArea("a", (Surface(box(-5, -5, 5, 5), (FLOOR, HEAD)),), 25.0)
    found = audit_area(area, Sights(NO_BARRIERS, [down_camera("c", 0.0)]))
    assert found.seen_m2 == pytest.approx(5.0 * 2.8125)


def test_a_gallery_is_not_seen_from_below() -> None:
    """Camera at 2.6 m, gallery at 3.6 m from x = 4 on: its heads, at 4.6 m, show up to x = 8."""
    gallery = Plane(3.6)
    level = Camera(Pose(0, 0, 2.6, 0, -10), LENS)
    sights = Sights(NO_BARRIERS, [CoverageCamera("hall", level, EXACT)])
    for planes, seen_m2 in (
        ((gallery,), 0.0),
        ((gallery.raised(1.0),), 4.0 * 6.0),
        ((gallery, gallery.raised(1.0)), 0.0),
    ):
        area = CoverageArea("a", (Surface(box(4, -3, 10, 3), planes, gallery),), 25.0)
        found = audit_area(area, sights)
        assert found.seen_m2 == pytest.approx(seen_m2)
        assert found.assured_m2 == pytest.approx(seen_m2)


def test_a_flight_is_not_seen_from_behind_its_landing() -> None:
    """A flight rises to 1.8 m at x = 3.6; at 6.5 m it would stand at 3.25 m, above the camera."""
    flight = Plane(0.0, 0.5)
    area = CoverageArea("a", (Surface(box(0, 0, 3.6, 3), (flight,), flight),), 25.0)
    for z_m, seen_m2 in ((2.9, 0.0), (4.0, 10.8)):
        camera = CoverageCamera("c", Camera(Pose(6.5, 1.5, z_m, 180, 10), LENS), EXACT)
        found = audit_area(area, Sights(NO_BARRIERS, [camera]))
        assert (found.seen_m2, found.assured_m2) == pytest.approx((seen_m2, seen_m2))


@pytest.mark.parametrize("pan_deg", [0.0, 45.0])
def test_nothing_is_assured_beyond_the_range(pan_deg: float) -> None:
    error = PoseError(0.3, 0.3, 0.3, 0.0, 0.05, 0.5)
    camera = CoverageCamera("c", Camera(Pose(0, 0, 3, pan_deg, 10), LENS), error, 10.0)
    area = CoverageArea("yard", (Surface(box(0, 0, 14, 14), (HEAD,)),), 25.0)
    found = audit_area(area, Sights(NO_BARRIERS, [camera], coarsest_px_per_m=25.0))
    # Cells are taken by their middle, so their far corner may lie half a diagonal further.
    beyond = found.assured.difference(shapely.Point(0, 0).buffer(10.0 + 0.18, quad_segs=64))
    assert beyond.area == pytest.approx(0.0, abs=1e-6)
    assert 0.8 * found.seen_m2 < found.assured_m2 < 1.01 * found.seen_m2


def test_a_bent_lens_assures_no_more_than_it_shows() -> None:
    """Straight down from 4 m, k1 = -0.3: 120 px/m ends 4 sqrt(5 / 9) = 2.98 m from the mount."""
    lens = Lens(1920, 1080, 960.0, k1=-0.3)
    camera = CoverageCamera("c", Camera(Pose(0, 0, 4, 0, 90), lens), EXACT)
    found = audit_area(area_of(box(-3, -4, 3, 4), 120.0), Sights(NO_BARRIERS, [camera]))
    assert found.assured_m2 == pytest.approx(found.seen_m2, rel=0.03)
    reach_m = np.hypot(*shapely.get_coordinates(found.seen).T).max()
    assert reach_m == pytest.approx(4.0 * math.sqrt(5 / 9), abs=0.01)


def test_a_wall_takes_its_shadow() -> None:
    # A wall to the ceiling at x = 1 hides the picture from 1 m to 2.25 m.
    walls = Barriers.of([([(1.0, -9.0), (1.0, 9.0)], math.inf)])
    found = audit_area(area_of(box(-2, -2, 2, 2)), Sights(walls, [down_camera("c", 0.0)]))
    assert found.seen_m2 == pytest.approx(3.0 * 4)
    assert found.blind[0].polygon_xy_m.bounds == pytest.approx((1.0, -2.0, 2.0, 2.0))


def test_no_camera_leaves_the_whole_area_blind() -> None:
    found = audit_area(area_of(box(0, 0, 3, 2)), Sights(NO_BARRIERS, []))
    assert (found.seen_m2, found.assured_m2) == (0.0, 0.0)
    assert found.blind[0].area_m2 == pytest.approx(6.0)
    assert found.blind[0].radius_m == pytest.approx(1.0, abs=0.03)


def test_chance_on_the_picture_edge_follows_the_normal_distribution() -> None:
    """Pan alone uncertain by 2 degrees: a point 2 degrees inside the edge is seen with Phi(1)."""
    camera = CoverageCamera(
        "c",
        Camera(Pose(0, 0, 1.5, 0, 0), LENS),
        PoseError(2.0, 0.0, 0.0, 0.0, 0.0, 0.0),
    )
    angles = np.radians([43.0, 45.0, 41.0])
    points = 10.0 * np.column_stack([np.cos(angles), np.sin(angles)])
    chance = Sights(NO_BARRIERS, [camera]).chance(
        camera, Surface(box(0, 0, 9, 9), (HEAD,)), points, 5.0
    )
    np.testing.assert_allclose(chance, norm.cdf([1.0, 0.0, 2.0]), atol=0.02)


def test_assured_part_shrinks_by_the_error_times_1_645() -> None:
    """Camera 4 m over the floor, place uncertain along x and y by 0.2 m: each edge by 0.33 m."""
    camera = down_camera("c", 0.0, PoseError(0.0, 0.0, 0.0, 0.2, 0.0, 0.0))
    found = audit_area(area_of(box(-5, -1, 5, 1)), Sights(NO_BARRIERS, [camera]), cell_m=0.1)
    # Eight drawn places make coarse steps of chance, so the edge is known to half a sigma.
    assert found.assured.bounds[2] == pytest.approx(2.25 - 1.645 * 0.2, abs=0.12)


def test_a_camera_before_a_wall_is_never_drawn_inside_it() -> None:
    """Place uncertain by 0.1 m, wall 0.05 m behind: what lies far ahead is seen all the same."""
    error = PoseError(0.0, 0.0, 0.0, 0.1, 0.0, 0.0)
    camera = CoverageCamera("c", Camera(Pose(0.05, 0, 3, 0, 20), LENS), error)
    wall = Barriers.of([([(0.0, -9.0), (0.0, 9.0)], math.inf)])
    chance = Sights(wall, [camera]).chance(
        camera, Surface(box(0, -1, 9, 1), (HEAD,)), np.array([[8.0, 0.0]]), 25.0
    )
    assert chance[0] == 1.0


@pytest.mark.parametrize("drawn", [1.0, -1.0], ids=["forth", "back"])
@pytest.mark.parametrize("turn_deg", [0.0, 35.0, 120.0, 200.0])
def test_a_camera_that_looks_along_its_wall_stays_on_its_side(
    turn_deg: float, drawn: float
) -> None:
    """It hangs 0.1 m before a wall, its place known to 0.1 m; the wall may be drawn either way."""
    turn = math.radians(turn_deg)
    along = np.array([math.cos(turn), math.sin(turn)])
    off = np.array([-along[1], along[0]])
    place = np.array([3.0, -7.0])
    ends = [place - 0.1 * off + side * 9.0 * along for side in (-drawn, drawn)]
    walls = Barriers.of([([(x, y) for x, y in ends], 9.0)])
    camera = Camera(Pose(3.0, -7.0, 3.5, turn_deg, 40.0), LENS)
    draws = CameraDraws.of("c", camera, PoseError(0, 0, 0, 0.1, 0, 0))
    offsets = draws.eyes_xyz_m[:, :2] - place
    assert (offsets @ off < -0.1).any()
    for region, offset in zip(draws.visible(walls, FLOOR, 50.0), offsets, strict=True):
        assert region.contains(shapely.Point(place + off + 3.0 * along))
        assert not region.contains(shapely.Point(place - off + 3.0 * along))
        # Where the wall does not stop it, the eye hangs where it was drawn.
        if offset @ off > -0.09:
            x_m, y_m = place + offset
            own = visible_region(walls, Eye(x_m, y_m, 3.5), plane=FLOOR, range_m=50.0)
            assert region.symmetric_difference(own).area == pytest.approx(0.0, abs=1e-6)


def test_chances_agree_with_a_plain_simulation() -> None:
    """The oracle draws cameras with its own generator and projects through `Camera` one by one."""
    error = PoseError(1.5, 1.5, 0.5, 0.1, 0.1, 1.0)
    camera = Camera(Pose(0, 0, 3.5, 20, 25), Lens.from_hfov(1280, 720, 80, k1=-0.05))
    points_xy = np.random.default_rng(1).uniform([1, -8], [14, 10], (300, 2))
    points = np.column_stack([points_xy, np.full(300, 1.5)])
    draws = CameraDraws.of("c", camera, error)
    open_sight = draws.visible(NO_BARRIERS, HEAD, 50.0)
    found = draws.hits(points, 40.0, open_sight).mean(axis=0)
    rng = np.random.default_rng(2)
    count = np.zeros(300)
    for _ in range(1500):
        d = rng.normal(size=7) * [0.1, 0.1, 0.1, 1.5, 1.5, 0.5, 1.0]
        drawn = Camera(
            Pose(d[0], d[1], 3.5 + d[2], 20 + d[3], 25 + d[4], d[5]),
            Lens.from_hfov(1280, 720, 80 + d[6], k1=-0.05),
        )
        _, inside = drawn.project(points)
        depth = (points - drawn.position_xyz_m) @ drawn.pose.axes()[2]
        count += inside & (depth <= drawn.lens.focal_px / 40.0)
    assert np.abs(found - count / 1500).max() < 0.12
    assert np.abs(found - count / 1500).mean() < 0.01


@pytest.mark.parametrize("k1", [0.0, -0.08], ids=["ideal", "bent"])
@pytest.mark.parametrize("shift_m", [(40.0, -17.5), (-6.5, 80.0)], ids=["south", "north"])
def test_where_a_place_lies_on_the_plan_changes_nothing(
    k1: float, shift_m: tuple[float, float]
) -> None:
    """Walls, a gallery, lamps that reach 9 m, an unsure pose: moved together, equal figures."""

    def found(dx: float, dy: float) -> tuple[AreaCoverage, Float64Array]:
        wall = [(5.0 + dx, 1.0 + dy), (5.0 + dx, 3.0 + dy)]
        low = [(3.0 + dx, -1.5 + dy), (4.5 + dx, -2.5 + dy)]
        stage = Slab(box(6.0 + dx, -4.0 + dy, 7.0 + dx, -1.0 + dy), Plane(1.0))
        barriers = Barriers.of([(wall, 4.0), (low, 1.2)], slabs=[stage])
        pose = Pose(dx, dy, 3.5, 10.0, 25.0)
        lens = Lens.from_hfov(1280, 720, 80.0, k1)
        camera = CoverageCamera("c", Camera(pose, lens), PoseError(), range_m=9.0)
        sights = Sights(barriers, [camera])
        surface = Surface(box(1 + dx, -5 + dy, 11 + dx, 5 + dy), (FLOOR, HEAD))
        points = np.random.default_rng(3).uniform([1, -5], [11, 5], (300, 2)) + np.array([dx, dy])
        area = CoverageArea("a", (surface,), 40.0)
        return audit_area(area, sights, cell_m=0.5), sights.chance(camera, surface, points, 40.0)

    here, chance_here = found(0.0, 0.0)
    there, chance_there = found(*shift_m)
    assert 20.0 < here.assured_m2 < here.seen_m2 < 80.0
    assert there.seen_m2 == pytest.approx(here.seen_m2, rel=1e-6)
    assert there.assured_m2 == pytest.approx(here.assured_m2, rel=1e-6)
    assert [spot.area_m2 for spot in there.blind] == pytest.approx(
        [spot.area_m2 for spot in here.blind], rel=1e-6
    )
    # A draw whose edge runs through a point within rounding may fall on either side.
    assert np.abs(chance_there - chance_here).max() <= 1.5 / 128


def test_draws_are_equal_for_an_equal_id() -> None:
    camera = down_camera("c", 0.0).camera
    one, two = (CameraDraws.of("c", camera, PoseError()) for _ in range(2))
    other = CameraDraws.of("d", camera, PoseError())
    assert (one.axes == two.axes).all()
    assert not (one.axes == other.axes).all()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_chance_of_several_cameras(count: int) -> None:
    chances = np.full((4, 3), 0.0) + np.array([0.2, 0.5, 0.9])
    np.testing.assert_allclose(
        chance_of_at_least(chances, count), binom.sf(count - 1, 4, [0.2, 0.5, 0.9])
    )


@pytest.mark.parametrize(
    "polygon",
    [box(0, 0, 3, 2), box(0.1, 0.13, 2.9, 1.77), Polygon([(0, 0), (3, 0.4), (1, 2.9)])],
    ids=["on the grid", "off the grid", "triangle"],
)
def test_cells_tile_the_polygon(polygon: Polygon) -> None:
    cells = Cells.of(polygon, 0.25)
    assert shapely.area(cells.outlines).sum() == pytest.approx(polygon.area)
    assert shapely.contains_xy(polygon, cells.points_xy_m).all()
    union = cells.union_where(np.ones(len(cells.outlines), dtype=bool))
    assert union.symmetric_difference(polygon).area == pytest.approx(0.0, abs=1e-6)


def test_blind_spots_come_largest_first_and_slivers_are_summed() -> None:
    shape = shapely.union_all([box(0, 0, 1, 1), box(3, 0, 5, 2), box(9, 0, 9.1, 0.1)])
    spots, slivers_m2 = blind_spots(shape)
    assert [spot.area_m2 for spot in spots] == pytest.approx([4.0, 1.0])
    assert spots[0].centre_xy_m == pytest.approx((4.0, 1.0), abs=0.05)
    assert slivers_m2 == pytest.approx(0.01)


def test_a_view_into_a_forbidden_place_is_found_and_a_shut_door_ends_it() -> None:
    camera = CoverageCamera("c", Camera(Pose(0, 0, 3, 0, 20), LENS), EXACT)
    sides = [([(6.0, -9.0), (6.0, -0.5)], 4.0), ([(6.0, 0.5), (6.0, 9.0)], 4.0)]
    room = Surface(box(6, -3, 10, 3), (FLOOR, HEAD))
    shut = Sights(Barriers.of([*sides, ([(6.0, -0.5), (6.0, 0.5)], 4.0)]), [camera])
    assert forbidden_views("wc", (room,), shut) == ()
    (view,) = forbidden_views("wc", (room,), Sights(Barriers.of(sides), [camera]))
    assert view.camera_id == "c"
    # Sight widens from 1 m at the door (6 m away) to 5 / 3 m at the far wall (10 m away).
    assert view.seen_m2 == pytest.approx(4.0 * (1.0 + 10 / 6) / 2)


def test_a_view_into_a_place_of_two_levels_is_that_of_both_together() -> None:
    """Two halves of 0.04 m2, each too small to list: together they are a view."""
    camera = CoverageCamera("c", Camera(Pose(0, 0, 3, 0, 20), LENS), EXACT)
    low = Surface(box(6, 0, 6.2, 0.2), (FLOOR, HEAD))
    high = Surface(box(6.2, 0, 6.4, 0.2), (Plane(1.0), Plane(2.5)), Plane(1.0))
    sights = Sights(NO_BARRIERS, [camera])
    assert forbidden_views("wc", (low,), sights) == ()
    (view,) = forbidden_views("wc", (low, high), sights)
    assert view.seen_m2 == pytest.approx(0.08)


def test_weighted_share() -> None:
    assert weighted_share([(1.0, 5.0, 10.0), (3.0, 10.0, 10.0)]) == pytest.approx(35 / 40)
    with pytest.raises(GeometryError, match="no required area"):
        weighted_share([])


def test_impossible_errors_are_refused() -> None:
    with pytest.raises(GeometryError, match="tilt_deg"):
        PoseError(tilt_deg=-1.0)
    with pytest.raises(GeometryError, match="plane"):
        Surface(box(0, 0, 1, 1), ())
    with pytest.raises(GeometryError, match="parallel"):
        Surface(box(0, 0, 1, 1), (Plane(0.0, 0.5),))

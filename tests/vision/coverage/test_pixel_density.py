"""Pixel density, footprints and ladders: figures by hand, and projection as the oracle."""

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from vision.coverage.pixel_density import (
    DORI_2014,
    IEC_2025,
    LADDERS,
    dead_zone_m,
    depth_at_px_per_m,
    face_pitch_deg,
    footprint,
    px_per_m_at,
    step_named,
)
from vision.errors import GeometryError
from vision.geometry.camera import Camera, Lens, Pose
from vision.geometry.planes import Plane


def camera_at(
    z_m: float = 3.0, tilt_deg: float = 20.0, hfov_deg: float = 90.0, **more: float
) -> Camera:
    lens = Lens.from_hfov(1920, 1080, hfov_deg, more.get("k1", 0.0), more.get("k2", 0.0))
    return Camera(
        Pose(0, 0, z_m, more.get("pan_deg", 0.0), tilt_deg, more.get("roll_deg", 0.0)), lens
    )


@pytest.mark.parametrize(
    ("width_px", "height_px", "hfov_deg", "px_per_m", "distance_m"),
    [
        (1920, 1080, 105, 62.5, 11.8),
        (1920, 1080, 105, 125, 5.9),
        (2560, 1440, 84, 250, 5.7),
        (2560, 1440, 27, 500, 10.7),
        (3840, 2160, 84, 80, 26.7),
    ],
)
def test_threshold_distances(
    width_px: int, height_px: int, hfov_deg: float, px_per_m: float, distance_m: float
) -> None:
    """W / (2 z tan(HFOV / 2)) solved for z, e.g. 1920 / (2 x 62.5 x tan 52.5 deg) = 11.8 m."""
    lens = Lens.from_hfov(width_px, height_px, hfov_deg)
    found = depth_at_px_per_m(Camera(Pose(0, 0, 3, 0, 20), lens), px_per_m)
    assert found == pytest.approx(distance_m, abs=0.06)


def test_density_is_focal_length_over_depth_along_the_axis() -> None:
    level = camera_at(tilt_deg=0.0)
    points = np.array([[10.0, 0.0, 3.0], [10.0, 5.0, 3.0], [-10.0, 0.0, 3.0]])
    np.testing.assert_allclose(px_per_m_at(level, points), [96.0, 96.0, 0.0])


@pytest.mark.parametrize(
    ("hfov_deg", "k1", "k2"), [(100, -0.3, 0.07), (90, -0.25, 0.0), (110, -0.22, 0.04)]
)
def test_a_bent_lens_is_as_fine_as_its_pixels_lie_apart(
    hfov_deg: float, k1: float, k2: float
) -> None:
    """The oracle projects 2 mm across and along on a wall 10 m ahead; the coarser one counts."""
    camera = Camera(Pose(0, 0, 3, 0, 0), Lens.from_hfov(2560, 1440, hfov_deg, k1, k2))
    aside = np.arange(0.0, 40.0, 0.25)
    wall = np.column_stack([np.full_like(aside, 10.0), -aside, np.full_like(aside, 3.0)])
    shown = camera.project(wall)[1]
    found = px_per_m_at(camera, wall)
    steps = [np.array([0.0, 0.001, 0.0]), np.array([0.0, 0.0, 0.001])]
    ends = [[camera.project(wall + side * step)[0] for side in (-1, 1)] for step in steps]
    across, upright = (np.linalg.norm(b - a, axis=1) / 0.002 for a, b in ends)
    inside = shown & (aside > 0.0)
    assert inside.sum() >= 30
    least = np.minimum(across, upright)[inside]
    # Never finer than the centre of the lens is.
    np.testing.assert_allclose(found[inside], np.minimum(least, found[0]), rtol=1e-3)
    assert found[0] == pytest.approx(camera.lens.focal_px / 10.0)
    assert found[inside].min() < 0.65 * found[0]
    assert (found[~shown] == 0.0).all()


def test_a_bent_lens_covers_less_ground_at_its_edges() -> None:
    """Straight down from 4 m with k1 = -0.3: 120 px/m is 240 fineness, which ends at r = 0.7454.

    1 - 0.9 r^2 = 0.5 at r^2 = 5 / 9, so on the floor at 4 x 0.7454 = 2.98 m from the mount.
    """
    camera = Camera(Pose(0, 0, 4, 0, 90), Lens(1920, 1080, 960.0, k1=-0.3))
    whole, fine = footprint(camera, Plane()), footprint(camera, Plane(), least_px_per_m=120.0)
    reach_m = 4.0 * math.sqrt(5 / 9)
    assert fine.hausdorff_distance(
        whole.intersection(shapely.Point(0, 0).buffer(reach_m, quad_segs=64))
    ) == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize("step", [0, 5, 11])
def test_on_a_stair_each_step_counts_at_its_own_height(step: int) -> None:
    """Twelve steps of 0.30 m x 0.15 m up along x from x = 2; the camera 4 m high over x = -1.

    Tilted 30 degrees, depth along its axis is (x + 1) cos 30 + (4 - z) sin 30; 1000 px of focal
    length. A head stands 1.35 m above its own step, never above the floor.
    """
    camera = Camera(Pose(-1.0, 0.5, 4.0, 0.0, 30.0), Lens(1600, 1600, 1000.0))
    flight = Plane.through(np.array([[2.0, 0, 0.15], [2.0, 2, 0.15], [5.3, 0, 1.8], [5.3, 2, 1.8]]))
    x_m, z_m = 2.0 + 0.3 * step, 0.15 + 0.15 * step
    assert flight.z_at(np.array([x_m, 0.5])) == pytest.approx(z_m)
    for above_m in (0.0, 1.35):
        at = np.array([[x_m, 0.5, float(flight.raised(above_m).z_at(np.array([x_m, 0.5])))]])
        depth_m = (x_m + 1.0) * math.cos(math.radians(30)) + (4.0 - z_m - above_m) * 0.5
        assert px_per_m_at(camera, at)[0] == pytest.approx(1000.0 / depth_m)
        # The same by counting pixels between two places 0.2 m apart, across the line of sight.
        ends = np.vstack([at, at]) + np.array([[0, -0.1, 0], [0, 0.1, 0]])
        uv_px, _ = camera.project(ends)
        assert np.ptp(uv_px[:, 0]) / 0.2 == pytest.approx(1000.0 / depth_m)


def test_upright_detail_shrinks_with_the_cosine() -> None:
    camera = Camera(Pose(0, 0, 4, 0, 45), Lens.from_hfov(1920, 1080, 90))
    point = np.array([[4.0, 0.0, 0.0]])
    across = px_per_m_at(camera, point)[0]
    assert across == pytest.approx(960 / math.hypot(4, 4))
    assert px_per_m_at(camera, point, upright=True)[0] == pytest.approx(
        across * math.cos(math.pi / 4)
    )


@pytest.mark.parametrize(("height_m", "expected_m"), [(0.0, 2.75), (1.7, 1.19)])
def test_dead_zone(height_m: float, expected_m: float) -> None:
    """h = 3 m, tilt 20 degrees, VFOV 55 degrees: 3 / tan 47.5 = 2.75 m, 1.3 / tan 47.5 = 1.19 m."""
    focal_px = 1080 / (2 * math.tan(math.radians(55) / 2))
    camera = Camera(Pose(0, 0, 3, 0, 20), Lens(1920, 1080, focal_px))
    assert dead_zone_m(camera, height_m) == pytest.approx(expected_m, abs=0.005)
    nearest = footprint(camera, Plane(height_m), range_m=50).bounds[0]
    # The lower corners of the picture lie at the same depth line as its middle.
    assert nearest == pytest.approx(expected_m, abs=0.005)


def test_dead_zone_of_a_camera_that_looks_down_or_up() -> None:
    assert dead_zone_m(camera_at(tilt_deg=80.0)) == 0.0
    assert dead_zone_m(camera_at(tilt_deg=-60.0)) == math.inf


@pytest.mark.parametrize(("distance_m", "pitch_deg"), [(3.0, 25.0), (5.0, 15.6)])
def test_face_pitch(distance_m: float, pitch_deg: float) -> None:
    found = face_pitch_deg(camera_at(), np.array([[0.0, distance_m]]))
    assert found[0] == pytest.approx(pitch_deg, abs=0.1)


def test_footprint_of_a_camera_that_looks_straight_down() -> None:
    """Half width 3 tan 45 = 3 m; half height 3 x 1080 / 1920 = 1.6875 m."""
    shape = footprint(camera_at(tilt_deg=90.0), Plane())
    np.testing.assert_allclose(shape.bounds, [-1.6875, -3.0, 1.6875, 3.0], atol=1e-9)
    assert shape.area == pytest.approx(6.0 * 3.375)


@settings(max_examples=40, deadline=None)
@given(
    pan=st.floats(-180, 180),
    tilt=st.floats(-5, 85),
    roll=st.floats(-20, 20),
    hfov=st.floats(25, 100),
    bend=st.sampled_from([(0.0, 0.0), (-0.1, 0.0), (0.05, 0.0), (-0.25, 0.0), (-0.3, 0.07)]),
    slope=st.sampled_from([0.0, 0.3, -0.3]),
    px_per_m=st.sampled_from([None, 40.0, 125.0]),
)
def test_a_point_lies_in_the_footprint_exactly_when_it_is_in_the_picture(
    pan: float,
    tilt: float,
    roll: float,
    hfov: float,
    bend: tuple[float, float],
    slope: float,
    px_per_m: float | None,
) -> None:
    """The oracle is `Camera.project`, which goes the other way."""
    k1, k2 = bend
    camera = camera_at(5.0, tilt, hfov, pan_deg=pan, roll_deg=roll, k1=k1, k2=k2)
    plane = Plane(0.5, slope)
    shape = footprint(camera, plane, least_px_per_m=px_per_m, range_m=30)
    points = np.random.default_rng(0).uniform(-32, 32, (400, 2))
    points_xyz = np.column_stack([points, plane.z_at(points)])
    uv_px, expected = camera.project(points_xyz)
    expected &= np.hypot(*points.T) <= 30
    depth = (points_xyz - camera.position_xyz_m) @ camera.pose.axes()[2]
    expected &= depth <= 30
    if px_per_m is not None:
        expected &= px_per_m_at(camera, points_xyz) >= px_per_m
    found = shapely.contains_xy(shape, points[:, 0], points[:, 1])
    # Between its points the border of a bent picture is drawn as straight lines.
    blurred_m = 0.1 if k1 == 0.0 else 0.3
    near_edge = shapely.distance(shape.boundary, shapely.points(points)) < blurred_m
    # Far off a pixel is metres wide.
    lens = camera.lens
    near_edge |= (np.abs(uv_px) < 1.0).any(axis=1)
    near_edge |= (np.abs(uv_px - [lens.width_px, lens.height_px]) < 1.0).any(axis=1)
    assert (found == expected)[~near_edge].all()


def test_a_picture_whose_corners_lie_past_the_fold_has_a_footprint() -> None:
    """k1 = -0.1 depicts nothing beyond a distorted radius of 1.217; the corners lie at 1.23."""
    camera = Camera(Pose(0, 0, 5, 0, 60), Lens(1920, 1080, 895.0, k1=-0.1))
    shape = footprint(camera, Plane(), range_m=30)
    assert shape.is_valid
    middle = camera.to_plane(np.array([[960.0, 540.0]]), Plane())[0]
    assert shape.contains(shapely.Point(middle))


def test_a_camera_at_the_plane_sees_none_of_it() -> None:
    assert footprint(camera_at(z_m=1.5), Plane(1.5)).is_empty


def test_a_camera_that_looks_up_sees_no_floor() -> None:
    assert footprint(camera_at(tilt_deg=-60.0), Plane()).is_empty


def test_the_ladders_rise_and_share_no_name() -> None:
    names = [step.name for ladder in LADDERS for step in ladder.steps]
    assert len(set(names)) == len(names)
    for ladder in LADDERS:
        densities = [step.px_per_m for step in ladder.steps]
        assert densities == sorted(densities)


def test_the_two_editions() -> None:
    assert [step.px_per_m for step in DORI_2014.steps] == [25, 62.5, 125, 250]
    assert [step.px_per_m for step in IEC_2025.steps] == [20, 40, 80, 125, 250, 500, 1500]
    assert step_named("recognise").px_per_m == 125
    assert IEC_2025.step("validate").px_per_m == 500


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(GeometryError, match="detect, observe"):
        DORI_2014.step("validate")
    with pytest.raises(GeometryError, match="no ladder"):
        step_named("see")
    with pytest.raises(GeometryError, match="density"):
        depth_at_px_per_m(camera_at(), 0.0)
    with pytest.raises(GeometryError, match="range"):
        footprint(camera_at(), Plane(), range_m=-1.0)

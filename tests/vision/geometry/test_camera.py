"""The pinhole camera: axes by hand, projection and its inverse by property."""

import dataclasses
import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision.errors import GeometryError
from vision.geometry.camera import Camera, Lens, Pose
from vision.geometry.planes import Plane

LENS = Lens.from_hfov(1280, 720, 90.0)


def test_focal_length_of_a_right_angle_lens_is_half_the_width() -> None:
    assert LENS.focal_px == pytest.approx(640.0)
    assert LENS.hfov_deg == pytest.approx(90.0)


@pytest.mark.parametrize(
    ("pan_deg", "tilt_deg", "forward", "right"),
    [
        (0.0, 0.0, (1, 0, 0), (0, -1, 0)),
        (90.0, 0.0, (0, 1, 0), (1, 0, 0)),
        (0.0, 90.0, (0, 0, -1), (0, -1, 0)),
        (180.0, 0.0, (-1, 0, 0), (0, 1, 0)),
    ],
)
def test_axes(
    pan_deg: float, tilt_deg: float, forward: tuple[int, ...], right: tuple[int, ...]
) -> None:
    axes = Pose(0, 0, 3, pan_deg, tilt_deg).axes()
    np.testing.assert_allclose(axes[2], forward, atol=1e-12)
    np.testing.assert_allclose(axes[0], right, atol=1e-12)


def test_a_camera_that_looks_45_degrees_down_sees_the_floor_at_its_own_height() -> None:
    camera = Camera(Pose(0, 0, 3, 0, 45), LENS)
    centre = camera.to_plane(np.array([[640.0, 360.0]]), Plane())
    np.testing.assert_allclose(centre, [[3.0, 0.0]], atol=1e-9)


def test_head_plane_moves_a_person_towards_the_camera() -> None:
    camera = Camera(Pose(0, 0, 3, 0, 45), LENS)
    pixel = np.array([[640.0, 360.0]])
    np.testing.assert_allclose(camera.to_plane(pixel, Plane().raised(1.5)), [[1.5, 0.0]], atol=1e-9)


def test_roll_turns_the_picture() -> None:
    point = np.array([[10.0, -1.0, 3.0]])
    upright, _ = Camera(Pose(0, 0, 3, 0, 0), LENS).project(point)
    rolled, _ = Camera(Pose(0, 0, 3, 0, 0, roll_deg=90), LENS).project(point)
    np.testing.assert_allclose(upright - [640, 360], [[64, 0]], atol=1e-9)
    np.testing.assert_allclose(rolled - [640, 360], [[0, -64]], atol=1e-9)


def test_nothing_behind_the_camera_or_above_the_horizon_is_seen() -> None:
    camera = Camera(Pose(0, 0, 3, 0, 10), LENS)
    uv_px, inside = camera.project(np.array([[-5.0, 0.0, 0.0]]))
    assert np.isnan(uv_px).all()
    assert not inside[0]
    assert np.isnan(camera.to_plane(np.array([[640.0, 0.0]]), Plane())).all()


@given(
    x=st.floats(1.0, 12.0),
    y=st.floats(-4.0, 4.0),
    pan=st.floats(-20, 20),
    tilt=st.floats(10, 60),
    roll=st.floats(-5, 5),
    k1=st.floats(-0.15, 0.05),
    slope=st.floats(-0.6, 0.2),
)
def test_projection_and_its_inverse_agree(
    x: float, y: float, pan: float, tilt: float, roll: float, k1: float, slope: float
) -> None:
    plane = Plane(z0_m=0.4, slope_x=slope)
    camera = Camera(Pose(0, 0, 4, pan, tilt, roll), Lens.from_hfov(1280, 720, 80, k1=k1))
    there = np.array([[x, y]])
    uv_px, inside = camera.project(np.column_stack([there, plane.z_at(there)]))
    if not inside[0]:
        return
    np.testing.assert_allclose(camera.to_plane(uv_px, plane), there, atol=1e-4)


@settings(deadline=None)
@given(
    turn_deg=st.tuples(st.floats(-180, 180), st.floats(-20, 90), st.floats(-30, 30)),
    k1=st.floats(-0.12, 0.05),
    k2=st.floats(-0.02, 0.02),
    seed=st.integers(0, 10_000),
)
def test_projection_agrees_with_opencv(
    turn_deg: tuple[float, float, float], k1: float, k2: float, seed: int
) -> None:
    """Points ahead of a camera that looks anywhere, through `cv2.projectPoints`."""
    lens = dataclasses.replace(LENS, k1=k1, k2=k2, centre_u_px=633.0, centre_v_px=371.0)
    camera = Camera(Pose(12.0, -7.0, 3.4, *turn_deg), lens)
    rng = np.random.default_rng(seed)
    rays = rng.uniform([-0.8, -0.5, 1.0], [0.8, 0.5, 1.0], (40, 3))
    points = camera.position_xyz_m + rays * rng.uniform(1, 30, (40, 1)) @ camera.pose.axes()
    rotation = cv2.Rodrigues(camera.pose.axes())[0]
    moved = -camera.pose.axes() @ camera.position_xyz_m
    matrix = np.array([[lens.focal_px, 0, 633.0], [0, lens.focal_px, 371.0], [0, 0, 1.0]])
    bent = np.array([k1, k2, 0.0, 0.0])
    expected, _ = cv2.projectPoints(points, rotation, moved, matrix, bent)
    uv_px, _ = camera.project(points)
    assert uv_px == pytest.approx(expected[:, 0], abs=1e-6)


@given(st.floats(20, 120), st.floats(-0.2, 0.1))
def test_undistort_inverts_distort(hfov_deg: float, k1: float) -> None:
    lens = Lens.from_hfov(1280, 720, hfov_deg, k1=k1)
    edge = min(0.9, 0.9 * math.tan(math.radians(hfov_deg) / 2))
    ideal = np.array([[edge, 0.1], [0.0, 0.0], [-edge / 2, edge / 2]])
    np.testing.assert_allclose(lens.undistort(lens.distort(ideal)), ideal, atol=1e-6)


def test_scaling_the_picture_scales_the_pixels() -> None:
    camera = Camera(Pose(0, 0, 3, 0, 20), LENS)
    half = Camera(camera.pose, LENS.scaled_to(640, 360))
    point = np.array([[6.0, 1.0, 0.0]])
    np.testing.assert_allclose(camera.project(point)[0], half.project(point)[0] * 2)


@pytest.mark.parametrize(
    "build",
    [
        lambda: Pose(0, 0, 3, 0, 120),
        lambda: Pose(math.nan, 0, 3, 0, 20),
        lambda: Lens(1280, 720, 0.0),
        lambda: Lens.from_hfov(1280, 720, 180.0),
        lambda: Lens(4, 4, 100.0),
    ],
)
def test_impossible_cameras_are_refused(build: object) -> None:
    with pytest.raises(GeometryError):
        build()  # type: ignore[operator]


def test_undistorting_stops_when_it_is_settled_and_is_exact_by_then() -> None:
    lens = Lens.from_hfov(1280, 720, 90.0, k1=-0.25, k2=0.04)
    ideal = np.column_stack([np.linspace(-0.9, 0.9, 41), np.linspace(0.5, -0.5, 41)])
    np.testing.assert_allclose(lens.undistort(lens.distort(ideal)), ideal, atol=1e-13)
    alone = np.concatenate([lens.undistort(one[None]) for one in lens.distort(ideal)])
    np.testing.assert_allclose(alone, ideal, atol=1e-13)

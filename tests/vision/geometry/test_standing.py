"""Heads at the ends of a stair flight, of people who differ in height."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.affinity import rotate
from shapely.geometry import box

from tests.vision.scene_cases import STAIR
from vision.arrays import Float64Array
from vision.crowd.zone_view import ZoneView
from vision.geometry.camera import Camera, Lens, Pose
from vision.geometry.planes import Plane
from vision.geometry.standing import HEIGHT_SD_M, Standing
from vision.geometry.zones import Zone, ZoneType
from vision.observations import DensityMap

LENS = Lens.from_hfov(1280, 720, 62)
GRAZING = Camera(Pose(8.2, 1.5, 4.0, 180, 22), LENS)
STEEP = Camera(Pose(1.8, 1.5, 9.0, 0, 89), LENS)


def pixels(people_xy_m: Float64Array, rise_m: Float64Array, camera: Camera) -> Float64Array:
    """Head pixels of people on the landing (x < 0), the flight, or the hall, by their height."""
    x = people_xy_m[:, 0]
    surface = np.where(x < 0.0, 1.8, np.where(x > 3.6, 0.0, STAIR.plane.z_at(people_xy_m)))
    heads = np.column_stack([people_xy_m, surface + STAIR.head_height_m + rise_m])
    uv_px, inside = camera.project(heads)
    return uv_px[inside]


@pytest.mark.parametrize("camera", [GRAZING, STEEP])
def test_a_crowd_of_mixed_height_is_counted_without_bias(camera: Camera) -> None:
    """As many per m² on the landing, the flight and the hall; 3.6 m x 3 m of them is the flight."""
    rng = np.random.default_rng(5)
    per_m2, length_m = 60.0, 11.6
    people = rng.uniform([-6.0, 0.0], [5.6, 3.0], (round(per_m2 * length_m * 3.0), 2))
    rise_m = rng.normal(0.0, HEIGHT_SD_M, len(people))
    uv_px = pixels(people, rise_m, camera)
    on_flight = per_m2 * STAIR.area_m2
    shares, _ = Standing(camera, STAIR).shares(camera.rays(uv_px))
    assert shares.sum() == pytest.approx(on_flight, rel=0.04)


def test_one_height_for_all_would_pile_the_landing_up_at_the_edge() -> None:
    """Why: of an empty flight with a full landing, the plane alone makes a crowd."""
    rng = np.random.default_rng(6)
    people = rng.uniform([-6.0, 0.0], [-0.3, 3.0], (400, 2))
    uv_px = pixels(people, rng.normal(0.0, HEIGHT_SD_M, 400), GRAZING)
    view = ZoneView.build(GRAZING, STAIR)
    by_plane = view.holds(view.locate(uv_px)).sum()
    shares, _ = view.shares(uv_px)
    assert by_plane > 35
    assert shares.sum() < 0.45 * by_plane


def test_a_map_counts_with_the_same_shares() -> None:
    rng = np.random.default_rng(7)
    people = rng.uniform([-5.0, 0.3], [3.3, 2.7], (300, 2))
    uv_px = pixels(people, rng.normal(0.0, HEIGHT_SD_M, 300), GRAZING)
    cells = np.zeros((180, 320), np.float32)
    np.add.at(cells, (uv_px[:, 1].astype(int) // 4, uv_px[:, 0].astype(int) // 4), 1.0)
    view = ZoneView.build(GRAZING, STAIR)
    shares, _ = view.shares(uv_px)
    on_plan = view.project_map(DensityMap(cells, 4.0, 4.0))
    assert on_plan.sum() == pytest.approx(shares.sum(), rel=0.05)


@settings(max_examples=25, deadline=None)
@given(
    x_m=st.floats(-4, 6), y_m=st.floats(-1, 4), rise_m=st.floats(-0.4, 0.4), z_m=st.floats(3.4, 8)
)
def test_shares_lie_in_0_to_1_and_places_in_the_zone(
    x_m: float, y_m: float, rise_m: float, z_m: float
) -> None:
    camera = Camera(Pose(8.2, 1.5, z_m, 180, 30), LENS)
    uv_px = pixels(np.array([[x_m, y_m]]), np.array([rise_m]), camera)
    shares, xy_m = Standing(camera, STAIR).shares(camera.rays(uv_px))
    for share, place in zip(shares, xy_m, strict=True):
        assert 0.0 <= share <= 1.0
        if share > 0.0:
            assert -1e-9 <= place[0] <= 3.6 + 1e-9
            assert -1e-9 <= place[1] <= 3.0 + 1e-9


def test_somebody_in_the_middle_of_the_flight_counts_whole() -> None:
    for camera in (GRAZING, STEEP):
        uv_px = pixels(np.array([[1.8, 1.5]]), np.array([0.0]), camera)
        shares, xy_m = Standing(camera, STAIR).shares(camera.rays(uv_px))
        assert shares[0] == pytest.approx(1.0, abs=1e-9)
        np.testing.assert_allclose(xy_m[0], [1.8, 1.5], atol=0.02)


def test_level_floor_has_no_shares() -> None:
    hall = Zone("hall", "f1", ZoneType.CORRIDOR, box(3.6, -1.5, 11.6, 4.5), Plane(), 1.35)
    view = ZoneView.build(Camera(Pose(3.0, 1.5, 4.0, 0, 30), LENS), hall)
    uv_px = np.random.default_rng(1).uniform([0, 0], [1280, 720], (200, 2))
    shares, xy_m = view.shares(uv_px)
    np.testing.assert_array_equal(shares > 0.0, view.holds(view.locate(uv_px)))
    np.testing.assert_array_equal(xy_m, view.locate(uv_px))
    assert set(np.unique(shares)) <= {0.0, 1.0}


def test_a_stair_that_runs_at_an_angle_on_the_plan_counts_the_same_people() -> None:
    rng = np.random.default_rng(9)
    people = rng.uniform([-4.0, -4.0], [6.0, 7.0], (400, 2))
    from_corner = Camera(Pose(7.5, -2.5, 4.2, 140, 24), LENS)
    uv_px = pixels(people, rng.normal(0.0, HEIGHT_SD_M, 400), from_corner)
    straight, _ = Standing(from_corner, STAIR).shares(from_corner.rays(uv_px))
    assert straight.sum() > 30.0
    for turn_deg in (37.0, 90.0, 200.0):
        turn = np.radians(turn_deg)
        by = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        slope_x, slope_y = by @ [STAIR.plane.slope_x, STAIR.plane.slope_y]
        stair = dataclasses.replace(
            STAIR,
            polygon_xy_m=rotate(STAIR.polygon_xy_m, turn_deg, origin=(0.0, 0.0)),
            plane=Plane(STAIR.plane.z0_m, slope_x, slope_y),
            exits=(),
        )
        x_m, y_m = by @ [from_corner.pose.x_m, from_corner.pose.y_m]
        pose = Pose(x_m, y_m, from_corner.pose.z_m, 140 + turn_deg, 24)
        camera = Camera(pose, LENS)
        turned, _ = Standing(camera, stair).shares(camera.rays(uv_px))
        assert turned == pytest.approx(straight, abs=1e-6)

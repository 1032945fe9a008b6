"""What one camera sees of a zone, and the projection of density maps that keeps every person."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import box

from vision.crowd.zone_view import ZoneView
from vision.errors import NotVisibleError
from vision.geometry.barriers import Barriers
from vision.geometry.camera import Camera, Lens, Pose
from vision.geometry.planes import Plane
from vision.geometry.zones import Zone, ZoneType
from vision.observations import DensityMap

LENS = Lens.from_hfov(1280, 720, 70)
STAIR = Zone("stair", "f1", ZoneType.STAIRS, box(0, 0, 3.6, 3), Plane(1.8, -0.5, 0.0), 1.35)
FACING = Camera(Pose(8.2, 1.5, 4.0, 180, 22), LENS)
ABOVE = Camera(Pose(1.7, 1.5, 8.0, 0, 89), LENS)


def map_of(people: np.ndarray) -> DensityMap:
    rows, columns = people.shape
    return DensityMap(people.astype(np.float32), 1280 / columns, 720 / rows)


@pytest.mark.parametrize("camera", [FACING, ABOVE])
def test_heads_on_a_sloped_stair_come_back_to_their_place(camera: Camera) -> None:
    view = ZoneView.build(camera, STAIR)
    people = np.array([[0.4, 0.5], [1.8, 1.5], [3.4, 2.7]])
    heads = np.column_stack([people, STAIR.head_plane.z_at(people)])
    uv_px, inside = camera.project(heads)
    assert inside.all()
    np.testing.assert_allclose(view.locate(uv_px), people, atol=1e-6)


def test_the_floor_in_place_of_the_head_plane_would_misplace_people() -> None:
    """Why the head plane matters: the same pixels on the walking surface lie 1.7 m behind."""
    person = np.array([[1.8, 1.5]])
    uv_px, _ = FACING.project(np.column_stack([person, STAIR.head_plane.z_at(person)]))
    on_steps = FACING.to_plane(uv_px, STAIR.plane)
    assert np.linalg.norm(on_steps - person) == pytest.approx(1.745, abs=0.01)


def test_a_density_map_keeps_its_people() -> None:
    """A map made of known people at known places counts them in the zone and nowhere else."""
    view = ZoneView.build(FACING, STAIR)
    rng = np.random.default_rng(4)
    people = rng.uniform([0.5, 0.5], [3.1, 2.5], (40, 2))
    outside = rng.uniform([4.5, 0.5], [6.5, 2.5], (15, 2))
    cells = np.zeros((180, 320))
    for group, plane in ((people, STAIR.head_plane), (outside, Plane(1.35))):
        uv_px, inside = FACING.project(np.column_stack([group, plane.z_at(group)]))
        for u, v in uv_px[inside]:
            cells[int(v // 4), int(u // 4)] += 1
    on_plan = view.project_map(map_of(cells))
    assert on_plan.sum() == pytest.approx(40.0)


@settings(max_examples=15, deadline=None)
@given(
    tilt_deg=st.floats(15, 80),
    pan_deg=st.floats(120, 240),
    height_m=st.floats(3.6, 8),
    hfov_deg=st.floats(50, 95),
)
def test_map_mass_equals_the_integral_over_the_zone(
    tilt_deg: float, pan_deg: float, height_m: float, hfov_deg: float
) -> None:
    """The counted shares agree with the integral of density x Jacobian over the seen cells."""
    zone = Zone("z", "f", ZoneType.CORRIDOR, box(-2, -2, 2, 2), Plane(), 1.5)
    camera = Camera(Pose(5, 0, height_m, pan_deg, tilt_deg), Lens.from_hfov(1280, 720, hfov_deg))
    try:
        view = ZoneView.build(camera, zone)
    except NotVisibleError:
        return
    if view.visible_share < 0.3:
        return
    per_pixel = 0.01
    cells = np.full((90, 160), per_pixel * 64)
    integral = per_pixel * float((view.pixels_per_m2 * view.grid.area_m2)[view.seen].sum())
    assert view.project_map(map_of(cells)).sum() == pytest.approx(integral, rel=0.06)


def test_a_map_with_a_border_beyond_the_picture_is_placed_by_its_cell_size() -> None:
    view = ZoneView.build(FACING, STAIR)
    exact = np.zeros((90, 160), np.float32)
    exact[40:60, 70:90] = 0.1
    padded = np.zeros((92, 164), np.float32)
    padded[:90, :160] = exact
    plain = view.project_map(DensityMap(exact, 8.0, 8.0))
    np.testing.assert_allclose(view.project_map(DensityMap(padded, 8.0, 8.0)), plain)


def test_half_a_zone_behind_the_picture_border_is_half_seen() -> None:
    zone = Zone("z", "f", ZoneType.CORRIDOR, box(-10, -1, 10, 1), Plane(), 1.5)
    camera = Camera(Pose(-5, 0, 6.5, 0, 90), Lens.from_hfov(1000, 1000, 90))
    # Straight down from 5 m above the head plane with 90 degrees: 10 m of plan, -10..0.
    assert ZoneView.build(camera, zone).visible_share == pytest.approx(0.5, abs=0.02)


def test_what_stands_behind_a_wall_is_seen_by_nobody_and_lost_by_nobody() -> None:
    # Across the line of sight, as high as the eye: all beyond it is hidden.
    wall = Barriers.of([([(1.8, -9.0), (1.8, 9.0)], 9.0)])
    whole = ZoneView.build(FACING, STAIR)
    behind = ZoneView.build(FACING, STAIR, walls=wall)
    assert behind.visible_share == pytest.approx(0.5, abs=0.05)
    assert (behind.seen == whole.seen).all()
    assert (behind.pixels_per_m2 == whole.pixels_per_m2).all()


@pytest.mark.parametrize(
    "camera",
    [
        Camera(Pose(8.2, 1.5, 4.0, 0, 22), LENS),  # looks away
        Camera(Pose(8.2, 1.5, 4.0, 180, -60), LENS),  # looks at the ceiling
        Camera(Pose(1.8, 1.5, 1.2, 180, 10), LENS),  # hangs below the heads
    ],
)
def test_a_zone_that_cannot_be_seen_is_refused(camera: Camera) -> None:
    with pytest.raises(NotVisibleError, match="zone stair"):
        ZoneView.build(camera, STAIR)


def test_expected_head_size_shrinks_with_distance() -> None:
    view = ZoneView.build(FACING, STAIR)
    near, far = view.expected_head_px(np.array([[3.5, 1.5], [0.1, 1.5]]))
    # 0.23 m at about 5.4 m: 914 px x 0.23 / 5.4 = 39 px.
    assert near == pytest.approx(39, rel=0.05)
    assert far < near

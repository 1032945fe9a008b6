"""Face pitch: where a camera looks down on faces too steeply, against figures by hand."""

import math

import numpy as np
import pytest
from shapely.geometry import Point, box

from vision.coverage.audit import CoverageArea, CoverageCamera, Sights, Surface
from vision.coverage.faces import face_views, steep_ground
from vision.geometry.barriers import NO_BARRIERS
from vision.geometry.camera import Camera, Lens, Pose
from vision.geometry.planes import Plane

HEAD = Plane(1.5)


def camera(name: str, x_m: float, pan_deg: float, z_m: float = 3.0) -> CoverageCamera:
    """A 4K camera of 90 degrees: f = 1920 px, so 250 px/m reach 7.68 m along the axis."""
    pose = Pose(x_m, 0.0, z_m, pan_deg, 25.0)
    return CoverageCamera(name, Camera(pose, Lens.from_hfov(3840, 2160, 90.0)))


def area(px_per_m: float = 250.0) -> CoverageArea:
    return CoverageArea("gate", (Surface(box(1.5, -0.5, 6.0, 0.5), (HEAD,)),), px_per_m)


def test_a_place_near_the_mount_is_seen_from_too_far_above() -> None:
    """At 3 m, faces of 1.6 m are seen 20 degrees from above at 1.4 / tan 20 = 3.846 m."""
    found = face_views(area(), Sights(NO_BARRIERS, [camera("a", 0.0, 0.0)]))
    assert found is not None
    near = box(1.5, -0.5, 6.0, 0.5).intersection(Point(0, 0).buffer(1.4 / math.tan(0.3490659), 256))
    assert found.steep_m2 == pytest.approx(near.area, rel=2e-3)
    # Straight ahead at 1.5 m.
    assert found.steepest_deg == pytest.approx(math.degrees(math.atan2(1.4, 1.5)), abs=1e-6)


def test_the_best_placed_camera_counts() -> None:
    """A second camera looks back from 7.5 m: whatever is near to one is far from the other."""
    both = [camera("a", 0.0, 0.0), camera("b", 7.5, 180.0)]
    found = face_views(area(), Sights(NO_BARRIERS, both))
    assert found is not None
    alone = face_views(area(), Sights(NO_BARRIERS, both[:1]))
    assert alone is not None
    assert found.steep_m2 < 0.2 < alone.steep_m2
    assert found.steepest_deg < alone.steepest_deg


def test_faces_are_told_only_where_they_matter_and_are_seen() -> None:
    sights = Sights(NO_BARRIERS, [camera("a", 0.0, 0.0)])
    assert face_views(area(125.0), sights) is None
    assert face_views(area(), Sights(NO_BARRIERS, [camera("a", 0.0, 180.0)])) is None


def test_a_camera_at_eye_level_looks_down_on_nobody() -> None:
    assert steep_ground(camera("a", 0.0, 0.0, z_m=1.5), Plane(1.6), 20.0).is_empty


def test_on_a_slope_faces_below_are_further_down() -> None:
    """The ground falls by 0.1 a metre along x: the limit lies at 1.4 / (tan 20 -+ 0.1)."""
    ground = steep_ground(camera("a", 0.0, 0.0), Plane(1.6, -0.1, 0.0), 20.0)
    tangent = math.tan(math.radians(20.0))
    left, _, right, _ = ground.bounds
    assert right == pytest.approx(1.4 / (tangent - 0.1))
    assert left == pytest.approx(-1.4 / (tangent + 0.1))


def test_the_limit_line_is_where_the_pitch_is_the_limit() -> None:
    plane = Plane(1.6, 0.12, -0.2)
    one = camera("a", 0.0, 0.0)
    corners = np.array(steep_ground(one, plane, 20.0).exterior.coords)  # type: ignore[attr-defined]
    drop = 3.0 - plane.z_at(corners)
    pitch = np.degrees(np.arctan2(drop, np.hypot(*corners.T)))
    assert pitch == pytest.approx(np.full(len(corners), 20.0))

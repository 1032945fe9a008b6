"""Why a spot is blind: one plain case for each cause."""

import math

import pytest
from shapely.geometry import Polygon, box

from vision.coverage.audit import CoverageArea, CoverageCamera, Sights, Surface, audit_area
from vision.coverage.blind_causes import BlindCause, blind_causes
from vision.coverage.chance import EXACT, PoseError
from vision.geometry.barriers import NO_BARRIERS, Barriers
from vision.geometry.camera import Camera, Lens, Pose
from vision.geometry.planes import Plane

LENS = Lens.from_hfov(1920, 1080, 90.0)
WALL = Barriers.of([([(1.0, -9.0), (1.0, 9.0)], math.inf)])
SHAKY = PoseError(0.0, 0.0, 0.0, 0.2, 0.0, 0.0)


def down(x_m: float = 0.0, error: PoseError = EXACT) -> CoverageCamera:
    """From 4 m straight down: 4.5 m along x and 8 m along y at 240 px/m."""
    pose = Pose(x_m, 0.0, 4.0, 0.0, 90.0)
    return CoverageCamera(f"c{x_m:g}", Camera(pose, LENS), error)


@pytest.mark.parametrize(
    ("polygon", "px_per_m", "redundancy", "cameras", "barriers", "causes"),
    [
        (box(-2, -2, 2, 2), 25.0, 1, [down()], NO_BARRIERS, []),
        (box(-2, -2, 2, 2), 25.0, 1, [down()], WALL, [BlindCause.HIDDEN]),
        (box(-2, -2, 2, 2), 500.0, 1, [down()], NO_BARRIERS, [BlindCause.TOO_COARSE]),
        (box(-2, -2, 2, 2), 25.0, 2, [down()], NO_BARRIERS, [BlindCause.TOO_FEW]),
        (box(3, -2, 5, 2), 25.0, 1, [down()], NO_BARRIERS, [BlindCause.NO_PICTURE]),
        (box(3, -2, 5, 2), 25.0, 1, [], NO_BARRIERS, [BlindCause.NO_PICTURE]),
        (box(0, -2, 2.25, 2), 25.0, 1, [down(0.0, SHAKY)], NO_BARRIERS, [BlindCause.UNSURE]),
        # Two cameras see 1 m of it, one the rest: two are asked for.
        (box(-1, -2, 3, 2), 25.0, 2, [down(), down(2.0)], NO_BARRIERS, [BlindCause.TOO_FEW] * 2),
    ],
)
def test_each_cause(
    polygon: Polygon,
    px_per_m: float,
    redundancy: int,
    cameras: list[CoverageCamera],
    barriers: Barriers,
    causes: list[BlindCause],
) -> None:
    area = CoverageArea("a", (Surface(polygon, (Plane(),)),), px_per_m, redundancy)
    sights = Sights(barriers, cameras)
    found = audit_area(area, sights)
    assert list(blind_causes(area, found, sights)) == causes


def test_the_cause_of_most_of_a_spot_is_told() -> None:
    """The picture ends at 2.25 m, a wall stands at 1 m: hidden 5 m², in no picture 4 m²."""
    area = CoverageArea("a", (Surface(box(-2, -2, 3.25, 2), (Plane(),)),), 25.0)
    sights = Sights(WALL, [down()])
    found = audit_area(area, sights)
    assert [spot.area_m2 for spot in found.blind] == pytest.approx([9.0])
    assert blind_causes(area, found, sights) == (BlindCause.HIDDEN,)


@pytest.mark.parametrize(("range_m", "from_m"), [(10.0, 12.0), (1_000.0, 300.0)])
def test_beyond_the_range_and_where_nothing_can_be_told_there_is_no_picture(
    range_m: float, from_m: float
) -> None:
    """960 px to the metre at 1 m: less than 5 are left beyond 192 m."""
    pose = Pose(0.0, 0.0, 4.0, 0.0, 5.0)
    camera = CoverageCamera("c", Camera(pose, LENS), EXACT, range_m=range_m)
    ahead = box(from_m, -1, from_m + 2, 1)
    area = CoverageArea("a", (Surface(ahead, (Plane(),)),), 25.0)
    sights = Sights(NO_BARRIERS, [camera])
    found = audit_area(area, sights)
    assert blind_causes(area, found, sights) == (BlindCause.NO_PICTURE,)

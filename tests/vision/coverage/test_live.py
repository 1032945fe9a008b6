"""Live coverage: which areas go blind when cameras fail or turn, and the as-built check."""

from dataclasses import replace

import pytest
from shapely.geometry import box

from vision.coverage.as_built import pose_deviation
from vision.coverage.audit import CoverageArea, CoverageCamera, Surface
from vision.coverage.chance import EXACT
from vision.coverage.live import LiveCoverage, Sightedness, newly_blind
from vision.errors import GeometryError
from vision.geometry.barriers import NO_BARRIERS
from vision.geometry.camera import Camera, Lens, Pose
from vision.geometry.planes import Plane

LENS = Lens.from_hfov(1920, 1080, 90.0)


def down(name: str, x_m: float) -> CoverageCamera:
    """From 4 m straight down: sees 4.5 m along x, 8 m along y."""
    return CoverageCamera(name, Camera(Pose(x_m, 0, 4, 0, 90), LENS), EXACT)


def area(
    name: str, left: float, right: float, *, critical: bool = False, redundancy: int = 1
) -> CoverageArea:
    surface = Surface(box(left, -3, right, 3), (Plane(),))
    return CoverageArea(name, (surface,), 25.0, redundancy, critical=critical)


CAMERAS = [down("west", 0.0), down("east", 4.0)]
AREAS = [
    area("only-west", -2, 1),
    area("both", 1.8, 2.2),
    area("only-east", 3, 6),
    area("spanning", 0, 4),
    area("watched", 0, 4, critical=True),
    area("outside", 20, 22),
]
ALL = frozenset({"west", "east"})


def test_all_well() -> None:
    states = {one.area_id: one.state for one in LiveCoverage(NO_BARRIERS, AREAS, CAMERAS).now(ALL)}
    assert states.pop("outside") is Sightedness.NEVER_SEEN
    assert set(states.values()) == {Sightedness.WHOLE}


def test_a_lost_camera_blinds_exactly_what_it_alone_saw() -> None:
    live = LiveCoverage(NO_BARRIERS, AREAS, CAMERAS)
    before, after = live.now(ALL), live.now(frozenset({"east"}))
    blind = newly_blind(before, after)
    assert [one.area_id for one in blind] == ["only-west", "watched"]
    assert all(one.lost_because == ("west",) for one in blind)
    by_id = {one.area_id: one for one in after}
    # East reaches from 1.75 m: of 4 m x 6 m the stretch 0..1.75 is lost.
    assert by_id["spanning"].lost_m2 == pytest.approx(1.75 * 6)
    assert by_id["spanning"].state is Sightedness.REDUCED
    assert by_id["both"].state is Sightedness.WHOLE
    assert newly_blind(after, after) == ()


@pytest.mark.parametrize(
    ("left", "right", "state"),
    [
        # East reaches from 1.75 m: 2.25 m of what follows are kept.
        (-0.4, 4.0, Sightedness.REDUCED),  # of 4.4 m
        (-0.6, 4.0, Sightedness.BLIND),  # of 4.6 m
        (1.73, 6.0, Sightedness.WHOLE),  # 0.12 m2 of 25.6 m2 are lost: less than a hundredth
        (1.70, 4.0, Sightedness.REDUCED),
        (1.745, 2.1, Sightedness.WHOLE),  # more than a hundredth, but 0.03 m2 only
        (1.73, 2.1, Sightedness.REDUCED),
    ],
)
def test_how_much_is_lost_before_an_area_is_reduced_or_blind(
    left: float, right: float, state: Sightedness
) -> None:
    live = LiveCoverage(NO_BARRIERS, [area("one", left, right)], CAMERAS)
    (found,) = live.now(frozenset({"east"}))
    assert found.state is state


@pytest.mark.parametrize(
    ("kept_m", "critical", "state"),
    [
        # East reaches from 1.75 m. West alone shows 6 m x 0.1 m of it: less than a hundredth.
        (1.65, False, Sightedness.WHOLE),
        (1.65, True, Sightedness.BLIND),
        # 6 m x 0.06 m: people have no room there.
        (1.69, True, Sightedness.WHOLE),
    ],
)
def test_a_hundredth_of_a_large_critical_area_is_room_for_people(
    kept_m: float, critical: bool, state: Sightedness
) -> None:
    """A yard of 26 m, of which a row of cameras shows the rest."""
    row = [down(f"east-{n}", 8.0 + 4.0 * n) for n in range(5)]
    yard = area("yard", kept_m, 26.0, critical=critical)
    live = LiveCoverage(NO_BARRIERS, [yard], [*CAMERAS, *row])
    (found,) = live.now(frozenset({"east", *(one.id for one in row)}))
    assert found.planned_m2 == pytest.approx(6 * (26.0 - kept_m))
    assert found.lost_m2 == pytest.approx(6 * (1.75 - kept_m))
    assert found.state is state


def test_a_healthy_camera_is_not_blamed_for_what_another_one_lost() -> None:
    """Both are meant to see it, and two are asked for."""
    live = LiveCoverage(NO_BARRIERS, [area("twice", 1.8, 2.2, redundancy=2)], CAMERAS)
    (found,) = live.now(frozenset({"east"}))
    assert found.lost_because == ("west",)
    turned = replace(CAMERAS[1].camera.pose, tilt_deg=0.0)
    (found,) = live.now(ALL, {"east": turned})
    assert found.lost_because == ("east",)


def test_what_a_camera_is_meant_to_show() -> None:
    live = LiveCoverage(NO_BARRIERS, AREAS, CAMERAS)
    assert [one.id for one in live.planned_of("west")] == [
        "only-west", "both", "spanning", "watched",
    ]  # fmt: skip
    assert live.planned_of("north") == ()
    assert live.planned_shape("spanning", "east").area == pytest.approx(2.25 * 6)
    assert live.planned_shape("outside", "east").is_empty
    assert live.planned_shape("spanning", "north").is_empty


def test_a_turned_camera_counts_where_it_looks_now() -> None:
    live = LiveCoverage(NO_BARRIERS, AREAS, CAMERAS)
    turned = replace(CAMERAS[0].camera.pose, tilt_deg=0.0)
    found = {one.area_id: one for one in live.now(ALL, {"west": turned})}
    assert found["only-west"].state is Sightedness.BLIND
    assert found["only-west"].lost_because == ("west",)
    assert found["only-east"].state is Sightedness.WHOLE


@pytest.mark.parametrize(
    ("critical", "state"), [(False, Sightedness.REDUCED), (True, Sightedness.BLIND)]
)
def test_an_area_that_asks_for_two_cameras_loses_what_one_alone_shows(
    critical: bool, state: Sightedness
) -> None:
    """West sees up to 2.25 m, east from 1.75 m on: both see 0.5 m x 6 m of it, west the rest."""
    asked = area("twice", 0.25, 2.25, critical=critical, redundancy=2)
    live = LiveCoverage(NO_BARRIERS, [asked], CAMERAS)
    (whole,) = live.now(ALL)
    # Where one camera alone is meant to look, one is enough to keep what was planned.
    assert whole.state is Sightedness.WHOLE
    assert whole.planned_m2 == pytest.approx(12.0)
    (without_east,) = live.now(frozenset({"west"}))
    assert (without_east.state, without_east.lost_because) == (state, ("east",))
    assert without_east.lost_m2 == pytest.approx(0.5 * 6)
    (without_west,) = live.now(frozenset({"east"}))
    assert without_west.lost_m2 == pytest.approx(12.0)
    assert (without_west.state, without_west.lost_because) == (Sightedness.BLIND, ("west",))


def test_an_unknown_camera_is_refused() -> None:
    with pytest.raises(GeometryError, match="north"):
        LiveCoverage(NO_BARRIERS, AREAS, CAMERAS).now(frozenset({"north"}))


@pytest.mark.parametrize(
    ("pan_deg", "differs"), [(0.0, False), (1.0, False), (3.5, True)], ids=["same", "near", "off"]
)
def test_as_built_against_planned(pan_deg: float, differs: bool) -> None:
    planned = Camera(Pose(0, 0, 4, 0, 60), LENS)
    built = Camera(Pose(0, 0, 4, pan_deg * 2, 60), LENS)
    found = pose_deviation(planned, built, Plane())
    # Pan by 2a turns an axis 60 degrees below level by about a: cos 60 = 0.5.
    assert found.turn_deg == pytest.approx(pan_deg, abs=0.05)
    assert found.moved_m == 0.0
    assert found.differs is differs

"""People at the border between two zones whose cameras look at each other."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from shapely.geometry import box

from config.profiles import load_profiles
from tests.vision.crowd.test_seams import BOTH, CRUSH, TO_EAST, TO_WEST, seen_by
from tests.vision.scene_cases import frame
from tests.vision.test_scene_doubt import CORRIDOR
from vision.arrays import Float64Array
from vision.crowd.borders import Borders
from vision.crowd.zone_view import ZoneView
from vision.geometry.barriers import Barriers
from vision.geometry.camera import Camera, Pose
from vision.geometry.grid import PlanGrid
from vision.geometry.planes import Plane
from vision.geometry.zones import Zone, ZoneType
from vision.observations import CrowdObservation
from vision.risk.readings import Level, ZoneReading
from vision.scene import SceneAnalyser

# One corridor cut in two at x = 5, midway between its cameras.
WEST = dataclasses.replace(CORRIDOR, id="west", polygon_xy_m=box(0, 0, 5, 3))
EAST = dataclasses.replace(CORRIDOR, id="east", polygon_xy_m=box(5, 0, 10, 3))
EACH_ITS_OWN = {"west": ("cam-a",), "east": ("cam-b",)}


def two_zones(
    zone_cameras: dict[str, tuple[str, ...]] | None = None,
    zones: tuple[Zone, ...] = (WEST, EAST),
    cameras: dict[str, Camera] | None = None,
) -> SceneAnalyser:
    return SceneAnalyser(
        cameras=BOTH if cameras is None else cameras,
        zones=zones,
        zone_cameras=EACH_ITS_OWN if zone_cameras is None else zone_cameras,
        profiles=load_profiles(),
    )


def told(
    analyser: SceneAnalyser, seen: dict[str, CrowdObservation], lasts_s: float = 10.0
) -> dict[str, ZoneReading]:
    """The last reading of each zone after `lasts_s` of the same pictures, two a second."""
    last: dict[str, ZoneReading] = {}
    for step in range(round(lasts_s / 0.5)):
        for camera_id, observation in seen.items():
            for reading in analyser.observe(frame(step * 0.5, camera_id), observation):
                last[reading.zone_id] = reading
    return last


def people_in(readings: dict[str, ZoneReading]) -> dict[str, float]:
    return {
        zone_id: 0.0 if one.measurement is None else one.measurement.people
        for zone_id, one in readings.items()
    }


BOTH_SEE_WEST = {"west": ("cam-a", "cam-b"), "east": ("cam-b",)}
BOTH_SEE_EAST = {"west": ("cam-a",), "east": ("cam-a", "cam-b")}
BOTH_SEE_BOTH = {"west": ("cam-a", "cam-b"), "east": ("cam-a", "cam-b")}


def of(people_xy_m: Float64Array, rise_m: float = 0.0) -> dict[str, CrowdObservation]:
    """What both cameras see of people whose heads are `rise_m` above the head plane."""
    return {one: seen_by(camera, people_xy_m, rise_m) for one, camera in BOTH.items()}


@pytest.mark.parametrize("rise_m", [0.0, 0.05, 0.15, 0.2])
@pytest.mark.parametrize(
    "zone_cameras", [EACH_ITS_OWN, BOTH_SEE_WEST, BOTH_SEE_EAST, BOTH_SEE_BOTH]
)
def test_a_crush_on_the_border_of_two_zones_counts_once_whoever_sees_which(
    zone_cameras: dict[str, tuple[str, ...]], rise_m: float
) -> None:
    last = told(two_zones(zone_cameras), of(CRUSH, rise_m), 1.0)
    assert 10.0 <= sum(people_in(last).values()) <= 18.0


def test_a_crush_that_each_camera_places_in_the_other_s_zone_is_an_alarm_in_one_of_them() -> None:
    last = told(two_zones(), of(CRUSH, 0.15))
    assert max(one.level.severity for one in last.values()) >= Level.L3.severity
    assert sorted(people_in(last).values()) == pytest.approx([0.0, 16.0], abs=2.0)


def test_a_third_camera_that_finds_nobody_hides_no_crush_that_two_show() -> None:
    analyser = two_zones(
        {"west": ("cam-a", "cam-c"), "east": ("cam-b",)}, cameras={**BOTH, "cam-c": TO_EAST}
    )
    nobody = seen_by(TO_EAST, np.zeros((0, 2)), 0.0)
    last = told(analyser, {**of(CRUSH, 0.15), "cam-c": nobody}, 1.0)
    assert 10.0 <= sum(people_in(last).values()) <= 18.0


def test_so_it_is_where_people_are_packed_and_known_from_maps_alone() -> None:
    seen = {one: seen_by(camera, CRUSH, 0.15, as_map=True) for one, camera in BOTH.items()}
    last = told(two_zones(), seen)
    assert max(one.level.severity for one in last.values()) >= Level.L3.severity
    assert 10.0 <= sum(people_in(last).values()) <= 18.0


def test_it_counts_in_the_zone_that_is_judged_more_strictly() -> None:
    stairs = dataclasses.replace(EAST, type=ZoneType.STAIRS)
    for zones in ((WEST, stairs), (stairs, WEST)):
        people = people_in(told(two_zones(zones=zones), of(CRUSH, 0.15), 1.0))
        assert people["east"] > 12.0
        assert people["west"] == 0.0


@pytest.mark.parametrize("higher_m", [-0.15, 0.15])
def test_so_it_is_where_heads_are_taken_for_higher_in_one_of_the_zones(higher_m: float) -> None:
    """Smaller pupils use the corridor, larger ones the hall."""
    hall = dataclasses.replace(EAST, head_height_m=EAST.head_height_m + higher_m)
    last = told(two_zones(zones=(WEST, hall)), of(CRUSH, 0.15 + max(0.0, higher_m)), 1.0)
    assert 8.0 <= sum(people_in(last).values()) <= 20.0


@pytest.mark.parametrize("gap_m", [0.2, 0.6])
def test_zones_that_are_drawn_a_little_apart_touch_and_others_do_not(gap_m: float) -> None:
    east = dataclasses.replace(EAST, polygon_xy_m=box(5.0 + gap_m, 0, 10, 3))
    people = people_in(told(two_zones(zones=(WEST, east)), of(CRUSH, 0.15), 1.0))
    assert (sum(people.values()) > 8.0) == (gap_m < 0.3)


@pytest.mark.parametrize(
    ("east", "touch"),
    [
        (EAST, True),
        (dataclasses.replace(EAST, plane=Plane(0.6)), False),
        # A flight that goes up from the border, and one that passes above it.
        (dataclasses.replace(EAST, plane=Plane(-2.5, 0.5)), True),
        (dataclasses.replace(EAST, plane=Plane(-1.5, 0.5)), False),
        (dataclasses.replace(EAST, floor_id="f2"), False),
        (dataclasses.replace(EAST, polygon_xy_m=box(5, 3, 10, 6)), False),
    ],
    ids=["hall", "gallery", "flight", "flight above", "other floor", "common corner"],
)
def test_zones_touch_where_heads_stand_about_level_on_one_floor(east: Zone, *, touch: bool) -> None:
    high = {
        key: dataclasses.replace(
            camera, pose=dataclasses.replace(camera.pose, z_m=6.0, tilt_deg=40.0)
        )
        for key, camera in BOTH.items()
    }

    def look(camera_id: str, zone: Zone, grid: PlanGrid) -> ZoneView:
        return ZoneView.build(high[camera_id], zone, grid)

    borders = Borders((WEST, east), {"west": ("cam-a",), "east": ("cam-b",)}, high, look)
    assert borders.beside("west") == (frozenset({"west", "east"}) if touch else frozenset())


def test_cameras_that_look_over_a_border_in_one_direction_have_nothing_to_join() -> None:
    """Both place people too far on the same side; twenty zones on one place would cost much."""
    cameras = {"cam-a": BOTH["cam-a"], "cam-c": BOTH["cam-a"]}

    def look(camera_id: str, zone: Zone, grid: PlanGrid) -> ZoneView:
        raise AssertionError("nobody need look")

    borders = Borders((WEST, EAST), {"west": ("cam-a",), "east": ("cam-c",)}, cameras, look)
    assert borders.beside("west") == frozenset()


@pytest.mark.parametrize("walled", [True, False])
def test_two_crowds_on_either_side_of_a_wall_are_not_one_that_is_missing(*, walled: bool) -> None:
    """Each camera sees its own half of the crush only, placed behind the wall."""
    walls = Barriers.of([([(5, 0), (5, 3)], 3.0)])
    analyser = SceneAnalyser(
        cameras=BOTH,
        zones=(WEST, EAST),
        zone_cameras=EACH_ITS_OWN,
        profiles=load_profiles(),
        walls={"cam-a": walls, "cam-b": walls} if walled else {},
    )
    seen = {
        "cam-a": seen_by(TO_EAST, CRUSH[CRUSH[:, 0] < 5.0], 0.15),
        "cam-b": seen_by(TO_WEST, CRUSH[CRUSH[:, 0] > 5.0], 0.15),
    }
    people = sum(people_in(told(analyser, seen, 1.0)).values())
    assert (people > 0.0) == (not walled)


@pytest.mark.parametrize("of_whom", ["cam-a", "cam-b"])
def test_a_camera_that_is_not_believed_brings_nobody_back(of_whom: str) -> None:
    """A cloth before one lens: what it seems to show is no second witness."""
    analyser, seen = two_zones(), of(CRUSH, 0.15)
    people: dict[str, float] = {}
    for step in range(4):
        for camera_id, observation in seen.items():
            doubt = "covered" if camera_id == of_whom else ""
            for one in analyser.observe(frame(step * 0.5, camera_id), observation, doubt):
                people[one.zone_id] = 0.0 if one.measurement is None else one.measurement.people
    assert sum(people.values()) == 0.0


def test_a_camera_that_is_lost_brings_nobody_back() -> None:
    analyser, seen = two_zones(), of(CRUSH, 0.15)
    told(analyser, seen, 1.0)
    for step in range(10):
        (west,) = analyser.observe(frame(1.0 + step * 0.5), seen["cam-a"])
    assert west.measurement is not None
    assert west.measurement.people == 0.0


@pytest.mark.parametrize(("count", "zone_cameras"), [(4, EACH_ITS_OWN), (60, BOTH_SEE_BOTH)])
def test_people_all_over_two_zones_are_not_counted_twice(
    count: int, zone_cameras: dict[str, tuple[str, ...]]
) -> None:
    people = np.random.default_rng(2).uniform([0.3, 0.2], [9.7, 2.8], (count, 2))
    last = told(two_zones(zone_cameras), of(people), 1.0)
    assert sum(people_in(last).values()) == pytest.approx(count, rel=0.05)


@pytest.mark.parametrize("rise_m", [0.0, 0.15])
def test_who_walks_from_one_zone_into_the_next_is_never_nobody(rise_m: float) -> None:
    analyser = two_zones()
    people: dict[str, float] = {}
    sums: list[float] = []
    for step in range(40):
        camera_id = ("cam-a", "cam-b")[step % 2]
        walker = np.array([[3.0 + step * 0.1, 1.5]])
        seen = seen_by(BOTH[camera_id], walker, rise_m)
        for one in analyser.observe(frame(step * 0.1, camera_id), seen):
            assert one.measurement is not None
            people[one.zone_id] = one.measurement.people
        sums.append(sum(people.values()))
    assert min(sums[2:]) == 1.0
    assert max(sums) <= 2.0


def test_one_camera_of_both_zones_alone_brings_nobody_back() -> None:
    """Nobody looks from the other side: what it shows beyond the border counts there already."""
    analyser = two_zones({"west": ("cam-a",), "east": ("cam-a",)}, cameras={"cam-a": TO_EAST})
    last = told(analyser, {"cam-a": seen_by(TO_EAST, CRUSH, 0.15)}, 1.0)
    assert people_in(last) == {"west": 0.0, "east": 16.0}


# Three zones that meet in one place, each with a camera 6 m from there that looks at it.
SOUTH_WEST, SOUTH_EAST, NORTH = (
    dataclasses.replace(CORRIDOR, id=name, polygon_xy_m=box(*bounds))
    for name, bounds in (
        ("south-west", (0, 0, 5, 5)),
        ("south-east", (5, 0, 10, 5)),
        ("north", (0, 5, 10, 10)),
    )
)
ROUND_THE_CORNER = {
    "cam-a": Camera(Pose(-1.0, 1.0, 3.0, 40, 22), TO_EAST.lens),
    "cam-b": Camera(Pose(11.0, 1.0, 3.0, 140, 22), TO_EAST.lens),
    "cam-c": Camera(Pose(5.0, 11.5, 3.0, -90, 22), TO_EAST.lens),
}


@pytest.mark.parametrize("rise_m", [0.0, 0.1, 0.15, 0.2])
@pytest.mark.parametrize(("as_map", "most"), [(False, 16.0), (True, 18.6)])
@pytest.mark.parametrize("of_north", [("cam-c",), ("cam-c", "cam-b")])
def test_nobody_is_brought_back_over_two_borders_where_three_zones_meet(
    of_north: tuple[str, ...], most: float, rise_m: float, *, as_map: bool
) -> None:
    """One camera of two neighbours shows the sixteen at both borders of the third zone."""
    own = {"south-west": ("cam-a",), "south-east": ("cam-b",), "north": of_north}
    crush = CRUSH + np.array([0.0, 3.1])
    seen = {
        one: seen_by(camera, crush, rise_m, as_map=as_map)
        for one, camera in ROUND_THE_CORNER.items()
    }
    analyser = two_zones(own, (SOUTH_WEST, SOUTH_EAST, NORTH), ROUND_THE_CORNER)
    people = people_in(told(analyser, seen, 1.0))
    assert max(people.values()) <= most
    assert sum(people.values()) >= 14.0

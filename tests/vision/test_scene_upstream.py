"""Who comes from the zone before, and what stands open where they go."""

import dataclasses

import numpy as np
import pytest
from shapely.geometry import box

from config.profiles import load_profiles
from tests.vision.scene_cases import (
    FACING,
    LENS,
    STAIR,
    frame,
    heads,
)
from vision.arrays import Float64Array
from vision.geometry.camera import Camera, Pose
from vision.geometry.planes import Plane
from vision.geometry.zones import Line, Zone, ZoneType
from vision.observations import CrowdObservation, HeadPoints
from vision.risk.doors import DoorState, Leaf
from vision.risk.readings import Level, ZoneReading
from vision.scene import SceneAnalyser

NOBODY = CrowdObservation(HeadPoints.none(), None, 0.05)

CORRIDOR = Zone(
    "corridor",
    "f1",
    ZoneType.CORRIDOR,
    box(-10, 0, 0, 3),
    Plane(1.8),
    1.35,
    width_m=3.0,
    axis_deg=0.0,
    exits=(Line("stair-top", (0.0, 0.0), (0.0, 3.0)),),
)
ABOVE = Camera(Pose(3.0, 1.5, 5.2, 180, 20), LENS)
LEAF = Leaf("leaf", (3.6, 0.0), (3.6, 2.0))


def with_corridor(stair: Zone = STAIR) -> SceneAnalyser:
    return SceneAnalyser(
        cameras={"cam-a": FACING, "cam-up": ABOVE},
        zones=[stair, CORRIDOR],
        zone_cameras={"stair-a": ("cam-a",), "corridor": ("cam-up",)},
        profiles=load_profiles(),
        leaves={"f1": [LEAF]},
    )


def coming(t_s: float) -> Float64Array:
    """Eight people in file, 0.9 m apart, on their way through the corridor at 1 m/s."""
    x_m = -9.0 + t_s - 0.9 * np.arange(8)
    return np.column_stack([x_m, np.full(8, 1.5)])[x_m > -9.9]


def seen_coming(
    analyser: SceneAnalyser, states: dict[str, DoorState], last_s: float, behind_s: float = 0.0
) -> ZoneReading:
    """The stair's newest reading; nobody is on the stair yet.

    The clock of the camera above is behind by so much.
    """
    analyser.note_doors(states)
    for number in range(round(last_s * 2.5)):
        t_s = number / 2.5
        above = heads(coming(t_s), ABOVE, CORRIDOR)
        analyser.observe(frame(t_s - behind_s, "cam-up"), above)
        (reading,) = analyser.observe(frame(t_s), NOBODY)
    return reading


UP_AND_DOWN = dataclasses.replace(
    STAIR, exits=(*STAIR.exits, Line("stair-up", (0.0, 3.0), (0.0, 0.0)))
)


@pytest.mark.parametrize("stair", [STAIR, UP_AND_DOWN])
@pytest.mark.parametrize("behind_s", [0.0, 4.0, 60.0, -60.0])
def test_a_shut_leaf_warns_of_those_who_are_still_upstream(stair: Zone, behind_s: float) -> None:
    """Also where the stair's top is drawn as an exit too, and where the cameras' clocks differ."""
    reading = seen_coming(with_corridor(stair), {"leaf": DoorState.SHUT}, 8.6, behind_s)
    assert reading.level is Level.L2
    assert [reason.rule for reason in reading.reasons if reason.rule != "density"] == ["shut_door"]
    assert reading.measurement is not None
    assert reading.measurement.people == 0.0
    assert reading.measurement.exit_open_share == pytest.approx(1 / 3)
    assert dict(reading.doors) == {"leaf": DoorState.SHUT}
    # Eight in file reach the foot within eight seconds of each other, over 3 m.
    assert reading.measurement.arriving_per_m_s == pytest.approx(8 / 8 / 3, abs=0.05)
    assert reading.measurement.upstream_people == pytest.approx(8.0, abs=1.0)


def test_who_leaves_by_a_common_border_does_not_come_back() -> None:
    """Both zones draw it as an exit; eight people walk away from the stair."""
    analyser = with_corridor(UP_AND_DOWN)
    for number in range(20):
        t_s = number / 2.5
        x_m = -1.0 - t_s + 0.9 * np.arange(-2, 6)
        gone = np.column_stack([x_m, np.full(8, 1.5)])[x_m < 0.0]
        analyser.observe(frame(t_s, "cam-up"), heads(gone, ABOVE, CORRIDOR))
        (reading,) = analyser.observe(frame(t_s), NOBODY)
    assert reading.measurement is not None
    assert reading.measurement.upstream_people == pytest.approx(8.0, abs=1.0)
    assert reading.measurement.demand_per_m_s == 0.0


def test_who_was_seen_upstream_by_a_camera_that_stopped_is_not_on_the_way_for_ever() -> None:
    """It stops at 8 s, when eight people are about to come; the stair's own camera goes on."""
    analyser = with_corridor()
    seen_coming(analyser, {"leaf": DoorState.SHUT}, 8.0)
    upstream = {}
    for number in range(20, 40):
        (reading,) = analyser.observe(frame(number / 2.5), NOBODY)
        assert reading.measurement is not None
        upstream[number / 2.5] = reading.measurement.upstream_people
    assert {people for t_s, people in upstream.items() if t_s > 10.7} == {None}
    assert upstream[10.4] == pytest.approx(8.0, abs=1.0)
    assert reading.measurement is not None
    assert reading.measurement.demand_per_m_s == 0.0


def test_a_crowd_upstream_is_one_though_its_camera_is_covered_and_nobody_is_nobody() -> None:
    coming_above = heads(coming(8.0), ABOVE, CORRIDOR)
    for found, doubt, people in ((NOBODY, "", 0.0), (coming_above, "covered", 8.0)):
        analyser = with_corridor()
        analyser.observe(frame(0.0, "cam-up"), found, doubt)
        (reading,) = analyser.observe(frame(0.1), NOBODY)
        assert reading.measurement is not None
        assert reading.measurement.upstream_people == pytest.approx(people, abs=1.0)


def test_a_covered_camera_says_of_nobody_upstream_that_there_is_nobody() -> None:
    analyser = with_corridor()
    for number in range(20):
        analyser.observe(frame(number / 2.5, "cam-up"), NOBODY, "covered")
        (reading,) = analyser.observe(frame(number / 2.5), NOBODY)
    assert reading.measurement is not None
    assert reading.measurement.upstream_people is None


@pytest.mark.parametrize(
    ("states", "rules"),
    [
        ({"leaf": DoorState.OPEN}, []),
        ({"leaf": DoorState.UNKNOWN}, ["door_unknown"]),
        ({}, ["door_unknown"]),
    ],
)
def test_an_open_or_unknown_leaf_warns_of_nothing(
    states: dict[str, DoorState], rules: list[str]
) -> None:
    reading = seen_coming(with_corridor(), states, 8.0)
    assert reading.level is Level.L0
    assert dict(reading.doors) == {"leaf": states.get("leaf", DoorState.UNKNOWN)}
    assert [reason.rule for reason in reading.reasons if reason.rule != "density"] == rules

"""By which way people came in: who turns on a landing meets nobody, two classes on it do."""

import math
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from shapely.geometry import box

from tests.vision.scene_cases import LENS, START, frame, heads, scene
from vision.crowd.movement import DirectionShares, meeting_share
from vision.crowd.ways_in import Way, WaysIn, WaysOut, share_that_may_meet
from vision.geometry.camera import Camera, Pose
from vision.geometry.zones import Line, Zone, ZoneType
from vision.risk.readings import ZoneReading

# The flight from above and the one below lie side by side; the exit is the head of the lower one.
LANDING = Zone(
    "landing",
    "f1",
    ZoneType.STAIRS,
    box(0, 0, 3.0, 3.2),
    head_height_m=1.35,
    width_m=1.5,
    axis_deg=0.0,
    exits=(Line("down", (3.0, 0.0), (3.0, 1.5)),),
)
_CAMERA = Camera(Pose(-3.2, 1.6, 4.2, 0, 30), LENS)
_PACE_MPS, _STRAIGHT_M, _ROUND_M = 0.7, 2.6, 0.8
_WAY_M = 2 * _STRAIGHT_M + math.pi * _ROUND_M


def round_the_landing(walked_m: float, aside_m: float) -> tuple[float, float]:
    """Where somebody is who comes from the flight above, turns, and goes on to the one below."""
    if walked_m < _STRAIGHT_M:
        return 3.6 - walked_m, 2.4 + aside_m
    turned = (walked_m - _STRAIGHT_M) / _ROUND_M
    if turned < math.pi:
        radius_m = _ROUND_M + aside_m
        return 1.0 - math.sin(turned) * radius_m, 1.6 + math.cos(turned) * radius_m
    return 1.0 + walked_m - _STRAIGHT_M - math.pi * _ROUND_M, 0.8 - aside_m


def people(t: float, per_s: float, *, up: bool) -> np.ndarray:
    """One class that goes down; with `up` as many come up, on the inner side of the turn."""
    places = []
    for number in range(int(t * per_s) + 1):
        walked_m = (t - number / per_s) * _PACE_MPS
        if walked_m <= _WAY_M:
            places.append(round_the_landing(walked_m, 0.35 if up else 0.6 * (number % 2) - 0.3))
            places += [round_the_landing(_WAY_M - walked_m, -0.35)] if up else []
    return np.array(places).reshape(-1, 2)


def watched(per_s: float, *, up: bool, zone: Zone = LANDING) -> Iterator[ZoneReading]:
    analyser, rng = scene({"cam-a": _CAMERA}, zone), np.random.default_rng(1)
    for step in range(250):
        t = 0.2 * step
        places = people(t, per_s, up=up)
        found = places[rng.random(len(places)) >= 0.04]
        yield from analyser.observe(frame(t), heads(found, _CAMERA, zone))


def uneven(per_s: float, seed: int, *, up: bool) -> set[str]:
    """As `names`, of people who keep no step with each other, looked at 2.5 times a second."""
    rng = np.random.default_rng(seed)
    count = int(40.0 * per_s)
    starts_s = (np.arange(count) + rng.uniform(-0.3, 0.3, count)) / per_s
    paces_mps, asides_m = rng.normal(_PACE_MPS, 0.07, (2, count)), rng.normal(0.0, 0.06, (2, count))
    analyser, found = scene({"cam-a": _CAMERA}, LANDING), set()
    for picture in range(100):
        t, places = 0.4 * picture, []
        walked_m = (t - starts_s) * paces_mps
        here = (walked_m >= 0.0) & (walked_m <= _WAY_M)
        for number in range(count):
            lane_m = 0.35 if up else 0.6 * (number % 2) - 0.3
            if here[0, number]:
                places.append(round_the_landing(walked_m[0, number], lane_m + asides_m[0, number]))
            if up and here[1, number]:
                back_m = _WAY_M - walked_m[1, number]
                places.append(round_the_landing(back_m, asides_m[1, number] - 0.35))
        seen = np.array(places).reshape(-1, 2)
        seen = seen[rng.random(len(seen)) >= 0.04]
        for reading in analyser.observe(frame(t), heads(seen, _CAMERA, LANDING)):
            found |= {reason.rule for reason in reading.reasons}
    return found


def names(per_s: float, *, up: bool) -> set[str]:
    return {reason.rule for one in watched(per_s, up=up) for reason in one.reasons}


@pytest.mark.parametrize("per_s", [1.2, 1.6, 2.0])
def test_a_class_that_turns_on_a_landing_meets_nobody(per_s: float) -> None:
    assert "counter_flow" not in names(per_s, up=False)


@pytest.mark.parametrize("per_s", [0.5, 0.8, 1.2])
def test_two_classes_on_a_landing_meet(per_s: float) -> None:
    """Both come onto it the same way along the axis, one by the exit and one beside it."""
    assert "counter_flow" in names(per_s, up=True)


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("up", [False, True])
def test_two_classes_are_told_from_one_that_turns_although_heads_are_lost(
    seed: int, up: bool
) -> None:
    """Some come in between two pictures, or are found anew within."""
    assert ("counter_flow" in uneven(0.8 if up else 1.6, seed, up=up)) == up


UP, DOWN, SIDE = Way(1, 0), Way(0, 1), Way(0, 2)


# Two corridors face each other; between them a flight goes down, to the south.
HALL = Zone(
    "hall",
    "f1",
    ZoneType.STAIRS,
    box(0, 0, 4.0, 3.0),
    head_height_m=1.35,
    width_m=2.0,
    exits=(Line("down", (1.0, 0.0), (3.0, 0.0)),),
)
_WEST, _EAST = (-0.8, 1.6), (4.8, 1.6)


def along(way_xy_m: list[tuple[float, float]], walked_m: float, aside_m: float) -> list[float]:
    """Where somebody is who has walked so far along a way of straight pieces."""
    for (ax, ay), (bx, by) in pairwise(way_xy_m):
        length_m = math.dist((ax, ay), (bx, by))
        x, y = (bx - ax) / length_m, (by - ay) / length_m
        if walked_m < length_m:
            return [ax + x * walked_m - y * aside_m, ay + y * walked_m + x * aside_m]
        walked_m -= length_m
    return []


def hall_names(ways_xy_m: list[list[tuple[float, float]]], fps: float) -> set[str]:
    """What is named while 0.9 a second walk each of these ways for a minute."""
    rng, found = np.random.default_rng(2), set()
    analyser = scene({"cam-a": _CAMERA}, HALL)
    starts_s = np.sort(rng.uniform(0.0, 60.0, (len(ways_xy_m), 54)), axis=1)
    asides_m = rng.uniform(-0.35, 0.35, starts_s.shape)
    for picture in range(int(60.0 * fps)):
        t = picture / fps
        places = [
            place
            for way, begun_s, aside_m in zip(ways_xy_m, starts_s, asides_m, strict=True)
            for start_s, side_m in zip(begun_s, aside_m, strict=True)
            if t >= start_s and (place := along(way, (t - start_s) * _PACE_MPS, side_m))
        ]
        seen = np.array(places).reshape(-1, 2)
        seen = seen[rng.random(len(seen)) >= 0.04]
        for reading in analyser.observe(frame(t), heads(seen, _CAMERA, HALL)):
            found |= {reason.rule for reason in reading.reasons}
    return found


@pytest.mark.parametrize("fps", [1.25, 2.5])
def test_two_who_face_each_other_and_leave_by_one_flight_meet_nobody(fps: float) -> None:
    from_west = [_WEST, (1.5, 1.6), (1.5, -1.5)]
    from_east = [_EAST, (2.5, 1.6), (2.5, -1.5)]
    assert "counter_flow" not in hall_names([from_west, from_east], fps)


@pytest.mark.parametrize(
    ("fps", "way"),
    [(1.25, [_WEST, _EAST]), (2.5, [_WEST, _EAST]), (2.5, [_WEST, (2.0, 1.6), (2.0, -1.5)])],
)
def test_one_class_that_goes_where_the_other_comes_from_meets_it(
    fps: float, way: list[tuple[float, float]]
) -> None:
    assert "counter_flow" in hall_names([way, way[::-1]], fps)


@pytest.mark.parametrize(
    ("came_in", "went_out", "share"),
    [
        # Too few went out to tell whither they go: all but those of one way may meet.
        ({DOWN: 8}, {}, 0.0),
        ({DOWN: 6, UP: 2}, {UP: 2}, 0.25),
        ({DOWN: 3, None: 5}, {}, 0.625),  # who was not seen to come in may have come by any way
        ({DOWN: 4, SIDE: 4}, {UP: 8}, 0.0),
        ({DOWN: 3, SIDE: 3, None: 2}, {UP: 8}, 0.25),
        ({DOWN: 6, UP: 2}, {UP: 8}, 0.25),  # those who came up are stuck, and nobody gets out there
        ({DOWN: 6, UP: 2}, {UP: 6, DOWN: 2}, 1.0),
        ({DOWN: 6, SIDE: 2}, {UP: 19, DOWN: 1}, 0.0),  # one head that was taken for its neighbour
        ({}, {UP: 8}, None),
    ],
)
def test_who_came_in_where_others_go_out_may_meet_them(
    came_in: dict[Way | None, int], went_out: dict[Way, int], share: float | None
) -> None:
    assert share_that_may_meet(Counter(came_in), Counter(went_out)) == share


@pytest.mark.parametrize(
    ("minority", "may_meet", "meets"),
    [
        (0.4, None, 0.4),
        (0.4, 0.0, 0.0),
        (0.4, 0.5, 0.4),
        (0.1, 0.5, 0.1),
        (None, 0.0, None),
    ],
)
def test_who_walks_against_the_rest_and_may_meet_them_does(
    minority: float | None, may_meet: float | None, meets: float | None
) -> None:
    few = minority is None
    shares = DirectionShares(1.0 - (minority or 0.0), minority or 0.0, 3 if few else 10)
    told = meeting_share(shares, may_meet)
    assert told == (None if meets is None else pytest.approx(meets))


def test_who_went_out_is_counted_by_the_exit_and_for_as_long_as_flows_are() -> None:
    ways = WaysOut()
    for way in (DOWN, UP, DOWN):
        ways.went_out(1, way, START)
    ways.went_out(2, DOWN, START.plus(4.0))
    assert ways.counted(START.plus(8.0)) == {UP: 1, DOWN: 1}
    assert ways.counted(START.plus(9.0)) == {DOWN: 1}


def test_an_exit_is_the_better_name_for_a_place_at_the_border() -> None:
    ways = WaysIn()
    for way in (DOWN, UP, DOWN):
        ways.came_in(1, way, START)
    assert ways.of([1, 2], START) == {UP: 1, None: 1}
    ways.went_out(1)
    ways.came_in(1, DOWN, START)
    assert ways.of([1], START) == {DOWN: 1}


def test_who_stands_for_long_keeps_the_way() -> None:
    """A class that waits on the stair before it goes on has not come in anew."""
    ways = WaysIn()
    ways.came_in(1, UP, START)
    for second in range(20):
        at = START.plus(second)
        ways.stands(1, 0.8, at, lambda: DOWN)
        assert ways.of([], at) == {}
    assert ways.of([1], START.plus(20.0)) == {UP: 1}


def test_who_is_not_seen_for_long_is_forgotten() -> None:
    ways = WaysIn()
    ways.came_in(1, UP, START)
    for t in (4.0, 8.0):
        assert ways.of([1], START.plus(t)) == {UP: 1}
    ways.of([], START.plus(14.0))
    assert ways.of([1], START.plus(14.0)) == {None: 1}


@pytest.mark.parametrize(
    ("depths_m", "way"),
    [
        ((0.4, 0.8), DOWN),
        ((-0.1, 0.1, 0.3), DOWN),
        ((0.4, 0.6), None),  # no more than the jitter of a head that stands
        ((0.4, 0.1), None),  # it goes out
        ((1.2, 1.8), None),  # found in the midst: it may have come in anywhere
    ],
)
def test_who_came_in_between_two_pictures_came_in_by_the_nearest_way(
    depths_m: tuple[float, ...], way: Way | None
) -> None:
    ways = WaysIn()
    for number, depth_m in enumerate(depths_m):
        nearest = DOWN if number == 0 else UP
        ways.stands(1, depth_m, START.plus(0.4 * number), lambda: nearest)  # noqa: B023
    assert ways.of([1], START.plus(1.0)) == {way: 1}

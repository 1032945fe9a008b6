"""Tracks, speed, directions, crossings and flow."""

import math

import numpy as np
import pytest
from shapely.geometry import box

from vision.crowd.movement import (
    CrossingCounter,
    balance_error,
    border_distance,
    direction_shares,
    line_flow_per_s,
    median_speed_mps,
    side_of,
    specific_flow,
    stopped_share,
)
from vision.crowd.tracking import HeadTracker
from vision.geometry.zones import Line
from vision.instants import Utc

START = Utc.from_iso("2026-03-02T00:00:00Z")
DOOR = Line("door", (0.0, 0.0), (0.0, 2.0))


def walk(tracker: HeadTracker, paths: list[np.ndarray], step_s: float = 0.2) -> list[list[int]]:
    """Feed the paths (each (T, 2), NaN while absent); returns the ids of each picture."""
    seen = []
    for index in range(len(paths[0])):
        points = np.array([path[index] for path in paths])
        present = np.isfinite(points).all(axis=1)
        ids, _ = tracker.update(points[present], START.plus(index * step_s))
        seen.append(ids.tolist())
    return seen


def straight(start: tuple[float, float], velocity: tuple[float, float], count: int) -> np.ndarray:
    return np.asarray(np.array(start) + np.arange(count)[:, None] * 0.2 * np.array(velocity))


def test_two_people_who_pass_keep_their_ids() -> None:
    ids = walk(HeadTracker(), [straight((0, 0), (1.2, 0), 30), straight((6, 0.5), (-1.2, 0), 30)])
    assert all(picture == [1, 2] for picture in ids)


def test_velocity_is_known_after_a_while_and_right() -> None:
    tracker = HeadTracker()
    for index in range(10):
        _, velocity = tracker.update(np.array([[0.3 * index, 1.0]]), START.plus(index * 0.2))
        if index < 2:
            assert np.isnan(velocity).all()
    np.testing.assert_allclose(velocity, [[1.5, 0.0]])


def test_a_short_miss_keeps_the_id_and_a_long_one_gives_a_new_one() -> None:
    path = straight((0, 0), (1.0, 0), 30)
    path[10:13] = np.nan  # 0.6 s
    path[20:27] = np.nan  # 1.4 s
    ids = [picture[0] for picture in walk(HeadTracker(), [path]) if picture]
    assert ids == [1] * 17 + [2] * 3


def test_one_who_leaves_is_not_replaced_by_a_chain_of_neighbours() -> None:
    """A row of people 0.5 m apart; the first leaves the picture, another comes at the end."""
    tracker = HeadTracker()
    row = np.column_stack([np.arange(6) * 0.5, np.zeros(6)])
    for index in range(6):
        before, _ = tracker.update(row, START.plus(index * 0.2))
    after, _ = tracker.update(np.vstack([row[1:], [[3.0, 0.0]]]), START.plus(1.2))
    assert after.tolist()[:5] == before.tolist()[1:]
    assert after.tolist()[5] not in before.tolist()


def test_a_head_without_a_place_gets_an_id_of_its_own_each_time() -> None:
    tracker = HeadTracker()
    first, velocity = tracker.update(np.array([[np.nan, np.nan]]), START)
    second, _ = tracker.update(np.array([[np.nan, np.nan]]), START.plus(0.2))
    assert first[0] != second[0]
    assert np.isnan(velocity).all()
    assert len(tracker.update(np.zeros((0, 2)), START.plus(0.4))[0]) == 0


def test_speed_ignores_the_unknown() -> None:
    velocity = np.array([[0.1, 0], [0, 0.5], [3, 4], [np.nan, np.nan]])
    assert median_speed_mps(velocity) == pytest.approx(0.5)
    assert stopped_share(velocity) == pytest.approx(1 / 3)
    assert median_speed_mps(velocity[3:]) is None
    assert stopped_share(velocity[3:]) is None


@pytest.mark.parametrize(
    ("speeds", "people", "middle", "stopped"),
    [
        ([0.0, 0.5, 1.0, 1.5], [1, 1, 1, 1], 0.75, 0.25),  # as without people
        ([1.5, 0.0, 1.0, 0.5], [1, 1, 1, 1], 0.75, 0.25),  # in any order
        ([0.0, 0.5, 1.0], [1, 1, 1], 0.5, 1 / 3),
        ([0.0, 1.0, 1.0, 1.0], [4, 0.5, 0.5, 0.5], 0.0, 4 / 5.5),  # three cells of a thin crowd
        ([0.0, 1.0], [0.3, 0.1], 0.0, 0.75),
        ([0.1] * 3 + [1.0], [0.1, 0.1, 0.1, 0.3], 0.55, 0.5),  # tenths do not sum to a half
        ([0.0, np.nan, 0.4], [1, 9, 1], 0.2, 0.5),
        ([0.0, 0.4], [0, 1], 0.4, 0.0),  # stands for nobody
    ],
)
def test_the_speed_of_people_is_told_by_for_how_many_each_stands(
    speeds: list[float], people: list[float], middle: float, stopped: float
) -> None:
    velocity = np.column_stack([speeds, np.zeros(len(speeds))])
    each = np.array(people, dtype=np.float64)
    assert median_speed_mps(velocity, each) == pytest.approx(middle)
    assert stopped_share(velocity, each) == pytest.approx(stopped)


def test_nobody_has_no_speed() -> None:
    velocity = np.array([[0.1, 0.0]])
    assert median_speed_mps(velocity, np.zeros(1)) is None
    assert stopped_share(velocity, np.zeros(1)) is None


@pytest.mark.parametrize(
    ("axis_deg", "speeds", "along", "against", "minority"),
    [
        (0.0, [1, 1, 1, -1], 0.75, 0.25, 0.25),
        (180.0, [1, 1, 1, -1], 0.25, 0.75, 0.25),
        (0.0, [1, 1, -1], 2 / 3, 1 / 3, None),  # too few to tell
        (0.0, [1, 1, 1, 1, 0.1, -0.1], 1.0, 0.0, 0.0),  # standing people have no direction
        (90.0, [1, 1, 1, -1], 0.0, 0.0, None),  # all walk across
    ],
)
def test_direction_shares(
    axis_deg: float, speeds: list[float], along: float, against: float, minority: float | None
) -> None:
    shares = direction_shares(np.column_stack([speeds, np.zeros(len(speeds))]), axis_deg)
    assert (shares.along, shares.against) == pytest.approx((along, against))
    assert shares.minority == (None if minority is None else pytest.approx(minority))


def test_without_an_axis_the_movement_itself_gives_it() -> None:
    slanted = np.array([[1, 1], [1, 1.1], [0.9, 1], [1, 1], [-1, -1]])
    assert direction_shares(slanted, None).minority == pytest.approx(0.2)


def test_cells_of_a_density_map_count_as_the_people_they_stand_for() -> None:
    """Thirty cells that stand for three walk down, three heads walk up; one cell holds nobody."""
    pace_mps = np.array([*[0.5] * 30, *[-0.5] * 3, -0.5])
    people = np.array([*[0.1] * 30, *[1.0] * 3, 0.0])
    for axis_deg in (0.0, None):
        shares = direction_shares(np.column_stack([pace_mps, pace_mps * 0.0]), axis_deg, people)
        assert shares.minority == pytest.approx(0.5)
    assert direction_shares(np.ones((4, 2)), 0.0, np.zeros(4)).minority is None


def test_sides_of_a_line() -> None:
    # The line runs up the plan, so its left is -x; above its end no side is told.
    side = side_of(DOOR, np.array([[-0.5, 1.0], [0.5, 1.0], [0.5, 3.0]]))
    np.testing.assert_allclose(side[:2], [0.5, -0.5])
    assert np.isnan(side[2])


@pytest.mark.parametrize(
    ("signed_m", "came_in", "went_out"),
    [
        ([1.0, 0.5, -0.5], 0, 1),
        ([-1.0, 0.5], 1, 0),
        ([0.05, -0.05, 0.05, -0.05], 0, 0),  # sways on the line
        ([0.5, 0.05, -0.1, 0.1, 0.5], 0, 0),  # turns back in the band
        ([0.5, -0.1, -0.2, 0.1, -0.3], 0, 1),  # counts once in spite of the sway
        ([0.5, math.nan, -0.5], 0, 0),  # walks round the end
    ],
)
def test_crossings_with_a_band(signed_m: list[float], came_in: int, went_out: int) -> None:
    counter = CrossingCounter()
    totals = np.zeros(2, dtype=int)
    for index, value in enumerate(signed_m):
        totals += counter.update(np.array([7]), np.array([value]), START.plus(index * 0.2))
    assert totals.tolist() == [came_in, went_out]


def test_who_stands_on_a_border_does_not_cross_it() -> None:
    """At a grazing angle the place of a standing head jitters by more than the band."""
    ids, jitter_m = np.array([1]), [0.3, -0.3] * 10
    for speed_mps, crossed in ((0.05, 0), (0.8, 19)):
        counter = CrossingCounter()
        total = 0
        for index, distance in enumerate(jitter_m):
            pace = np.array([0.8 if index == 0 else speed_mps])
            both = counter.update(ids, np.array([distance]), START.plus(0.2 * index), pace)
            total += sum(both)
        assert total == crossed


def test_rates_need_a_full_window() -> None:
    counter = CrossingCounter()
    assert counter.rates_per_s(START) is None
    for index in range(41):
        # One person out every second.
        distance = 0.5 if index % 5 == 0 else -0.5
        counter.update(np.array([index // 5]), np.array([distance]), START.plus(index * 0.2))
        if index < 40:
            assert counter.rates_per_s(START.plus(index * 0.2)) is None
    assert counter.rates_per_s(START.plus(8.0)) == (0.0, 1.0)
    counter.restart()
    assert counter.rates_per_s(START.plus(8.0)) is None


def test_border_distance_is_positive_inside() -> None:
    distance = border_distance(box(0, 0, 4, 2), np.array([[1, 1], [-0.5, 1], [2, 2.25]]))
    np.testing.assert_allclose(distance, [1.0, -0.5, -0.25])


def test_flow_through_a_line_is_density_times_speed_times_width() -> None:
    """2 per m² walk at 0.8 m/s through a 2 m door: 3.2 a second."""
    x, y = np.meshgrid(np.arange(-4.65, 5, 0.5), np.arange(0.5, 2, 1.0))
    points = np.column_stack([x.ravel(), y.ravel()])
    velocity = np.tile([0.8, 0.0], (len(points), 1))
    flow = line_flow_per_s(DOOR, points, velocity, box(-5, 0, 5, 2))
    assert flow.to_right_per_s == pytest.approx(3.2)
    assert flow.to_left_per_s == 0.0
    assert specific_flow(flow.to_right_per_s, 2.0) == pytest.approx(1.6)


def test_the_balance_of_a_zone() -> None:
    assert balance_error(10, 13, [2, 3], [1]) == pytest.approx(-1)
    assert balance_error(10, 14, [2, 3], [1]) == 0

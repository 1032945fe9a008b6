"""Arrivals of the next minute, and which zone leads to which."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import box

from vision.demand import (
    Upstream,
    arrivals_per_s,
    arrivals_s,
    densest_per_s,
    upstream_zones,
    walk_s,
)
from vision.zones import Line, Zone, ZoneType

_COORDINATE = st.integers(-20_000, 20_000).map(lambda millimetres: millimetres / 1000.0)


def zone(name: str, x0: float, x1: float, exit_x: float | None, floor: str = "f1") -> Zone:
    exits = () if exit_x is None else (Line("out", (exit_x, 0.0), (exit_x, 3.0)),)
    return Zone(name, floor, ZoneType.CORRIDOR, box(x0, 0.0, x1, 3.0), exits=exits)


@pytest.mark.parametrize(
    ("own", "upstream", "expected", "answer"),
    [
        (None, [], None, None),
        (0.5, [], None, 0.5),
        # 30 people upstream, and 0.4 a second for half of the minute: 42 in 60 s
        (0.5, [Upstream(30.0, 0.4)], None, 0.7),
        (0.5, [Upstream(12.0, 0.0), Upstream(6.0, 0.0)], None, 0.5),
        (None, [Upstream(12.0, 0.0)], None, 0.2),
        (0.5, [Upstream(30.0, 0.4)], 1.5, 1.5),
    ],
)
def test_the_largest_source_counts(
    own: float | None, upstream: list[Upstream], expected: float | None, answer: float | None
) -> None:
    found = arrivals_per_s(own, upstream, expected)
    assert found == (None if answer is None else pytest.approx(answer))


def test_a_zone_leads_to_the_one_that_its_exit_touches() -> None:
    zones = [zone("corridor", 0, 10, 10), zone("stair", 10, 14, 14), zone("hall", 14.2, 20, None)]
    assert upstream_zones(zones) == {
        "corridor": (),
        "stair": ("corridor",),
        "hall": ("stair",),
    }


def test_another_floor_or_a_far_line_leads_nowhere() -> None:
    zones = [zone("a", 0, 10, 10), zone("b", 10, 14, None, "f2"), zone("c", 10.5, 14, None)]
    assert upstream_zones(zones) == {"a": (), "b": (), "c": ()}


@pytest.mark.parametrize(
    ("exit_x", "along_m", "leads"),
    [
        (10.29, 3.0, True),
        (10.31, 3.0, False),
        (9.71, 3.0, True),
        (9.69, 3.0, False),
        (10.0, 1.55, True),  # a little more than half of the line lies at the other zone
        (10.0, 1.45, False),
    ],
)
def test_half_of_an_exit_within_a_foot_s_length_leads_on(
    exit_x: float, along_m: float, leads: bool
) -> None:
    """The other zone begins at x = 10 and is `along_m` wide; 0.3 m past its corner still counts."""
    source = zone("a", 0, 10, exit_x)
    target = Zone("b", "f1", ZoneType.CORRIDOR, box(10.0, 0.0, 14.0, along_m - 0.3))
    assert upstream_zones([source, target])["b"] == (("a",) if leads else ())


FOOT = Line("foot", (10.0, 0.0), (10.0, 3.0))


def test_who_walks_to_the_exit_arrives_after_the_way_at_the_common_pace() -> None:
    xy_m = np.array([[4.0, 1.0], [8.0, 2.0], [6.0, 1.0], [9.0, 1.5], [7.0, 1.0]])
    velocity_mps = np.array([[1.0, 0.0], [0.5, 0.0], [0.6, 0.0], [-1.0, 0.0], [0.1, 0.0]])
    # The fourth walks away and the fifth stands; the others walk 0.6 m/s in the median.
    arrive_s = arrivals_s([FOOT], xy_m, velocity_mps).tolist()
    assert arrive_s == pytest.approx([2.0 / 0.6, 4.0 / 0.6, 6.0 / 0.6])
    assert len(arrivals_s([], xy_m, velocity_mps)) == 0
    assert len(arrivals_s([FOOT], np.zeros((0, 2)), np.zeros((0, 2)))) == 0


@pytest.mark.parametrize(("others_mps", "arrive_s"), [(0.5, [4.0, 6.0, 8.0]), (-0.5, [4.0])])
def test_who_is_new_comes_where_most_others_do(others_mps: float, arrive_s: list[float]) -> None:
    xy_m = np.array([[8.0, 1.0], [6.0, 1.0], [7.0, 1.0]])
    velocity_mps = np.array([[0.5, 0.0], [others_mps, 0.0], [np.nan, np.nan]])
    assert arrivals_s([FOOT], xy_m, velocity_mps).tolist() == pytest.approx(
        arrive_s[:1] + [one for one in (6.0, 8.0) if others_mps > 0.0]
    )


def test_where_nobody_comes_nobody_arrives() -> None:
    xy_m = np.array([[4.0, 1.0], [8.0, 2.0], [6.0, 1.0]])
    away_mps = np.array([[-1.0, 0.0], [0.19, 0.0], [np.nan, np.nan]])
    assert arrivals_s([FOOT], xy_m, away_mps).tolist() == []


def test_who_is_new_comes_with_three_of_four_and_who_stands_on_the_line_has_no_say() -> None:
    xy_m = np.array([[8.0, 1.0], [6.0, 1.0], [4.0, 1.0], [9.0, 2.0], [9.0, 1.0]])
    xy_m = np.vstack([xy_m, np.column_stack([np.full(4, 10.0), np.linspace(0.5, 2.5, 4)])])
    velocity_mps = np.zeros((9, 2))
    velocity_mps[:4, 0] = [0.5, 0.5, 0.5, -0.5]
    velocity_mps[4] = np.nan
    assert arrivals_s([FOOT], xy_m, velocity_mps).tolist() == pytest.approx([2.0, 4.0, 8.0, 12.0])


def test_each_walks_to_the_nearer_of_two_exits() -> None:
    back = Line("back", (0.0, 0.0), (0.0, 3.0))
    xy_m, velocity_mps = np.array([[2.0, 1.0], [8.0, 1.0]]), np.array([[-1.0, 0.0], [-1.0, 0.0]])
    assert arrivals_s([FOOT, back], xy_m, velocity_mps).tolist() == pytest.approx([2.0])


def test_the_densest_eight_seconds_count() -> None:
    assert densest_per_s(np.zeros(0)) == 0.0
    assert densest_per_s(np.array([0.0, 20.0, 22.0, 27.9, 40.0])) == pytest.approx(3 / 8)


@given(st.lists(st.floats(0.0, 100.0), max_size=30), st.floats(0.0, 100.0), st.floats(-50.0, 50.0))
def test_more_people_are_never_less_demand_and_time_shifts_nothing(
    times: list[float], one_more: float, later: float
) -> None:
    rate = densest_per_s(np.array(times))
    assert 0.0 <= rate * 8.0 <= len(times)
    assert densest_per_s(np.array([*times, one_more])) >= rate
    # Whole sixteenths, so that the shift itself rounds nothing.
    steps = np.round(np.array(times) * 16) / 16
    assert densest_per_s(steps + round(later * 16) / 16) == densest_per_s(steps)


def test_the_way_through_a_zone_at_the_pace_of_a_full_flow() -> None:
    flight = Zone("s", "f1", ZoneType.STAIRS, box(0, 0, 3.6, 3),
                  exits=(Line("foot", (3.6, 0.0), (3.6, 3.0)),))  # fmt: skip
    top = Line("top", (0.0, 0.0), (0.0, 3.0))
    assert walk_s(flight, [top]) == pytest.approx(3.6 / 0.55)
    assert walk_s(flight, []) == 0.0
    # The shortest of all ways: a full flow is there no later.
    side = Line("side", (2.5, 0.0), (3.5, 0.0))
    assert walk_s(flight, [top, side]) == pytest.approx(0.1 / 0.55)
    assert walk_s(zone("hall", 0, 10, None), [top]) == 0.0


@given(
    st.lists(st.tuples(_COORDINATE, _COORDINATE), min_size=1, max_size=8),
    st.tuples(_COORDINATE, _COORDINATE, _COORDINATE, _COORDINATE).filter(
        lambda line: np.hypot(line[2] - line[0], line[3] - line[1]) > 0.1
    ),
)
def test_the_way_to_a_line_is_as_long_as_an_independent_library_says(
    places: list[tuple[float, float]], drawn: tuple[float, float, float, float]
) -> None:
    """All walk straight to the nearest place of the line at 1 m/s: metres are seconds."""
    line = Line("out", drawn[:2], drawn[2:])
    string = shapely.LineString([line.start_xy_m, line.end_xy_m])
    far = [place for place in places if string.distance(shapely.Point(place)) > 1e-3]
    feet = [string.interpolate(string.project(shapely.Point(place))) for place in far]
    way = np.array([[foot.x, foot.y] for foot in feet]).reshape(-1, 2) - np.reshape(far, (-1, 2))
    far_m = np.linalg.norm(way, axis=1)
    found = arrivals_s([line], np.reshape(far, (-1, 2)), way / far_m[:, None])
    np.testing.assert_allclose(found, np.sort(far_m), rtol=1e-6)

"""Who walks to which exits of a zone, and whether enough of these is open."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from vision.geometry.zones import Line
from vision.risk.arrivals import Arrivals, arrivals, densest_per_s, most_pressed
from vision.risk.profiles import ShutDoor

_COORDINATE = st.integers(-20_000, 20_000).map(lambda millimetres: millimetres / 1000.0)
FOOT = Line("foot", (10.0, 0.0), (10.0, 3.0))
TOP = Line("top", (0.0, 0.0), (0.0, 3.0))
RULE = ShutDoor(share=0.7, flow_per_m_s=1.0, arrivals_per_m_s=0.1)


def test_who_walks_to_the_exit_arrives_after_the_way_at_the_common_pace() -> None:
    xy_m = np.array([[4.0, 1.0], [8.0, 2.0], [6.0, 1.0], [9.0, 1.5], [7.0, 1.0]])
    velocity_mps = np.array([[1.0, 0.0], [0.5, 0.0], [0.6, 0.0], [-1.0, 0.0], [0.1, 0.0]])
    # The fourth walks away and the fifth stands; the others walk 0.6 m/s in the median.
    arrive_s = arrivals([FOOT], xy_m, velocity_mps).after_s.tolist()
    assert arrive_s == pytest.approx([2.0 / 0.6, 4.0 / 0.6, 6.0 / 0.6])
    assert len(arrivals([], xy_m, velocity_mps).after_s) == 0
    assert len(arrivals([FOOT], np.zeros((0, 2)), np.zeros((0, 2))).after_s) == 0


@pytest.mark.parametrize(("others_mps", "arrive_s"), [(0.5, [4.0, 6.0, 8.0]), (-0.5, [4.0])])
def test_who_is_new_comes_where_most_others_do(others_mps: float, arrive_s: list[float]) -> None:
    xy_m = np.array([[8.0, 1.0], [6.0, 1.0], [7.0, 1.0]])
    velocity_mps = np.array([[0.5, 0.0], [others_mps, 0.0], [np.nan, np.nan]])
    assert arrivals([FOOT], xy_m, velocity_mps).after_s.tolist() == pytest.approx(
        arrive_s[:1] + [one for one in (6.0, 8.0) if others_mps > 0.0]
    )


def test_cells_of_a_density_map_arrive_as_the_people_they_stand_for() -> None:
    """Ten cells with a tenth of a person each, and one head: two people, however many places."""
    xy_m = np.column_stack([np.linspace(6.0, 8.0, 11), np.full(11, 1.5)])
    people = np.array([*[0.1] * 10, 1.0])
    found = arrivals([FOOT], xy_m, np.tile([0.5, 0.0], (11, 1)), people)
    assert densest_per_s(found.after_s, found.people) == pytest.approx(2.0 / 8.0)
    assert most_pressed([found], (3.0,), (0.0,), RULE).arriving_per_m_s == pytest.approx(2 / 8 / 3)


def test_where_nobody_comes_nobody_arrives() -> None:
    xy_m = np.array([[4.0, 1.0], [8.0, 2.0], [6.0, 1.0]])
    away_mps = np.array([[-1.0, 0.0], [0.19, 0.0], [np.nan, np.nan]])
    assert arrivals([FOOT], xy_m, away_mps).after_s.tolist() == []


def test_who_is_new_comes_with_three_of_four_and_who_stands_on_the_line_has_no_say() -> None:
    xy_m = np.array([[8.0, 1.0], [6.0, 1.0], [4.0, 1.0], [9.0, 2.0], [9.0, 1.0]])
    xy_m = np.vstack([xy_m, np.column_stack([np.full(4, 10.0), np.linspace(0.5, 2.5, 4)])])
    velocity_mps = np.zeros((9, 2))
    velocity_mps[:4, 0] = [0.5, 0.5, 0.5, -0.5]
    velocity_mps[4] = np.nan
    assert arrivals([FOOT], xy_m, velocity_mps).after_s.tolist() == pytest.approx(
        [2.0, 4.0, 8.0, 12.0]
    )


def test_each_comes_to_the_exits_that_lie_ahead() -> None:
    """Who has just come in walks away from the nearest one."""
    beside = Line("beside", (10.0, 4.0), (10.0, 7.0))
    xy_m = np.array([[2.0, 1.0], [8.0, 1.0], [6.0, 1.0], [8.0, 1.0]])
    velocity_mps = np.array([[-1.0, 0.0], [-1.0, 0.0], [1.0, 0.0], [0.0, 0.1]])
    found = arrivals([FOOT, TOP, beside], xy_m, velocity_mps)
    assert found.after_s.tolist() == pytest.approx([2.0, 4.0, 8.0])
    assert found.exits.tolist() == [[False, True, False], [True, False, True], [False, True, False]]


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


def of(count: int, *exits: bool, every_s: float = 1.0) -> Arrivals:
    """So many people, one after the other, who walk to the same exits."""
    after_s = np.arange(count, dtype=np.float64) * every_s
    return Arrivals(after_s, np.tile(np.array(exits), (count, 1)), np.ones(count))


@pytest.mark.parametrize(
    ("coming", "open_shares", "arriving_per_m_s", "open_share"),
    [
        # All walk down to a shut foot: what stands open at the top is of no use to them.
        ([of(8, True, False)], (0.0, 1.0), 8 / 8 / 3, 0.0),
        # Those who walk up find it open; nobody walks to what is shut.
        ([of(8, False, True)], (0.0, 1.0), 8 / 8 / 3, 1.0),
        # Two leaves side by side: the one that is open is for all.
        ([of(8, True, True)], (0.0, 1.0), 8 / 8 / 6, 0.5),
        # A full flow through the open top hides no shut foot.
        ([of(8, False, True, every_s=0.2), of(4, True, False)], (0.0, 1.0), 4 / 8 / 3, 0.0),
        # What is not known of one is not taken for shut, and hides nothing that is.
        ([of(8, False, True, every_s=0.2), of(4, True, False)], (0.0, None), 4 / 8 / 3, 0.0),
        ([of(8, True, False)], (None, 1.0), 8 / 8 / 3, None),
        ([of(8, True, True)], (None, 1.0), 8 / 8 / 6, None),
        ([of(8, True, True)], (0.0, None), 8 / 8 / 6, 0.5),
        ([of(4, True, True), of(4, True, True)], (None, None), 8 / 8 / 6, None),
        ([], (0.0, 1.0), 0.0, 0.5),
    ],
)
def test_who_comes_is_compared_with_the_exits_ahead(
    coming: list[Arrivals],
    open_shares: tuple[float | None, float | None],
    arriving_per_m_s: float,
    open_share: float | None,
) -> None:
    found = most_pressed([Arrivals(), *coming], (3.0, 3.0), open_shares, RULE)
    assert found.arriving_per_m_s == pytest.approx(arriving_per_m_s)
    assert found.open_share == (None if open_share is None else pytest.approx(open_share))


def test_a_profile_without_a_least_number_of_arrivals_divides_by_nothing() -> None:
    rule = ShutDoor(arrivals_per_m_s=0.0)
    found = most_pressed([of(1, True, False)], (3.0, 3.0), (0.0, 1.0), rule)
    assert found.arriving_per_m_s == pytest.approx(1 / 8 / 3)
    assert found.open_share == 0.0


def test_who_can_take_either_of_two_presses_neither_alone() -> None:
    """Four who can only take the wide one, which is open by half, and eight who can take both."""
    found = most_pressed([of(4, True, False), of(8, True, True)], (3.0, 1.0), (0.5, 1.0), RULE)
    assert found.arriving_per_m_s == pytest.approx(12 / 8 / 4)
    assert found.open_share == pytest.approx((1.5 + 1.0) / 4)


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
    found = arrivals([line], np.reshape(far, (-1, 2)), way / far_m[:, None]).after_s
    np.testing.assert_allclose(found, np.sort(far_m), rtol=1e-6)

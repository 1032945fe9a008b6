"""Placement: small covers solved by hand or by trying every subset."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision.coverage.pixel_density import px_per_m_at
from vision.coverage.placement import (
    Candidate,
    Demand,
    advise,
    cover_all,
    cover_most,
    greedy_cover,
    seen_points,
)
from vision.errors import GeometryError
from vision.geometry.barriers import NO_BARRIERS, Barriers
from vision.geometry.camera import Camera, Lens, Pose
from vision.geometry.planes import Plane

# Greedy takes the middle set of six first and needs three; the two rows of five do it alone.
TRAP = np.array(
    [
        [1, 1, 1, 1, 1, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 1, 1, 1, 1, 1],
        [0, 0, 1, 1, 1, 1, 1, 1, 0, 0],
    ],
    dtype=bool,
)


def cheapest_by_trying(seen: np.ndarray, costs: np.ndarray) -> float:
    goal = seen.any(axis=0)
    return min(
        float(costs[list(some)].sum())
        for size in range(1, len(seen) + 1)
        for some in combinations(range(len(seen)), size)
        if (seen[list(some)].any(axis=0) == goal).all()
    )


def test_the_solver_beats_greedy_where_greedy_is_trapped() -> None:
    choice = cover_all(TRAP, np.ones(3))
    assert choice.chosen.tolist() == [0, 1]
    assert choice.bound == 2.0
    assert choice.gap_share == 0.0


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_a_cover_is_whole_the_cheapest_and_never_dearer_than_greedy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    seen = rng.random((7, 12)) < 0.35
    if not seen.any():
        return
    costs = rng.integers(1, 5, 7).astype(float)
    greedy, choice = greedy_cover(seen, costs), cover_all(seen, costs)
    for chosen in (greedy, choice.chosen):
        assert (seen[chosen].any(axis=0) == seen.any(axis=0)).all()
    best = cheapest_by_trying(seen, costs)
    assert choice.cost == pytest.approx(best)
    assert choice.bound <= best + 1e-6
    assert choice.cost <= costs[greedy].sum()
    assert choice.covered_weight == seen.any(axis=0).sum()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_most_weight_within_a_budget(seed: int) -> None:
    """Some points are asked for by two cameras: the first is worth half, the second the rest."""
    rng = np.random.default_rng(seed)
    seen, weights = rng.random((6, 10)) < 0.3, rng.random(10)
    asked = rng.integers(1, 3, 10).astype(float)
    costs, groups = rng.integers(1, 4, 6).astype(float), ["a", "a", "b", "b", "c", "d"]
    choice = cover_most(seen, groups, costs, Demand.of(weights, asked), budget=5.0)
    picked = [groups[index] for index in choice.chosen]
    assert choice.cost <= 5.0
    assert len(set(picked)) == len(picked)
    best = max(
        (weights * np.minimum(seen[list(some)].sum(axis=0), asked) / asked).sum() if some else 0.0
        for size in range(5)
        for some in combinations(range(6), size)
        if costs[list(some)].sum() <= 5.0 and len({groups[i] for i in some}) == len(some)
    )
    assert choice.covered_weight == pytest.approx(best)
    assert choice.bound >= best - 1e-6


def test_points_are_seen_where_camera_density_and_walls_allow() -> None:
    lens = Lens.from_hfov(1000, 1000, 90.0)
    level = Candidate("one", Camera(Pose(0, 0, 1.5, 0, 0), lens))
    points = np.array([[4.0, 0.0], [9.0, 0.0], [11.0, 0.0], [-4.0, 0.0], [4.0, 3.9], [4.0, 4.1]])
    # f = 500 px: 50 px/m ends at 10 m; the picture opens 45 degrees to each side.
    open_floor = seen_points([level], NO_BARRIERS, points, [Plane(1.4)], 50.0)
    assert open_floor.tolist() == [[True, True, False, False, True, False]]
    wall = Barriers.of([([(6.0, -1.0), (6.0, 1.0)], 3.0)])
    assert seen_points([level], wall, points, [Plane(1.4)], 50.0)[0].tolist()[:2] == [True, False]


@pytest.mark.parametrize("seed", range(6))
def test_points_are_seen_as_lines_of_sight_one_by_one_say(seed: int) -> None:
    """Low and high walls anywhere on a plan; the oracle takes each line of sight by itself."""
    rng = np.random.default_rng(seed)
    starts = rng.uniform([30, -60], [50, -40], (8, 2))
    ends = starts + rng.uniform(-4, 4, (8, 2))
    heights = rng.choice([1.2, 2.2, 9.0], 8)
    walls = Barriers.of(
        [([tuple(a), tuple(b)], float(h)) for a, b, h in zip(starts, ends, heights, strict=True)]
    )
    lens = Lens.from_hfov(1280, 720, 80.0, -0.05)
    poses = [Pose(40.0, -50.0, 3.2, pan, 20.0) for pan in (-70.0, 20.0, 160.0)]
    poses.append(Pose(33.0, -44.0, 4.5, -30.0, 35.0))
    candidates = [Candidate("c", Camera(pose, lens), range_m=11.0) for pose in poses]
    points, planes = rng.uniform([30, -60], [50, -40], (500, 2)), [Plane(0.0), Plane(1.5)]
    expected = np.ones((len(candidates), len(points)), dtype=bool)
    clear = np.ones_like(expected)
    for row, one in enumerate(candidates):
        eye = one.camera.position_xyz_m
        for plane in planes:
            target = np.column_stack([points, plane.z_at(points)])
            expected[row] &= px_per_m_at(one.camera, target) >= 60.0
            for start, end, height_m in zip(starts, ends, heights, strict=True):
                normal, along = np.array([start[1] - end[1], end[0] - start[0]]), end - start
                before, after = (eye[:2] - start) @ normal, (points - start) @ normal
                share = before / (before - after)
                at = eye + share[:, None] * (target - eye)
                place = (at[:, :2] - start) @ along / (along @ along)
                between = (share > 0.0) & (share < 1.0)
                inside = (place > 0.0) & (place < 1.0)
                expected[row] &= ~(between & inside & (at[:, 2] < height_m))
                border = np.minimum(np.abs(at[:, 2] - height_m), np.abs(share - 1.0))
                border = np.minimum(border, np.minimum(np.abs(place), np.abs(place - 1.0)))
                clear[row] &= ~(between & (border < 1e-3))
        away_m = np.hypot(*(points - eye[:2]).T)
        expected[row] &= away_m <= 11.0
    found = seen_points(candidates, walls, points, planes, 60.0)
    assert expected.any(axis=1).all()
    assert (found == expected)[clear].all()


def test_points_are_seen_up_to_the_range() -> None:
    lens = Lens.from_hfov(1000, 1000, 90.0)
    camera = Camera(Pose(0, 0, 1.5, 45, 0), lens)
    points = np.array([[4.0, 4.0], [4.5, 4.5], [6.0, 0.5]])
    candidates = [Candidate("far", camera), Candidate("near", camera, range_m=6.0)]
    found = seen_points(candidates, NO_BARRIERS, points, [Plane(1.4)], 25.0)
    # 4 sqrt 2 = 5.66 m, 4.5 sqrt 2 = 6.36 m, and 6.02 m.
    assert found.tolist() == [[True, True, True], [True, False, False]]


def test_a_bent_lens_shows_less_at_its_edge() -> None:
    """k1 = -0.3: outwards the picture is drawn 1 - 0.9 r^2 times as finely as at its centre."""
    camera = Camera(Pose(0, 0, 4, 0, 90), Lens(1920, 1920, 960.0, k1=-0.3))
    points = np.array([[0.0, 0.0], [2.9, 0.0], [3.05, 0.0]])
    # 240 px/m straight below; 120 px/m end where r^2 = 5 / 9, 2.98 m from the foot.
    found = seen_points([Candidate("c", camera)], NO_BARRIERS, points, [Plane()], 120.0)
    assert found.tolist() == [[True, True, False]]


def test_advice_turns_before_it_changes_lenses_before_it_adds() -> None:
    points = np.eye(6, dtype=bool)
    current = {"cam": points[0]}
    aims = (["cam"], (points[0] | points[1])[None])
    lenses = (["cam"], (points[0] | points[1] | points[2])[None])
    mounts = [Candidate("m1", Camera(Pose(0, 0, 3, 0, 20), Lens.from_hfov(640, 480, 90.0)))]
    additions = (mounts, (points[3] | points[4])[None])
    found = advise(current, aims, lenses, additions, Demand.of(np.ones(6)), budget=1.0)
    assert (dict(found.re_aimed), dict(found.new_lenses), found.added) == ({}, {"cam": 0}, (0,))
    assert (found.before_weight, found.after_weight, found.bound) == (1.0, 5.0, 5.0)
    aimed = advise(
        current, aims, ([], points[:0]), ([], points[:0]), Demand.of(np.ones(6)), budget=1.0
    )
    assert dict(aimed.re_aimed) == {"cam": 0}
    assert aimed.after_weight == 2.0


def test_nobody_is_sent_up_a_ladder_for_a_thousandth() -> None:
    points = np.eye(2, dtype=bool)
    aims = (["cam"], (points[0] | points[1])[None])
    none: tuple[list[str], np.ndarray] = ([], points[:0])
    for worth, aimed in ((0.5, {}), (2.0, {"cam": 0})):
        demand = Demand.of(np.array([1000.0, worth]))
        found = advise({"cam": points[0]}, aims, none, ([], points[:0]), demand, budget=0.0)
        assert dict(found.re_aimed) == aimed


def test_a_second_camera_is_advised_where_two_are_asked_for() -> None:
    """One camera sees both points; the second point asks for another, which `m1` is."""
    current = {"cam": np.array([True, True])}
    mounts = [
        Candidate(name, Camera(Pose(0, 0, 3, 0, 20), Lens.from_hfov(640, 480, 90.0)))
        for name in ("m0", "m1")
    ]
    additions = (mounts, np.array([[True, False], [False, True]]))
    none: tuple[list[str], np.ndarray] = ([], np.zeros((0, 2), dtype=bool))
    demand = Demand.of(np.array([1.0, 4.0]), np.array([1.0, 2.0]))
    found = advise(current, none, none, additions, demand, budget=1.0)
    assert found.added == (1,)
    assert (found.before_weight, found.after_weight, found.bound) == (3.0, 5.0, 5.0)


def test_nothing_to_see_is_an_error() -> None:
    with pytest.raises(GeometryError, match="no candidate"):
        cover_all(np.zeros((2, 3), dtype=bool), np.ones(2))

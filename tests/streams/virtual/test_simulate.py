"""Simulated people stay where people can be, and crowd where the story says."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
import shapely

from streams.virtual.scenarios import SCENARIOS, Scenario
from streams.virtual.simulate import Step, simulate, surface_z_m

pytest.importorskip("jupedsim")


@lru_cache(maxsize=8)
def _steps(name: str, seconds: float, seed: int = 1) -> tuple[Step, ...]:
    kept = []
    for number, step in enumerate(simulate(SCENARIOS[name], seed)):
        if step.t_s > seconds:
            break
        if number % 25 == 0:
            kept.append(step)
    return tuple(kept)


def _most_in_a_disc(step: Step, x0: float, x1: float, y0: float, y1: float) -> float:
    """Persons per m² in the fullest disc of 1 m radius whose centre has 1 m to every edge."""
    xy = step.feet_xyz_m[:, :2]
    x, y = xy[:, 0], xy[:, 1]
    inside = xy[(x >= x0) & (x < x1) & (y >= y0) & (y < y1)]
    grid = np.stack(
        np.meshgrid(np.arange(x0 + 1, x1 - 0.99, 0.2), np.arange(y0 + 1, y1 - 0.99, 0.2))
    )
    centres = grid.reshape(2, -1).T
    near = np.linalg.norm(centres[:, None] - inside[None], axis=2) <= 1.0
    return float(near.sum(axis=1).max(initial=0) / np.pi)


@pytest.mark.parametrize(
    ("name", "seconds"),
    [("blocked_stair", 60.0), ("two_way_gate", 25.0), ("bidirectional_stair", 60.0)],
)
def test_everybody_stays_on_the_walkable_area(name: str, seconds: float) -> None:
    scenario: Scenario = SCENARIOS[name]
    area = scenario.walkable_xy_m.buffer(1e-6)
    steps = _steps(name, seconds)
    assert max(len(step.ids) for step in steps) > 5
    for step in steps:
        x, y = step.feet_xyz_m[:, 0], step.feet_xyz_m[:, 1]
        assert shapely.contains_xy(area, x, y).all()
        assert len(set(step.ids.tolist())) == len(step.ids)


def test_the_blocked_flight_fills_past_every_threshold_and_no_other_place_does() -> None:
    steps = _steps("blocked_stair", 110.0)
    flight = [_most_in_a_disc(step, 0.0, 3.6, 0.0, 3.0) for step in steps]
    upper = [_most_in_a_disc(step, -14.0, 0.0, 0.0, 3.0) for step in steps]
    hall = [_most_in_a_disc(step, 3.6, 11.6, -1.5, 4.5) for step in steps]
    assert max(flight) > 3.5
    assert flight[-1] > 2.7
    assert max(upper) < 2.0
    assert max(hall) < 2.0
    assert steps[-1].closed
    assert (steps[-1].feet_xyz_m[:, 0] < 3.5).all()


def test_the_quiet_corridor_stays_under_one_person_per_m2() -> None:
    steps = _steps("quiet_corridor", 60.0)
    assert max(len(step.ids) for step in steps) >= 2
    assert max(_most_in_a_disc(step, 0.0, 24.0, 0.0, 3.0) for step in steps) < 1.0


def test_equal_seeds_give_equal_numbers_and_other_seeds_do_not() -> None:
    first = list(_steps("two_way_gate", 10.0, 3))
    _steps.cache_clear()
    again = list(_steps("two_way_gate", 10.0, 3))
    other = list(_steps("two_way_gate", 10.0, 4))
    for a, b in zip(first, again, strict=True):
        assert a.feet_xyz_m.tobytes() == b.feet_xyz_m.tobytes()
        assert a.speed_mps.tobytes() == b.speed_mps.tobytes()
    assert first[-1].feet_xyz_m.tobytes() != other[-1].feet_xyz_m.tobytes()


@pytest.mark.parametrize(
    ("x_m", "z_m"), [(-5.0, 1.8), (0.0, 1.8), (1.8, 0.9), (3.6, 0.0), (8.0, 0.0)]
)
def test_the_surface_follows_the_flight(x_m: float, z_m: float) -> None:
    got = surface_z_m(SCENARIOS["blocked_stair"], np.array([[x_m, 1.5]]))
    assert got[0] == pytest.approx(z_m)


def test_people_walk_slower_on_the_flight_than_in_the_corridor() -> None:
    speeds: dict[str, list[float]] = {"flight": [], "corridor": []}
    for step in _steps("bidirectional_stair", 60.0):
        x = step.feet_xyz_m[:, 0]
        speeds["flight"] += step.speed_mps[(x > 1.0) & (x < 3.0)].tolist()
        speeds["corridor"] += step.speed_mps[(x > -12.0) & (x < -4.0)].tolist()
    assert np.mean(speeds["flight"]) < 0.8 * np.mean(speeds["corridor"])

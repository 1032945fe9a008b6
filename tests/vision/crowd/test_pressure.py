"""Crowd pressure: what pushes a crowd to and fro as one, and what only looks like it."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from shapely.geometry import box

from tests.vision.scene_cases import BESIDE, STAIR, START, frame, heads, scene
from vision.crowd.pressure import LocalPressure
from vision.geometry.grid import PlanGrid
from vision.geometry.planes import Plane
from vision.geometry.zones import ZoneType
from vision.risk.readings import Level, ZoneReading

_GRID = PlanGrid.over(box(0, 0, 3, 3))
_EVERYWHERE = np.full(_GRID.shape, 4.0)


def pressure_of(
    velocity_at: Callable[[float], np.ndarray], density: float = 4.0, every_s: float = 0.2
) -> float | None:
    """Pressure of 40 people who stay where they are, after ten seconds."""
    pressure = LocalPressure(_GRID)
    places = np.random.default_rng(1).uniform(0, 3, (40, 2))
    for index in range(round(10.0 / every_s) + 1):
        t = index * every_s
        pressure.update(places, velocity_at(t), START.plus(t))
    return pressure.of_dense_per_s2(np.full(_GRID.shape, density))


def swaying(amplitude_mps: float, period_s: float = 2.0) -> Callable[[float], np.ndarray]:
    """All as one along x."""
    return lambda t: np.tile([amplitude_mps * np.sin(2 * np.pi * t / period_s), 0.0], (40, 1))


@pytest.mark.parametrize("amplitude_mps", [0.2, 0.1, 0.0])
def test_pressure_is_density_times_velocity_variance(amplitude_mps: float) -> None:
    # The variance of a sine is half its squared amplitude.
    expected = 4.0 * amplitude_mps**2 / 2
    assert pressure_of(swaying(amplitude_mps)) == pytest.approx(expected, rel=0.15, abs=1e-9)


def test_one_picture_a_second_is_enough() -> None:
    measured = pressure_of(swaying(0.2, period_s=5.0), every_s=1.0)
    assert measured == pytest.approx(4.0 * 0.2**2 / 2, rel=0.15)


def test_pressure_is_silent_below_three_per_square_metre_and_unknown_without_history() -> None:
    assert pressure_of(swaying(0.5), density=2.9) == 0.0
    assert LocalPressure(_GRID).of_dense_per_s2(_EVERYWHERE) is None


def test_what_so_few_people_differ_by_is_no_pressure() -> None:
    """Each walks by chance, at every picture anew: the mean of n people has 1/n of their variance.

    Nine or ten of them are within a metre: 0.4 m/s, both ways, would be 4 x 2 x 0.16 / 10 = 0.13.
    """
    rng = np.random.default_rng(2)
    measured = pressure_of(lambda t: rng.normal(0.0, 0.4, (40, 2)), every_s=0.4)
    assert measured is not None
    assert measured < 0.02


def test_the_spread_of_a_crowd_that_sways_hides_nothing() -> None:
    rng = np.random.default_rng(2)
    measured = pressure_of(lambda t: swaying(0.3)(t) + rng.normal(0.0, 0.2, (40, 2)))
    assert measured == pytest.approx(4.0 * 0.3**2 / 2, rel=0.25)


def test_what_a_few_do_at_the_rim_of_the_dense_place_is_not_what_it_has() -> None:
    pressure = LocalPressure(_GRID)
    x, y = np.meshgrid(np.arange(0.1, 3.0, 0.3), np.arange(0.1, 3.0, 0.3))
    places = np.column_stack([x.ravel(), y.ravel()])
    for index in range(51):
        t = index * 0.2
        velocity = np.zeros((len(places), 2))
        velocity[(places > 2.3).all(axis=1), 0] = 0.6 * np.sin(np.pi * t)
        pressure.update(places, velocity, START.plus(t))
    assert pressure.of_dense_per_s2(_EVERYWHERE) == pytest.approx(0.0, abs=1e-6)


def test_too_few_velocities_tell_nothing() -> None:
    def nobody_is_followed(t: float) -> np.ndarray:
        velocity = np.full((40, 2), np.nan)
        velocity[:2] = 0.0
        return velocity

    assert pressure_of(nobody_is_followed) is None


# The place before a gate on which pupils stand 0.56 m apart: 3.8 per m² at most, L2 by density.
_YARD = dataclasses.replace(STAIR, type=ZoneType.GATE, plane=Plane(0.0, 0.0, 0.0))
_RANKS = 0.3 + 0.56 * np.stack(np.meshgrid(np.arange(6), np.arange(5)), -1).reshape(-1, 2)


def watched(every_s: float, sway_m: float, missed: float) -> list[ZoneReading]:
    """A minute of these pupils, who sway along one axis every five seconds."""
    analyser, rng = scene({"cam-a": BESIDE}, _YARD), np.random.default_rng(4)
    readings: list[ZoneReading] = []
    for step in range(round(60.0 / every_s)):
        t = step * every_s
        places = _RANKS + rng.normal(0.0, 0.02, _RANKS.shape)
        places[:, 0] += sway_m * np.sin(2 * np.pi * t / 5.0)
        found = places[rng.random(len(places)) >= missed]
        readings += analyser.observe(frame(t), heads(found, BESIDE, _YARD))
    return readings


@pytest.mark.parametrize("every_s", [0.2, 0.4, 0.8, 1.0])
@pytest.mark.parametrize("missed", [0.0, 0.05, 0.08])
def test_a_crowd_that_stands_still_has_no_pressure(every_s: float, missed: float) -> None:
    """However rarely it is looked at, and whoever is missed."""
    readings = watched(every_s, 0.0, missed)
    named = {reason.rule for one in readings for reason in one.reasons}
    assert not named & {"pressure", "counter_flow"}
    assert Level.L4 not in {reading.level for reading in readings}
    known = [one.measurement.pressure_per_s2 for one in readings[-10:] if one.measurement]
    assert None not in known


@pytest.mark.parametrize("every_s", [0.2, 0.4, 0.8, 1.0])
def test_a_crowd_that_is_pushed_to_and_fro_has_pressure(every_s: float) -> None:
    readings = watched(every_s, 0.2, 0.05)
    assert "pressure" in {reason.rule for reason in readings[-1].reasons}
    assert readings[-1].level.severity >= Level.L3.severity

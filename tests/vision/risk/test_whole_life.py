"""Whatever was measured before: a level ends with its cause, and not while its cause lasts."""

from __future__ import annotations

import random

import pytest

from config.profiles import load_profiles
from tests.vision.risk_cases import START, calm, crowd
from vision.geometry.zones import ZoneType
from vision.instants import Utc
from vision.risk.levels import RiskState, advance
from vision.risk.profiles import ZoneProfile
from vision.risk.readings import Level, ZoneMeasurement

PROFILES = load_profiles()
# Numbers of the rules, each of which may be missing.
_NUMBERS: dict[str, tuple[float, ...]] = {
    "speed_mps": (0.05, 0.3, 0.8),
    "inflow_per_s": (0.0, 0.3, 1.0),
    "outflow_per_s": (0.0, 0.1, 0.5),
    "outflow_per_m_s": (0.0, 0.1, 0.9),
    "stopped_share": (0.0, 0.4, 1.0),
    "minority_share": (0.0, 0.3, 0.5),
    "pressure_per_s2": (0.0, 0.05),
    "luminance": (0.5, 0.1, 0.02),
    "peak_to_exit_m": (1.0, 5.0),
    "exit_open_share": (0.0, 0.5, 1.0),
    "exit_used_share": (0.3, 0.9),
    "exit_used_flow_per_m_s": (0.1, 0.9),
    "infrared": (0.0, 1.0),
}


def anything(chance: random.Random, density_per_m2: float) -> ZoneMeasurement:
    """A crowd of this density of which the rest is as it comes."""
    known = {
        name: None if chance.random() < 0.25 else chance.choice(values)
        for name, values in _NUMBERS.items()
    }
    arriving = chance.choice([0.0, 1.0])
    return crowd(
        density_per_m2,
        visible_share=chance.choice([1.0, 1.0, 0.2]),
        density_peak_std_per_m2=chance.choice([0.0, 0.3]),
        arriving_per_m_s=arriving,
        **known,
    )


def after_anything(seed: int, profile: ZoneProfile) -> tuple[RiskState, Utc]:
    """The state of a zone after some minutes of anything, with gaps, and their end."""
    chance, state, at = random.Random(seed), RiskState(), START
    for _ in range(chance.randint(1, 6)):
        density_per_m2 = chance.choice([0.0, 0.8, 1.6, 2.2, 2.9, 3.7, 5.6])
        step_s = chance.choice([0.2, 1.0, 1.9, 2.5, 4.0, 10.0])
        at = at.plus(chance.choice([0.0, 0.0, 0.0, 3.0, 40.0, 200.0]))
        ends = at.plus(chance.choice([1.0, 5.0, 15.0, 40.0, 90.0]))
        while at < ends:
            at = at.plus(step_s)
            state = advance(state, anything(chance, density_per_m2), profile, at).state
    return state, at


@pytest.mark.parametrize("zone_type", list(PROFILES))
@pytest.mark.parametrize("numbers", [{}, {"inflow_per_s": 0.0, "outflow_per_s": 0.0}])
def test_whatever_was_before_an_empty_place_in_the_light_is_calm_in_the_end(
    zone_type: ZoneType, numbers: dict[str, float]
) -> None:
    """Also where crossings are not known."""
    profile = PROFILES[zone_type]
    for seed in range(12):
        state, at = after_anything(seed, profile)
        for _ in range(round(2.0 * profile.leave_s) + 150):
            at = at.plus(1.0)
            judged = advance(state, calm(arriving_per_m_s=0.0, **numbers), profile, at)
            state = judged.state
        assert judged.level in (Level.L0, Level.L1), (seed, judged.reasons)


@pytest.mark.parametrize("zone_type", list(PROFILES))
def test_whatever_was_before_a_crush_that_stays_is_told_and_stays_told(
    zone_type: ZoneType,
) -> None:
    """Also where pictures come late now and then, and where its pace is not known."""
    profile = PROFILES[zone_type]
    for seed in range(12):
        state, at = after_anything(seed, profile)
        chance, levels = random.Random(seed), []
        for _ in range(150):
            at = at.plus(chance.choice([0.2, 1.0, 1.9, 2.5]))
            pace = chance.choice([None, 0.05])
            seen = crowd(5.6, density_peak_std_per_m2=0.2, speed_mps=pace)
            judged = advance(state, seen, profile, at)
            state = judged.state
            levels.append(judged.level)
        assert Level.L4 in levels[:40], seed
        assert set(levels[levels.index(Level.L4) :]) == {Level.L4}, seed

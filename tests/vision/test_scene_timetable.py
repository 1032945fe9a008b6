"""What the timetable says of an hour, on what is seen in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from config.profiles import load_profiles
from tests.vision.scene_cases import FACING, STAIR, START, frame, heads
from vision.arrays import Float64Array
from vision.instants import Utc
from vision.risk.occasions import Occasion, OccasionKind
from vision.risk.readings import Level, ZoneReading
from vision.scene import SceneAnalyser

TIGHT = {STAIR.id: {Level.L1: 1.0, Level.L2: 1.4}}


@dataclasses.dataclass(frozen=True)
class From:
    """An occasion that begins so many seconds after START and lasts for a minute."""

    occasion: Occasion
    begins_s: float = 0.0

    def at(self, instant: Utc) -> Occasion | None:
        return self.occasion if 0.0 <= instant - START.plus(self.begins_s) < 60.0 else None


def standing(t: float) -> Float64Array:
    """Six people about the middle, 1.9 per m² within a metre: no L2 on an ordinary day."""
    return np.array([[1.2 + 0.6 * (n % 3), 1.2 + 0.6 * (n // 3)] for n in range(6)])


def read(
    schedule: From | None, people_at: Callable[[float], Float64Array], lasts_s: float
) -> list[ZoneReading]:
    analyser = SceneAnalyser(
        cameras={"cam-a": FACING},
        zones=[STAIR],
        zone_cameras={STAIR.id: ("cam-a",)},
        profiles=load_profiles(),
        schedule=schedule,
    )
    return [
        analyser.observe(frame(step * 0.4), heads(people_at(step * 0.4)))[0]
        for step in range(round(lasts_s / 0.4))
    ]


def rules_of(reading: ZoneReading) -> set[str]:
    return {reason.rule for reason in reading.reasons}


@pytest.mark.parametrize("kind", [OccasionKind.CLASS_CHANGE, OccasionKind.DRILL])
def test_an_hour_that_is_tighter_raises_the_level_of_the_same_crowd(kind: OccasionKind) -> None:
    """From 20 s on; it names its hour and is marked in a drill alone."""
    usual = read(None, standing, 40.0)
    tight = read(From(Occasion("bell", kind, limits=TIGHT), 20.0), standing, 40.0)
    assert Level.L2 not in {one.level for one in (*usual, *tight[:50])}
    assert tight[-1].level is Level.L2
    assert (tight[49].profile_id, tight[-1].profile_id) == (
        usual[-1].profile_id,
        f"{usual[-1].profile_id}+bell",
    )
    marked = [number for number, one in enumerate(tight) if "drill" in rules_of(one)]
    assert marked == (list(range(50, 100)) if kind is OccasionKind.DRILL else [])


def test_what_the_timetable_lets_come_is_demand_before_anybody_is_there() -> None:
    """Four a second over a foot of 3 m are more than the 1.1 per metre that a stair carries."""
    many = Occasion("out", OccasionKind.DISMISSAL, expected_per_s={STAIR.id: 4.0})
    told = read(From(many), lambda t: np.zeros((0, 2)), 12.0)[-1]
    assert told.level is Level.L1
    assert "demand_over_capacity" in rules_of(told)
    assert told.measurement is not None
    assert told.measurement.demand_per_m_s == pytest.approx(4.0 / 3.0)

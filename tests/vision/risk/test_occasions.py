"""An occasion tightens thresholds, and nothing else."""

import pytest

from tests.vision.risk_cases import profile
from vision.risk.occasions import Occasion, OccasionKind, tightened
from vision.risk.profiles import ProfileError
from vision.risk.readings import Level


def test_a_lower_limit_replaces_the_hard_one_and_the_id_tells() -> None:
    tight = tightened(profile(), {Level.L1: 1.0, Level.L3: 2.7}, "dismissal")
    assert [limit.threshold_per_m2 for limit in tight.levels] == [1.0, 2.0, 2.7, 3.5]
    assert tight.id == "test+dismissal"


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({Level.L3: 2.71}, "above the hard limit of 2.7"),
        ({Level.L4: 9.0}, "above the hard limit of 3.5"),
        ({Level.L3: 1.9}, "must be above 2"),
    ],
)
def test_loosening_and_levels_that_do_not_rise_are_refused(
    limits: dict[Level, float], said: str
) -> None:
    with pytest.raises(ProfileError, match=said):
        tightened(profile(), limits, "x")


def test_only_a_drill_is_a_drill() -> None:
    assert [Occasion("x", kind).is_drill for kind in OccasionKind].count(True) == 1
    assert Occasion("x", OccasionKind.DRILL).is_drill
    base = profile()
    assert Occasion("x", OccasionKind.ARRIVAL).profile_for("any", base).levels == base.levels

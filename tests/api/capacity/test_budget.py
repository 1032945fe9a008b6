"""What a machine carries, by hand."""

from __future__ import annotations

import pytest

from api.capacity.budget import Demand, StageCosts, StreamKind
from api.capacity.site_demand import dearest_stage, demand_of

MAIN = StreamKind("720p", 25.0, 5.0)
# 25 * 2 + 5 * (0.5 + 8 + 1.5) = 50 + 50 = 100 ms a second: a tenth of a core.
COSTS = StageCosts(MAIN, {"decode": 2.0, "convert": 0.5, "network": 8.0, "measure": 1.5})


def test_a_camera_costs_its_input_rate_of_decoding_and_its_analysed_rate_of_the_rest() -> None:
    assert COSTS.per_second_ms() == pytest.approx(
        {"decode": 50.0, "convert": 2.5, "network": 40.0, "measure": 7.5}
    )
    assert COSTS.cores == pytest.approx(0.1)
    assert COSTS.bottleneck == "decode"


@pytest.mark.parametrize(("cores", "carried"), [(1, 8), (2, 16), (4, 32)])
def test_a_fifth_of_the_cores_is_kept_free(cores: int, carried: int) -> None:
    assert COSTS.carried(cores) == carried


def test_a_site_is_held_against_the_machine() -> None:
    fits = demand_of((COSTS,) * 16, cores=2)
    assert fits.cameras == 16
    assert fits.needed_cores == pytest.approx(1.6)
    assert not Demand(16, 1.599, 2).too_much
    assert demand_of((COSTS,) * 17, cores=2).too_much
    slow = StageCosts(MAIN, {"decode": 0.1, "convert": 0.1, "network": 30.0, "measure": 1.0})
    assert dearest_stage((COSTS, slow)) == "network"

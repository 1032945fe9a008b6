"""Who comes into a zone and who leaves it, whichever end they use."""

import numpy as np
import pytest

from tests.vision.scene_cases import STAIR, START
from vision.crowd.tracking import TrackedHeads
from vision.crowd.zone_flow import FlowRates, Seen, ZoneFlow, exit_width_m, to_exit_m


def heads(t: float, x_m: np.ndarray, ids: np.ndarray, pace_mps: float) -> TrackedHeads:
    count = len(ids)
    return TrackedHeads(
        START.plus(t),
        ids,
        np.zeros((count, 2), np.float32),
        np.full(count, np.nan, np.float32),
        np.column_stack([x_m, np.full(count, 1.5)]),
        np.column_stack([np.full(count, pace_mps), np.zeros(count)]),
        np.full(count, 0.9, np.float32),
        ("stair-a",) * count,
    )


def walked(pace_mps: float) -> FlowRates:
    """One person a second in a row, down (positive) or up the flight, after half a minute."""
    flow, rates = ZoneFlow(STAIR), None
    came = np.arange(60)
    for step in range(160):
        t = 0.2 * step
        way = (t - came) * abs(pace_mps) - 1.0
        x_m = way if pace_mps > 0 else 3.6 - way
        here = (came <= t) & (way < 4.6 + 1.0)
        inside = ((x_m > 0.0) & (x_m < 3.6) & here).sum()
        seen = {"cam-a": Seen(heads(t, x_m[here], came[here] + 1, pace_mps))}
        rates = flow.update(seen, float(inside), START.plus(t))
    assert rates is not None
    return rates


@pytest.mark.parametrize("pace_mps", [0.8, -0.8])
def test_a_stream_up_the_stair_is_no_blocked_exit(pace_mps: float) -> None:
    """The exit line lies at the foot; those who walk up leave by the upper end."""
    rates = walked(pace_mps)
    assert rates.outflow_per_s == pytest.approx(1.0, abs=0.13)
    assert rates.inflow_per_s == pytest.approx(1.0, abs=0.2)


def test_the_way_to_the_nearest_exit() -> None:
    assert to_exit_m(STAIR, (1.6, 1.5)) == pytest.approx(2.0)
    assert to_exit_m(STAIR, None) is None
    assert exit_width_m(STAIR) == pytest.approx(3.0)


def test_the_crossings_say_how_many_are_there() -> None:
    """One a second at 0.8 m/s on 3.6 m: 4.5 people; the balance agrees with the count."""
    rates = walked(0.8)
    assert rates.balance_people == pytest.approx(4.5, abs=1.0)

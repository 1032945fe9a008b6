"""The part of an exit that people use: who bends into an open leaf, and who walks in file."""

import numpy as np
import pytest

from tests.vision.scene_cases import START
from vision.exit_use import ExitUse, UsedWidth
from vision.zones import Line

# The foot of a stair 3 m wide; people come along +x and cross at x = 3.6.
FOOT = Line("foot", (3.6, 0.0), (3.6, 3.0))
PACE_MPS = 0.75


def walked(lanes_m: np.ndarray, crossing_m: np.ndarray, *, gap_s: float = 0.8) -> UsedWidth | None:
    """People one by one from x = 0 at `lanes_m` to the line at `crossing_m`, both (N,)."""
    use = ExitUse(FOOT)
    ids = np.arange(len(lanes_m))
    before = np.full(len(ids), -1.0)
    for step in range(round((len(ids) * gap_s + 5.5) / 0.2)):
        t = 0.2 * step
        x_m = (t - ids * gap_s) * PACE_MPS
        share = np.clip(x_m / 3.6, 0.0, 1.0)
        y_m = lanes_m + share * (crossing_m - lanes_m)
        here = (x_m >= 0.0) & (x_m < 4.5)
        crossed = frozenset(ids[(before < 3.6) & (x_m >= 3.6)].tolist())
        xy_m = np.column_stack([x_m, y_m])[here]
        use.update(ids[here], xy_m, x_m[here] < 3.6, crossed, START.plus(t))
        before = x_m
        if ids[-1] in crossed:
            break
    return use.used()


SPREAD = np.array([0.4, 2.6, 1.2, 2.2, 0.6, 1.8, 2.4, 1.0])


def test_people_who_bend_into_an_open_leaf_use_only_it() -> None:
    used = walked(SPREAD, np.clip(SPREAD, 2.25, 2.75))
    assert used is not None
    assert used.share == pytest.approx((0.35 + 0.45) / 3.0, abs=0.02)
    assert used.flow_per_m_s == pytest.approx(1.0 / 0.8 / 0.8, rel=0.05)


@pytest.mark.parametrize("lanes_m", [SPREAD, np.full(8, 0.5), 0.4 + 0.22 * (np.arange(8) % 2)])
def test_people_who_keep_their_lanes_leave_the_exit_as_wide_as_it_is(lanes_m: np.ndarray) -> None:
    """Also a class that walks down in one or two files at the wall."""
    used = walked(lanes_m, lanes_m)
    assert used is not None
    assert used.share == 1.0


def test_too_few_crossings_say_nothing() -> None:
    assert walked(SPREAD[:4], np.full(4, 2.5)) is None
    assert walked(SPREAD[:5], np.full(5, 2.5)) is not None
    slow = walked(SPREAD, np.full(8, 2.5), gap_s=4.0)  # never five within 12 s
    assert slow is None


def test_a_gap_forgets_lanes_and_crossings() -> None:
    use = ExitUse(FOOT)
    ids = np.arange(6)
    for t, x_m in ((0.0, 1.0), (4.0, 3.8)):
        xy_m = np.column_stack([np.full(6, x_m), np.linspace(0.3, 2.7, 6)])
        crossed = frozenset(ids.tolist()) if x_m > 3.6 else frozenset()
        use.update(ids, xy_m, np.full(6, x_m < 3.6), crossed, START.plus(t))
    use.restart()
    assert use.used() is None

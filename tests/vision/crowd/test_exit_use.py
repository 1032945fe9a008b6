"""The part of an exit that people use: who bends into an open leaf, and who walks in file."""

import numpy as np
import pytest

from tests.vision.scene_cases import START
from vision.crowd.exit_use import ExitUse, UsedWidth
from vision.geometry.zones import Line

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


@pytest.mark.parametrize("turned_deg", [0.0, 37.0, 90.0, 180.0, 251.0])
def test_an_exit_may_lie_anywhere_and_in_any_direction(turned_deg: float) -> None:
    """All is told along the line and beside it, wherever the plan has its zero."""
    told = []
    for line, turn in ((FOOT, np.eye(2)), _turned(turned_deg)):
        use = ExitUse(line)
        for step, (lane_m, out_m) in enumerate(zip(SPREAD, np.full(8, 2.4), strict=True)):
            for t, x_m, y_m in ((0.0, 1.0, lane_m), (0.3, 3.7, out_m)):
                xy_m = (
                    np.array([[x_m, y_m]]) @ turn.T
                    + np.array(line.start_xy_m)
                    - (turn @ np.array(FOOT.start_xy_m))
                )
                crossed = frozenset({step} if x_m > 3.6 else ())
                inside = np.array([x_m < 3.6])
                use.update(np.array([step]), xy_m, inside, crossed, START.plus(step + t))
        told.append(use.used())
    straight, other = told
    assert straight is not None
    assert other is not None
    assert straight.share == pytest.approx(0.45 / 3.0)
    assert other.share == pytest.approx(straight.share)
    assert other.flow_per_m_s == pytest.approx(straight.flow_per_m_s)


def _turned(by_deg: float) -> tuple[Line, np.ndarray]:
    """`FOOT` turned and moved, and the turn: (2, 2)."""
    c, s = np.cos(np.radians(by_deg)), np.sin(np.radians(by_deg))
    turn = np.array([[c, -s], [s, c]])
    start = np.array([-7.0, 12.0])
    along = turn @ np.array([0.0, 3.0])
    return Line("foot", tuple(start.tolist()), tuple((start + along).tolist())), turn


class Walk:
    """Five people over `FOOT`, all at y = 1.5, one a second; where each was seen first is given."""

    def __init__(self) -> None:
        self.use = ExitUse(FOOT)
        self.at_s = 0.0

    def see(self, head: int, x_m: float, y_m: float, *, after_s: float, crosses: bool) -> None:
        self.at_s += after_s
        crossed = frozenset({head} if crosses else ())
        where = np.array([[x_m, y_m]])
        inside = np.array([0.0 <= x_m < 3.6])
        self.use.update(np.array([head]), where, inside, crossed, START.plus(self.at_s))

    def share(self) -> float:
        used = self.use.used()
        assert used is not None
        return used.share


@pytest.mark.parametrize(
    ("first_x_m", "lane_m", "bends"),
    [
        (2.4, 0.4, True),
        (2.5, 0.4, False),  # nearer than 1.2 m: that is no lane any more
        (4.9, 0.4, False),  # seen first outside of the zone
        (-0.1, 0.4, False),
        (2.4, 1.15, True),  # 0.35 m beside the place where all cross
        (2.4, 1.25, False),
        (2.4, 1.85, True),
        (2.4, 1.75, False),
    ],
)
def test_who_bends_was_seen_far_enough_before_the_line_in_another_lane(
    first_x_m: float, lane_m: float, bends: bool
) -> None:
    walk = Walk()
    for head in range(5):
        walk.see(head, first_x_m, lane_m, after_s=0.5, crosses=False)
        walk.see(head, 3.7, 1.5, after_s=0.5, crosses=True)
    assert walk.share() == pytest.approx(0.45 / 3.0 if bends else 1.0)


@pytest.mark.parametrize(("bent", "narrow"), [(1, False), (2, True)])
def test_two_of_five_must_bend(bent: int, narrow: bool) -> None:
    walk = Walk()
    for head in range(5):
        walk.see(head, 2.0, 0.4 if head < bent else 1.5, after_s=0.5, crosses=False)
        walk.see(head, 3.7, 1.5, after_s=0.5, crosses=True)
    assert (walk.share() < 1.0) == narrow


@pytest.mark.parametrize(("hidden_s", "narrow"), [(4.9, True), (5.2, False)])
def test_a_lane_is_kept_for_five_seconds_after_its_head_was_seen(
    hidden_s: float, narrow: bool
) -> None:
    walk = Walk()
    for head in range(5):
        walk.see(head, 1.0, 0.4, after_s=0.1, crosses=False)
        walk.see(head, 2.0, 0.9, after_s=0.1, crosses=False)
    for head in range(5):
        walk.see(head, 3.7, 1.5, after_s=hidden_s if head == 0 else 0.01, crosses=True)
    assert (walk.share() < 1.0) == narrow


@pytest.mark.parametrize(("first_s", "told"), [(11.9, True), (12.1, False)])
def test_crossings_of_the_last_twelve_seconds_count(first_s: float, told: bool) -> None:
    walk = Walk()
    walk.see(0, 3.7, 1.5, after_s=0.0, crosses=True)
    for head in range(1, 5):
        walk.see(head, 3.7, 1.5, after_s=first_s / 4, crosses=True)
    assert (walk.use.used() is not None) == told


def test_five_who_cross_in_one_picture_tell_no_flow() -> None:
    use = ExitUse(FOOT)
    places = np.column_stack([np.full(5, 3.7), np.linspace(0.3, 2.7, 5)])
    use.update(np.arange(5), places, np.zeros(5, dtype=bool), frozenset(range(5)), START)
    assert use.used() is None


def test_a_gap_forgets_lanes_and_crossings() -> None:
    walk = Walk()
    for head in range(5):
        walk.see(head, 2.0, 0.4, after_s=0.1, crosses=False)
    for head in range(5):
        walk.see(head, 3.7, 1.5, after_s=0.1, crosses=True)
    assert walk.share() < 1.0
    walk.use.restart()
    assert walk.use.used() is None
    # Whoever is known by these numbers after the gap is somebody else.
    for head in range(5):
        walk.see(head, 2.0, 0.4, after_s=0.1, crosses=False)
    walk.use.restart()
    for head in range(5):
        walk.see(head, 3.7, 1.5, after_s=0.1, crosses=True)
    assert walk.share() == 1.0

"""When cameras should move, and which: looked at every five seconds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.crews.moving import REST_S, STAYS_S, MovePlanner, PlannedMove, WorkerView
from vision.instants import Monotonic

GROUPS = (("a",), ("b",), ("c", "d"), ("e",))
FULL = WorkerView("w0", True, {"a": 0.2, "b": 0.3, "c": 0.25, "d": 0.3}, 0.0)
FREE = WorkerView("w1", False, {"e": 0.2}, 0.6)


def at(seconds: float) -> Monotonic:
    return Monotonic(0).plus(seconds)


def looked(
    planner: MovePlanner, *workers: WorkerView, begin_s: float = 0.0, until_s: float
) -> list[tuple[float, PlannedMove]]:
    found, now_s = [], begin_s
    while now_s <= until_s:
        move = planner.turn(workers, at(now_s))
        if move is not None:
            found.append((now_s, move))
            planner.moved(move.camera_ids, at(now_s))
        now_s += 5.0
    return found


def test_what_is_missing_moves_once_it_has_lasted() -> None:
    """1.05 cores are needed and 0.9 may be filled: `a` with 0.2 is the smallest that covers it."""
    assert looked(MovePlanner(GROUPS), FULL, FREE, until_s=30.0) == [
        (20.0, PlannedMove(("a",), "w0", "w1"))
    ]


def test_where_no_group_covers_what_is_missing_the_largest_that_fits_moves() -> None:
    fuller = WorkerView("w0", True, {"a": 0.2, "b": 0.3, "c": 0.9, "d": 0.3}, 0.0)
    assert looked(MovePlanner(GROUPS), fuller, FREE, until_s=20.0) == [
        (20.0, PlannedMove(("b",), "w0", "w1"))
    ]


@pytest.mark.parametrize(("f", "moves"), [(0.45, "b"), (0.29, "f"), (0.27, "b")])
def test_a_worker_of_two_cores_is_filled_to_nine_tenths_of_both(f: float, moves: str) -> None:
    """2.075 cores are needed and 1.8 may be filled; of 0.7 spare ones 0.5 may be taken."""
    groups = (("a",), ("b",), ("c", "d"), ("f",))
    needs = {"a": 0.2, "b": 0.3, "c": 1.0, "d": 0.575 - f, "f": f}
    full = WorkerView("w0", True, needs, 0.0, own_cores=2.0)
    assert sum(needs.values()) == pytest.approx(2.075)
    free = WorkerView("w1", False, {"e": 1.3}, 0.7, own_cores=2.0)
    found = [
        (when, move.camera_ids)
        for when, move in looked(MovePlanner(groups), full, free, until_s=20.0)
    ]
    assert found == [(20.0, (moves,))]


def test_a_group_that_would_fill_the_last_tenth_of_two_cores_does_not_move() -> None:
    full = WorkerView("w0", True, {"a": 0.55, "b": 1.5}, 0.0, own_cores=2.0)
    free = WorkerView("w1", False, {"e": 1.3}, 0.7, own_cores=2.0)
    assert looked(MovePlanner((("a",), ("b",))), full, free, until_s=60.0) == []


@pytest.mark.parametrize(
    "other",
    [
        WorkerView("w1", True, {"e": 0.2}, 0.6),
        WorkerView("w1", False, {"e": 0.2}, 0.2),
    ],
    ids=["behind itself", "no time to spare"],
)
def test_nothing_moves_to_a_worker_that_has_no_time(other: WorkerView) -> None:
    assert looked(MovePlanner(GROUPS), FULL, other, until_s=120.0) == []


def test_a_worker_keeps_its_last_group_and_cameras_of_a_zone_stay_together() -> None:
    last = WorkerView("w0", True, {"c": 0.3, "d": 0.3}, 0.0)
    assert looked(MovePlanner(GROUPS), last, FREE, until_s=120.0) == []


def test_a_shortage_that_comes_and_goes_moves_nothing() -> None:
    planner = MovePlanner(GROUPS)
    calm = WorkerView("w0", False, FULL.needs_cores, 0.1)
    for step in range(60):
        worker = FULL if step % 4 else calm
        assert planner.turn([worker, FREE], at(5.0 * step)) is None


def test_between_moves_there_is_rest_and_what_moved_stays() -> None:
    """Both are full by turns: the same group never moves twice within ten minutes."""
    planner = MovePlanner((("a",), ("b",)))
    first = looked(
        planner,
        WorkerView("w0", True, {"a": 0.5, "b": 0.5}, 0.0),
        WorkerView("w1", False, {}, 0.9),
        until_s=20.0,
    )
    assert first == [(20.0, PlannedMove(("a",), "w0", "w1"))]
    back = looked(
        planner,
        WorkerView("w0", False, {}, 0.9),
        WorkerView("w1", True, {"a": 0.5, "b": 0.5}, 0.0),
        begin_s=25.0,
        until_s=STAYS_S,
    )
    assert [move.camera_ids for _, move in back] == [("b",)]
    assert back[0][0] >= 20.0 + REST_S


@given(needs=st.lists(st.floats(0.01, 0.5), min_size=2, max_size=12), spare=st.floats(0.0, 1.0))
def test_a_move_never_overfills_the_taker(needs: list[float], spare: float) -> None:
    names = [f"cam-{number}" for number in range(len(needs))]
    planner = MovePlanner([(name,) for name in names])
    giver = WorkerView("w0", True, dict(zip(names, needs, strict=True)), 0.0)
    taker = WorkerView("w1", False, {"other": 1.0 - spare}, spare)
    for _, move in looked(planner, giver, taker, until_s=20.0):
        moved = sum(giver.needs_cores[one] for one in move.camera_ids)
        assert moved <= spare - 0.1 + 1e-9
        assert len(move.camera_ids) < len(needs)

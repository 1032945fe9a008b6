"""What pictures cost, by hand."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from streams.pacing.turn_costs import Costs, FrameTotals, WorkerTurn


def turn(decoding_s: Mapping[str, float], spent_s: float, analysing_s: float = 0.0) -> WorkerTurn:
    frames = {one: FrameTotals(0, 0) for one in decoding_s}
    return WorkerTurn(1.0, spent_s, 0.0, analysing_s, decoding_s, frames)


def test_costs_by_hand() -> None:
    """0.2 of 0.5 s went to decoding, ten frames took the rest: 30 ms each."""
    costs = Costs()
    costs.note(turn({"a": 0.15, "b": 0.05}, 0.5, 0.4), 10, {"a": False, "b": True})
    assert costs.frame_cpu_s == pytest.approx(0.03)
    assert costs.frame_wall_s == pytest.approx(0.04)
    assert costs.decoding("a", thrifty=False) == pytest.approx(0.15)
    assert costs.decoding("b", thrifty=True) == pytest.approx(0.05)
    # Not seen yet: a quarter of the whole for keyframes, and what the others' whole costs.
    assert costs.decoding("a", thrifty=True) == pytest.approx(0.0375)
    assert costs.decoding("b", thrifty=False) == pytest.approx(0.15)
    costs.note(turn({"a": 0.9, "b": 0.05}, 0.5), 0, {"a": None, "b": True})
    assert costs.decoding("a", thrifty=False) == pytest.approx(0.15)


def test_newer_turns_count_four_tenths() -> None:
    costs = Costs()
    costs.note(turn({"a": 0.10}, 0.10), 0, {"a": False})
    costs.note(turn({"a": 0.20}, 0.20), 0, {"a": False})
    assert costs.decoding("a", thrifty=False) == pytest.approx(0.14)
    costs.note(turn({"a": 0.04}, 0.04), 0, {"a": False})
    assert costs.decoding("a", thrifty=False) == pytest.approx(0.10)


def test_who_was_not_seen_costs_the_mean_of_the_others() -> None:
    costs = Costs()
    assert costs.decoding("new", thrifty=False) == 0.0
    costs.note(turn({"a": 0.10, "b": 0.30}, 0.4), 0, {"a": False, "b": False})
    assert costs.decoding("new", thrifty=False) == pytest.approx(0.20)
    assert costs.decoding("new", thrifty=True) == pytest.approx(0.05)


def test_the_share_of_looked_at_frames_follows_what_was_measured() -> None:
    costs = Costs()
    costs.note(replace(turn({}, 0.1), mean_share=0.5), 10, {})
    assert costs.mean_share == pytest.approx(0.8)
    costs.note(replace(turn({}, 0.1), mean_share=0.1), 0, {})
    assert costs.mean_share == pytest.approx(0.8)  # no frame, nothing measured


def test_a_worker_has_no_time_left_on_its_cores_or_in_its_one_thread() -> None:
    frames: dict[str, FrameTotals] = {}
    assert WorkerTurn(1.0, 0.95, 0.02, 0.5, {}, frames).used_up
    assert WorkerTurn(1.0, 0.5, 0.5, 0.97, {}, frames).used_up
    assert not WorkerTurn(1.0, 0.5, 0.5, 0.6, {}, frames).used_up
    assert not WorkerTurn(1.0, 0.92, 0.08, 0.92, {}, frames).used_up
    # A turn of two seconds.
    assert not WorkerTurn(2.0, 1.0, 1.0, 1.8, {}, frames).used_up
    assert WorkerTurn(2.0, 1.0, 1.0, 1.9, {}, frames).used_up

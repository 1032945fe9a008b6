"""Rules whose sign is gone for now: what keeps them, and what ends them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.vision.risk_cases import START, calm, crowd, first_at, only, run
from vision.risk.levels import RiskState, advance
from vision.risk.readings import Level, ZoneMeasurement

BLACK = calm(luminance=0.01)


@pytest.mark.parametrize("rule", ["blocked_exit", "growing_queue"])
def test_people_who_are_kept_in_keep_the_rule_although_nobody_else_comes(rule: str) -> None:
    """They stand before a shut gate for five minutes; then it opens and they walk out."""
    flow = {"speed_mps": 0.1, "stopped_share": 0.9, "outflow_per_s": 0.0, "outflow_per_m_s": 0.0}
    coming = crowd(1.6, **flow, inflow_per_s=0.5)
    waiting = crowd(1.6, **flow, inflow_per_s=0.0)
    out = {"outflow_per_s": 0.5, "outflow_per_m_s": 0.9}
    leaving = crowd(1.6, **(flow | out), inflow_per_s=0.0)
    parts = [(12, coming), (300, waiting), (40, leaving)]
    judged = run(parts, only(rule))
    levels = {t: j.level for t, j in judged}
    assert levels[11.0] is levels[311.0] is getattr(only(rule).rules, rule).level
    assert levels[351.0] is Level.L1  # by density alone


_SLOW = crowd(3.1, speed_mps=0.1, stopped_share=0.95)
_FILLING = crowd(2.6, outflow_per_m_s=0.3, inflow_per_s=1.0, outflow_per_s=0.5)
_NARROWED = crowd(1.0, exit_used_share=0.4, exit_used_flow_per_m_s=0.8)
_AT_A_LEAF = crowd(1.0, arriving_per_m_s=0.9, exit_open_share=0.5)
_LYING = crowd(1.0, fallen_people=1, inflow_per_s=0.5)


@pytest.mark.parametrize(
    ("rule", "holding", "missing"),
    [
        ("slow_dense_queue", _SLOW, "speed_mps"),
        ("slow_dense_queue", _SLOW, "stopped_share"),
        ("outflow_stop", _FILLING, "outflow_per_m_s"),
        ("outflow_stop", _FILLING, "inflow_per_s"),
        ("outflow_stop", _FILLING, "outflow_per_s"),
        ("narrowed_exit", _NARROWED, "exit_used_share"),
        ("narrowed_exit", _NARROWED, "exit_used_flow_per_m_s"),
        ("shut_door", _AT_A_LEAF, "arriving_per_m_s"),
        ("shut_door", _AT_A_LEAF, "exit_open_share"),
        ("demand_over_capacity", crowd(0.5, demand_per_m_s=2.0), "demand_per_m_s"),
        ("dark_occupied", crowd(1.0, luminance=0.05), "luminance"),
        ("fallen_person", _LYING, "fallen_people"),
        ("fallen_person", _LYING, "inflow_per_s"),
        ("pressure", crowd(3.2, pressure_per_s2=0.05), "pressure_per_s2"),
    ],
)
def test_a_number_that_is_not_known_any_more_ends_no_warning(
    rule: str, holding: ZoneMeasurement, missing: str
) -> None:
    """The tracks are lost, an exit is hidden, a door does not answer: nothing says it is over."""
    more = {"stopped_share": 0.9} if rule == "slow_dense_queue" else {}
    gone: dict[str, Any] = {missing: None}
    untold = replace(holding, **gone)
    judged = run([(20, holding), (60, untold)], only(rule, **more))
    assert {rule} <= {reason.rule for reason in judged[99][1].reasons}
    assert {rule} <= {reason.rule for reason in judged[-1][1].reasons}
    assert judged[-1][1].level is judged[99][1].level


def test_people_who_stand_and_came_long_ago_are_no_blocked_exit() -> None:
    waiting = crowd(1.6, stopped_share=0.9, speed_mps=0.1, inflow_per_s=0.0, outflow_per_s=0.0)
    assert first_at(run([(60, waiting)], only("blocked_exit")), Level.L2) is None


@pytest.mark.parametrize(
    ("rule", "known"),
    [
        ("blocked_exit", {"outflow_per_s": 0.5, "stopped_share": None}),
        ("blocked_exit", {"outflow_per_s": None, "stopped_share": 0.0}),
        ("growing_queue", {"outflow_per_m_s": 0.9, "outflow_per_s": 1.5, "speed_mps": None}),
        ("growing_queue", {"outflow_per_m_s": None, "outflow_per_s": None, "speed_mps": 0.9}),
    ],
)
def test_what_is_known_is_enough_to_end_a_rule_whose_other_number_is_missing(
    rule: str, known: dict[str, float | None]
) -> None:
    """The gate opened, and once a second the pace or the crossings are not known."""
    shut = {"speed_mps": 0.1, "stopped_share": 0.9, "outflow_per_s": 0.0, "outflow_per_m_s": 0.0}
    blocked = crowd(1.6, **shut, inflow_per_s=0.5)
    free = {"outflow_per_s": 0.5, "outflow_per_m_s": 0.9, "speed_mps": 0.9, "stopped_share": 0.0}
    whole = crowd(1.6, **free, inflow_per_s=0.5)
    part = crowd(1.6, **(free | known), inflow_per_s=0.5)
    judged = run([(12, blocked), (60, lambda t: part if t % 1.0 > 0.7 else whole)], only(rule))
    named = [t for t, j in judged if any(r.rule == rule for r in j.reasons)]
    assert named[-1] == pytest.approx(42.0, abs=5.0)


def test_an_empty_place_is_no_blocked_exit() -> None:
    blocked = crowd(1.2, inflow_per_s=0.5, outflow_per_s=0.0, stopped_share=0.5)
    gone = calm(inflow_per_s=0.0, outflow_per_s=0.0)
    judged = run([(12, blocked), (40, gone)], only("blocked_exit"))
    assert judged[-1][1].level is Level.L0


@pytest.mark.parametrize(
    ("density", "standing", "lasts_s"),
    [
        (1.6, {"stopped_share": 1.0}, 30.0),  # they have met, and now stand and talk
        (1.6, {"stopped_share": 0.4}, 120.0),  # a few still walk
        (1.6, {}, 120.0),
        (2.2, {"stopped_share": 1.0}, 120.0),  # so many may hold each other up
    ],
)
def test_counter_flow_ends_where_its_number_stays_unknown(
    density: float, standing: dict[str, float], lasts_s: float
) -> None:
    met = crowd(density, minority_share=0.4)
    judged = run([(40, met), (160, crowd(density, **standing))], only("counter_flow"))
    named = [t for t, j in judged if any(r.rule == "counter_flow" for r in j.reasons)]
    # The last number counts for four seconds.
    assert named[-1] == pytest.approx(44.0 + lasts_s, abs=0.5)


def test_counter_flow_ends_though_four_walk_past_now_and_then_and_meet_nobody() -> None:
    """Two classes met; then people stand about, and once a minute a few walk through."""

    def after(seconds: float) -> ZoneMeasurement:
        walks = {"minority_share": 0.0} if seconds % 60.0 > 52.0 else {}
        return crowd(1.6, stopped_share=0.4, **walks)

    judged = run([(40, crowd(1.6, minority_share=0.4)), (900, after)], only("counter_flow"))
    named = [t for t, j in judged if any(r.rule == "counter_flow" for r in j.reasons)]
    assert named[-1] == pytest.approx(44.0 + 120.0, abs=0.5)


@pytest.mark.parametrize(
    ("stopped_before", "density", "named"),
    [
        (0.7, 1.6, False),  # they stand and talk, and a few walk past, each the own way
        (0.3, 1.6, True),  # they have met, and what counts goes on
        (0.7, 2.2, True),  # so many may hold each other up
    ],
)
def test_a_few_who_pass_those_who_stand_are_no_counter_flow(
    stopped_before: float, density: float, *, named: bool
) -> None:
    passed = {"minority_share": 0.5}
    parts = [
        (40.0, crowd(density, **passed, stopped_share=stopped_before)),
        (60.0, crowd(density, **passed, stopped_share=0.7)),
    ]
    last = run(parts, only("counter_flow"))[-1][1]
    assert any(r.rule == "counter_flow" for r in last.reasons) == named


def once_a_second(shares: str) -> Callable[[float], ZoneMeasurement]:
    """A stair looked at once a second, of which each letter is a picture: T meets, f does not, N is
    not known; the last one goes on."""
    share = {"T": 0.4, "f": 0.1, "N": None}
    return lambda t: crowd(1.6, minority_share=share[shares[min(int(t), len(shares) - 1)]])


@pytest.mark.parametrize(
    ("shares", "starts_s"),
    [
        ("T" * 20, 10.0),
        ("TNNTTNTNTTNTTNNNTTTT", 10.0),  # which head went where is not known in each picture
        ("TTTfTTTTTfTTTTfTTTTT", 10.0),  # one of few who walk more or less
        ("TTfTfTffTfffTffTfffT", None),  # mostly no
        ("TTTTNNNNNTTTTNNNNNTT", None),  # more than four seconds without a number: anew
        ("TTTTTNNNNNNNNNNNNNNN", None),
    ],
)
def test_two_classes_that_meet_are_told_at_one_picture_a_second(
    shares: str, starts_s: float | None
) -> None:
    judged, state = [], RiskState(at=START.plus(-1.0))
    for second in range(20):
        at, taken = START.plus(second), once_a_second(shares)(second)
        judged.append((float(second), advance(state, taken, only("counter_flow"), at)))
        state = judged[-1][1].state
    assert first_at(judged, Level.L1) == starts_s


@pytest.mark.parametrize("dark", [BLACK, calm(luminance=0.06)])
def test_people_in_the_light_are_still_there_when_it_goes(dark: ZoneMeasurement) -> None:
    """The light comes back after a minute, and nobody is there any more."""
    walking = crowd(0.8, luminance=0.5)  # four people
    few = [(20, walking), (2, crowd(0.4, luminance=0.5)), (60, dark), (40, calm())]
    levels = {t: j.level for t, j in run(few, only("dark_occupied"))}
    assert levels[21.8] is Level.L0
    assert levels[22.0] is levels[81.0] is levels[100.0] is Level.L2
    assert levels[121.0] is Level.L0


@pytest.mark.parametrize("before", [crowd(0.6, luminance=0.5), calm(luminance=0.5)])
def test_a_light_that_goes_over_few_or_none_is_no_warning(before: ZoneMeasurement) -> None:
    gone = [(5, crowd(0.8, luminance=0.5)), (9, before), (20, BLACK)]
    assert Level.L2 not in {j.level for _, j in run(gone, only("dark_occupied"))}


def test_nobody_knows_who_is_on_a_black_flight_after_five_minutes() -> None:
    judged = run([(9, crowd(0.8, luminance=0.5)), (340, BLACK)], only("dark_occupied"))
    levels = {t: j.level for t, j in judged}
    assert levels[305.0] is Level.L2
    assert levels[348.0] is Level.UNKNOWN

"""The rules of exits at their limits, and with each of their numbers missing.

A number that is missing makes a rule unknown, which keeps what counts; it never makes it calm.
"""

from dataclasses import replace

import pytest

from tests.vision.risk_cases import crowd, only
from vision.risk.exit_rules import blocked_exit, demand_over_capacity, narrowed_exit, shut_door
from vision.risk.readings import ZoneMeasurement

NARROWED = replace(crowd(1.0), people=4.0, exit_used_share=0.5, exit_used_flow_per_m_s=0.66)
BLOCKED = replace(
    crowd(1.0),
    people=4.0,
    inflow_per_s=0.2,
    outflow_per_s=0.0,
    stopped_share=0.3,
    peak_to_exit_m=3.0,
)


@pytest.mark.parametrize(
    ("changed", "holds"),
    [
        ({}, True),
        ({"people": 3.9}, False),
        ({"exit_used_share": 0.51}, False),
        ({"exit_used_flow_per_m_s": 0.65}, False),
        ({"exit_used_share": None}, None),
        ({"exit_used_flow_per_m_s": None}, None),
        ({"people": 3.9, "exit_used_share": None}, False),
    ],
)
def test_a_narrowed_exit(changed: dict[str, float | None], holds: bool | None) -> None:
    measured: ZoneMeasurement = replace(NARROWED, **changed)  # type: ignore[arg-type]
    assert narrowed_exit(measured, only("narrowed_exit")).holds is holds


@pytest.mark.parametrize(
    ("changed", "holds"),
    [
        ({}, True),
        ({"people": 3.9}, False),
        ({"density_peak_per_m2": 0.99}, False),
        ({"peak_to_exit_m": 3.01}, False),
        ({"peak_to_exit_m": None}, True),  # a zone without exits
        ({"outflow_per_s": 0.01}, False),
        ({"stopped_share": 0.29}, False),
        ({"inflow_per_s": 0.19}, None),  # those who came are still kept in
        ({"inflow_per_s": None}, None),
        ({"outflow_per_s": None}, None),
        ({"stopped_share": None}, None),
        ({"people": 3.9, "outflow_per_s": None}, False),
    ],
)
def test_a_blocked_exit(changed: dict[str, float | None], holds: bool | None) -> None:
    measured: ZoneMeasurement = replace(BLOCKED, **changed)  # type: ignore[arg-type]
    found = blocked_exit(measured, measured.density_peak_per_m2, only("blocked_exit"))
    assert found.holds is holds


@pytest.mark.parametrize(
    ("open_share", "limit_per_m_s"),
    [
        (0.5, 0.5 * 0.9 * 0.5),
        (0.1, 0.12),  # the least that counts as coming
        (0.0, 0.12),
        (None, 0.12),
    ],
)
def test_a_shut_door_is_compared_with_what_the_open_part_carries(
    open_share: float | None, limit_per_m_s: float
) -> None:
    rules = only("shut_door", share=0.5, flow_per_m_s=0.9, arrivals_per_m_s=0.12)
    at_limit = crowd(0.2, arriving_per_m_s=limit_per_m_s, exit_open_share=open_share)
    below = replace(at_limit, arriving_per_m_s=limit_per_m_s - 0.01)
    found = shut_door(at_limit, rules)
    assert found.threshold == pytest.approx(limit_per_m_s)
    assert found.holds is (None if open_share is None else True)
    assert shut_door(below, rules).holds is False


@pytest.mark.parametrize(("open_share", "holds"), [(0.9, True), (1.0, False)])
def test_one_narrow_leaf_that_is_shut_is_enough_where_more_come_than_the_rest_carries(
    open_share: float, *, holds: bool
) -> None:
    rules = only("shut_door", share=0.5, flow_per_m_s=0.9)
    assert shut_door(crowd(0.2, arriving_per_m_s=0.6, exit_open_share=open_share), rules).holds is (
        holds
    )


@pytest.mark.parametrize(
    ("along_share", "holds"), [(None, False), (0.49, True), (0.5, False), (0.7, False)]
)
def test_most_must_walk_against_the_axis_for_its_lower_capacity(
    along_share: float | None, holds: bool
) -> None:
    rules = only("demand_over_capacity", along_per_m_s=1.1, against_per_m_s=0.88)
    measured = crowd(0.5, demand_per_m_s=1.1, along_share=along_share)
    assert demand_over_capacity(measured, rules).holds is holds

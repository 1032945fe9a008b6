"""The promotion rules that look at exits: what is shut or barred, and more than they carry."""

from __future__ import annotations

from vision.risk.arrivals import limit_per_m_s
from vision.risk.finding import Finding
from vision.risk.profiles import ZoneProfile
from vision.risk.readings import ZoneMeasurement


def narrowed_exit(m: ZoneMeasurement, profile: ZoneProfile) -> Finding:
    rule = profile.rules.narrowed_exit
    holds: bool | None = False
    if m.people >= rule.people:
        if m.exit_used_share is None or m.exit_used_flow_per_m_s is None:
            holds = None
        else:
            holds = m.exit_used_share <= rule.share
            holds = holds and m.exit_used_flow_per_m_s >= rule.flow_per_m_s
    return Finding(
        "narrowed_exit",
        holds,
        m.exit_used_share,
        rule.share,
        "",
        rule.dwell_s,
        rule.source,
        rule.level,
    )


def shut_door(m: ZoneMeasurement, profile: ZoneProfile) -> Finding:
    """Compared per metre of the whole width; the open share stands in the measurement.

    While nothing is known of the doors the rule neither starts nor ends as long as people come.
    """
    rule = profile.rules.shut_door
    limit = limit_per_m_s(rule, m.exit_open_share)
    holds: bool | None = False
    if m.arriving_per_m_s is None:
        holds = None
    elif m.arriving_per_m_s >= limit:
        holds = None if m.exit_open_share is None else m.exit_open_share < 1.0
    return Finding(
        "shut_door",
        holds,
        m.arriving_per_m_s,
        limit,
        "1/(m·s)",
        rule.dwell_s,
        rule.source,
        rule.level,
    )


def demand_over_capacity(m: ZoneMeasurement, profile: ZoneProfile) -> Finding:
    rule = profile.rules.demand_over_capacity
    against = m.along_share is not None and m.along_share < 0.5
    capacity = rule.against_per_m_s if against else rule.along_per_m_s
    holds = None if m.demand_per_m_s is None else m.demand_per_m_s > capacity
    return Finding(
        "demand_over_capacity",
        holds,
        m.demand_per_m_s,
        capacity,
        "1/(m·s)",
        rule.dwell_s,
        rule.source,
        rule.level,
    )


def blocked_exit(m: ZoneMeasurement, density: float, profile: ZoneProfile) -> Finding:
    """Starts while people come in; those who came and are not let out keep it as it is.

    Where people are let out, or walk, the other numbers may be missing.
    """
    rule = profile.rules.blocked_exit
    holds: bool | None = False
    near = is_near(m, rule.reach_m)
    if near and m.people >= rule.people and density >= rule.density_per_m2:
        let_out = m.outflow_per_s is not None and not is_kept_in(m, profile)
        walk = m.stopped_share is not None and m.stopped_share < rule.stopped_share
        if not let_out and not walk:
            known = m.outflow_per_s is not None and m.stopped_share is not None
            come = m.inflow_per_s is not None and m.inflow_per_s >= rule.inflow_per_s
            holds = True if known and come else None
    return Finding(
        "blocked_exit",
        holds,
        m.outflow_per_s,
        rule.outflow_per_s,
        "1/s",
        rule.dwell_s,
        rule.source,
        rule.level,
    )


def is_kept_in(m: ZoneMeasurement, profile: ZoneProfile) -> bool:
    """Whether so few leave that nobody does: what still crosses may be a mistake of the counter."""
    limit_per_s = profile.rules.blocked_exit.outflow_per_s
    return m.outflow_per_s is not None and m.outflow_per_s <= limit_per_s


def is_near(m: ZoneMeasurement, reach_m: float) -> bool:
    """Whether the densest place lies at an exit, or the zone has none."""
    return m.peak_to_exit_m is None or m.peak_to_exit_m <= reach_m


__all__ = [
    "blocked_exit",
    "demand_over_capacity",
    "is_kept_in",
    "is_near",
    "narrowed_exit",
    "shut_door",
]

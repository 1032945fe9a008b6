"""The promotion rules: signs of danger that density alone shows too late.

Each rule compares numbers of one measurement with its profile. It answers `None` when a number it
needs is missing: such a rule neither starts nor ends.
Sources of the physics are in the profile file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from vision.instants import Utc
from vision.profiles import ZoneProfile
from vision.readings import Level, ZoneMeasurement

# A forecast needs this share of its window, and a rise that stands out of the counting error and
# of the up and down of a crowd that flows.
_LEAST_WINDOW_SHARE = 0.6
_LEAST_RISE_PER_M2 = 0.4
_LEAST_RISE_SCATTERS = 2.0
_FEWEST_SAMPLES = 8
_MOST_SAMPLES = 60
# The median speed of a few people jumps from picture to picture.
_SPEED_S = 4.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement of the past: capture time, peak and standard error per m², median speed."""

    at: Utc
    density_per_m2: float
    std_per_m2: float
    speed_mps: float | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule says of one measurement.

    Attributes:
        holds: `None` where a number that the rule needs is missing.
        target: the level that the rule gives, or `None` for one level above density's.
        ceiling: the highest level that it may give.
    """

    rule: str
    holds: bool | None
    measured: float | None
    threshold: float
    unit: str
    dwell_s: float
    source: str
    target: Level | None
    ceiling: Level = Level.L4


def findings(
    measurement: ZoneMeasurement,
    density_per_m2: float,
    base: Level,
    history: Sequence[Sample],
    profile: ZoneProfile,
    *,
    grows: bool = False,
) -> tuple[Finding, ...]:
    """What every enabled rule says, in the order of the profile.

    Args:
        density_per_m2: the smoothed peak.
        base: the level from density alone.
        history: past samples, oldest first.
        grows: whether `growing_queue` has held for its dwell.
    """
    rules = profile.rules
    found = []
    if rules.slow_dense_queue.enabled:
        found.append(_slow_dense_queue(measurement, density_per_m2, profile))
    if rules.outflow_stop.enabled:
        found.append(_outflow_stop(measurement, density_per_m2, profile))
    if rules.growing_queue.enabled:
        found.append(_growing_queue(measurement, density_per_m2, history, profile))
    if rules.demand_over_capacity.enabled:
        found.append(_demand_over_capacity(measurement, profile))
    if rules.time_to_next_level.enabled:
        found.append(
            _time_to_next_level(measurement, density_per_m2, base, history, profile, grows=grows)
        )
    if rules.counter_flow.enabled:
        found.append(_counter_flow(measurement, density_per_m2, profile))
    if rules.dark_occupied.enabled:
        found.append(_dark_occupied(measurement, profile))
    if rules.blocked_exit.enabled:
        found.append(_blocked_exit(measurement, density_per_m2, profile))
    if rules.fallen_person.enabled:
        found.append(_fallen_person(measurement, profile))
    if rules.pressure.enabled:
        found.append(_pressure(measurement, density_per_m2, profile))
    return tuple(found)


def _slow_dense_queue(m: ZoneMeasurement, density: float, profile: ZoneProfile) -> Finding:
    rule = profile.rules.slow_dense_queue
    holds: bool | None = False
    if density >= rule.density_per_m2:
        if m.speed_mps is None or (m.stopped_share is None and rule.stopped_share > 0.0):
            holds = None
        else:
            holds = m.speed_mps < rule.speed_mps
            holds = holds and (m.stopped_share or 0.0) >= rule.stopped_share
    return Finding(
        "slow_dense_queue",
        holds,
        m.speed_mps,
        rule.speed_mps,
        "m/s",
        rule.dwell_s,
        rule.source,
        rule.level,
    )


def _outflow_stop(m: ZoneMeasurement, density: float, profile: ZoneProfile) -> Finding:
    rule = profile.rules.outflow_stop
    holds: bool | None = False
    if density >= rule.density_per_m2:
        if m.outflow_per_m_s is None or m.inflow_per_s is None or m.outflow_per_s is None:
            holds = None
        else:
            filling = m.inflow_per_s > m.outflow_per_s
            holds = filling and m.outflow_per_m_s < rule.flow_per_m_s
    return Finding(
        "outflow_stop",
        holds,
        m.outflow_per_m_s,
        rule.flow_per_m_s,
        "1/(m·s)",
        rule.dwell_s,
        rule.source,
        rule.level,
    )


def _growing_queue(
    m: ZoneMeasurement, density: float, history: Sequence[Sample], profile: ZoneProfile
) -> Finding:
    rule = profile.rules.growing_queue
    speed_mps = recent_speed_mps(history)
    holds: bool | None = False
    growth: float | None = None
    if m.inflow_per_s is not None and m.outflow_per_s is not None:
        growth = m.inflow_per_s - m.outflow_per_s
    near = _is_near(m, rule.reach_m)
    if near and m.people >= rule.people and density >= rule.density_per_m2:
        if growth is None or speed_mps is None or m.outflow_per_m_s is None:
            holds = None
        else:
            holds = (
                growth >= rule.growth_per_s
                and speed_mps < rule.speed_mps
                and m.outflow_per_m_s < rule.flow_per_m_s
            )
    return Finding(
        "growing_queue",
        holds,
        growth,
        rule.growth_per_s,
        "1/s",
        rule.dwell_s,
        rule.source,
        rule.level,
    )


def _demand_over_capacity(m: ZoneMeasurement, profile: ZoneProfile) -> Finding:
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


def _is_near(m: ZoneMeasurement, reach_m: float) -> bool:
    """Whether the densest place lies at an exit, or the zone has none."""
    return m.peak_to_exit_m is None or m.peak_to_exit_m <= reach_m


def _time_to_next_level(
    m: ZoneMeasurement,
    density: float,
    base: Level,
    history: Sequence[Sample],
    profile: ZoneProfile,
    *,
    grows: bool,
) -> Finding:
    rule = profile.rules.time_to_next_level
    seconds = None
    target: Level | None = None
    passed = Level.L0
    ceiling = rule.flowing_ceiling
    if grows:
        # A jam: a threshold that density has passed counts without its dwell.
        speed_mps = recent_speed_mps(history)
        passed = _passed(density, profile)
        stands = speed_mps is not None and speed_mps < rule.jam_mps
        narrow = m.outflow_per_m_s is not None and m.outflow_per_m_s < rule.jam_flow_per_m_s
        if stands or (narrow and passed.severity >= rule.ceiling.severity):
            ceiling = rule.ceiling
        base = max(base, passed, key=lambda level: level.severity)
        target = Level.of_severity(min(base.severity + 1, ceiling.severity))
    if ceiling is rule.ceiling and passed.severity >= ceiling.severity:
        seconds = 0.0
    elif base.severity < ceiling.severity:
        following = Level.of_severity(base.severity + 1)
        seconds = time_to_reach(
            history, density, profile.threshold_of(following).threshold_per_m2, rule.window_s
        )
    holds = seconds is not None and seconds < rule.horizon_s
    return Finding(
        "time_to_next_level",
        holds,
        seconds,
        rule.horizon_s,
        "s",
        rule.dwell_s,
        rule.source,
        target,
        ceiling,
    )


def _passed(density: float, profile: ZoneProfile) -> Level:
    return Level.of_severity(sum(density >= limit.threshold_per_m2 for limit in profile.levels))


def recent_speed_mps(history: Sequence[Sample]) -> float | None:
    """Median of the known speeds of the last `_SPEED_S`; `None` where none is known."""
    if not history:
        return None
    newest = history[-1].at
    known = [
        sample.speed_mps
        for sample in history
        if sample.speed_mps is not None and newest - sample.at <= _SPEED_S
    ]
    return float(np.median(known)) if known else None


def _counter_flow(m: ZoneMeasurement, density: float, profile: ZoneProfile) -> Finding:
    rule = profile.rules.counter_flow
    holds: bool | None = False
    if density >= rule.density_per_m2:
        holds = None if m.minority_share is None else m.minority_share >= rule.minority_share
    return Finding(
        "counter_flow",
        holds,
        m.minority_share,
        rule.minority_share,
        "",
        rule.dwell_s,
        rule.source,
        None,
        rule.ceiling,
    )


def _dark_occupied(m: ZoneMeasurement, profile: ZoneProfile) -> Finding:
    rule = profile.rules.dark_occupied
    holds: bool | None = False
    by_infrared = m.infrared is not None and m.infrared >= 1.0
    if m.people > rule.people:
        holds = None if m.luminance is None else m.luminance < rule.luminance
        holds = True if by_infrared else holds
    return Finding(
        "dark_occupied",
        holds,
        None if by_infrared else m.luminance,
        rule.luminance,
        "",
        rule.dwell_s,
        rule.source,
        rule.level,
    )


def _blocked_exit(m: ZoneMeasurement, density: float, profile: ZoneProfile) -> Finding:
    rule = profile.rules.blocked_exit
    holds: bool | None = False
    near = _is_near(m, rule.reach_m)
    if near and m.people >= rule.people and density >= rule.density_per_m2:
        if m.inflow_per_s is None or m.outflow_per_s is None or m.stopped_share is None:
            holds = None
        else:
            holds = (
                m.inflow_per_s >= rule.inflow_per_s
                and m.outflow_per_s <= rule.outflow_per_s
                and m.stopped_share >= rule.stopped_share
            )
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


def _fallen_person(m: ZoneMeasurement, profile: ZoneProfile) -> Finding:
    rule = profile.rules.fallen_person
    holds: bool | None = None
    if m.fallen_people is not None:
        holds = m.fallen_people > 0
        if holds:
            holds = None if m.inflow_per_s is None else m.inflow_per_s >= rule.inflow_per_s
    return Finding(
        "fallen_person",
        holds,
        None if m.fallen_people is None else float(m.fallen_people),
        0.0,
        "",
        rule.dwell_s,
        rule.source,
        rule.level,
    )


def _pressure(m: ZoneMeasurement, density: float, profile: ZoneProfile) -> Finding:
    rule = profile.rules.pressure
    holds: bool | None = False
    if density >= rule.density_per_m2:
        holds = None if m.pressure_per_s2 is None else m.pressure_per_s2 > rule.pressure_per_s2
    return Finding(
        "pressure",
        holds,
        m.pressure_per_s2,
        rule.pressure_per_s2,
        "1/s²",
        rule.dwell_s,
        rule.source,
        rule.level,
    )


def robust_slope(times_s: ArrayLike, values: ArrayLike) -> float:
    """Median of the slopes between all pairs (Theil-Sen); at least two different times."""
    t, y = np.asarray(times_s, dtype=np.float64), np.asarray(values, dtype=np.float64)
    first, second = np.triu_indices(len(t), k=1)
    gap = t[second] - t[first]
    apart = gap > 1e-9
    return float(np.median((y[second] - y[first])[apart] / gap[apart]))


def time_to_reach(
    history: Sequence[Sample], density_per_m2: float, threshold_per_m2: float, window_s: float
) -> float | None:
    """Seconds until density, rising as over the last `window_s`, reaches a threshold.

    0 when it is there already and still rising; `None` when it does not rise clearly: the rise
    over the window must be at least 0.4 per m², one standard error and twice the scatter around
    the slope (mean absolute residual x 1.25).
    """
    if not history:
        return None
    newest = history[-1].at
    recent = [sample for sample in history if newest - sample.at <= window_s]
    lasted_s = newest - recent[0].at
    if len(recent) < _FEWEST_SAMPLES or lasted_s < _LEAST_WINDOW_SHARE * window_s:
        return None
    step = -(-len(recent) // _MOST_SAMPLES)
    thinned = recent[::-1][::step][::-1]
    times_s = np.array([sample.at - recent[0].at for sample in thinned])
    values = np.array([sample.density_per_m2 for sample in thinned])
    slope = robust_slope(times_s, values)
    residuals = values - slope * times_s
    scatter = 1.25 * float(np.mean(np.abs(residuals - np.median(residuals))))
    error = float(np.median([sample.std_per_m2 for sample in thinned]))
    if slope * lasted_s < max(_LEAST_RISE_PER_M2, error, _LEAST_RISE_SCATTERS * scatter):
        return None
    return max(0.0, (threshold_per_m2 - density_per_m2) / slope)


__all__ = ["Finding", "Sample", "findings", "recent_speed_mps", "robust_slope", "time_to_reach"]

"""The promotion rules: signs of danger that density alone shows too late.

Each rule compares numbers of one measurement with its profile. It answers `None` when a number it
needs is missing: such a rule neither starts nor ends. Where one number alone says no, the others
are not needed.
Sources of the physics are in the profile file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vision.crowd.forecast import (
    Sample,
    grown_by,
    recent_minority_share,
    recent_speed_mps,
    rise_per_s,
    since_clear,
    stops,
)
from vision.risk.exit_rules import (
    blocked_exit,
    demand_over_capacity,
    is_kept_in,
    is_near,
    narrowed_exit,
    shut_door,
)
from vision.risk.finding import Finding
from vision.risk.profiles import ZoneProfile
from vision.risk.readings import Level, ZoneMeasurement

# Our judgement: more than half stand; two classes that block each other do so for two minutes.
_MOST = 0.5
_UNKNOWN_LEAVES = 4.0
# Our judgement: who walks twice as fast as a queue does stands in none. On stairs nobody does.
_HURRY = 2.0


def findings(
    measurement: ZoneMeasurement,
    density_per_m2: float,
    base: Level,
    history: Sequence[Sample],
    profile: ZoneProfile,
    *,
    jam: bool = False,
    stayed: float = 0.0,
) -> tuple[Finding, ...]:
    """What every enabled rule says, in the order of the profile.

    Args:
        density_per_m2: the smoothed peak.
        base: the level from density alone.
        history: past samples, oldest first.
        jam: whether `growing_queue` counts.
        stayed: people who were there when the light went.
    """
    m, density = measurement, density_per_m2
    checks: dict[str, Callable[[], Finding | tuple[Finding, ...]]] = {
        "slow_dense_queue": lambda: _slow_dense_queue(m, density, profile),
        "outflow_stop": lambda: _outflow_stop(m, density, profile),
        "growing_queue": lambda: _growing_queue(m, density, history, profile),
        "stop_and_go": lambda: _stop_and_go(density, history, profile),
        "narrowed_exit": lambda: narrowed_exit(m, profile),
        "shut_door": lambda: shut_door(m, profile),
        "demand_over_capacity": lambda: demand_over_capacity(m, profile),
        "jam_density": lambda: _jam_density(density, profile, base, jam=jam),
        "time_to_next_level": lambda: _forecasts(m, density, base, history, profile, jam=jam),
        "counter_flow": lambda: _counter_flow(m, density, base, history, profile),
        "dark_occupied": lambda: _dark_occupied(m, stayed, profile),
        "blocked_exit": lambda: blocked_exit(m, density, profile),
        "fallen_person": lambda: _fallen_person(m, profile),
        "pressure": lambda: _pressure(m, density, profile),
    }
    found: list[Finding] = []
    for name, check in checks.items():
        if getattr(profile.rules, name).enabled:
            one = check()
            found += one if isinstance(one, tuple) else (one,)
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
        if holds and not is_near(m, rule.reach_m):
            growth = _growth_per_s(m)
            holds = None if growth is None else growth >= rule.growth_per_s
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
    if is_near(m, rule.reach_m) and density >= rule.density_per_m2:
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
    """Starts while the queue grows; while nobody is let out of it, it has not gone.

    Those who cross and the count both say that it grows. While most hurry, they may only pass.
    """
    rule = profile.rules.growing_queue
    speed_mps = recent_speed_mps(history)
    holds: bool | None = False
    growth = _growth_per_s(m)
    near = is_near(m, rule.reach_m)
    if near and m.people >= rule.people and density >= rule.density_per_m2:
        walks = speed_mps is not None and speed_mps >= rule.speed_mps
        passes = m.outflow_per_m_s is not None and m.outflow_per_m_s >= rule.flow_per_m_s
        if growth is None or speed_mps is None or m.outflow_per_m_s is None:
            holds = False if walks or passes else None
        elif not walks and not passes:
            longer_by = grown_by(history)
            stays = longer_by is None or longer_by >= rule.longer_by
            if growth >= rule.growth_per_s and stays:
                hurry = m.speed_mps is not None and m.speed_mps >= _HURRY * rule.speed_mps
                holds = None if hurry else True
            else:
                holds = None if is_kept_in(m, profile) else False
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


def _growth_per_s(m: ZoneMeasurement) -> float | None:
    """People a second who come in and do not leave; `None` where either is unknown."""
    if m.inflow_per_s is None or m.outflow_per_s is None:
        return None
    return m.inflow_per_s - m.outflow_per_s


def _stop_and_go(density: float, history: Sequence[Sample], profile: ZoneProfile) -> Finding:
    rule = profile.rules.stop_and_go
    counted = stops(history, rule.stand_mps, rule.walk_mps)
    holds: bool | None = False
    if density >= rule.density_per_m2:
        holds = None if counted is None else counted >= rule.stops
    return Finding(
        "stop_and_go",
        holds,
        None if counted is None else float(counted),
        rule.stops,
        "",
        rule.dwell_s,
        rule.source,
        rule.level,
    )


def jam_ceiling(
    m: ZoneMeasurement, density: float, history: Sequence[Sample], profile: ZoneProfile
) -> Level:
    """The highest level that density gives a jam without its dwell.

    To the rule's ceiling for a jam that stands, or has passed L3 and is hardly let out.
    """
    rule = profile.rules.jam_density
    if not rule.enabled:
        return Level.L0
    speed_mps = recent_speed_mps(history)
    stands = speed_mps is not None and speed_mps < rule.speed_mps
    kept_in = m.outflow_per_m_s is not None and m.outflow_per_m_s < rule.flow_per_m_s
    past_l3 = density >= profile.threshold_of(Level.L3).threshold_per_m2
    return rule.ceiling if stands or (kept_in and past_l3) else rule.flowing_ceiling


def _jam_density(density: float, profile: ZoneProfile, base: Level, *, jam: bool) -> Finding:
    """Gives no level of its own: in a jam the levels of density wait for no dwell (`risk`)."""
    rule = profile.rules.jam_density
    reached = profile.threshold_of(base) if base.severity else profile.levels[0]
    return Finding(
        "jam_density",
        jam and base.severity > 0,
        density,
        reached.threshold_per_m2,
        "1/m²",
        rule.dwell_s,
        rule.source,
        Level.L0,
    )


def _forecasts(
    m: ZoneMeasurement,
    density: float,
    base: Level,
    history: Sequence[Sample],
    profile: ZoneProfile,
    *,
    jam: bool,
) -> tuple[Finding, ...]:
    """Of every level above `base` up to the ceiling; only the next one gives its level.

    The others' dwells run meanwhile, so that a level that is reached hands over at once to a
    forecast that holds then.
    """
    rule = profile.rules.time_to_next_level
    allowed = jam_ceiling(m, density, history, profile) if jam else Level.L0
    ceiling = rule.ceiling if allowed.severity > Level.L2.severity else rule.flowing_ceiling
    crowd = history if jam else _of_this_crowd(history, base, profile)
    per_s = rise_per_s(crowd, rule.window_s)
    found = []
    for severity in range(base.severity + 1, ceiling.severity + 1):
        level = Level.of_severity(severity)
        missing = profile.threshold_of(level).threshold_per_m2 - density
        seconds = None if per_s is None else max(0.0, missing / per_s)
        is_next = severity == base.severity + 1
        early = severity <= Level.L2.severity
        horizon_s = rule.horizon_s if early else min(rule.alarm_horizon_s, rule.horizon_s)
        found.append(
            Finding(
                "time_to_next_level",
                seconds is not None and seconds < horizon_s,
                seconds,
                horizon_s,
                "s",
                rule.dwell_s,
                rule.source,
                level if is_next else Level.L0,
                key=f"time_to_next_level/{level.value}",
                told=is_next,
            )
        )
    return tuple(found)


def _of_this_crowd(
    history: Sequence[Sample], base: Level, profile: ZoneProfile
) -> Sequence[Sample]:
    """What was measured of the crowd that is there now.

    A level lasts for a while after its crowd: those who come in next are denser every second till
    the first of them have walked through.
    """
    if base is Level.L0:
        return history
    return since_clear(history, profile.leave_ratio * profile.threshold_of(base).threshold_per_m2)


def _counter_flow(
    m: ZoneMeasurement,
    density: float,
    base: Level,
    history: Sequence[Sample],
    profile: ZoneProfile,
) -> Finding:
    """By the median share of the last seconds: of five who walk one more or less is chance.

    Where hardly anybody walks there is no direction to tell. Those who stand have stopped meeting
    each other, unless they are so many that they may hold each other up: then what counts goes on
    for a while, and density tells the rest. Nor does it start where most stand and a few walk past
    them, each the own way.
    """
    rule = profile.rules.counter_flow
    share = recent_minority_share(history)
    holds: bool | None = False
    if density >= rule.density_per_m2:
        holds = None if share is None else share >= rule.minority_share
        stand = m.stopped_share is not None and m.stopped_share >= _MOST
        if stand and base.severity < Level.L2.severity:
            holds = None if holds else False
    return Finding(
        "counter_flow",
        holds,
        share,
        rule.minority_share,
        "",
        rule.dwell_s,
        rule.source,
        None,
        rule.ceiling,
        unknown_s=_UNKNOWN_LEAVES * profile.leave_s,
    )


def _dark_occupied(m: ZoneMeasurement, stayed: float, profile: ZoneProfile) -> Finding:
    """A dark picture shows nobody: who was there when the light went counts."""
    rule = profile.rules.dark_occupied
    holds: bool | None = False
    by_infrared = m.infrared is not None and m.infrared >= 1.0
    dark = m.luminance is not None and m.luminance < rule.luminance
    if m.people > rule.people or (dark and stayed > rule.people):
        holds = None if m.luminance is None else dark
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
        None,
        rule.ceiling,
    )


__all__ = ["findings", "jam_ceiling"]

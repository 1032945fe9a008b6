"""From measurements to a level: dwell, hysteresis and the promotion rules.

A pure state machine: `advance` takes the state of a zone and one measurement and returns the next
state. Time is capture time only, so a recording gives the same levels at any playback speed.

A level from density is entered when the lower end of the smoothed density has passed its threshold
for the dwell, and left when the smoothed density has stayed under `leave_ratio` of it for
`leave_s`. In a jam the smoothed density itself counts, after a shorter dwell (`JamDensity`). A
rule is entered after its own dwell and left when it has not held for `leave_s`. Rules that promote
by one level do not add up.

After a time that nobody watched, a crowd that is seen may have stood there all along: until a dwell
could have passed, it is UNKNOWN and not calm.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from statistics import median
from typing import NamedTuple

from vision.crowd.forecast import Sample, newest_of
from vision.crowd.movement import FLOW_WINDOW_S
from vision.instants import Utc
from vision.risk.finding import Finding
from vision.risk.profiles import ZoneProfile
from vision.risk.readings import Level, Reason, ZoneMeasurement
from vision.risk.rules import findings, jam_ceiling
from vision.risk.state import RiskState, Timer, after_gap, seen_in_light

# With less of a zone seen than this, the reading says so; with less than the second, a low level
# is not claimed at all.
ADVISED_VISIBLE_SHARE = 0.5
LEAST_VISIBLE_SHARE = 0.25
# Nor where more than this share of what the cameras could see is black: people stand there unseen.
# What no camera ever sees is known from the plan; this was seen until something covered it.
MOST_BLACK_SHARE = 1 / 3
# Who was on a flight when its light went is taken to be there for so long: our judgement.
_DARK_HOLDS_S = 300.0
_CALM = (Level.L0, Level.L1)
# They wait for the counters of a zone's border, which know nothing for the first `FLOW_WINDOW_S`.
_WAIT_FOR_COUNTERS = ("blocked_exit", "growing_queue")


class Judgement(NamedTuple):
    """The next state, the level with its reasons, and the level at the upper end."""

    state: RiskState
    level: Level
    reasons: tuple[Reason, ...]
    could_be: Level | None


def advance(
    state: RiskState, measurement: ZoneMeasurement, profile: ZoneProfile, at: Utc
) -> Judgement:
    """Judge one measurement taken at `at`, not before the state's newest one.

    Raises:
        ValueError: when time runs backwards.
    """
    if state.at is not None and at < state.at:
        raise ValueError(f"a measurement of {at.iso()} came after one of {state.at.iso()}")
    unwatched = state.at is not None and at - state.at > profile.max_gap_s
    state = after_gap(state, profile, at)
    history = _remember(state.history, measurement, profile, at)
    density = _smoothed(history, profile.smoothing_s)
    jam = state.rule("growing_queue").active
    hurried = jam_ceiling(measurement, density, history, profile) if jam else Level.L0
    levels = _tick_levels(
        state, (density, _lower(density, measurement, profile)), profile, at, hurried
    )
    base = Level.of_severity(max((n for n in range(1, 5) if levels[n - 1].active), default=0))
    lit_at, lit_people = seen_in_light(state, history, measurement, profile, at)
    stayed = lit_people if lit_at is not None and at - lit_at <= _DARK_HOLDS_S else 0.0
    found = findings(measurement, density, base, history, profile, jam=jam, stayed=stayed)
    rules = _tick_rules(state, found, profile, at)
    following = RiskState(levels, rules, history, at, state.begun, lit_at, lit_people)
    level = _promoted(base, found, following)
    reasons = (
        *_rule_reasons(found, following, at),
        _density_reason(density, base, levels, profile, at),
    )
    level, doubts, blind = _doubts(level, measurement, profile)
    begun = at if blind else None
    if level in _CALM and unwatched:
        # One picture after a gap proves no calm: nobody watched the time between.
        level, doubts, begun = Level.UNKNOWN, (Reason("too_slow"), *doubts), state.begun
    elif level in _CALM and _may_stand(following, found, measurement, profile):
        level, doubts, begun = Level.UNKNOWN, (Reason("just_begun"), *doubts), state.begun
    could_be = _could_be(level, density, measurement, profile)
    return Judgement(replace(following, begun=begun), level, (*doubts, *reasons), could_be)


def _may_stand(
    state: RiskState, found: tuple[Finding, ...], m: ZoneMeasurement, profile: ZoneProfile
) -> bool:
    """Whether a crowd of L2 may have stood here before the zone was watched, and stand here still.

    As long as its density is not well below the one of L2 and could not have held for the dwell,
    or something that would give L2 waits for its dwell, for `leave_s` at most.
    """
    if state.begun is None or state.at is None:
        return False
    watched_s = state.at - state.begun
    limit = profile.threshold_of(Level.L2)
    density = max(m.density_peak_per_m2, _smoothed(state.history, profile.smoothing_s))
    dense = density >= profile.leave_ratio * limit.threshold_per_m2
    if dense and watched_s < limit.dwell_s:
        return True
    if watched_s >= profile.leave_s:
        return False
    waits = [timer.active or timer.held_since is not None for timer in state.levels]
    base = max((n for n in range(1, 5) if waits[n - 1]), default=0)
    waiting = tuple(one for one in found if _waits(one, state, watched_s))
    return _severity(base, waiting) >= Level.L2.severity


def _waits(finding: Finding, state: RiskState, watched_s: float) -> bool:
    """Whether a rule counts, or may count when its dwell is over."""
    timer = state.rule(finding.timer)
    early = finding.rule in _WAIT_FOR_COUNTERS and watched_s < FLOW_WINDOW_S
    return timer.active or timer.held_since is not None or (finding.holds is None and early)


def _remember(
    history: tuple[Sample, ...], m: ZoneMeasurement, profile: ZoneProfile, at: Utc
) -> tuple[Sample, ...]:
    keep_s = max(profile.smoothing_s, profile.rules.time_to_next_level.window_s)
    oldest = 0
    while oldest < len(history) and at - history[oldest].at > keep_s:
        oldest += 1
    newest = Sample(
        at,
        m.density_peak_per_m2,
        m.density_peak_std_per_m2,
        m.speed_mps,
        m.people,
        m.minority_share,
    )
    return (*history[oldest:], newest)


def _smoothed(history: tuple[Sample, ...], smoothing_s: float) -> float:
    return median(sample.density_per_m2 for sample in newest_of(history, smoothing_s))


def _lower(density: float, m: ZoneMeasurement, profile: ZoneProfile) -> float:
    return density - profile.confidence_sigma * m.density_peak_std_per_m2


def _tick_levels(
    state: RiskState,
    ends: tuple[float, float],
    profile: ZoneProfile,
    at: Utc,
    hurried: Level,
) -> tuple[Timer, Timer, Timer, Timer]:
    """Tick the levels with a density and its lower end; those up to `hurried` are in a jam."""
    density, lower = ends
    jam_dwell_s = profile.rules.jam_density.dwell_s
    ticked = []
    for severity, (timer, limit) in enumerate(zip(state.levels, profile.levels, strict=True), 1):
        in_jam = severity <= hurried.severity
        ticked.append(
            timer.tick(
                (density if in_jam else lower) >= limit.threshold_per_m2,
                density < profile.leave_ratio * limit.threshold_per_m2,
                dwell_s=min(limit.dwell_s, jam_dwell_s) if in_jam else limit.dwell_s,
                leave_s=profile.leave_s,
                at=at,
            )
        )
    # A higher level has a shorter dwell: with it the lower ones are entered too, so that leaving
    # it steps down and does not fall to L0.
    for index in (2, 1, 0):
        if ticked[index + 1].active and not ticked[index].active:
            ticked[index] = replace(ticked[index], active=True)
    return (ticked[0], ticked[1], ticked[2], ticked[3])


def _tick_rules(
    state: RiskState, found: tuple[Finding, ...], profile: ZoneProfile, at: Utc
) -> tuple[tuple[str, Timer], ...]:
    return tuple((finding.timer, _ticked(state, finding, profile, at)) for finding in found)


def _ticked(state: RiskState, finding: Finding, profile: ZoneProfile, at: Utc) -> Timer:
    ticked = state.rule(finding.timer).tick(
        finding.holds,
        finding.holds is False,
        dwell_s=finding.dwell_s,
        leave_s=profile.leave_s,
        at=at,
        unknown_s=finding.unknown_s,
    )
    # What gives no level yet must still hold when it is its turn: its dwell runs, it counts then.
    return ticked if finding.told else replace(ticked, active=False, clear_since=None)


def _promoted(base: Level, found: tuple[Finding, ...], state: RiskState) -> Level:
    counting = tuple(finding for finding in found if state.rule(finding.timer).active)
    return Level.of_severity(_severity(base.severity, counting))


def _severity(base: int, counting: Iterable[Finding]) -> int:
    """The severity that these findings make of the one from density."""
    severity = base
    for finding in counting:
        if finding.target is not None:
            severity = max(severity, finding.target.severity)
        else:
            severity = max(severity, min(base + 1, finding.ceiling.severity))
    return severity


def _rule_reasons(found: tuple[Finding, ...], state: RiskState, at: Utc) -> tuple[Reason, ...]:
    return tuple(
        Reason(
            finding.rule,
            finding.measured,
            finding.threshold,
            finding.unit,
            state.rule(finding.timer).held_s(at),
            finding.source,
        )
        for finding in sorted(found, key=lambda f: -f.target.severity if f.target else 0)
        if finding.told and state.rule(finding.timer).active
    )


def _density_reason(
    density: float, base: Level, levels: tuple[Timer, ...], profile: ZoneProfile, at: Utc
) -> Reason:
    """Density against the threshold of its level; at L0 against the first one."""
    index = max(base.severity, 1) - 1
    limit = profile.levels[index]
    return Reason(
        "density",
        density,
        limit.threshold_per_m2,
        "1/m²",
        levels[index].held_s(at),
        limit.source,
    )


def _doubts(
    level: Level, m: ZoneMeasurement, profile: ZoneProfile
) -> tuple[Level, tuple[Reason, ...], bool]:
    """What stands against a low level: a picture too dark or covered, or too little seen.

    Third whether it is so much that the zone counts as not watched.
    """
    reasons: list[Reason] = []
    blind = False
    floor = profile.rules.dark_occupied.blind_luminance
    if m.luminance is not None and m.luminance < floor:
        reasons.append(Reason("camera_dark", m.luminance, floor))
        blind = True
    elif m.black_share + m.lost_share > MOST_BLACK_SHARE:
        # What no camera ever sees is known from the plan; this was seen until something happened.
        lost = m.lost_share > m.black_share
        rule, share = ("partly_lost", m.lost_share) if lost else ("partly_black", m.black_share)
        reasons.append(Reason(rule, share, MOST_BLACK_SHARE))
        blind = True
    if m.visible_share < ADVISED_VISIBLE_SHARE:
        reasons.append(Reason("not_visible", m.visible_share, ADVISED_VISIBLE_SHARE))
        blind = blind or m.visible_share < LEAST_VISIBLE_SHARE
    if blind and level.severity < Level.L2.severity:
        level = Level.UNKNOWN
    return level, tuple(reasons), blind


def _could_be(
    level: Level, density: float, m: ZoneMeasurement, profile: ZoneProfile
) -> Level | None:
    """The level of the upper end, when higher; the unseen part is taken to be as much fuller.

    Another count that is higher widens this end and no other.
    """
    std_per_m2 = math.hypot(m.density_peak_std_per_m2, m.count_doubt * density)
    upper = density + profile.confidence_sigma * std_per_m2
    upper /= max(m.visible_share, 0.1)
    reached = sum(upper >= limit.threshold_per_m2 for limit in profile.levels)
    if level is Level.UNKNOWN:
        return Level.of_severity(reached) if reached else None
    return Level.of_severity(reached) if reached > level.severity else None


__all__ = ["Judgement", "RiskState", "Timer", "advance"]

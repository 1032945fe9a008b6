"""From measurements to a level: dwell, hysteresis and the promotion rules.

A pure state machine: `advance` takes the state of a zone and one measurement and returns the next
state. Time is capture time only, so a recording gives the same levels at any playback speed.

A level from density is entered when the lower end of the smoothed density has passed its threshold
for the dwell, and left when the smoothed density has stayed under `leave_ratio` of it for
`leave_s`. In a jam the smoothed density itself counts, after a shorter dwell (`JamDensity`). A
rule is entered after its own dwell and left when it has not held for `leave_s`. Rules that promote
by one level do not add up.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import median
from typing import NamedTuple

from vision.finding import Finding
from vision.forecast import Sample, newest_of
from vision.instants import Utc
from vision.profiles import ZoneProfile
from vision.readings import Level, Reason, ZoneMeasurement
from vision.rules import findings, jam_ceiling

# With less of a zone seen than this, the reading says so; with less than the second, a low level
# is not claimed at all.
ADVISED_VISIBLE_SHARE = 0.5
LEAST_VISIBLE_SHARE = 0.25
# Nor where more than this share of what the cameras could see is black: people stand there unseen.
# What no camera ever sees is known from the plan; this was seen until something covered it.
MOST_BLACK_SHARE = 1 / 3


@dataclass(frozen=True, slots=True)
class Timer:
    """One condition over time: since when it holds, since when it is clear, whether it counts."""

    held_since: Utc | None = None
    clear_since: Utc | None = None
    active: bool = False

    def tick(
        self, holds: bool | None, clears: bool, *, dwell_s: float, leave_s: float, at: Utc
    ) -> Timer:
        """The timer after a measurement at `at`.

        With `holds=None` (not known) a dwell starts anew, and what counts still counts.
        """
        if holds is None:
            return Timer(active=self.active)
        held_since = (self.held_since or at) if holds else None
        active = self.active or (held_since is not None and at - held_since >= dwell_s)
        clear_since = (self.clear_since or at) if active and clears else None
        if clear_since is not None and at - clear_since >= leave_s:
            return Timer(held_since=held_since)
        return Timer(held_since, clear_since, active)

    def interrupted(self) -> Timer:
        """The timer after a gap: what counts still counts, what was waiting starts anew."""
        return Timer(active=self.active)

    def held_s(self, at: Utc) -> float:
        return 0.0 if self.held_since is None else max(0.0, at - self.held_since)


_FRESH = Timer()


@dataclass(frozen=True, slots=True)
class RiskState:
    """What a zone's judgement remembers.

    Attributes:
        levels: timers of L1 to L4.
        rules: timers by rule name.
        history: samples of the last forecast window, oldest first.
        at: capture time of the newest measurement.
    """

    levels: tuple[Timer, Timer, Timer, Timer] = (Timer(), Timer(), Timer(), Timer())
    rules: tuple[tuple[str, Timer], ...] = ()
    history: tuple[Sample, ...] = ()
    at: Utc | None = None

    def rule(self, name: str) -> Timer:
        for known, timer in self.rules:
            if known == name:
                return timer
        return _FRESH


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
    state = _after_gap(state, profile, at)
    history = _remember(state.history, measurement, profile, at)
    density = _smoothed(history, profile.smoothing_s)
    jam = state.rule("growing_queue").active
    hurried = jam_ceiling(measurement, density, history, profile) if jam else Level.L0
    levels = _tick_levels(
        state, (density, _lower(density, measurement, profile)), profile, at, hurried
    )
    base = Level.of_severity(max((n for n in range(1, 5) if levels[n - 1].active), default=0))
    found = findings(measurement, density, base, history, profile, jam=jam)
    timers = tuple(
        (
            finding.timer,
            state.rule(finding.timer).tick(
                finding.holds,
                finding.holds is False,
                dwell_s=finding.dwell_s,
                leave_s=profile.leave_s,
                at=at,
            ),
        )
        for finding in found
    )
    following = RiskState(levels, timers, history, at)
    level = _promoted(base, found, following)
    reasons = (
        *_rule_reasons(found, following, at),
        _density_reason(density, base, levels, profile, at),
    )
    level, doubts = _doubts(level, measurement, profile)
    if unwatched and level in (Level.L0, Level.L1):
        # One picture after a gap proves no calm: nobody watched the time between.
        level, doubts = Level.UNKNOWN, (Reason("too_slow"), *doubts)
    could_be = _could_be(level, density, measurement, profile)
    return Judgement(following, level, (*doubts, *reasons), could_be)


def _after_gap(state: RiskState, profile: ZoneProfile, at: Utc) -> RiskState:
    if state.at is None or at - state.at <= profile.max_gap_s:
        return state
    if at - state.at > max(profile.leave_s, profile.max_gap_s):
        return RiskState()
    return RiskState(
        levels=tuple(timer.interrupted() for timer in state.levels),  # type: ignore[arg-type]
        rules=tuple((name, timer.interrupted()) for name, timer in state.rules),
        at=state.at,
    )


def _remember(
    history: tuple[Sample, ...], m: ZoneMeasurement, profile: ZoneProfile, at: Utc
) -> tuple[Sample, ...]:
    keep_s = max(profile.smoothing_s, profile.rules.time_to_next_level.window_s)
    oldest = 0
    while oldest < len(history) and at - history[oldest].at > keep_s:
        oldest += 1
    newest = Sample(at, m.density_peak_per_m2, m.density_peak_std_per_m2, m.speed_mps)
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


def _promoted(base: Level, found: tuple[Finding, ...], state: RiskState) -> Level:
    severity = base.severity
    for finding in found:
        if not state.rule(finding.timer).active:
            continue
        if finding.target is not None:
            severity = max(severity, finding.target.severity)
        else:
            severity = max(severity, min(base.severity + 1, finding.ceiling.severity))
    return Level.of_severity(severity)


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
) -> tuple[Level, tuple[Reason, ...]]:
    """What stands against a low level: a picture too dark or covered, or too little seen."""
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
    return level, tuple(reasons)


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

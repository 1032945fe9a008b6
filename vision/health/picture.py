"""Faults of a camera's picture over time: a pure state machine over single judgements.

One picture proves nothing: a bus fills the view, a light is switched. A fault opens when its sign
holds in enough of the last samples, and closes when it stays away. Times are capture times, so a
recording gives the same events as the live stream did.

The limits are this project's, chosen on degraded pictures; none is quoted from a standard.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from vision.health.fault_course import Course, Fault, HealthEvent, Persistence, Sign, step
from vision.health.features import Baseline, Comparison, Features, Mode
from vision.instants import Utc
from vision.pose.landmarks import LEAST_INLIERS


@dataclass(frozen=True, slots=True)
class HealthLimits:
    """When a single picture shows a sign, and how long signs must last.

    Attributes:
        window_s, samples: a fault opens when its sign stands in at least `samples` of the
            samples of the last `window_s`, the newest among them.
        lasting_samples: the same for cover and blur, and without a good sample between.
        shift_spread: shifts count together when they differ by less than this share of the width.
        clear_samples: and closes after so many samples in a row without it.
        settle_s: after a change of mode or light, signs that compare with the baseline wait.
        frozen_s: how long pictures must be equal, bit for bit, while new ones arrive.
        away_s: how long the learnt landmarks must be missing from a sharp, open picture before
            each further one is a sign that the camera looks elsewhere.
    """

    dark_luminance: float = 0.09
    glare_share: float = 0.4
    sharpness_ratio: float = 0.35
    lost_share: float = 0.25
    shift_share: float = 0.03
    shift_spread: float = 0.01
    noise_ratio: float = 4.0
    least_noise: float = 0.03
    cast: float = 30.0
    window_s: float = 60.0
    samples: int = 3
    lasting_samples: int = 4
    clear_samples: int = 3
    settle_s: float = 60.0
    frozen_s: float = 10.0
    away_s: float = 20.0


@dataclass(frozen=True, slots=True)
class HealthSample:
    """One judged picture.

    Attributes:
        comparison: against the baseline of the picture's own mode; `None` where none is learnt.
        frames_arrived: frames decoded since the sample before: the second sign of a frozen
            picture is that equal pictures keep arriving.
    """

    captured_at: Utc
    features: Features
    comparison: Comparison | None
    baseline: Baseline | None
    frames_arrived: int


@dataclass(frozen=True, slots=True)
class HealthState:
    """What a camera's health monitor remembers between samples.

    Attributes:
        away_since: since when the picture is sharp and open but shows none of the landmarks, or
            between such pictures shows them far off.
    """

    courses: Mapping[Fault, Course] = field(default_factory=dict)
    mode: Mode | None = None
    settled_at: Utc | None = None
    digest: int | None = None
    equal_since: Utc | None = None
    away_since: Utc | None = None

    @property
    def open_faults(self) -> tuple[Fault, ...]:
        return tuple(fault for fault, course in self.courses.items() if course.open_since)


_BY_BASELINE = (Fault.BLURRED, Fault.COVERED, Fault.MOVED, Fault.NOISY)
# A grey cover looks like a change to infrared, so a cover must not wait until that has settled.
_SETTLES = (Fault.BLURRED, Fault.MOVED, Fault.NOISY)
# Somebody close before the lens looks like these for a while.
_PASSING = (Fault.COVERED, Fault.BLURRED)
_ALL_LOST_SHARE = 0.9
# What is told as the shift of a camera that shows nothing of its learnt view.
_ALL_OF_IT = 1.0


def advance(
    state: HealthState, sample: HealthSample, limits: HealthLimits | None = None
) -> tuple[HealthState, tuple[HealthEvent, ...]]:
    """Take one sample in; the new state and the faults that opened or closed."""
    limits = limits or HealthLimits()
    state = _with_mode(state, sample, limits)
    state = _with_digest(state, sample)
    state = _with_view(state, sample, limits)
    signs = _signs(state, sample, limits)
    signs |= {fault: replace(signs[fault], shown=False) for fault in _hidden(signs)}
    settling = state.settled_at is not None and sample.captured_at < state.settled_at
    courses, events = dict(state.courses), []
    for fault, sign in signs.items():
        if settling and fault in _SETTLES:
            continue
        course = courses.get(fault, Course())
        lasting = _persistence(fault, limits, course)
        courses[fault], event = step(course, fault, sample.captured_at, sign, lasting)
        if event is not None:
            events.append(event)
    return replace(state, courses=courses), tuple(events)


def _with_mode(state: HealthState, sample: HealthSample, limits: HealthLimits) -> HealthState:
    """Note a change between day and infrared; the lens and the light then settle for a while."""
    mode = sample.features.mode
    if state.mode is None or state.mode is mode:
        return replace(state, mode=mode)
    # What was seen in the other mode proves nothing in this one.
    kept = {
        fault: course if course.open_since or fault not in _BY_BASELINE else Course()
        for fault, course in state.courses.items()
    }
    settled_at = sample.captured_at.plus(limits.settle_s)
    return replace(state, mode=mode, settled_at=settled_at, courses=kept, away_since=None)


def _with_digest(state: HealthState, sample: HealthSample) -> HealthState:
    """Note since when the picture has not changed by a single bit."""
    digest = sample.features.digest
    same = state.digest == digest and sample.frames_arrived > 0
    since = state.equal_since if same and state.equal_since else sample.captured_at
    return replace(state, digest=digest, equal_since=since)


def _with_view(state: HealthState, sample: HealthSample, limits: HealthLimits) -> HealthState:
    """Note since when the picture shows another place.

    A camera that was knocked far aside shares no landmark with its baseline, so no shift can be
    measured; that the landmarks are gone while others are there in plenty says as much. A large
    shift that is measured in some of the pictures between does not speak against it.
    """
    found, base = sample.comparison, sample.baseline
    settling = state.settled_at is not None and sample.captured_at < state.settled_at
    if found is None or base is None or settling:
        return replace(state, away_since=None)
    if _looks_away(sample, found, base, limits):
        return replace(state, away_since=state.away_since or sample.captured_at)
    return state if _shifted(found, limits) else replace(state, away_since=None)


def _shifted(found: Comparison, limits: HealthLimits) -> bool:
    return found.shift_share is not None and found.shift_share > limits.shift_share


def _looks_away(
    sample: HealthSample, found: Comparison, base: Baseline, limits: HealthLimits
) -> bool:
    learnt = len(base.points_uv_px)
    return (
        base.watches_turning
        and found.inliers < min(LEAST_INLIERS, learnt // 10)
        and found.landmarks >= learnt // 2
        and found.sharpness_ratio >= limits.sharpness_ratio
        and found.lost_share <= limits.lost_share
        and sample.features.luminance >= limits.dark_luminance
    )


def _persistence(fault: Fault, limits: HealthLimits, course: Course) -> Persistence:
    # A camera that was moved is off by the same amount each time; a false match never is.
    spread = limits.shift_spread if fault is Fault.MOVED else float("inf")
    passing = fault in _PASSING
    samples = limits.lasting_samples if passing else limits.samples
    away = fault is Fault.MOVED and any(shift == _ALL_OF_IT for _, shift in course.signs)
    return Persistence(limits.window_s, samples, limits.clear_samples, spread, passing or away)


def _signs(state: HealthState, sample: HealthSample, limits: HealthLimits) -> dict[Fault, Sign]:
    """For each fault what the sample says of it."""
    features = sample.features
    equal_s = sample.captured_at - state.equal_since if state.equal_since else 0.0
    signs = {
        Fault.DARK: _below(features.luminance, limits.dark_luminance),
        Fault.GLARE: _above(features.glare_share, limits.glare_share),
        Fault.COLOUR_CAST: _above(features.cast, limits.cast),
        Fault.FROZEN: Sign(equal_s, limits.frozen_s, equal_s >= limits.frozen_s),
    }
    found, base = sample.comparison, sample.baseline
    if found is None or base is None:
        return signs
    shift = found.shift_share if found.shift_share is not None else 0.0
    if state.away_since and sample.captured_at - state.away_since >= limits.away_s:
        shift = _ALL_OF_IT
    noise = max(limits.noise_ratio * base.noise, limits.least_noise)
    return signs | {
        Fault.BLURRED: _below(found.sharpness_ratio, limits.sharpness_ratio),
        Fault.COVERED: _above(found.lost_share, limits.lost_share),
        Fault.MOVED: _above(shift, limits.shift_share),
        Fault.NOISY: _above(features.noise, noise),
    }


def _above(measured: float, limit: float) -> Sign:
    return Sign(measured, limit, measured > limit)


def _below(measured: float, limit: float) -> Sign:
    return Sign(measured, limit, measured < limit)


def _hidden(signs: Mapping[Fault, Sign]) -> tuple[Fault, ...]:
    """Signs that another explains: in the dark nothing can be said of blur, a cover has no edges.

    A dark picture in which some tiles still vary is covered in part, not merely dark.
    """
    if Fault.COVERED not in signs:
        return ()
    covered = signs[Fault.COVERED]
    if signs[Fault.DARK].shown:
        rest = (Fault.BLURRED, Fault.MOVED, Fault.NOISY)
        return (*rest, Fault.COVERED) if covered.measured >= _ALL_LOST_SHARE else rest
    return (Fault.BLURRED,) if covered.shown else ()


__all__ = [
    "Fault",
    "HealthEvent",
    "HealthLimits",
    "HealthSample",
    "HealthState",
    "advance",
]

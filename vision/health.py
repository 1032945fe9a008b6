"""Faults of a camera's picture over time: a pure state machine over single judgements.

One picture proves nothing: a bus fills the view, a light is switched. A fault opens when its sign
holds in enough of the last samples, and closes when it stays away. Times are capture times, so a
recording gives the same events as the live stream did.

The limits are this project's, chosen on degraded pictures; none is quoted from a standard.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from vision.health_features import Baseline, Comparison, Features, Mode
from vision.instants import Utc


class Fault(StrEnum):
    """What can be wrong with a picture."""

    DARK = "dark"
    GLARE = "glare"
    BLURRED = "blurred"
    COVERED = "covered"
    MOVED = "moved"
    FROZEN = "frozen"
    NOISY = "noisy"
    COLOUR_CAST = "colour_cast"


@dataclass(frozen=True, slots=True)
class HealthLimits:
    """When a single picture shows a sign, and how long signs must last.

    Attributes:
        window_s, samples: a fault opens when its sign stands in at least `samples` of the
            samples of the last `window_s`, the newest among them.
        shift_spread: shifts count together when they differ by less than this share of the width.
        clear_samples: and closes after so many samples in a row without it.
        settle_s: after a change of mode or light, signs that compare with the baseline wait.
        frozen_s: how long pictures must be equal, bit for bit, while new ones arrive.
    """

    dark_luminance: float = 0.09
    glare_share: float = 0.4
    sharpness_ratio: float = 0.35
    lost_share: float = 0.3
    shift_share: float = 0.03
    shift_spread: float = 0.01
    noise_ratio: float = 4.0
    least_noise: float = 0.03
    cast: float = 30.0
    window_s: float = 60.0
    samples: int = 3
    clear_samples: int = 3
    settle_s: float = 60.0
    frozen_s: float = 10.0


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
class HealthEvent:
    """A fault that opened or closed.

    Attributes:
        since: capture time of the first picture that showed it.
        measured, limit: the numbers compared at the moment of the event.
    """

    fault: Fault
    opened: bool
    at: Utc
    since: Utc
    measured: float
    limit: float

    @property
    def duration_s(self) -> float:
        return self.at - self.since


@dataclass(frozen=True, slots=True)
class _Course:
    """How one fault has gone: signs in the window with what they measured, and good samples."""

    signs: tuple[tuple[Utc, float], ...] = ()
    good: int = 0
    open_since: Utc | None = None


@dataclass(frozen=True, slots=True)
class HealthState:
    """What a camera's health monitor remembers between samples."""

    courses: Mapping[Fault, _Course] = field(default_factory=dict)
    mode: Mode | None = None
    settled_at: Utc | None = None
    digest: int | None = None
    equal_since: Utc | None = None

    @property
    def open_faults(self) -> tuple[Fault, ...]:
        return tuple(fault for fault, course in self.courses.items() if course.open_since)


_BY_BASELINE = (Fault.BLURRED, Fault.COVERED, Fault.MOVED, Fault.NOISY)
# A grey cover looks like a change to infrared, so a cover must not wait until that has settled.
_SETTLES = (Fault.BLURRED, Fault.MOVED, Fault.NOISY)
_ALL_LOST_SHARE = 0.9


def advance(
    state: HealthState, sample: HealthSample, limits: HealthLimits | None = None
) -> tuple[HealthState, tuple[HealthEvent, ...]]:
    """Take one sample in; the new state and the faults that opened or closed."""
    limits = limits or HealthLimits()
    state = _with_mode(state, sample, limits)
    state = _with_digest(state, sample)
    signs = _signs(state, sample, limits)
    signs |= {fault: (*signs[fault][:2], False) for fault in _hidden(signs)}
    settling = state.settled_at is not None and sample.captured_at < state.settled_at
    courses, events = dict(state.courses), []
    for fault, (measured, limit, shown) in signs.items():
        if settling and fault in _SETTLES:
            continue
        course, event = _step(
            courses.get(fault, _Course()), fault, (sample.captured_at, measured), shown, limits
        )
        courses[fault] = course
        if event is not None:
            events.append(replace(event, measured=measured, limit=limit))
    return replace(state, courses=courses), tuple(events)


def _with_mode(state: HealthState, sample: HealthSample, limits: HealthLimits) -> HealthState:
    """Note a change between day and infrared; the lens and the light then settle for a while."""
    mode = sample.features.mode
    if state.mode is None or state.mode is mode:
        return replace(state, mode=mode)
    # What was seen in the other mode proves nothing in this one.
    kept = {
        fault: course if course.open_since or fault not in _BY_BASELINE else _Course()
        for fault, course in state.courses.items()
    }
    settled_at = sample.captured_at.plus(limits.settle_s)
    return replace(state, mode=mode, settled_at=settled_at, courses=kept)


def _with_digest(state: HealthState, sample: HealthSample) -> HealthState:
    """Note since when the picture has not changed by a single bit."""
    digest = sample.features.digest
    same = state.digest == digest and sample.frames_arrived > 0
    since = state.equal_since if same and state.equal_since else sample.captured_at
    return replace(state, digest=digest, equal_since=since)


def _signs(
    state: HealthState, sample: HealthSample, limits: HealthLimits
) -> dict[Fault, tuple[float, float, bool]]:
    """For each fault: the measured number, its limit, and whether the sign stands."""
    features = sample.features
    equal_s = sample.captured_at - state.equal_since if state.equal_since else 0.0
    signs = {
        Fault.DARK: (
            features.luminance,
            limits.dark_luminance,
            features.luminance < limits.dark_luminance,
        ),
        Fault.GLARE: (
            features.glare_share,
            limits.glare_share,
            features.glare_share > limits.glare_share,
        ),
        Fault.COLOUR_CAST: (features.cast, limits.cast, features.cast > limits.cast),
        Fault.FROZEN: (equal_s, limits.frozen_s, equal_s >= limits.frozen_s),
    }
    found, base = sample.comparison, sample.baseline
    if found is None or base is None:
        return signs
    shift = found.shift_share if found.shift_share is not None else 0.0
    noise = max(limits.noise_ratio * base.noise, limits.least_noise)
    return signs | {
        Fault.BLURRED: (
            found.sharpness_ratio,
            limits.sharpness_ratio,
            found.sharpness_ratio < limits.sharpness_ratio,
        ),
        Fault.COVERED: (found.lost_share, limits.lost_share, found.lost_share > limits.lost_share),
        Fault.MOVED: (shift, limits.shift_share, shift > limits.shift_share),
        Fault.NOISY: (features.noise, noise, features.noise > noise),
    }


def _hidden(signs: Mapping[Fault, tuple[float, float, bool]]) -> tuple[Fault, ...]:
    """Signs that another explains: in the dark nothing can be said of blur, a cover has no edges.

    A dark picture in which some tiles still vary is covered in part, not merely dark.
    """
    if Fault.COVERED not in signs:
        return ()
    lost, _, covered = signs[Fault.COVERED]
    if signs[Fault.DARK][2]:
        rest = (Fault.BLURRED, Fault.MOVED, Fault.NOISY)
        return (*rest, Fault.COVERED) if lost >= _ALL_LOST_SHARE else rest
    return (Fault.BLURRED,) if covered else ()


def _step(
    course: _Course, fault: Fault, sign: tuple[Utc, float], shown: bool, limits: HealthLimits
) -> tuple[_Course, HealthEvent | None]:
    """Move one fault on by one sample."""
    at, measured = sign
    recent = tuple(one for one in course.signs if at - one[0] <= limits.window_s)
    if not shown:
        good = course.good + 1
        if course.open_since is None or good < limits.clear_samples:
            return replace(course, signs=recent, good=good), None
        closed = HealthEvent(fault, False, at, course.open_since, 0.0, 0.0)
        return _Course(good=good), closed
    recent = (*recent, sign)
    # A camera that was moved is off by the same amount each time; a false match never is.
    spread = limits.shift_spread if fault is Fault.MOVED else float("inf")
    agree = [one[0] for one in recent if abs(one[1] - measured) <= spread]
    if course.open_since is not None or len(agree) < limits.samples:
        return replace(course, signs=recent, good=0), None
    opened = HealthEvent(fault, True, at, agree[0], 0.0, 0.0)
    return _Course(recent, 0, agree[0]), opened


__all__ = [
    "Fault",
    "HealthEvent",
    "HealthLimits",
    "HealthSample",
    "HealthState",
    "advance",
]

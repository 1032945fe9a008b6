"""How one fault of a camera goes over time: it opens on repeated signs and closes on good samples.

One sample proves nothing. A fault opens when its sign stands in enough of the last samples, the
newest among them, and closes after so many in a row without it. Times are capture times.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from vision.instants import Utc


class Fault(StrEnum):
    """What can be wrong with a camera: its picture first, its stream, what is counted in it."""

    DARK = "dark"
    GLARE = "glare"
    BLURRED = "blurred"
    COVERED = "covered"
    MOVED = "moved"
    FROZEN = "frozen"
    NOISY = "noisy"
    COLOUR_CAST = "colour_cast"
    LOW_FPS = "low_fps"
    LOW_BITRATE = "low_bitrate"
    CLOCK_OFFSET = "clock_offset"
    RECORDING_GAP = "recording_gap"
    COUNT_DOUBT = "count_doubt"


@dataclass(frozen=True, slots=True)
class HealthEvent:
    """A fault that opened or closed.

    Attributes:
        since: capture time of the first sample that showed it.
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
class Sign:
    """What one sample says of one fault: the measured number, its limit, whether it stands."""

    measured: float
    limit: float
    shown: bool


@dataclass(frozen=True, slots=True)
class Persistence:
    """How long signs must last.

    Attributes:
        window_s, samples: opens when the sign stands in at least `samples` of the samples of the
            last `window_s`, the newest among them.
        clear_samples: closes after so many samples in a row without it.
        spread: signs count together when they measured numbers at most this far apart.
        unbroken: a sample without the sign makes the count begin anew. For faults that do not
            flicker, it tells them from things that pass twice.
    """

    window_s: float = 60.0
    samples: int = 3
    clear_samples: int = 3
    spread: float = float("inf")
    unbroken: bool = False


@dataclass(frozen=True, slots=True)
class Course:
    """How one fault has gone: signs in the window with what they measured, and good samples."""

    signs: tuple[tuple[Utc, float], ...] = ()
    good: int = 0
    open_since: Utc | None = None


def step(
    course: Course, fault: Fault, at: Utc, sign: Sign, persistence: Persistence
) -> tuple[Course, HealthEvent | None]:
    """Move one fault on by one sample; the event is `None` while nothing opens or closes."""
    recent = tuple(one for one in course.signs if at - one[0] <= persistence.window_s)
    if not sign.shown:
        good = course.good + 1
        recent = () if persistence.unbroken else recent
        if course.open_since is None or good < persistence.clear_samples:
            return replace(course, signs=recent, good=good), None
        closed = HealthEvent(fault, False, at, course.open_since, sign.measured, sign.limit)
        return Course(good=good), closed
    recent = (*recent, (at, sign.measured))
    agree = [one[0] for one in recent if not abs(one[1] - sign.measured) > persistence.spread]
    if course.open_since is not None or len(agree) < persistence.samples:
        return replace(course, signs=recent, good=0), None
    opened = HealthEvent(fault, True, at, agree[0], sign.measured, sign.limit)
    return Course(recent, 0, agree[0]), opened


__all__ = ["Course", "Fault", "HealthEvent", "Persistence", "Sign", "step"]

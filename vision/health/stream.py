"""Faults of a camera's stream: too few pictures, too little data, a wrong clock, a gap on disk,
and counts that do not agree for a long time.

What is usual for a camera is learnt from itself: the median of hourly medians over seven days. A
camera set to another rate on purpose is followed within days. The limits are this project's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from vision.health.count_sanity import USUAL_SHARE
from vision.health.fault_course import Course, Fault, HealthEvent, Persistence, Sign, step
from vision.instants import Utc

USUAL_HOURS = 168
_LEAST_SAMPLES = 30
_MOST_SAMPLES = 720
_HOUR_NS = 3_600_000_000_000
# Counts disagree now and then, as when a packed crowd hides who crosses its borders. Ten minutes of
# any fifteen, in samples 10 s apart, are more than that; five good minutes end it. Our judgement.
_LASTING_DOUBT = Persistence(window_s=900.0, samples=60, clear_samples=30)


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """When a stream counts as faulty; shares are of what is usual for the camera."""

    fps_share: float = 0.8
    bitrate_share: float = 0.3
    clock_offset_s: float = 30.0
    recording_gap_s: float = 60.0
    count_doubt: float = USUAL_SHARE
    persistence: Persistence = field(default_factory=Persistence)
    doubt_persistence: Persistence = _LASTING_DOUBT


@dataclass(frozen=True, slots=True)
class StreamSample:
    """The stream over the time since the last sample; `None` where a number is not known.

    Attributes:
        clock_offset_s: the camera's own clock minus this machine's.
        recording_gap_s: the newest gap that the recorder's index shows.
        count_doubt: by which share of the people another count differs
            (`vision.health.count_sanity`).
    """

    captured_at: Utc
    fps: float | None = None
    bitrate_kbps: float | None = None
    clock_offset_s: float | None = None
    recording_gap_s: float | None = None
    count_doubt: float | None = None


@dataclass(frozen=True, slots=True)
class UsualRate:
    """What is usual for one number of a camera.

    Attributes:
        hour: the running hour since 1970; `samples`: its numbers so far, at most 720.
        medians: of past hours, oldest first, at most 168.
    """

    hour: int = 0
    samples: tuple[float, ...] = ()
    medians: tuple[float, ...] = ()

    @property
    def usual(self) -> float | None:
        """The usual number; `None` while too little is known."""
        if self.medians:
            return float(np.median(self.medians))
        return float(np.median(self.samples)) if len(self.samples) >= _LEAST_SAMPLES else None

    def after(self, at: Utc, value: float) -> UsualRate:
        """With one more number taken in."""
        hour = at.ns // _HOUR_NS
        if hour == self.hour:
            if len(self.samples) >= _MOST_SAMPLES:
                return self
            return replace(self, samples=(*self.samples, value))
        medians = self.medians
        if len(self.samples) >= _LEAST_SAMPLES:
            medians = (*medians, float(np.median(self.samples)))[-USUAL_HOURS:]
        return UsualRate(hour, (value,), medians)


@dataclass(frozen=True, slots=True)
class StreamState:
    """What a stream's monitor remembers between samples."""

    fps: UsualRate = field(default_factory=UsualRate)
    bitrate: UsualRate = field(default_factory=UsualRate)
    courses: Mapping[Fault, Course] = field(default_factory=dict)

    @property
    def open_faults(self) -> tuple[Fault, ...]:
        return tuple(fault for fault, course in self.courses.items() if course.open_since)


def advance_stream(
    state: StreamState, sample: StreamSample, limits: StreamLimits | None = None
) -> tuple[StreamState, tuple[HealthEvent, ...]]:
    """Take one sample in; the new state and the faults that opened or closed.

    A sample taken while a rate is too low does not change what counts as usual.
    """
    limits = limits or StreamLimits()
    courses, events = dict(state.courses), []
    signs = _signs(state, sample, limits)
    for fault, sign in signs.items():
        course = courses.get(fault, Course())
        lasts = limits.doubt_persistence if fault is Fault.COUNT_DOUBT else limits.persistence
        courses[fault], event = step(course, fault, sample.captured_at, sign, lasts)
        if event is not None:
            events.append(event)
    fps, bitrate = state.fps, state.bitrate
    if sample.fps is not None and not _shown(signs, Fault.LOW_FPS):
        fps = fps.after(sample.captured_at, sample.fps)
    if sample.bitrate_kbps is not None and not _shown(signs, Fault.LOW_BITRATE):
        bitrate = bitrate.after(sample.captured_at, sample.bitrate_kbps)
    return StreamState(fps, bitrate, courses), tuple(events)


def _shown(signs: Mapping[Fault, Sign], fault: Fault) -> bool:
    return fault in signs and signs[fault].shown


def _signs(state: StreamState, sample: StreamSample, limits: StreamLimits) -> dict[Fault, Sign]:
    """Only for the numbers that are known: a fault is not closed by not looking."""
    signs = {}
    for fault, value, usual, share in (
        (Fault.LOW_FPS, sample.fps, state.fps.usual, limits.fps_share),
        (Fault.LOW_BITRATE, sample.bitrate_kbps, state.bitrate.usual, limits.bitrate_share),
    ):
        if value is not None and usual is not None:
            signs[fault] = Sign(value, share * usual, value < share * usual)
    for fault, value, limit in (
        (Fault.CLOCK_OFFSET, sample.clock_offset_s, limits.clock_offset_s),
        (Fault.RECORDING_GAP, sample.recording_gap_s, limits.recording_gap_s),
        (Fault.COUNT_DOUBT, sample.count_doubt, limits.count_doubt),
    ):
        if value is not None:
            signs[fault] = Sign(abs(value), limit, abs(value) > limit)
    return signs


__all__ = [
    "StreamLimits",
    "StreamSample",
    "StreamState",
    "UsualRate",
    "advance_stream",
]

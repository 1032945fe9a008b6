"""When density will reach a threshold if it rises as it did in the last seconds."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import median

import numpy as np
from numpy.typing import ArrayLike

from vision.arrays import IntArray
from vision.arrays import median as middle
from vision.instants import Utc

# A forecast needs this share of its window, and a rise that stands out of the counting error and
# of the up and down of a crowd that flows.
_LEAST_WINDOW_SHARE = 0.6
_LEAST_RISE_PER_M2 = 0.4
_LEAST_RISE_SCATTERS = 2.0
_FEWEST_SAMPLES = 8
_MOST_SAMPLES = 60
# Of a few people the median speed, and the share that walks against the rest, jump from picture to
# picture, and at one picture a second they are not known in each.
_RECENT_S = 4.0
# Our judgement: two pictures a second apart tell that people left; three counts whether more stay.
_CLEAR_S = 1.0 - 1e-6
_LEAST_COUNTED_S = 12.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement of the past: capture time, peak and standard error per m², median speed.

    And how many people were seen, and which share of those who walk walks against the rest.
    """

    at: Utc
    density_per_m2: float
    std_per_m2: float
    speed_mps: float | None = None
    people: float = 0.0
    minority_share: float | None = None


def newest_of(history: Sequence[Sample], lasts_s: float) -> Sequence[Sample]:
    """The samples of the last `lasts_s`, oldest first; `history` is in order of time."""
    if not history:
        return history
    newest = history[-1].at
    return history[bisect_left(history, -lasts_s, key=lambda sample: sample.at - newest) :]


def recent_speed_mps(history: Sequence[Sample]) -> float | None:
    """Median of the known speeds of the last `_RECENT_S`; `None` where none is known."""
    return _recent(history, lambda sample: sample.speed_mps)


def recent_minority_share(history: Sequence[Sample]) -> float | None:
    """Median of the known minority shares of the last `_RECENT_S`; `None` where none is known."""
    return _recent(history, lambda sample: sample.minority_share)


def _recent(history: Sequence[Sample], number: Callable[[Sample], float | None]) -> float | None:
    known = [n for sample in newest_of(history, _RECENT_S) if (n := number(sample)) is not None]
    return median(known) if known else None


def stops(history: Sequence[Sample], stand_mps: float, walk_mps: float) -> int | None:
    """How often the median speed fell from above `walk_mps` to below `stand_mps` in the history.

    What lies between the two changes nothing, so that a speed near one of them does not count over
    and over. `None` where no speed is known.
    """
    known = [sample.speed_mps for sample in history if sample.speed_mps is not None]
    if not known:
        return None
    count, walks = 0, False
    for speed in known:
        if speed > walk_mps:
            walks = True
        elif speed < stand_mps:
            count += walks
            walks = False
    return count


def grown_by(history: Sequence[Sample]) -> float | None:
    """How many people more are there than when they were fewest, within the history.

    Counts are medians of `_RECENT_S`: now and then heads are missed. `None` where the history is
    shorter than `_LEAST_COUNTED_S`.
    """
    if not history or history[-1].at - history[0].at < _LEAST_COUNTED_S:
        return None
    parts: dict[int, list[float]] = {}
    for sample in history:
        part = int((history[-1].at - sample.at) / _RECENT_S)
        parts.setdefault(part, []).append(sample.people)
    counts = {part: median(people) for part, people in parts.items()}
    return counts[0] - min(counts.values())


def since_clear(history: Sequence[Sample], least_per_m2: float) -> Sequence[Sample]:
    """The samples since density was last below `least_per_m2` for a second, oldest first.

    A single picture clears nothing: of a few people one is soon missed.
    """
    end = len(history)
    for index in range(len(history) - 1, -1, -1):
        if history[index].density_per_m2 >= least_per_m2:
            end = index
        elif history[end - 1].at - history[index].at >= _CLEAR_S:
            return history[end:]
    return history


@lru_cache(maxsize=128)
def _pairs(count: int) -> tuple[IntArray, IntArray]:
    first, second = np.triu_indices(count, k=1)
    return first, second


def robust_slope(times_s: ArrayLike, values: ArrayLike) -> float:
    """Median of the slopes between all pairs (Theil-Sen); at least two different times."""
    t, y = np.asarray(times_s, dtype=np.float64), np.asarray(values, dtype=np.float64)
    first, second = _pairs(len(t))
    gap = t[second] - t[first]
    apart = gap > 1e-9
    slopes = (y[second] - y[first])[apart] / gap[apart]
    upper = len(slopes) // 2
    # As numpy's median, without what that asks of its input first.
    near = np.partition(slopes, (max(upper - 1, 0), upper))
    return float(near[upper] if len(slopes) % 2 else (near[upper - 1] + near[upper]) / 2.0)


def rise_per_s(history: Sequence[Sample], window_s: float) -> float | None:
    """How fast density rose over the last `window_s`, per m² and second.

    `None` when it does not rise clearly: the rise over the window must be at least 0.4 per m², one
    standard error and twice the scatter around the slope (mean absolute residual x 1.25).
    """
    if not history:
        return None
    recent = newest_of(history, window_s)
    lasted_s = recent[-1].at - recent[0].at
    if len(recent) < _FEWEST_SAMPLES or lasted_s < _LEAST_WINDOW_SHARE * window_s:
        return None
    step = -(-len(recent) // _MOST_SAMPLES)
    thinned = recent[::-1][::step][::-1]
    times_s = np.array([sample.at - recent[0].at for sample in thinned])
    values = np.array([sample.density_per_m2 for sample in thinned])
    if not values.any():
        return None
    slope = robust_slope(times_s, values)
    residuals = values - slope * times_s
    scatter = 1.25 * float(np.mean(np.abs(residuals - middle(residuals))))
    error = middle([sample.std_per_m2 for sample in thinned])
    if slope * lasted_s < max(_LEAST_RISE_PER_M2, error, _LEAST_RISE_SCATTERS * scatter):
        return None
    return slope


def time_to_reach(
    history: Sequence[Sample], density_per_m2: float, threshold_per_m2: float, window_s: float
) -> float | None:
    """Seconds until density, rising as over the last `window_s`, reaches a threshold.

    0 when it is there already and still rising; `None` when it does not rise clearly.
    """
    per_s = rise_per_s(history, window_s)
    return None if per_s is None else max(0.0, (threshold_per_m2 - density_per_m2) / per_s)


__all__ = [
    "Sample",
    "grown_by",
    "newest_of",
    "recent_minority_share",
    "recent_speed_mps",
    "rise_per_s",
    "robust_slope",
    "since_clear",
    "stops",
    "time_to_reach",
]

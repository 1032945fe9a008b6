"""Waits between attempts: exponential, jittered, bounded."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BackoffSettings:
    """Shape of the waits.

    Attributes:
        first_s: the first wait.
        longest_s: no wait is longer, jitter included.
        factor: growth from one wait to the next.
        jitter: each wait is shortened by up to this share, so that many cameras that were lost
            together do not come back in one instant.
    """

    first_s: float = 0.5
    longest_s: float = 5.0
    factor: float = 2.0
    jitter: float = 0.5


class Backoff:
    """Counts failures and says how long to wait before the next attempt.

    `random_source` is injected, so that a test or a replay gets the same waits.
    """

    def __init__(self, settings: BackoffSettings, random_source: random.Random) -> None:
        self._settings = settings
        self._random = random_source
        self._failures = 0

    @property
    def failures(self) -> int:
        return self._failures

    def reset(self) -> None:
        self._failures = 0

    def next_wait_s(self, floor_s: float = 0.0) -> float:
        """The wait after one more failure; at least `floor_s`, which overrides the bound."""
        settings = self._settings
        # Past 32 doublings every wait is the longest one; the bound keeps the power finite.
        grown = settings.first_s * settings.factor ** min(self._failures, 32)
        self._failures += 1
        shortened = min(grown, settings.longest_s) * (1.0 - settings.jitter * self._random.random())
        return max(shortened, floor_s)


__all__ = ["Backoff", "BackoffSettings"]

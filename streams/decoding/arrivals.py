"""When pictures were taken that have arrived and are not yet decoded."""

from __future__ import annotations

from collections.abc import Callable

from streams.clock import Clock
from streams.decoding.capture_time import CaptureTimes, LiveTimes
from vision.instants import Monotonic, Utc

_MOST_NOTED = 64


class Arrivals:
    """Capture times of pictures that have arrived and are not yet decoded."""

    def __init__(
        self, times: CaptureTimes, clock: Clock, wants: Callable[[Utc, bool], bool] | None
    ) -> None:
        """`wants` is that of `streams.decoding.sources.Playback`."""
        self._times = times
        self._live = times if isinstance(times, LiveTimes) else None
        self._clock, self._wants = clock, wants
        self._noted: dict[int, tuple[Utc, float]] = {}
        self._heard: dict[int, Monotonic] = {}
        self._sent: Utc | None = None

    def note(self, pts_s: float, waited: bool, anew: bool, since_s: float | None) -> bool:
        """Give a picture its capture time; whether it is to be analysed."""
        captured_at = self._times.of(pts_s, waited=waited, since_s=since_s)
        self._noted[_microseconds(pts_s)] = captured_at, since_s or 0.0
        if len(self._noted) > _MOST_NOTED:
            # A damaged packet gives no picture.
            self._noted.pop(next(iter(self._noted)))
        return self._wants is None or self._wants(captured_at, anew)

    def heard(self, pts_s: float, waited: bool, since_s: float | None) -> None:
        """A picture came that is shown after others that are still to come."""
        if self._live is None:
            return
        taken = self._live.heard(pts_s, waited=waited, since_s=since_s)
        self._heard[_microseconds(pts_s)] = taken
        if len(self._heard) > _MOST_NOTED:
            self._heard.pop(next(iter(self._heard)))
        if since_s is not None:
            self._sent = self._clock.utc_at(self._clock.monotonic().plus(-since_s))

    def captured(self, pts_s: float | None) -> tuple[Utc, float]:
        """Capture time of a decoded picture, and for how long it was held back; one that nobody
        told of arrives now."""
        if pts_s is None:
            return self._times.of(pts_s), 0.0
        noted = self._noted.pop(_microseconds(pts_s), None)
        if noted is not None:
            return noted
        taken = self._heard.pop(_microseconds(pts_s), None)
        if taken is None or self._live is None:
            return self._times.of(pts_s), 0.0
        captured_at = self._live.shown(pts_s, taken)
        return captured_at, 0.0 if self._sent is None else max(self._sent - captured_at, 0.0)


def _microseconds(pts_s: float) -> int:
    return round(pts_s * 1e6)


__all__ = ["Arrivals"]

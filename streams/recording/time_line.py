"""Where the packets of a camera stand in a segment's file, whatever its time stamps do."""

from __future__ import annotations

from typing import NamedTuple

from streams.clock import Clock
from vision.instants import Monotonic

# A time stamp that jumps further tells nothing.
_LARGEST_STEP_S = 10.0
_LEAST_STEP_S = 0.001
# Pictures are decoded a few after their packets; those that are never decoded are forgotten.
_MOST_AWAITED = 256


class Stamp(NamedTuple):
    """A packet's time stamps in ticks, each `numerator / denominator` seconds.

    Attributes:
        pts_s: by which its decoded picture will be known.
    """

    pts: int
    dts: int
    numerator: int
    denominator: int
    pts_s: float


class TimeLine:
    """Follows time stamps as long as they go on; where they do not, by when packets come.

    One segment after the other: `begin` with its first packet, then `follow` with each.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._arrived = clock.monotonic()
        self._first_pts = 0
        self._last_dts: int | None = None
        self._shift = 0
        self._offsets_s: dict[int, float] = {}

    def begin(self, stamp: Stamp) -> None:
        """A segment begins with this packet."""
        self._first_pts, self._last_dts, self._shift = stamp.pts, None, 0
        self._offsets_s.clear()

    def passed_s(self, stamp: Stamp) -> float:
        """How long after the segment's first picture this packet's is; it is not yet followed."""
        return self._offset_s(stamp, self._shift_for(stamp, self._clock.monotonic()))

    def follow(self, stamp: Stamp) -> int:
        """The ticks to add to this packet's time stamps in the file."""
        now = self._clock.monotonic()
        self._shift = self._shift_for(stamp, now)
        self._last_dts, self._arrived = stamp.dts, now
        self._offsets_s[_microseconds(stamp.pts_s)] = self._offset_s(stamp, self._shift)
        if len(self._offsets_s) > _MOST_AWAITED:
            self._offsets_s.pop(next(iter(self._offsets_s)))
        return self._shift

    def of_picture(self, pts_s: float) -> float | None:
        """How long after the file's first picture the decoded one of this time stands in it; `None`
        for one that is not known here."""
        return self._offsets_s.pop(_microseconds(pts_s), None)

    def _shift_for(self, stamp: Stamp, now: Monotonic) -> int:
        if self._last_dts is None:
            return self._shift
        step = stamp.dts - self._last_dts
        if step > 0 and step * stamp.numerator < _LARGEST_STEP_S * stamp.denominator:
            return self._shift
        after_s = min(max(now - self._arrived, _LEAST_STEP_S), _LARGEST_STEP_S)
        return self._shift + max(1, round(after_s * stamp.denominator / stamp.numerator)) - step

    def _offset_s(self, stamp: Stamp, shift: int) -> float:
        return (stamp.pts + shift - self._first_pts) * stamp.numerator / stamp.denominator


def _microseconds(pts_s: float) -> int:
    return round(pts_s * 1e6)


__all__ = ["Stamp", "TimeLine"]

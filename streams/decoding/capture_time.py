"""When a picture was taken, from its presentation time stamp (PTS) and its arrival.

A recording knows: capture = start of the recording + PTS. A live stream only tells differences,
so its first picture is anchored on its arrival and later ones follow by PTS. Arrival is always
late and never early, so a picture that arrives before its predicted time proves that the anchor
was late, and the anchor moves back at once; only when *every* picture of a window is late has the
camera's clock drifted, and the anchor moves forward. A burst after a network stall keeps its true
times that way.

The anchor moves forward only at packets that the reader had to wait for. One that lay ready shows
that this machine is behind, not the camera, or that the sender sends in bursts, of which the last
picture is the least late: its pictures keep their times and are seen to be old.

FFmpeg hands an H.264 or H.265 picture out when the next one begins, and so tells when that next one
arrived: its own arrival is the moment at which the one before it was handed out. Where that is not
known, the time up to the next picture is no lateness: a camera that takes few pictures while
nothing moves has each handed out so much later, and its clock does not drift for that.

A decoder that puts pictures into their order hands them all out late: their packets tell how they
came. One to which others refer arrives before those, as soon as it is taken; so the least lateness
is that of a stream in order.

A stream whose time stands still tells nothing by it: its pictures are taken when they arrive.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Protocol

from streams.clock import SET_BACK_S, Clock
from vision.instants import Monotonic, Utc

DRIFT_LIMIT_S = 0.5
DRIFT_WINDOW_S = 5.0
_LARGEST_PTS_STEP_S = 10.0
# Pictures come in order, or out of it by a few until their decoder knows; further back, the
# camera's clock was set.
_LARGEST_PTS_STEP_BACK_S = 0.3
# Packets of reordered pictures come out of it by more.
_LARGEST_REORDER_S = 2.0
# No camera takes pictures this near to one another.
_LEAST_PTS_STEP_S = 0.001


class CaptureTimes(Protocol):
    """Gives each picture its capture time; times decrease only where `Clock.utc` runs back."""

    def of(self, pts_s: float | None, *, waited: bool = True, since_s: float | None = None) -> Utc:
        """Capture time of the next picture.

        Args:
            pts_s: in seconds; `None` when the picture carries none.
            waited: whether the reader had to wait for it; otherwise it lay ready already.
            since_s: so long ago it arrived; `None` for now, or for when the next one arrived.
        """
        ...


class RecordingTimes:
    """Capture times of a recording from its `start`; a picture without PTS keeps the last one."""

    def __init__(self, start: Utc) -> None:
        self._start = start
        self._last = start

    def of(self, pts_s: float | None, *, waited: bool = True, since_s: float | None = None) -> Utc:
        del waited, since_s
        if pts_s is not None:
            self._last = max(self._last, self._start.plus(pts_s))
        return self._last


class _WallTimes:
    """Wall times of rising moments, in order: held for a little, until the wall clock is set back.

    The wall clock is that of `streams.clock`, which all cameras of a process share.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._zero = clock.monotonic()
        self._wall_at_zero = clock.utc_at(self._zero)
        self._last = Utc(0)

    @property
    def last(self) -> Utc:
        return self._last

    def of(self, moment: Monotonic) -> Utc:
        wall_at_zero = self._clock.utc_at(self._zero)
        if self._wall_at_zero - wall_at_zero > SET_BACK_S:
            self._last = Utc(0)
        self._wall_at_zero = wall_at_zero
        self._last = max(self._last, wall_at_zero.plus(moment - self._zero))
        return self._last


class PacedTimes:
    """Plays a recording as if a camera took it now: holds each picture until its time has come.

    A machine that cannot keep up plays it slower: once a picture comes more than the drift limit
    late, all later times move by as much, so that a capture time never lies far in the past.

    Without a `start` it begins when its first picture is there: a film that takes long to open, as
    one that is drawn while it plays, is not old for that.
    """

    def __init__(self, clock: Clock, stop: threading.Event, start: Utc | None = None) -> None:
        self._clock = clock
        self._stop = stop
        self._start = start
        self._zero: Monotonic | None = None
        self._slower_s = 0.0
        self._pts_s = 0.0
        self._wall = _WallTimes(clock)

    def of(self, pts_s: float | None, *, waited: bool = True, since_s: float | None = None) -> Utc:
        """Returns when the time has come, or at once when `stop` is set."""
        del waited, since_s
        if self._zero is None:
            self._zero = self._clock.monotonic()
        if pts_s is not None:
            self._hold(pts_s, self._zero)
            self._pts_s = max(self._pts_s, pts_s + self._slower_s)
        if self._start is not None:
            return self._start.plus(self._pts_s)
        return self._wall.of(self._zero.plus(self._pts_s))

    def _hold(self, pts_s: float, zero: Monotonic) -> None:
        early_s = pts_s + self._slower_s - (self._clock.monotonic() - zero)
        if early_s > 0.0:
            self._clock.wait(self._stop, early_s)
        elif early_s < -DRIFT_LIMIT_S:
            self._slower_s -= early_s


class LiveTimes:
    """Capture times of a live stream (see the module).

    When a picture was taken is told in monotonic time, and put into wall time only then.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wall = _WallTimes(clock)
        self._anchor: tuple[Monotonic, float] | None = None
        self._lateness: deque[tuple[Monotonic, float]] = deque()
        self._newest_late = False
        self._last_pts_s = 0.0
        self.re_anchored = 0

    def of(self, pts_s: float | None, *, waited: bool = True, since_s: float | None = None) -> Utc:
        """See the module."""
        arrival = self._clock.monotonic().plus(-(since_s or 0.0))
        if pts_s is None:
            return self._wall.of(arrival)
        taken = self._from_pts(pts_s, arrival, waited=waited)
        self._newest_late = waited and since_s is None
        return self._wall.of(taken)

    def heard(self, pts_s: float, *, waited: bool, since_s: float | None) -> Monotonic:
        """When the picture of a packet was taken that comes in the order of decoding; for the
        arguments see `CaptureTimes.of`."""
        arrival = self._clock.monotonic().plus(-(since_s or 0.0))
        taken = self._from_pts(pts_s, arrival, waited=waited, back_s=_LARGEST_REORDER_S)
        self._newest_late = waited and since_s is None
        return taken

    def shown(self, pts_s: float, taken: Monotonic) -> Utc:
        """Capture time of the next picture in the order of showing, which was heard before.

        Args:
            taken: what `heard` said; later packets may have proven it late.
        """
        if self._anchor is not None:
            anchored_at, anchor_pts_s = self._anchor
            known = anchored_at.plus(pts_s - anchor_pts_s)
            if 0.0 < taken - known <= _LARGEST_REORDER_S:
                taken = known
        return self._wall.of(taken)

    def _from_pts(
        self,
        pts_s: float,
        arrival: Monotonic,
        *,
        waited: bool,
        back_s: float = _LARGEST_PTS_STEP_BACK_S,
    ) -> Monotonic:
        step_s = pts_s - self._last_pts_s
        jumped = not -back_s <= step_s <= _LARGEST_PTS_STEP_S
        self._last_pts_s = pts_s
        if self._newest_late and self._lateness:
            self._note_next(step_s)
        if self._anchor is None or jumped:
            return self._anchor_at(arrival, pts_s, counted=self._anchor is not None)
        anchored_at, anchor_pts_s = self._anchor
        predicted = anchored_at.plus(pts_s - anchor_pts_s)
        late_s = arrival - predicted
        if late_s < 0.0:
            return self._anchor_at(arrival, pts_s, counted=late_s < -DRIFT_LIMIT_S)
        if not waited:
            self._note_ready(late_s)
            return predicted
        if 0.0 <= step_s < _LEAST_PTS_STEP_S:
            return self._anchor_at(arrival, pts_s, counted=late_s > DRIFT_LIMIT_S)
        if self._least_lateness_s(late_s, arrival) > DRIFT_LIMIT_S:
            return self._anchor_at(arrival, pts_s, counted=True)
        return predicted

    def _note_next(self, step_s: float) -> None:
        """The last that was waited for may have come only with this one, so much later."""
        waited_at, late_s = self._lateness[-1]
        self._lateness[-1] = waited_at, late_s - max(step_s, 0.0)

    def _note_ready(self, late_s: float) -> None:
        """One that lay ready belongs to the last that was waited for: it may be the less late."""
        if self._lateness:
            waited_at, least_s = self._lateness[-1]
            self._lateness[-1] = waited_at, min(least_s, late_s)

    def _least_lateness_s(self, late_s: float, now: Monotonic) -> float:
        """Least lateness of a full window; 0 while the window is not full."""
        self._lateness.append((now, late_s))
        if now - self._lateness[0][0] < DRIFT_WINDOW_S:
            return 0.0
        least_s = min(late for _, late in self._lateness)
        while now - self._lateness[0][0] >= DRIFT_WINDOW_S:
            self._lateness.popleft()
        return least_s

    def _anchor_at(self, arrival: Monotonic, pts_s: float, *, counted: bool) -> Monotonic:
        self._anchor = (arrival, pts_s)
        self._lateness.clear()
        self.re_anchored += int(counted)
        return arrival


__all__ = ["CaptureTimes", "LiveTimes", "PacedTimes", "RecordingTimes"]

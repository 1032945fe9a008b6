"""How long ago a camera's newest picture came, for cameras whose clocks are apart.

The cameras of one process share a clock (`streams.clock`), but their times are told by their own
packets (`streams.decoding.capture_time`) and may be apart by what the network and their crystals
do; other callers of this core may join cameras of different clocks. So how old a picture is must
not be read off another camera's clock alone: one that is behind would look old for ever, and a
crush that only it sees well would be left to a camera that sees it badly.

One time for all goes on with whichever camera goes on. Clocks are taken to agree until all pictures
of a camera have come more than `APART_S` behind that time for `BEHIND_AFTER_S`: then its clock is
known to be behind, and it moves the time on from there. One that was held up for less, by the
network say, is late and not behind; what it brings when it catches up makes no other camera old. A
camera that stopped moves nothing and grows old.
"""

from __future__ import annotations

from dataclasses import dataclass

from vision.instants import Utc

# Pictures of cameras whose clocks agree come in another order than they were taken by less.
APART_S = 0.5
# Our judgement: a network that holds pictures up for longer loses them.
BEHIND_AFTER_S = 3.0


@dataclass(slots=True)
class _Clock:
    """By how much a camera's clock is behind, and by how much it may be, since when."""

    behind_s: float = 0.0
    late_s: float = 0.0
    since: Utc | None = None

    def note(self, late_s: float, now: Utc) -> None:
        if late_s <= self.behind_s:
            self.since = None
        elif self.since is None:
            self.since, self.late_s = now, late_s
        else:
            self.late_s = min(self.late_s, late_s)
            if now - self.since >= BEHIND_AFTER_S:
                self.behind_s, self.since = self.late_s, None


class CommonTime:
    """A time that cameras share, told by the pictures that come."""

    def __init__(self) -> None:
        self._now: Utc | None = None
        self._clocks: dict[str, _Clock] = {}

    def came(self, camera_id: str, captured_at: Utc) -> Utc:
        """When a picture that this camera took at `captured_at` came; never decreases."""
        if self._now is None:
            self._now = captured_at
        clock = self._clocks.setdefault(camera_id, _Clock())
        clock.note(self._now - captured_at - APART_S, self._now)
        self._now = max(self._now, captured_at.plus(clock.behind_s))
        return self._now

    def since_s(self, came_at: Utc) -> float:
        """Seconds that the cameras went on since a picture came."""
        return 0.0 if self._now is None else self._now - came_at


__all__ = ["APART_S", "BEHIND_AFTER_S", "CommonTime"]

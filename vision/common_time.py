"""How long ago a camera's newest picture came, for cameras whose clocks are apart.

Capture times of one camera follow its own clock (`streams.capture_time`): a wall clock that is set
back moves the cameras that connect after it and not those that are connected. So how old a picture
is must not be read off another camera's clock alone: one that is behind would look old for ever,
and a crush that only it sees well would be left to a camera that sees it badly.

One time for all goes on with whichever camera goes on. Clocks are taken to agree until a picture
comes more than `APART_S` behind that time; then its camera is known to be behind, or late, and
moves the time on from there. A camera that stopped moves nothing and grows old.
"""

from __future__ import annotations

from vision.instants import Utc

# Pictures of cameras whose clocks agree come in another order than they were taken by less.
APART_S = 0.5


class CommonTime:
    """A time that cameras share, told by the pictures that come."""

    def __init__(self) -> None:
        self._now: Utc | None = None
        self._behind_s: dict[str, float] = {}

    def came(self, camera_id: str, captured_at: Utc) -> Utc:
        """When a picture that this camera took at `captured_at` came; never decreases."""
        if self._now is None:
            self._now = captured_at
        late_s = self._now - captured_at
        behind_s = max(self._behind_s.get(camera_id, 0.0), late_s - APART_S)
        self._behind_s[camera_id] = behind_s
        self._now = max(self._now, captured_at.plus(behind_s))
        return self._now

    def since_s(self, came_at: Utc) -> float:
        """Seconds that the cameras went on since a picture came."""
        return 0.0 if self._now is None else self._now - came_at


__all__ = ["APART_S", "CommonTime"]

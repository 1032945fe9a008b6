"""Who was signed in when the database could last be asked: believed while it cannot.

Nobody can end a session or take away a right then; an alarm wall that reconnects must not go dark.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from api.access.actor import Actor
from streams.clock import Clock
from vision.instants import Monotonic

CONFIRMED_WITHIN_S = 15.0
"""An open desk is confirmed every two seconds. Who was not, before the database fell silent, may
have lost the session since, and is not believed."""


@dataclass(slots=True)
class LatelyConfirmed:
    """The sessions that the database confirmed in its last seconds, by digest."""

    clock: Clock
    _read_at: Monotonic | None = None
    _actors: dict[str, tuple[Actor, Monotonic]] = field(default_factory=dict)

    def answered(self, digest: str, actor: Actor | None) -> None:
        """The database has just said whose session this is; `None`: nobody's."""
        now = self._read_at = self.clock.monotonic()
        self._actors.pop(digest, None)
        if actor is not None:
            self._actors[digest] = actor, now
        # Oldest first: what is confirmed goes to the end.
        for old, (_, at) in tuple(self._actors.items()):
            if now - at <= CONFIRMED_WITHIN_S:
                break
            del self._actors[old]

    def forget(self, digest: str) -> None:
        """This session has ended."""
        self._actors.pop(digest, None)

    def of(self, digest: str) -> Actor | None:
        """Whose session it was when the database could last be asked."""
        actor, at = self._actors.get(digest, (None, None))
        if at is None or self._read_at is None or self._read_at - at > CONFIRMED_WITHIN_S:
            return None
        return actor


__all__ = ["CONFIRMED_WITHIN_S", "LatelyConfirmed"]

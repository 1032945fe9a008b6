"""Presses that the database did not take: each is stored once it does, with its own time.

Whoever presses a button and lets it go presses it once: nothing of it can be read later.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from api.alarms.values import AlarmKey, Condition, Signal


@dataclass(slots=True)
class OwedPresses:
    """Of one site's buttons; in memory, as all that is known while nothing is stored."""

    _owed: dict[AlarmKey, tuple[Signal, ...]] = field(default_factory=dict)

    def refused(self, signal: Signal) -> None:
        """A button's signal was not stored: its first press is owed, and how it stands now."""
        owed = self._owed.get(signal.key, ())
        if signal.condition is Condition.ACTIVE:
            self._owed[signal.key] = owed[:1] or (signal,)
        elif owed:
            self._owed[signal.key] = (owed[0], signal)

    def is_held(self, input_id: str) -> bool:
        """Whether this button was not yet let go since the press that is owed."""
        return any(key.subject_id == input_id and len(of) == 1 for key, of in self._owed.items())

    def signals(self) -> list[Signal]:
        """What is owed, in the order in which it has to be stored."""
        return [signal for owed in self._owed.values() for signal in owed]

    def stored(self, signals: Collection[Signal]) -> None:
        """These were stored; what has come meanwhile is still owed."""
        for key, owed in list(self._owed.items()):
            if all(signal in signals for signal in owed):
                del self._owed[key]


__all__ = ["OwedPresses"]

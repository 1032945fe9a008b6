"""Signals that the database did not take: each is stored once it does, with its own time.

Whoever presses a button and lets it go presses it once: nothing of it can be read later. What is
refused while all else is stored is kept aside, and tried now and then.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from api.alarms.values import AlarmKey, AlarmType, Condition, Signal
from vision.instants import Monotonic

ASIDE_AGAIN_S = 60.0
"""Somebody has to mend what refuses it; nothing else waits for that."""


@dataclass(slots=True)
class OwedSignals:
    """Of one site's panels; in memory, as all that is known while nothing is stored."""

    _owed: dict[AlarmKey, tuple[Signal, ...]] = field(default_factory=dict)
    _aside_until: dict[AlarmKey, Monotonic] = field(default_factory=dict)

    def refused(self, signal: Signal) -> None:
        """It was not stored: a button's first press is owed, and how it stands now."""
        owed = self._owed.get(signal.key, ())
        pressed = owed[:1] if _begins_with_a_press(owed) else ()
        if signal.condition is Condition.ACTIVE:
            self._owed[signal.key] = pressed or (signal,)
        elif pressed:
            self._owed[signal.key] = (*pressed, signal)

    def is_held(self, input_id: str) -> bool:
        """Whether this button was not yet let go since the press that is owed."""
        return any(
            key.subject_id == input_id and owed[-1].condition is Condition.ACTIVE
            for key, owed in self._owed.items()
        )

    def signals(self, now: Monotonic, also: Collection[AlarmKey] = ()) -> list[Signal]:
        """What is to be stored now, in the order in which it has to be; of the keys of `also` what
        is aside too, for it came before what comes now."""
        return [
            signal
            for key, owed in self._owed.items()
            for signal in owed
            if key in also or self._aside_until.get(key, now) <= now
        ]

    def stored(self, signals: Collection[Signal]) -> None:
        """These were stored; what has come meanwhile is still owed."""
        for key, owed in list(self._owed.items()):
            if all(signal in signals for signal in owed):
                del self._owed[key]
                self._aside_until.pop(key, None)

    def put_aside(self, signal: Signal, now: Monotonic) -> None:
        """It is refused while others are stored; kept also where it ends an alarm."""
        self.refused(signal)
        if not _begins_with_a_press(self._owed.get(signal.key, ())):
            self._owed[signal.key] = (signal,)
        self._aside_until[signal.key] = now.plus(ASIDE_AGAIN_S)

    def is_aside(self, key: AlarmKey) -> bool:
        """Whether something of this alarm is kept aside."""
        return key in self._aside_until

    def press_aside(self, input_id: str) -> Signal | None:
        """The press of this button that is kept aside."""
        for key in self._aside_until:
            owed = self._owed[key]
            pressed = key.type is AlarmType.PANIC and _begins_with_a_press(owed)
            if pressed and key.subject_id == input_id:
                return owed[0]
        return None


def _begins_with_a_press(owed: Sequence[Signal]) -> bool:
    return bool(owed) and owed[0].condition is Condition.ACTIVE


__all__ = ["ASIDE_AGAIN_S", "OwedSignals"]

"""Why an alarm refuses what a person asked of it.

AlarmError
├── UnknownAlarmError     no alarm has this number
├── StaleVersionError     the alarm got worse, or somebody acted, since the page was drawn
├── WrongStateError       already acknowledged, or already closed
└── ConditionActiveError  it cannot be closed while the crowd (or the fault) is still there
"""

from __future__ import annotations


class AlarmError(Exception):
    """Base of the refusals; `code` is the key of the text for people."""

    code = "alarm_refused"

    def __init__(self, number: int, **values: str | int) -> None:
        super().__init__(f"alarm {number}: {self.code}")
        self.number = number
        self.values: dict[str, str | int] = {"number": number, **values}


class UnknownAlarmError(AlarmError):
    """No alarm has this number."""

    code = "alarm_unknown"


class StaleVersionError(AlarmError):
    """The alarm changed since the page was drawn; the person must look again."""

    code = "alarm_changed"


class WrongStateError(AlarmError):
    """The alarm is already past the step that was asked for."""

    code = "alarm_already_done"


class ConditionActiveError(AlarmError):
    """The cause is still there, so the alarm cannot be closed."""

    code = "alarm_still_active"

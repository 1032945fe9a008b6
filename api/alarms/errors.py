"""Why an alarm refuses what a person asked of it.

AlarmError
├── UnknownAlarmError     no alarm has this number
├── StaleVersionError     the alarm got worse, or somebody acted, since the page was drawn
├── WrongStateError       already acknowledged, or already closed
├── ConditionActiveError  it cannot be closed while the crowd (or the fault) is still there
├── NeverHeldError        a panic button or a priority-1 crowd cannot be put aside
├── NoCheckError          nothing waits for the operator's check
├── LadderEndError        every step of the ladder has been taken
├── RunningTestError      a test alarm is still waiting for its receipts
└── UnknownNameError      the site's plan has no such person or card step
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


class NeverHeldError(AlarmError):
    """A panic button or a priority-1 crowd cannot be shelved or taken out of service."""

    code = "alarm_never_held"


class NoCheckError(AlarmError):
    """The operator check is over, or there was none."""

    code = "alarm_no_check"


class LadderEndError(AlarmError):
    """Every step of the escalation ladder has been taken."""

    code = "alarm_ladder_end"


class RunningTestError(AlarmError):
    """A test alarm is still waiting for its receipts."""

    code = "alarm_test_running"


class UnknownNameError(AlarmError):
    """The site's plan has no such person, or the card no such step."""

    code = "alarm_unknown_name"

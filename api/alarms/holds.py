"""Putting alarms aside: shelving, out of service, and under a parent; pure functions.

- shelving is one person's, for a while, with a reason; it ends by itself;
- out of service is two persons', for maintenance, with an end;
- a camera's alarm stands under the alarm of its recorder or worker while that one is open;
- a panic button and a priority-1 crowd are never put aside, and break out of a hold; so does a lost
  camera where nobody sees its zone any more.
"""

from __future__ import annotations

from dataclasses import replace

from api.alarms.errors import NeverHeldError, WrongStateError
from api.alarms.machine import (
    check_version,
    close_by_itself,
    last_name,
    person_entry,
    put_aside,
)
from api.alarms.values import (
    HELD_STATES,
    SYSTEM,
    Action,
    Alarm,
    AlarmState,
    Change,
    Condition,
    Hold,
    Signature,
)
from vision.instants import Utc

MAX_SHELF_S = 2 * 3_600.0
"""Longest time that one person may shelve an alarm (alarm_and_security, section C)."""

MAX_OUT_OF_SERVICE_S = 14 * 86_400.0
"""Engineering judgement: maintenance that lasts longer is looked at again."""

_ACTION = {
    AlarmState.SHELVED: Action.SHELVED,
    AlarmState.OUT_OF_SERVICE: Action.OUT_OF_SERVICE,
    AlarmState.SUPPRESSED: Action.SUPPRESSED,
}


def hold(alarm: Alarm, wanted: Hold, version: int) -> Change:
    """Put an open alarm aside.

    Raises:
        WrongStateError: it is closed, or already put aside.
        NeverHeldError: a panic button or a priority-1 crowd.
        StaleVersionError: it changed since `version`.
    """
    if not alarm.is_open or alarm.state in HELD_STATES:
        raise WrongStateError(alarm.number, state=alarm.state.value, name=last_name(alarm))
    if alarm.never_held:
        raise NeverHeldError(alarm.number)
    check_version(alarm, version)
    moved = replace(alarm, updated_at=wanted.by.at, version=alarm.version + 1)
    entry = replace(
        person_entry(alarm, moved, wanted.by, _ACTION[wanted.kind]),
        note=wanted.reason,
        detail=wanted.second or str(wanted.parent_number or ""),
    )
    change = put_aside(Change(moved, (entry,)), wanted)
    if alarm.condition is Condition.GONE and not alarm.latched:
        return close_by_itself(change, wanted.by.at)
    return change


def suppress(alarm: Alarm, parent_number: int, at: Utc) -> Change:
    """Let an alarm stand under its parent (see `hold` for what is raised)."""
    by = Signature(SYSTEM, at)
    wanted = Hold(AlarmState.SUPPRESSED, by, parent_number=parent_number)
    return hold(alarm, wanted, alarm.version)


def release(alarm: Alarm, who: Signature) -> Change:
    """End a hold: what is still there must be seen again, what is gone ends.

    Raises:
        WrongStateError: the alarm is not put aside.
    """
    if alarm.state not in HELD_STATES:
        raise WrongStateError(alarm.number, state=alarm.state.value, name=last_name(alarm))
    gone = alarm.condition is Condition.GONE
    back = replace(
        alarm,
        state=AlarmState.RETURNED_UNACKNOWLEDGED if gone else AlarmState.UNACKNOWLEDGED,
        hold=None,
        waiting_since=who.at,
        escalated=0,
        updated_at=who.at,
        version=alarm.version + 1,
    )
    return Change(back, (person_entry(alarm, back, who, Action.RELEASED),))

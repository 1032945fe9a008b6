"""The escalation ladder: who is told when nobody acknowledges; and the next moment of an alarm.

Pure functions of an alarm, the site's ladder and the present. Every step is taken once, in order,
counted from the moment since when the alarm waits; a restart takes what is due, once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from api.alarms.errors import LadderEndError, WrongStateError
from api.alarms.machine import check_version, last_name, person_entry
from api.alarms.values import SYSTEM, Action, Alarm, AlarmType, Change, Signature, Verdict
from config.desk_plan import LadderStep
from vision.instants import Utc


@dataclass(frozen=True, slots=True)
class Taken:
    """A step that was taken for an alarm: who must be told is the business of delivery."""

    alarm: Alarm
    step: LadderStep
    at: Utc


def steps_for(ladder: Sequence[LadderStep], priority: int) -> tuple[LadderStep, ...]:
    """The steps of an alarm of this priority, the earliest first."""
    return tuple(step for step in ladder if priority in step.priorities)


def due_steps(alarm: Alarm, ladder: Sequence[LadderStep], now: Utc) -> tuple[LadderStep, ...]:
    """The steps that are due and not yet taken."""
    since = alarm.waiting_since
    if since is None or not alarm.needs_attention:
        return ()
    left = _left(alarm, ladder)
    return tuple(step for step in left if now - since >= step.after_s)


def _left(alarm: Alarm, ladder: Sequence[LadderStep]) -> tuple[LadderStep, ...]:
    """The steps not yet taken; a test climbs no ladder."""
    if alarm.key.type is AlarmType.TEST:
        return ()
    return steps_for(ladder, alarm.priority)[alarm.escalated :]


def escalate(alarm: Alarm, step: LadderStep, who: Signature) -> Change:
    """Take one step; history names it and the people it tells."""
    after = replace(alarm, escalated=alarm.escalated + 1, updated_at=who.at)
    entry = replace(person_entry(alarm, after, who, Action.ESCALATED), detail=step.id)
    return Change(after, (entry,))


def escalate_by_hand(
    alarm: Alarm, ladder: Sequence[LadderStep], who: Signature, version: int
) -> tuple[Change, LadderStep]:
    """A person takes the next step without waiting for its time.

    Raises:
        WrongStateError: the alarm is closed.
        LadderEndError: every step has been taken.
        StaleVersionError: it changed since `version`.
    """
    if not alarm.is_open:
        raise WrongStateError(alarm.number, state=alarm.state.value, name=last_name(alarm))
    check_version(alarm, version)
    left = _left(alarm, ladder)
    if not left:
        raise LadderEndError(alarm.number)
    change = escalate(alarm, left[0], who)
    return replace(change, alarm=replace(change.alarm, version=alarm.version + 1)), left[0]


def dispatch(alarm: Alarm, person: str, who: Signature, version: int) -> Change:
    """`who` sends `person` (an id of the site's plan) to the place.

    Raises:
        WrongStateError: the alarm is closed.
        StaleVersionError: it changed since `version`.
    """
    if not alarm.is_open:
        raise WrongStateError(alarm.number, state=alarm.state.value, name=last_name(alarm))
    check_version(alarm, version)
    sent = Signature(who.name, who.at, person)
    after = replace(alarm, dispatched=sent, updated_at=who.at, version=alarm.version + 1)
    entry = replace(person_entry(alarm, after, who, Action.DISPATCHED), detail=person)
    return Change(after, (entry,))


def next_due_at(alarm: Alarm, ladder: Sequence[LadderStep]) -> Utc | None:
    """When time alone changes the alarm next: its check ends, or a step of the ladder is due."""
    if not alarm.is_open:
        return None
    moments = []
    check = alarm.check
    if check is not None and check.verdict is Verdict.PENDING and check.due_at is not None:
        moments.append(check.due_at)
    left = _left(alarm, ladder)
    if alarm.waiting_since is not None and alarm.needs_attention and left:
        moments.append(alarm.waiting_since.plus(left[0].after_s))
    return min(moments, default=None)


def by_time(alarm: Alarm, step: LadderStep, at: Utc) -> Change:
    """A step that time took."""
    return escalate(alarm, step, Signature(SYSTEM, at))

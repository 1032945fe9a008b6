"""The operator check: somebody may look before police and sirens are told, for 30 s at most.

It fails open: a check that nobody answers in time counts as confirmed. A panic button is never
checked. An alarm that was rejected and then gets worse is checked again.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from api.alarms.errors import NoCheckError
from api.alarms.machine import check_version, person_entry
from api.alarms.values import (
    SYSTEM,
    Action,
    Alarm,
    AlarmState,
    AlarmType,
    Change,
    Check,
    Signature,
    Verdict,
)
from vision.instants import Utc

MAX_CHECK_S = 30.0

_RISES = frozenset({Action.OPENED, Action.RAISED, Action.REPEATED, Action.LATE_REPORT})


@dataclass(frozen=True, slots=True)
class CheckRule:
    """Which crowd alarms wait for the operator, and for how long; 0 s: none does."""

    seconds: float = 0.0
    priorities: Collection[int] = ()

    def __post_init__(self) -> None:
        if not 0.0 <= self.seconds <= MAX_CHECK_S:
            raise ValueError(f"a check takes 0..{MAX_CHECK_S:g} s, got {self.seconds:g}")

    def applies(self, alarm: Alarm) -> bool:
        crowd = alarm.key.type is AlarmType.CROWD
        return crowd and self.seconds > 0.0 and alarm.priority in self.priorities


def begin(change: Change, rule: CheckRule, at: Utc) -> Change:
    """Start the check of an alarm that has just opened, or that got worse after a rejection."""
    alarm = change.alarm
    check = alarm.check
    rose = any(entry.action in _RISES for entry in change.entries)
    if check is not None and (check.verdict is not Verdict.REJECTED or not rose):
        return change
    if rule.applies(alarm):
        started = Check(Verdict.PENDING, at.plus(rule.seconds))
    else:
        started = Check(Verdict.CONFIRMED, None, Signature(SYSTEM, at))
    return replace(change, alarm=replace(alarm, check=started))


def confirm(alarm: Alarm, who: Signature, version: int) -> Change:
    """A person says that it is real.

    Raises:
        NoCheckError: no check is pending.
        StaleVersionError: it changed since `version`.
    """
    _check_pending(alarm)
    check_version(alarm, version)
    return _answered(alarm, who, Verdict.CONFIRMED)


def reject(alarm: Alarm, who: Signature, version: int) -> Change:
    """A person says that it is not real: it stays on the desk as seen, and police are not told.

    Raises:
        NoCheckError: no check is pending.
        StaleVersionError: it changed since `version`.
    """
    _check_pending(alarm)
    check_version(alarm, version)
    change = _answered(alarm, who, Verdict.REJECTED)
    if not alarm.needs_attention:
        return change
    seen = replace(
        change.alarm, state=AlarmState.ACKNOWLEDGED, acknowledged=who, waiting_since=None
    )
    entry = replace(change.entries[0], to_state=seen.state)
    return Change(seen, (entry,))


def end_unanswered(alarm: Alarm, at: Utc) -> Change | None:
    """The pending check's time is over: it counts as confirmed."""
    check = alarm.check
    if check is None or check.verdict is not Verdict.PENDING:
        return None
    if check.due_at is None or at < check.due_at or not alarm.is_open:
        return None
    return _answered(alarm, Signature(SYSTEM, at), Verdict.CONFIRMED)


def with_acknowledged(change: Change) -> Change:
    """Who acknowledges during the check has looked and did not reject: that confirms."""
    alarm = change.alarm
    pending = alarm.check is not None and alarm.check.verdict is Verdict.PENDING
    if not pending or alarm.acknowledged is None or not alarm.is_open:
        return change
    confirmed = replace(alarm, check=Check(Verdict.CONFIRMED, None, alarm.acknowledged))
    entry = person_entry(alarm, confirmed, alarm.acknowledged, Action.CONFIRMED)
    return Change(confirmed, (*change.entries, replace(entry, note="")))


def _answered(alarm: Alarm, who: Signature, verdict: Verdict) -> Change:
    action = Action.CONFIRMED if verdict is Verdict.CONFIRMED else Action.REJECTED
    after = replace(
        alarm,
        check=Check(verdict, None, who),
        updated_at=who.at,
        version=alarm.version + (who.name != SYSTEM),
    )
    return Change(after, (person_entry(alarm, after, who, action),))


def _check_pending(alarm: Alarm) -> None:
    check = alarm.check
    if not alarm.is_open or check is None or check.verdict is not Verdict.PENDING:
        raise NoCheckError(alarm.number)

"""The life of an alarm as pure functions: `observe` records, people `acknowledge` and `close`.

Rules (states after ISA-18.2):
- one open alarm for a key; a rise updates it, a return and rise again counts as a repeat;
- a repeat of what somebody has seen is as urgent as what is there now, one of what nobody has seen
  as urgent as the worst of it; so priority falls only with a repeat, and not before people know;
- a rise above everything seen so far, or any rise to L4, must be acknowledged again;
- an alarm whose condition is gone stays until it is acknowledged; one that reached priority 1 is
  latched and stays until a person closes it;
- while nobody can see the zone the alarm stays open and says so; what was gone before that and is
  there after it has come back;
- an alarm that closed by itself and comes back within `REOPEN_WITHIN_S` is the same alarm;
- an alarm that is put aside (`api.alarms.holds`) stays so, unless it reaches priority 1, or people
  put it aside while others still saw what nobody sees now.
"""

from __future__ import annotations

from dataclasses import replace

from api.alarms.errors import ConditionActiveError, StaleVersionError, WrongStateError
from api.alarms.values import (
    HELD_STATES,
    SYSTEM,
    Action,
    Alarm,
    AlarmState,
    Change,
    Condition,
    Evidence,
    HistoryEntry,
    Hold,
    Signal,
    Signature,
)
from vision.instants import Utc
from vision.risk.readings import Level

REOPEN_WITHIN_S = 60.0
"""Engineering judgement: keeps a flapping camera one alarm with repeats, not one alarm a minute."""

LATCHED_PRIORITY = 1

CAUSE_RETURNED = "returned"
"""Cause of an alarm that was acknowledged and then went away by itself."""


def observe(
    last: Alarm | None, signal: Signal, hold: Hold | None = None, *, was_gone: bool = False
) -> Change | None:
    """What `signal` does to the newest alarm of its key; `None` where nothing changes.

    While `hold` stands, an open alarm is put aside, unless it `breaks_out`.

    Args:
        was_gone: the cause was gone when it was known last; asked while the condition is UNKNOWN.
    """
    change = _observe(last, signal, was_gone=was_gone)
    if hold is None or change is None or not change.alarm.is_open:
        return change
    return change if breaks_out(change.alarm, signal, hold) else put_aside(change, hold)


def breaks_out(alarm: Alarm, signal: Signal, hold: Hold) -> bool:
    """Whether `hold` ends at the signal; where it got worse under a parent, the parent tells."""
    return alarm.never_held or (signal.worse and hold.kind is not AlarmState.SUPPRESSED)


def put_aside(change: Change, hold: Hold) -> Change:
    """The same change with the alarm in the hold's state."""
    alarm = change.alarm
    aside = replace(
        alarm, state=hold.kind, hold=hold, acknowledged=None, waiting_since=None, escalated=0
    )
    if change.entries:
        last = replace(change.entries[-1], to_state=hold.kind)
        return Change(aside, (*change.entries[:-1], last))
    return Change(aside)


def _observe(last: Alarm | None, signal: Signal, *, was_gone: bool) -> Change | None:
    if last is None or not last.is_open:
        return _observe_without_open(last, signal)
    if signal.late:
        return _late_report(last, signal)
    if signal.condition is Condition.ACTIVE:
        return _active(last, signal, was_gone=was_gone)
    if signal.condition is Condition.UNKNOWN:
        return _unknown(last, signal)
    return _gone(last, signal)


def acknowledge(alarm: Alarm, who: Signature, version: int) -> Change:
    """A person has seen the alarm.

    Raises:
        WrongStateError: already acknowledged or closed.
        StaleVersionError: it changed since `version`.
    """
    if not alarm.needs_attention:
        raise WrongStateError(alarm.number, state=alarm.state.value, name=last_name(alarm))
    check_version(alarm, version)
    gone_but_latched = alarm.latched and alarm.condition is Condition.GONE
    seen = replace(
        alarm,
        state=AlarmState.LATCHED if gone_but_latched else AlarmState.ACKNOWLEDGED,
        acknowledged=who,
        waiting_since=None,
        updated_at=who.at,
        version=alarm.version + 1,
    )
    change = Change(seen, (person_entry(alarm, seen, who, Action.ACKNOWLEDGED),))
    if seen.condition is Condition.GONE and not seen.latched:
        return close_by_itself(change, who.at)
    return change


def close(alarm: Alarm, who: Signature, version: int, cause: str, taken: str = "") -> Change:
    """A person says what it was and what was done, and ends it; an unacknowledged one counts as
    seen by the same act.

    Raises:
        WrongStateError: already closed.
        ConditionActiveError: the crowd, or the fault, is still there.
        StaleVersionError: it changed since `version`.
    """
    if not alarm.is_open:
        raise WrongStateError(alarm.number, state=alarm.state.value, name=last_name(alarm))
    check_version(alarm, version)
    if alarm.condition is Condition.ACTIVE:
        raise ConditionActiveError(alarm.number)
    closed = replace(
        alarm,
        state=AlarmState.CLOSED,
        acknowledged=alarm.acknowledged or who,
        closed=who,
        cause=cause,
        taken=taken,
        hold=None,
        waiting_since=None,
        updated_at=who.at,
        version=alarm.version + 1,
    )
    entry = replace(person_entry(alarm, closed, who, Action.CLOSED), detail=taken)
    return Change(closed, (entry,))


def _observe_without_open(last: Alarm | None, signal: Signal) -> Change | None:
    if signal.condition is not Condition.ACTIVE:
        return None
    if last is not None and last.closed is not None:
        covered = last.opened_at <= signal.captured_at <= last.closed.at
        as_bad = _severity(signal.evidence.level) <= _severity(last.peak.level)
        if signal.late and covered and as_bad:
            return None  # the closed alarm already told of this moment
        by_itself = last.closed.name == SYSTEM
        # A moment in the future is from before the clock was set back: nobody knows how long ago.
        if by_itself and 0.0 <= signal.received_at - last.closed.at < REOPEN_WITHIN_S:
            return _repeat(replace(last, closed=None, cause=""), signal)
    alarm = Alarm(
        number=0,
        key=signal.key,
        zone_ids=signal.zone_ids,
        priority=signal.priority,
        state=AlarmState.UNACKNOWLEDGED,
        condition=Condition.ACTIVE,
        evidence=signal.evidence,
        peak=signal.evidence,
        opened_at=signal.captured_at,
        received_at=signal.received_at,
        updated_at=signal.received_at,
        latched=signal.priority <= LATCHED_PRIORITY,
        waiting_since=signal.received_at,
    )
    return Change(alarm, (_entry(None, alarm, signal, Action.OPENED),))


def _active(alarm: Alarm, signal: Signal, *, was_gone: bool) -> Change:
    unseen = alarm.condition is Condition.UNKNOWN
    if alarm.condition is Condition.GONE or (unseen and was_gone):
        return _repeat(alarm, signal)
    merged = _merge(alarm, signal)
    if _must_be_seen_again(alarm, signal):
        raised = _alert_again(merged, signal)
        return Change(raised, (_entry(alarm, raised, signal, Action.RAISED),))
    if unseen:
        known = replace(merged, condition=Condition.ACTIVE, updated_at=signal.received_at)
        if alarm.state is AlarmState.RETURNED_UNACKNOWLEDGED:
            known = replace(known, state=AlarmState.UNACKNOWLEDGED, version=alarm.version + 1)
        if alarm.state is AlarmState.LATCHED:
            known = replace(known, state=AlarmState.ACKNOWLEDGED, version=alarm.version + 1)
        return Change(known, (_entry(alarm, known, signal, Action.CONDITION_KNOWN),))
    if signal.evidence.level is not alarm.evidence.level:
        moved = replace(merged, updated_at=signal.received_at)
        return Change(moved, (_entry(alarm, moved, signal, Action.LEVEL_CHANGED),))
    return Change(merged)


def _unknown(alarm: Alarm, signal: Signal) -> Change | None:
    if alarm.condition is Condition.UNKNOWN:
        return None
    blind = replace(
        alarm,
        condition=Condition.UNKNOWN,
        evidence=signal.evidence,
        updated_at=signal.received_at,
    )
    if alarm.state is AlarmState.LATCHED:
        blind = replace(blind, state=AlarmState.ACKNOWLEDGED, version=alarm.version + 1)
    return Change(blind, (_entry(alarm, blind, signal, Action.CONDITION_UNKNOWN),))


def _gone(alarm: Alarm, signal: Signal) -> Change | None:
    if alarm.condition is Condition.GONE:
        return None
    calm = replace(
        alarm,
        condition=Condition.GONE,
        evidence=signal.evidence,
        updated_at=signal.received_at,
    )
    if alarm.state is AlarmState.UNACKNOWLEDGED:
        calm = replace(calm, state=AlarmState.RETURNED_UNACKNOWLEDGED, version=alarm.version + 1)
    elif alarm.state is AlarmState.ACKNOWLEDGED and alarm.latched:
        calm = replace(calm, state=AlarmState.LATCHED, version=alarm.version + 1)
    change = Change(calm, (_entry(alarm, calm, signal, Action.RETURNED),))
    dealt_with = calm.state is AlarmState.ACKNOWLEDGED or calm.state in HELD_STATES
    if dealt_with and not calm.latched:
        return close_by_itself(change, signal.received_at)
    return change


def _late_report(alarm: Alarm, signal: Signal) -> Change | None:
    """An older picture that was worse than anything known raises the peak, not the present."""
    worse = signal.condition is Condition.ACTIVE and signal.priority < alarm.priority
    if not worse or _is_known(alarm, signal):
        return None
    raised = _alert_again(
        replace(
            alarm,
            peak=_worst(alarm.peak, signal.evidence),
            priority=signal.priority,
            latched=alarm.latched or signal.priority <= LATCHED_PRIORITY,
        ),
        signal,
        condition=alarm.condition,
    )
    return Change(raised, (_entry(alarm, raised, signal, Action.LATE_REPORT),))


def _is_known(alarm: Alarm, signal: Signal) -> bool:
    """Whether an older picture is of what people were told before the alarm came back milder."""
    since = alarm.waiting_since
    if since is None and alarm.acknowledged is not None:
        since = alarm.acknowledged.at
    told = since is not None and signal.captured_at <= since
    return told and _severity(signal.evidence.level) <= _severity(alarm.peak.level)


def _repeat(alarm: Alarm, signal: Signal) -> Change:
    """It came back. Were it as urgent as its worst for ever, one latched crush that nobody closes
    would make every later crowd of the stair priority 1, and people would stop listening."""
    merged = _merge(alarm, signal)
    if alarm.acknowledged is not None:
        merged = replace(merged, priority=signal.priority)
    again = replace(_alert_again(merged, signal), repeats=alarm.repeats + 1)
    return Change(again, (_entry(alarm, again, signal, Action.REPEATED),))


def _alert_again(alarm: Alarm, signal: Signal, condition: Condition = Condition.ACTIVE) -> Alarm:
    gone = condition is Condition.GONE
    return replace(
        alarm,
        state=AlarmState.RETURNED_UNACKNOWLEDGED if gone else AlarmState.UNACKNOWLEDGED,
        condition=condition,
        acknowledged=None,
        hold=None,
        waiting_since=signal.received_at,
        escalated=0,
        updated_at=signal.received_at,
        version=alarm.version + 1,
    )


def _merge(alarm: Alarm, signal: Signal) -> Alarm:
    """The alarm with the signal's numbers; priority and peak only get worse."""
    priority = min(alarm.priority, signal.priority)
    return replace(
        alarm,
        evidence=signal.evidence,
        peak=_worst(alarm.peak, signal.evidence),
        priority=priority,
        latched=alarm.latched or priority <= LATCHED_PRIORITY,
        zone_ids=tuple(dict.fromkeys((*alarm.zone_ids, *signal.zone_ids))),
    )


def _must_be_seen_again(alarm: Alarm, signal: Signal) -> bool:
    if signal.priority < alarm.priority or (signal.worse and not alarm.needs_attention):
        return True
    level = signal.evidence.level
    above_peak = _severity(level) > _severity(alarm.peak.level)
    back_to_worst = level is Level.L4 and _severity(alarm.evidence.level) < _severity(level)
    return above_peak or (back_to_worst and alarm.condition is not Condition.UNKNOWN)


def _worst(one: Evidence, other: Evidence) -> Evidence:
    """The worse level with its reasons, and the larger of each number."""
    worse = other if _severity(other.level) > _severity(one.level) else one
    return replace(
        worse,
        people=_larger(one.people, other.people),
        density_per_m2=_larger(one.density_per_m2, other.density_per_m2),
    )


def _larger(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)


def _severity(level: Level) -> int:
    """Order of levels for choosing the worst; UNKNOWN ranks lowest because it proves nothing."""
    return -1 if level is Level.UNKNOWN else level.severity


def close_by_itself(change: Change, at: Utc) -> Change:
    """The system ends an alarm whose condition is gone and that people have dealt with."""
    acknowledged = change.alarm
    by_hold = None if acknowledged.hold is None else acknowledged.hold.by
    closed = replace(
        acknowledged,
        state=AlarmState.CLOSED,
        acknowledged=acknowledged.acknowledged or by_hold,
        closed=Signature(SYSTEM, at),
        cause=CAUSE_RETURNED,
        hold=None,
        waiting_since=None,
        version=acknowledged.version + 1,
    )
    entry = HistoryEntry(
        action=Action.CLOSED,
        at=at,
        captured_at=None,
        actor=SYSTEM,
        from_state=acknowledged.state,
        to_state=AlarmState.CLOSED,
        priority=closed.priority,
        evidence=closed.evidence,
        cause=CAUSE_RETURNED,
    )
    return Change(closed, (*change.entries, entry))


def _entry(before: Alarm | None, after: Alarm, signal: Signal, action: Action) -> HistoryEntry:
    return HistoryEntry(
        action=action,
        at=signal.received_at,
        captured_at=signal.captured_at,
        actor=SYSTEM,
        from_state=None if before is None else before.state,
        to_state=after.state,
        priority=after.priority,
        evidence=signal.evidence,
    )


def person_entry(before: Alarm, after: Alarm, who: Signature, action: Action) -> HistoryEntry:
    """The history line of a step that `who` took."""
    return HistoryEntry(
        action=action,
        at=who.at,
        captured_at=None,
        actor=who.name,
        from_state=before.state,
        to_state=after.state,
        priority=after.priority,
        evidence=before.evidence,
        note=who.note,
        cause=after.cause,
    )


def check_version(alarm: Alarm, version: int) -> None:
    """Raises `StaleVersionError` when somebody acted since the page was drawn."""
    if version != alarm.version:
        raise StaleVersionError(alarm.number, version=alarm.version)


def last_name(alarm: Alarm) -> str:
    """Who acted last: for the refusal of a second person."""
    signature = alarm.closed or alarm.acknowledged
    return "" if signature is None else signature.name

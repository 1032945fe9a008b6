"""Checks, holds and the ladder as tables, in simulated time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from api.alarms import checks, escalation, holds
from api.alarms.errors import LadderEndError, NeverHeldError, NoCheckError, WrongStateError
from api.alarms.machine import acknowledge, observe
from api.alarms.parents import CameraGroup, is_lost
from api.alarms.values import (
    SYSTEM,
    Alarm,
    AlarmKey,
    AlarmState,
    AlarmType,
    Hold,
    Verdict,
)
from api.watched import Name
from config.desk_plan import LadderStep
from tests.api.alarms.test_machine import START, signal, who

CHECK = checks.CheckRule(15.0, (1, 2))
LADDER = (
    LadderStep("again", 30.0, "sound_again"),
    LadderStep("leader", 60.0, "call", (1, 2), ("a",)),
    LadderStep("police", 120.0, "police", (1, 2)),
    LadderStep("district", 300.0, "district", (1,)),
)


def opened(level: str, rule: checks.CheckRule = CHECK) -> Alarm:
    change = observe(None, signal(level))
    assert change is not None
    return replace(checks.begin(change, rule, START).alarm, number=1)


def shelf(at_s: float = 1.0, until_s: float = 600.0) -> Hold:
    return Hold(AlarmState.SHELVED, who(at_s), START.plus(until_s), "清洁镜头")


@pytest.mark.parametrize(
    ("level", "rule", "verdict"),
    [
        ("L4", CHECK, Verdict.PENDING),
        ("L3", CHECK, Verdict.PENDING),
        ("L2", CHECK, Verdict.CONFIRMED),  # priority 3 is not checked
        ("L4", checks.CheckRule(0.0, (1, 2)), Verdict.CONFIRMED),
    ],
)
def test_which_alarms_are_checked(level: str, rule: checks.CheckRule, verdict: Verdict) -> None:
    check = opened(level, rule).check
    assert check is not None
    assert check.verdict is verdict


@pytest.mark.parametrize(("after_s", "confirmed"), [(0.0, False), (14.9, False), (15.0, True)])
def test_a_check_that_nobody_answers_fails_open(after_s: float, confirmed: bool) -> None:
    change = checks.end_unanswered(opened("L4"), START.plus(after_s))
    assert (change is not None) is confirmed
    if change is not None:
        assert change.alarm.is_confirmed
        assert change.entries[0].actor == SYSTEM


def test_no_check_may_take_longer_than_30_seconds() -> None:
    with pytest.raises(ValueError, match="30"):
        checks.CheckRule(30.1, (1,))


def test_a_rejected_alarm_that_gets_worse_is_checked_again() -> None:
    alarm = opened("L3")
    rejected = checks.reject(alarm, who(5.0), alarm.version).alarm
    assert rejected.state is AlarmState.ACKNOWLEDGED
    assert not rejected.is_confirmed
    worse = observe(rejected, signal("L4", 8.0))
    assert worse is not None
    again = checks.begin(worse, CHECK, START.plus(8.0)).alarm
    assert again.check is not None
    assert again.check.due_at == START.plus(23.0)
    with pytest.raises(NoCheckError):
        checks.confirm(rejected, who(9.0), rejected.version)


def test_a_panic_button_is_never_checked() -> None:
    key = AlarmKey("school", AlarmType.PANIC, "pillar")
    change = observe(None, replace(signal("L4"), key=key))
    assert change is not None
    assert checks.begin(change, CHECK, START).alarm.is_confirmed


def test_a_shelved_alarm_comes_back_when_its_time_is_over() -> None:
    alarm = opened("L3")
    shelved = holds.hold(alarm, shelf(), alarm.version).alarm
    assert shelved.state is AlarmState.SHELVED
    assert not shelved.needs_attention
    again = observe(shelved, signal("L3", 3.0), shelf())
    assert again is not None
    assert again.alarm.state is AlarmState.SHELVED
    back = holds.release(again.alarm, who(600.0, SYSTEM)).alarm
    assert (back.state, back.waiting_since) == (AlarmState.UNACKNOWLEDGED, START.plus(600.0))


def test_a_shelved_alarm_that_goes_away_ends() -> None:
    alarm = opened("L2")
    shelved = holds.hold(alarm, shelf(), alarm.version).alarm
    change = observe(shelved, signal("L0", 9.0), shelf())
    assert change is not None
    assert change.alarm.state is AlarmState.CLOSED
    assert change.alarm.acknowledged is not None
    assert change.alarm.acknowledged.name == "王芳"


def test_what_comes_while_a_hold_stands_is_put_aside_too() -> None:
    change = observe(None, signal("L3"), shelf())
    assert change is not None
    assert change.alarm.state is AlarmState.SHELVED
    assert change.entries[0].to_state is AlarmState.SHELVED


def test_priority_1_breaks_out_of_a_hold_and_cannot_be_held() -> None:
    alarm = opened("L3")
    shelved = holds.hold(alarm, shelf(), alarm.version).alarm
    change = observe(shelved, signal("L4", 5.0), shelf())
    assert change is not None
    assert change.alarm.state is AlarmState.UNACKNOWLEDGED
    assert change.alarm.hold is None
    with pytest.raises(NeverHeldError):
        holds.hold(change.alarm, shelf(), change.alarm.version)


@pytest.mark.parametrize(
    ("hold", "state"),
    [
        (shelf(), AlarmState.UNACKNOWLEDGED),
        (
            Hold(AlarmState.OUT_OF_SERVICE, who(1.0), START.plus(600.0), second="李强"),
            AlarmState.UNACKNOWLEDGED,
        ),
        # The recorder's alarm tells it.
        (Hold(AlarmState.SUPPRESSED, who(1.0, SYSTEM), parent_number=9), AlarmState.SUPPRESSED),
    ],
)
def test_what_people_put_aside_breaks_out_when_it_gets_worse(hold: Hold, state: AlarmState) -> None:
    alarm = opened("L3")
    held = holds.hold(alarm, hold, alarm.version).alarm
    change = observe(held, replace(signal("L3", 5.0), worse=True), hold)
    assert change is not None
    assert change.alarm.state is state


def test_holding_twice_is_refused() -> None:
    alarm = opened("L3")
    shelved = holds.hold(alarm, shelf(), alarm.version).alarm
    with pytest.raises(WrongStateError):
        holds.hold(shelved, shelf(), shelved.version)
    with pytest.raises(WrongStateError):
        holds.release(alarm, who(2.0))


@pytest.mark.parametrize(
    ("level", "after_s", "steps"),
    [
        ("L4", 29.9, []),
        ("L4", 30.0, ["again"]),
        ("L4", 119.0, ["again", "leader"]),
        ("L4", 300.0, ["again", "leader", "police", "district"]),
        ("L3", 300.0, ["again", "leader", "police"]),
        ("L2", 300.0, ["again"]),
    ],
)
def test_the_ladder_by_time(level: str, after_s: float, steps: list[str]) -> None:
    due = escalation.due_steps(opened(level), LADDER, START.plus(after_s))
    assert [step.id for step in due] == steps


def test_each_step_is_taken_once_and_acknowledging_ends_the_ladder() -> None:
    alarm = opened("L4")
    change = escalation.by_time(alarm, LADDER[0], START.plus(30.0))
    assert change.entries[0].detail == "again"
    assert escalation.due_steps(change.alarm, LADDER, START.plus(59.0)) == ()
    assert escalation.next_due_at(change.alarm, LADDER) == START.plus(15.0)  # the check
    seen = acknowledge(change.alarm, who(40.0), change.alarm.version).alarm
    assert escalation.due_steps(seen, LADDER, START.plus(500.0)) == ()


def test_by_hand_takes_the_next_step_until_the_end() -> None:
    alarm = opened("L2")
    change, step = escalation.escalate_by_hand(alarm, LADDER, who(2.0), alarm.version)
    assert step.id == "again"
    with pytest.raises(LadderEndError):
        escalation.escalate_by_hand(change.alarm, LADDER, who(3.0), change.alarm.version)


@pytest.mark.parametrize(
    ("causes", "worker", "recorder"),
    [
        ({"a": "stale", "b": "worker_down"}, True, False),
        ({"a": "connection_lost", "b": "hung"}, False, True),
        ({"a": "connection_lost", "b": "stale"}, False, True),
        ({"a": "connection_lost", "b": None}, False, False),
        ({"a": "connection_lost"}, False, False),
    ],
)
def test_which_cause_takes_all_cameras(
    causes: dict[str, str | None], worker: bool, recorder: bool
) -> None:
    name = Name("甲", "A")
    groups = [
        CameraGroup("g", kind, name, ("a", "b"))
        for kind in (AlarmType.WORKER_LOST, AlarmType.RECORDER_LOST)
    ]
    assert [is_lost(group, causes) for group in groups] == [worker, recorder]

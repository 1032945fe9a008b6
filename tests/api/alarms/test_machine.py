"""The alarm's life, step by step, as tables."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.alarms.errors import AlarmError, ConditionActiveError, StaleVersionError, WrongStateError
from api.alarms.machine import REOPEN_WITHIN_S, acknowledge, close, observe
from api.alarms.values import (
    KNOWING_ACTIONS,
    SYSTEM,
    Action,
    Alarm,
    AlarmKey,
    AlarmState,
    AlarmType,
    Condition,
    Evidence,
    Signal,
    Signature,
)
from vision.instants import Utc
from vision.risk.readings import Level

KEY = AlarmKey("school", AlarmType.CROWD, "stair")
START = Utc(1_800_000_000_000_000_000)
DENSITY = {"L0": 0.2, "L1": 1.2, "L2": 2.0, "L3": 2.9, "L4": 3.8}
PRIORITY = {"L2": 3, "L3": 2, "L4": 1}


def signal(level: str, at_s: float = 0.0, *, late: bool = False) -> Signal:
    active = level in PRIORITY
    unknown = level == "UNKNOWN"
    quiet = Condition.UNKNOWN if unknown else Condition.GONE
    return Signal(
        key=KEY,
        condition=Condition.ACTIVE if active else quiet,
        priority=PRIORITY.get(level, 3),
        evidence=Evidence(
            Level(level),
            people=None if unknown else DENSITY[level] * 6,
            density_per_m2=None if unknown else DENSITY[level],
        ),
        zone_ids=("stair",),
        captured_at=START.plus(at_s),
        received_at=START.plus(at_s if not late else at_s + 600.0),
        late=late,
    )


def who(at_s: float, name: str = "王芳") -> Signature:
    return Signature(name, START.plus(at_s))


def play(steps: str) -> tuple[Alarm | None, list[str]]:
    """Play words such as `L3 ack L0`; one second passes at each. Returns alarm and actions.

    Which of them were steps at which the cause was known is taken from the actions, as the store
    does from the history.
    """
    alarm: Alarm | None = None
    actions: list[str] = []
    for second, step in enumerate(steps.split()):
        if step in ("ack", "close"):
            assert alarm is not None
            change = (
                acknowledge(alarm, who(second), alarm.version)
                if step == "ack"
                else close(alarm, who(second), alarm.version, "crowd_relieved")
            )
        else:
            told = [action for action in actions if action in KNOWING_ACTIONS]
            was_gone = told[-1:] == [Action.RETURNED]
            found = observe(alarm, signal(step, second), was_gone=was_gone)
            if found is None:
                continue
            change = found
        number = change.alarm.number or 1
        alarm = replace(change.alarm, number=number)
        actions.extend(entry.action.value for entry in change.entries)
    return alarm, actions


@pytest.mark.parametrize(
    ("steps", "state", "actions"),
    [
        ("L0", None, ""),
        ("L1", None, ""),
        ("UNKNOWN", None, ""),
        ("L2", "unacknowledged", "opened"),
        ("L2 L2 L2", "unacknowledged", "opened"),
        ("L2 L3", "unacknowledged", "opened raised"),
        ("L2 L3 L4", "unacknowledged", "opened raised raised"),
        ("L3 L2", "unacknowledged", "opened level_changed"),
        # A rise that stays below the worst so far is noted, and needs no second look.
        ("L3 L2 L3", "unacknowledged", "opened level_changed level_changed"),
        ("L3 ack", "acknowledged", "opened acknowledged"),
        ("L3 ack L2 L3", "acknowledged", "opened acknowledged level_changed level_changed"),
        ("L2 ack L3", "unacknowledged", "opened acknowledged raised"),
        # L4 again is a danger again, whatever was seen before.
        ("L4 ack L3 L4", "unacknowledged", "opened acknowledged level_changed raised"),
        ("L3 L0", "returned_unacknowledged", "opened returned"),
        ("L3 L1", "returned_unacknowledged", "opened returned"),
        ("L3 L0 L0", "returned_unacknowledged", "opened returned"),
        ("L3 L0 ack", "closed", "opened returned acknowledged closed"),
        ("L3 ack L0", "closed", "opened acknowledged returned closed"),
        ("L3 L0 L2", "unacknowledged", "opened returned repeated"),
        ("L3 L0 L2 L0 L3", "unacknowledged", "opened returned repeated returned repeated"),
        # Priority 1 latches: going away, seen or not, does not end it.
        ("L4 ack L0", "latched", "opened acknowledged returned"),
        ("L4 ack L0 UNKNOWN", "acknowledged", "opened acknowledged returned condition_unknown"),
        ("L4 L0 ack", "latched", "opened returned acknowledged"),
        ("L4 L2 L0 ack", "latched", "opened level_changed returned acknowledged"),
        ("L4 ack L0 close", "closed", "opened acknowledged returned closed"),
        ("L4 ack L0 L2", "unacknowledged", "opened acknowledged returned repeated"),
        # Not seeing is not calm.
        ("L3 UNKNOWN", "unacknowledged", "opened condition_unknown"),
        ("L3 UNKNOWN UNKNOWN", "unacknowledged", "opened condition_unknown"),
        ("L3 UNKNOWN L3", "unacknowledged", "opened condition_unknown condition_known"),
        ("L3 UNKNOWN L0", "returned_unacknowledged", "opened condition_unknown returned"),
        ("L3 UNKNOWN ack", "acknowledged", "opened condition_unknown acknowledged"),
        ("L3 ack UNKNOWN", "acknowledged", "opened acknowledged condition_unknown"),
        (
            "L3 ack UNKNOWN L0",
            "closed",
            "opened acknowledged condition_unknown returned closed",
        ),
        ("L2 UNKNOWN L4", "unacknowledged", "opened condition_unknown raised"),
        ("L3 L0 UNKNOWN ack", "acknowledged", "opened returned condition_unknown acknowledged"),
        # What was gone before nobody could see has come back after it; what was there has not.
        (
            "L4 ack L0 UNKNOWN L4",
            "unacknowledged",
            "opened acknowledged returned condition_unknown repeated",
        ),
        (
            "L4 ack L0 UNKNOWN L2",
            "unacknowledged",
            "opened acknowledged returned condition_unknown repeated",
        ),
        (
            "L3 L0 UNKNOWN ack L3",
            "unacknowledged",
            "opened returned condition_unknown acknowledged repeated",
        ),
        ("L3 L0 UNKNOWN L3", "unacknowledged", "opened returned condition_unknown repeated"),
        (
            "L4 ack UNKNOWN L4",
            "acknowledged",
            "opened acknowledged condition_unknown condition_known",
        ),
        (
            "L4 ack L0 UNKNOWN L4 ack UNKNOWN L4",
            "acknowledged",
            "opened acknowledged returned condition_unknown repeated acknowledged "
            "condition_unknown condition_known",
        ),
        # A person may end it while nobody can see, having looked there in person.
        ("L3 UNKNOWN close", "closed", "opened condition_unknown closed"),
    ],
)
def test_life(steps: str, state: str | None, actions: str) -> None:
    alarm, seen = play(steps)
    assert (None if alarm is None else alarm.state.value) == state
    assert seen == actions.split()


def test_peak_and_priority_only_get_worse() -> None:
    alarm, _ = play("L2 L4 L2")
    assert alarm is not None
    assert (alarm.priority, alarm.latched) == (1, True)
    assert (alarm.peak.level, alarm.peak.density_per_m2) == (Level.L4, 3.8)
    assert (alarm.evidence.level, alarm.evidence.density_per_m2) == (Level.L2, 2.0)


@pytest.mark.parametrize(
    ("steps", "priority"),
    [
        # Somebody has seen the crush; the queue that comes after it is a queue.
        ("L4 ack L0 L2", 3),
        ("L4 ack L0 L3", 2),
        ("L4 ack L0 L2 L3", 2),
        ("L4 ack L0 L2 L0 L4", 1),
        ("L4 ack L0 L2 ack L0 L3", 2),
        ("L4 ack L0 UNKNOWN L2", 3),
        ("L3 ack L0 L2", 3),
        # Nobody has seen the crush yet.
        ("L4 L0 L2", 1),
        ("L4 ack L0 L4 L0 L2", 1),
        ("L4 L2", 1),
        ("L4 ack L2", 1),
    ],
)
def test_a_repeat_is_as_urgent_as_what_people_have_not_seen(steps: str, priority: int) -> None:
    alarm, actions = play(steps)
    assert alarm is not None
    assert (alarm.priority, alarm.peak.level.value) == (priority, max(steps.split(), key=_by_level))
    assert alarm.latched is ("L4" in steps)
    assert actions[-1] in ("repeated", "raised", "level_changed")


def _by_level(word: str) -> str:
    return word if word in PRIORITY else ""


def test_a_milder_repeat_rises_again_step_by_step() -> None:
    alarm, actions = play("L4 ack L0 L2 ack L3 ack L4")
    assert alarm is not None
    assert actions[3:] == ["repeated", "acknowledged", "raised", "acknowledged", "raised"]
    assert (alarm.priority, alarm.repeats) == (1, 1)


def test_a_late_picture_of_the_crush_that_was_seen_is_no_news() -> None:
    alarm, _ = play("L4 L4 ack L0 L2")
    assert alarm is not None
    assert observe(alarm, signal("L4", 1.0, late=True)) is None
    change = observe(alarm, signal("L4", 4.5, late=True))
    assert change is not None
    assert (change.alarm.priority, change.entries[0].action) == (1, Action.LATE_REPORT)


def test_an_alarm_that_comes_back_has_not_ended() -> None:
    closed, _ = play("L2 ack L0")
    assert closed is not None
    change = observe(closed, signal("L2", 9.0))
    assert change is not None
    assert (closed.cause, change.alarm.cause) == ("returned", "")


def test_repeats_are_counted_on_the_same_alarm() -> None:
    alarm, _ = play("L3 L0 L3 L0 L3")
    assert alarm is not None
    assert (alarm.number, alarm.repeats) == (1, 2)


@pytest.mark.parametrize(("steps", "again"), [("L3", False), ("L3 ack", True)])
def test_what_got_worse_must_be_seen_again_by_who_has_seen_it(steps: str, again: bool) -> None:
    """Neither level nor priority tells that a lost camera's zone is seen by nobody now."""
    alarm, _ = play(steps)
    assert alarm is not None
    change = observe(alarm, replace(signal("L3", 9.0), zone_ids=("hall",), worse=True))
    assert change is not None
    assert [entry.action for entry in change.entries] == [Action.RAISED] * again
    assert change.alarm.state is AlarmState.UNACKNOWLEDGED
    assert change.alarm.zone_ids == ("stair", "hall")


def test_numbers_alone_add_no_history_and_no_version() -> None:
    alarm, _ = play("L3")
    assert alarm is not None
    denser = replace(signal("L3", 1.0), evidence=Evidence(Level.L3, 20.0, 3.2))
    change = observe(alarm, denser)
    assert change is not None
    assert change.entries == ()
    assert change.alarm.version == alarm.version
    assert change.alarm.peak.density_per_m2 == 3.2


@pytest.mark.parametrize(("after_s", "same"), [(REOPEN_WITHIN_S - 1, True), (61.0, False)])
def test_an_alarm_that_closed_by_itself_comes_back_within_a_minute(
    after_s: float, same: bool
) -> None:
    closed, _ = play("L2 ack L0")  # closes at second 2
    assert closed is not None
    assert closed.closed is not None
    assert closed.closed.name == SYSTEM
    change = observe(closed, signal("L2", 2.0 + after_s))
    assert change is not None
    assert (change.alarm.number == closed.number) is same
    assert change.alarm.repeats == (1 if same else 0)
    assert change.alarm.closed is None


def test_an_alarm_that_a_person_closed_is_not_reopened() -> None:
    closed, _ = play("L4 L0 close")
    assert closed is not None
    change = observe(closed, signal("L2", 4.0))
    assert change is not None
    assert change.alarm.number == 0
    assert [entry.action for entry in change.entries] == [Action.OPENED]


def test_a_late_worse_report_raises_the_peak_and_must_be_seen() -> None:
    alarm, _ = play("L2 L2 ack")
    assert alarm is not None
    change = observe(alarm, signal("L4", 0.5, late=True))
    assert change is not None
    assert change.alarm.state is AlarmState.UNACKNOWLEDGED
    assert change.alarm.evidence.level is Level.L2
    assert change.alarm.peak.level is Level.L4
    assert change.alarm.latched
    assert [entry.action for entry in change.entries] == [Action.LATE_REPORT]


@pytest.mark.parametrize("level", ["L0", "L1", "L2", "UNKNOWN"])
def test_a_late_report_that_is_not_worse_changes_nothing(level: str) -> None:
    alarm, _ = play("L2 L3")
    assert observe(alarm, signal(level, 0.5, late=True)) is None


def test_a_late_report_of_a_moment_that_a_closed_alarm_covers_is_known() -> None:
    closed, _ = play("L3 L3 ack L0")
    assert observe(closed, signal("L3", 1.5, late=True)) is None


def test_a_late_report_that_a_closed_alarm_did_not_tell_of_is_an_alarm() -> None:
    """It was worse than anything that people were told before they closed."""
    closed, _ = play("L2 L2 ack UNKNOWN close")
    change = observe(closed, signal("L4", 1.5, late=True))
    assert change is not None
    assert (change.alarm.number, change.alarm.priority) == (0, 1)
    assert [entry.action for entry in change.entries] == [Action.OPENED]


def test_what_closed_in_the_future_is_not_what_comes_now() -> None:
    """The clock ran ahead when it closed, and was set back since."""
    closed, _ = play("L2 ack L0")
    change = observe(closed, signal("L2", -3_600.0))
    assert change is not None
    assert change.alarm.number == 0


def test_acknowledging_names_a_person_and_keeps_the_note() -> None:
    alarm, _ = play("L3")
    assert alarm is not None
    change = acknowledge(alarm, Signature("王芳", START.plus(5.0), "已派人"), alarm.version)
    assert change.alarm.acknowledged == Signature("王芳", START.plus(5.0), "已派人")
    entry = change.entries[0]
    assert (entry.actor, entry.note, entry.from_state) == (
        "王芳",
        "已派人",
        AlarmState.UNACKNOWLEDGED,
    )


@pytest.mark.parametrize(
    ("steps", "act", "version_off", "error"),
    [
        ("L3 ack", "ack", 0, WrongStateError),
        ("L3 ack L0", "ack", 0, WrongStateError),
        ("L3 ack L0", "close", 0, WrongStateError),
        ("L3", "ack", -1, StaleVersionError),
        ("L3", "ack", 1, StaleVersionError),
        ("L4 L0", "close", -1, StaleVersionError),
        ("L3", "close", 0, ConditionActiveError),
        ("L4 ack", "close", 0, ConditionActiveError),
    ],
)
def test_refusals(steps: str, act: str, version_off: int, error: type[AlarmError]) -> None:
    alarm, _ = play(steps)
    assert alarm is not None
    version = alarm.version + version_off
    steps_of = {
        "ack": lambda: acknowledge(alarm, who(9), version),
        "close": lambda: close(alarm, who(9), version, "other"),
    }
    with pytest.raises(error):
        steps_of[act]()


WORDS = st.lists(
    st.sampled_from(["L0", "L1", "L2", "L3", "L4", "UNKNOWN", "ack", "close"]), max_size=25
)


@given(WORDS)
def test_whatever_happens(words: list[str]) -> None:
    """Only a person or a seen calm ends an alarm; versions never fall; nothing is skipped."""
    alarm: Alarm | None = None
    for second, word in enumerate(words):
        try:
            if word == "ack" and alarm is not None:
                change = acknowledge(alarm, who(second), alarm.version)
            elif word == "close" and alarm is not None:
                change = close(alarm, who(second), alarm.version, "other")
            elif word in ("ack", "close"):
                continue
            else:
                found = observe(alarm, signal(word, second))
                if found is None:
                    continue
                change = found
        except AlarmError:
            continue
        new = change.alarm
        if alarm is not None and new.number == alarm.number:
            assert new.version >= alarm.version
            if new.priority > alarm.priority:
                assert [entry.action for entry in change.entries] == [Action.REPEATED]
                assert not alarm.needs_attention
            if new.state is not alarm.state:
                assert new.version > alarm.version
                assert change.entries
        if new.state is AlarmState.CLOSED:
            assert new.condition is not Condition.ACTIVE
            assert new.acknowledged is not None
            if new.closed is not None and new.closed.name == SYSTEM:
                assert not new.latched
                assert new.condition is Condition.GONE
        alarm = replace(new, number=new.number or second + 1)

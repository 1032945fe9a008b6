"""Path states, the breaker and the faults that become alarms: by hand, without any clock."""

from __future__ import annotations

import pytest

from api.delivery.monitor import Fault, faults_of
from api.delivery.path_state import Breaker, PathHealth, PathState
from api.delivery.view import DeliveryView, PathView, StrandedView, TargetView
from config.delivery import Role
from vision.instants import Monotonic, Utc

NOW = Utc(1_800_000_000_000_000_000)
START = Monotonic(0)


def test_the_third_missed_check_is_a_fault() -> None:
    state = PathState(NOW).good(NOW, "fine")
    healths = []
    for second in (20, 40, 60):
        state = state.missed_check(NOW.plus(second), "silence")
        healths.append(state.health)
    assert healths == [PathHealth.DEGRADED, PathHealth.DEGRADED, PathHealth.FAULT]
    assert state.since - NOW == 60.0
    assert state.good(NOW.plus(70.0), "back").health is PathHealth.UP


def test_a_path_that_cannot_work_is_a_fault_at_once() -> None:
    assert PathState(NOW).broken(NOW, "no secret").health is PathHealth.FAULT


def test_the_breaker_opens_lets_one_through_and_waits_longer() -> None:
    state = PathState(NOW)
    for _ in range(3):
        assert state.lets_through(START)
        state = state.failed_attempt(NOW, START, "cut")
    assert state.breaker is Breaker.OPEN
    assert not state.lets_through(START.plus(1.9))
    assert state.lets_through(START.plus(2.0))
    trial = state.trying()
    assert not trial.lets_through(START.plus(2.0))
    again = trial.failed_attempt(NOW, START.plus(2.0), "cut")
    assert not again.lets_through(START.plus(5.9))
    assert again.lets_through(START.plus(6.0))
    assert trial.good(NOW, "back").breaker is Breaker.CLOSED


def path(name: str, state: str) -> PathView:
    return PathView("room", name, "webhook", state, NOW, NOW, None, "closed", "")


def view(
    *states: str,
    overdue: int = 0,
    beat_s: float = 1.0,
    role: Role = Role.POLICE,
    ended_badly: int = 0,
    stranded: int = 0,
) -> DeliveryView:
    paths = tuple(path(f"p{index}", state) for index, state in enumerate(states))
    target = TargetView("room", role, overdue, None, overdue, ended_badly, paths)
    alone = (StrandedView("old", stranded, NOW),) if stranded else ()
    return DeliveryView(NOW, NOW.plus(-beat_s), (target,), {}, {}, alone)


def test_what_becomes_an_alarm() -> None:
    assert faults_of(view("up", "up")) == {}
    assert faults_of(view("up", "fault")) == {"room/p1": Fault("delivery_path_fault", 2)}
    assert faults_of(view("fault", "fault")) == {
        "room/p0": Fault("delivery_all_paths_fault", 1),
        "room/p1": Fault("delivery_all_paths_fault", 1),
    }
    assert faults_of(view("up", "up", overdue=1)) == {
        "room/ack": Fault("delivery_unacknowledged", 1)
    }
    assert faults_of(view("unknown", "unknown", beat_s=16.0)) == {
        "sender": Fault("delivery_sender_silent", 1)
    }


@pytest.mark.parametrize(
    ("role", "refused", "stranded"),
    [
        (Role.POLICE, {"room/refused": Fault("delivery_refused", 1, 3)}, 1),
        (Role.MONITORING, {"room/refused": Fault("delivery_refused", 2, 3)}, 2),
        (Role.INFORMATION, {}, 2),
    ],
)
def test_alarms_that_nobody_has_become_an_alarm(
    role: Role, refused: dict[str, Fault], stranded: int
) -> None:
    assert faults_of(view("up", role=role, ended_badly=3)) == refused
    assert faults_of(view("up", role=role, stranded=2)) == {
        "stranded": Fault("delivery_stranded", stranded, 2)
    }


def test_a_sign_of_life_in_the_future_is_none() -> None:
    assert not view("up", beat_s=-15.0).sender_silent
    ahead = view("unknown", beat_s=-600.0)
    assert (ahead.sender_silent, ahead.sender_ahead) == (True, True)
    assert not view("unknown", beat_s=16.0).sender_ahead

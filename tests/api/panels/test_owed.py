"""What is owed of a button whose presses the database does not take."""

from __future__ import annotations

import pytest

from api.panels.judge import panic_signal
from api.panels.owed import ASIDE_AGAIN_S, OwedSignals
from config.panels import PanelInput
from config.site import LocalText
from tests.streams.fakes import NOON
from vision.instants import Monotonic

BUTTON = PanelInput("b", LocalText("钮", "B"), device_id="m")
NOW = Monotonic(0)
PRESSED, LET_GO, UNREADABLE = True, False, None


@pytest.mark.parametrize(
    ("came", "owed", "held"),
    [
        ([], [], False),
        ([LET_GO, UNREADABLE], [], False),
        ([PRESSED], [0], True),
        ([PRESSED, PRESSED, PRESSED], [0], True),
        ([PRESSED, LET_GO], [0, 1], False),
        ([PRESSED, UNREADABLE, LET_GO], [0, 2], False),
        ([LET_GO, PRESSED, LET_GO, PRESSED], [1], True),
    ],
)
def test_the_first_press_is_owed_and_how_the_button_stands_now(
    came: list[bool | None], owed: list[int], held: bool
) -> None:
    signals = [panic_signal("s", BUTTON, one, NOON.plus(n)) for n, one in enumerate(came)]
    presses = OwedSignals()
    for signal in signals:
        presses.refused(signal)
    assert presses.signals(NOW) == [signals[n] for n in owed]
    assert presses.is_held("b") == held
    presses.stored(presses.signals(NOW))
    assert presses.signals(NOW) == []


def test_what_comes_while_the_press_is_being_stored_is_still_owed() -> None:
    press, release = (panic_signal("s", BUTTON, one, NOON) for one in (PRESSED, LET_GO))
    presses = OwedSignals()
    presses.refused(press)
    told = presses.signals(NOW)
    presses.refused(release)
    presses.stored(told)
    assert presses.signals(NOW) == [press, release]


def test_what_is_aside_waits_for_its_time_or_for_what_comes_after_it() -> None:
    press, release = (panic_signal("s", BUTTON, one, NOON) for one in (PRESSED, LET_GO))
    owed = OwedSignals()
    owed.put_aside(press, NOW)
    assert owed.is_held("b")
    assert owed.signals(NOW.plus(ASIDE_AGAIN_S - 1.0)) == []
    assert owed.signals(NOW, {press.key}) == owed.signals(NOW.plus(ASIDE_AGAIN_S)) == [press]
    owed.put_aside(release, NOW)
    assert (owed.press_aside("b"), owed.is_held("b")) == (press, False)
    owed.stored([press, release])
    assert (owed.press_aside("b"), owed.is_aside(press.key)) == (None, False)


def test_of_an_alarm_without_a_press_only_its_end_is_kept_aside() -> None:
    press, release = (panic_signal("s", BUTTON, one, NOON) for one in (PRESSED, LET_GO))
    owed = OwedSignals()
    owed.put_aside(release, NOW)
    assert (owed.signals(NOW, {press.key}), owed.press_aside("b")) == ([release], None)
    assert not owed.is_held("b")
    owed.put_aside(press, NOW)
    assert owed.signals(NOW, {press.key}) == [press]

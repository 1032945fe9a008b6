"""What is owed of a button whose presses the database does not take."""

from __future__ import annotations

import pytest

from api.panels.judge import panic_signal
from api.panels.owed import OwedPresses
from config.panels import PanelInput
from config.site import LocalText
from tests.streams.fakes import NOON

BUTTON = PanelInput("b", LocalText("钮", "B"), device_id="m")
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
    presses = OwedPresses()
    for signal in signals:
        presses.refused(signal)
    assert presses.signals() == [signals[n] for n in owed]
    assert presses.is_held("b") == held
    presses.stored(presses.signals())
    assert presses.signals() == []


def test_what_comes_while_the_press_is_being_stored_is_still_owed() -> None:
    press, release = (panic_signal("s", BUTTON, one, NOON) for one in (PRESSED, LET_GO))
    presses = OwedPresses()
    presses.refused(press)
    told = presses.signals()
    presses.refused(release)
    presses.stored(told)
    assert presses.signals() == [press, release]

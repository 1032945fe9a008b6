"""Which outputs an open alarm asks for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from api.alarms.machine import observe
from api.alarms.values import Check, Verdict
from api.panels.judge import LOST, fault_signal, is_wanted, panic_signal, press_refused_signal
from config.panels import OutputRule, PanelInput, PanelOutput
from config.site import LocalText
from tests.api.alarms.test_machine import play
from tests.streams.fakes import NOON


@pytest.mark.parametrize(
    ("steps", "during", "wanted"),
    [
        ("L4", "waiting", True),
        ("L4 ack", "waiting", False),
        ("L3", "open", False),
        ("L4 ack L0", "open", True),
        ("L4 ack L0", "active", False),
        # A door that a crush has opened does not shut because a mere queue comes after it.
        ("L4 ack L0 L2", "open", True),
        ("L4 ack L0 L2", "waiting", False),
        ("L4 ack L0 L2", "active", False),
        ("L4 ack L0 L4", "waiting", True),
        ("L4 L0 L2", "waiting", True),
    ],
)
def test_an_output_for_priority_1(steps: str, during: str, wanted: bool) -> None:
    rule = OutputRule((1,), during)  # type: ignore[arg-type]
    output = PanelOutput("door", LocalText("门", "Door"), "door_release", rule)
    alarm, _ = play(steps)
    assert alarm is not None
    confirmed = replace(alarm, check=Check(Verdict.CONFIRMED))
    assert is_wanted(output, confirmed) is wanted


@pytest.mark.parametrize(
    ("pressed", "cause", "wanted"), [(True, None, True), (False, LOST, False), (False, None, False)]
)
def test_a_press_under_its_buttons_fault_drives_what_a_press_drives(
    pressed: bool, cause: str | None, wanted: bool
) -> None:
    button = PanelInput("b", LocalText("钮", "B"), device_id="m", zone_id="hall")
    press = panic_signal("s", button, pressed=True, now=NOON)
    fault = replace(fault_signal("s", "b", cause, NOON), priority=1, zone_ids=("hall",))
    change = observe(None, press_refused_signal(press, NOON) if pressed else fault)
    alarm = None if change is None else replace(change.alarm, check=Check(Verdict.CONFIRMED))
    rule = OutputRule((1,), "open", zone_ids=("hall",), kinds=("panic",))
    door = PanelOutput("door", LocalText("门", "Door"), "door_release", rule)
    assert (alarm is not None and is_wanted(door, alarm)) is wanted

"""Which outputs an open alarm asks for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from api.alarms.values import Check, Verdict
from api.panels.judge import is_wanted
from config.panels import OutputRule, PanelOutput
from config.site import LocalText
from tests.api.alarms.test_machine import play


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

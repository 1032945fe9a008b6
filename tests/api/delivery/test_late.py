"""A message that leaves late says so; who reads it knows when it happened."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.delivery.drivers.robot import RobotDriver
from api.delivery.message import LATE_AFTER_S
from api.delivery.outward import Gate
from config.delivery import RobotKeys
from streams.clock import SystemClock
from tests.api.delivery.cases import message


@pytest.mark.parametrize(
    ("late_s", "zh", "en"),
    [
        (-3.0, "", ""),
        (LATE_AFTER_S, "", ""),
        (LATE_AFTER_S + 1.0, "【迟到 1 分钟】", "[DELAYED 1 min] "),
        (359.0, "【迟到 5 分钟】", "[DELAYED 5 min] "),
        (6 * 3600.0, "【迟到 360 分钟】", "[DELAYED 360 min] "),
    ],
)
def test_the_headline_says_how_late(late_s: float, zh: str, en: str) -> None:
    one = message()
    told = one.leaving_at(one.step_time.plus(late_s)).headline
    assert (told.zh, told.en) == (zh + one.headline.zh, en + one.headline.en)


@pytest.mark.parametrize(
    ("timezone", "begins"), [("Asia/Shanghai", "11-23 15:04 "), ("UTC", "11-23 07:04 ")]
)
@pytest.mark.parametrize("kind", ["wecom", "feishu"])
def test_a_robot_begins_with_the_sites_time(
    monkeypatch: pytest.MonkeyPatch, kind: str, timezone: str, begins: str
) -> None:
    monkeypatch.setenv("ROBOT", "https://127.0.0.1/robot?key=k")
    keys = RobotKeys.model_validate({"kind": kind, "url": "env:ROBOT"})
    driver = RobotDriver(keys, Path(), SystemClock(), Gate(Path()))
    _, body = driver.request(message(timezone=timezone))
    text = body["content"]["text"] if kind == "feishu" else body["text"]["content"]
    assert text.startswith(f"{begins}【第一小学】东楼梯")

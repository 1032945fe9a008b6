"""The check of the demonstration: how long it waits, and what it says when waiting is over."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.demo import STAIR_ZONE, DemoCheck, demo_plan
from streams.clock import SimulatedClock

Answer = Callable[[float], dict[str, Any] | None]

CROWD = {
    "type": "crowd",
    "zone_ids": [STAIR_ZONE],
    "peak": {"level": "L3", "density_per_m2": 2.6},
}


def zone(level: str, zone_id: str = STAIR_ZONE) -> dict[str, Any]:
    return {"id": zone_id, "level": level}


def starting(until_s: float, then: Answer) -> Answer:
    """A service that does not answer before `until_s`, and as `then` says after that."""
    return lambda passed_s: None if passed_s < until_s else then(passed_s - until_s)


def crowded_after(seconds: float) -> Answer:
    def state(passed_s: float) -> dict[str, Any]:
        if passed_s < seconds:
            return {"zones": [zone("L0")], "alarms": []}
        return {"zones": [zone("L3")], "alarms": [CROWD]}

    return state


def unread(passed_s: float) -> dict[str, Any]:
    return {"zones": [zone("UNKNOWN")], "alarms": []}


def watched(answer: Answer, tmp_path: Path, language: str = "en") -> tuple[bool, list[str], float]:
    """Verdict, lines, and the simulated seconds that it took."""
    clock = SimulatedClock(self_advancing=True)
    began = clock.monotonic()

    def handle(request: httpx.Request) -> httpx.Response:
        body = answer(clock.monotonic() - began)
        if body is None:
            raise httpx.ConnectError("nobody listens", request=request)
        return httpx.Response(200, json=body)

    plan = demo_plan(tmp_path, 8440)
    lines: list[str] = []
    check = DemoCheck(plan, clock, httpx.MockTransport(handle))
    passed = check.watch(threading.Event(), lines.append)
    return passed, lines, clock.monotonic() - began


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XIAOAN_LANGUAGE", "en")


@pytest.mark.parametrize("start_s", [5.0, 180.0, 500.0])
def test_a_slow_start_leaves_the_alarm_its_whole_time(start_s: float, tmp_path: Path) -> None:
    """A cold service and worker may each be started anew before they are heard."""
    passed, lines, took_s = watched(starting(start_s, crowded_after(80.0)), tmp_path)
    assert passed, lines
    assert lines[0].startswith("✓")
    assert took_s == pytest.approx(start_s + 80.0 + 20.0, abs=3.0)


def test_a_machine_that_never_reads_the_stair_is_told_apart(tmp_path: Path) -> None:
    passed, lines, took_s = watched(starting(60.0, unread), tmp_path)
    assert not passed
    assert lines == [lines[0]]
    assert "no reading of the stair within 600 s" in lines[0]
    assert took_s == pytest.approx(601.0, abs=2.0)


def test_a_stair_that_is_read_and_raises_no_alarm_fails(tmp_path: Path) -> None:
    passed, lines, took_s = watched(starting(100.0, crowded_after(1e9)), tmp_path)
    assert not passed
    assert "no alarm on the stair within 240 s of its first reading" in lines[0]
    assert took_s == pytest.approx(341.0, abs=3.0)


def test_another_zone_at_an_alarm_level_fails_at_once(tmp_path: Path) -> None:
    passed, lines, took_s = watched(
        lambda _: {"zones": [zone("L3", "hall-1f")], "alarms": []}, tmp_path
    )
    assert not passed
    assert "hall-1f" in lines[0]
    assert took_s <= 2.0

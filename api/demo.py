"""`xiaoan demo`: the sample school on the virtual campus, and the check that it does its job."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from api.run import RunPlan
from api.run_folder import LOCK_FILE
from config import load_site, sample_school_directory
from config.errors import SettingsError
from config.settings import ENV_PREFIX, ServiceSettings, load_settings
from config.site_in_force import SiteInForce
from config.texts import text
from streams.clock import Clock, SystemClock
from vision.risk.readings import Level

STAIR_ZONE = "stair-a"
_ALARM_SEVERITY = Level.L3.severity
_POLL_S = 1.0
# What a demo leaves, one of a version before too.
_OF_A_RUN = (LOCK_FILE, "xiaoan.db")


def demo_plan(run_dir: Path | None, port: int | None) -> RunPlan:
    """The sample school; `emptied` its folder before it runs, since a demo starts from nothing.

    Its terminal shows what went wrong and no more, unless the environment asks for the log.
    """
    folder = (run_dir or Path("var")) / "demo"
    settings: ServiceSettings = load_settings(
        run_dir=folder,
        port=port,
        access="open",
        log_level=None if f"{ENV_PREFIX}LOG_LEVEL" in os.environ else "error",
    )
    return RunPlan(SiteInForce(load_site(sample_school_directory())), settings, one_by_one=True)


def refuse_foreign_folder(run_dir: Path) -> None:
    """Called before the folder is owned, which leaves the lock in it.

    Raises:
        SettingsError: it holds files and was no run's: a demo would remove them.
    """
    try:
        foreign = run_dir.is_dir() and any(run_dir.iterdir())
        foreign = foreign and not any((run_dir / name).exists() for name in _OF_A_RUN)
    except OSError as error:
        message = f"it cannot be read: {error.strerror}"
        raise SettingsError.at(str(run_dir), message, "choose another --run-dir") from None
    if foreign:
        raise SettingsError.at(
            str(run_dir),
            "it holds files of another program, and a demo starts from nothing",
            "choose another --run-dir, or empty it by hand",
        )


def emptied(run_dir: Path) -> None:
    """Remove what an earlier demo left; the caller owns the folder, by the lock that stays in it.

    Raises:
        SettingsError: something of it cannot be removed.
    """
    for left in run_dir.iterdir():
        if left.name == LOCK_FILE:
            continue
        try:
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left)
            else:
                left.unlink()
        except OSError as error:
            message = f"it cannot be removed: {error.strerror}"
            raise SettingsError.at(str(left), message, "remove it by hand") from None


@dataclass(frozen=True, slots=True)
class DemoCheck:
    """Watches the running demo over its API, as a person would watch the console.

    Passes when the stair has an open alarm at L3 or higher, and for `settle_s` more no other zone
    reaches L3.

    Attributes:
        startup_s: for the stair's first reading. It leaves room for a service and a worker that
            each take longer to start than the supervisor first waits.
        timeout_s: from that reading to the alarm.
        transport: for tests; `None` for the network.
    """

    plan: RunPlan
    clock: Clock = field(default_factory=SystemClock)
    transport: httpx.BaseTransport | None = None
    startup_s: float = 600.0
    timeout_s: float = 240.0
    settle_s: float = 20.0

    def watch(self, stop: threading.Event, say: Callable[[str], None]) -> bool:
        """Poll until the verdict is clear; returns whether the demo did its job."""
        language = self.plan.settings.language
        started = self.clock.monotonic()
        read_after_s: float | None = None
        raised_after_s: float | None = None
        with httpx.Client(
            base_url=self.plan.url, timeout=3.0, trust_env=False, transport=self.transport
        ) as client:
            while not self.clock.wait(stop, _POLL_S):
                passed_s = self.clock.monotonic() - started
                state = _state(client)
                stray = _stray_zone(state)
                if stray is not None:
                    zone, level = stray
                    say(text("demo.check.other", language, zone=zone, level=level))
                    return False
                if read_after_s is None and _is_stair_read(state):
                    read_after_s = passed_s
                if raised_after_s is None and (line := self._raised(state, passed_s)):
                    raised_after_s = passed_s
                    say(line)
                if raised_after_s is not None:
                    if passed_s - raised_after_s < self.settle_s:
                        continue
                    others = len(self.plan.site.zones) - 1
                    say(text("demo.check.calm", language, count=others))
                    if lost := _lost_cameras(state):
                        say(text("demo.check.lost", language, count=lost))
                    return True
                if line := self._too_late(passed_s, read_after_s):
                    say(line)
                    return False
        say(text("demo.check.ended", language))
        return False

    def _too_late(self, passed_s: float, read_after_s: float | None) -> str | None:
        """What to say once waiting is over. A slow start is told apart from a missing alarm."""
        language = self.plan.settings.language
        if read_after_s is None:
            if passed_s <= self.startup_s:
                return None
            return text("demo.check.slow", language, seconds=round(self.startup_s))
        if passed_s - read_after_s <= self.timeout_s:
            return None
        return text("demo.check.timeout", language, seconds=round(self.timeout_s))

    def _raised(self, state: _State, passed_s: float) -> str | None:
        """What to say once the stair's alarm is open at L3 or above."""
        language = self.plan.settings.language
        for alarm in state.alarms:
            peak = alarm["peak"]
            if alarm["type"] != "crowd" or STAIR_ZONE not in alarm["zone_ids"]:
                continue
            if not _is_alarm_level(peak["level"]):
                continue
            density = peak["density_per_m2"]
            return text(
                "demo.check.raised",
                language,
                zone=self.plan.site.zone_name(STAIR_ZONE).in_language(language),
                level=peak["level"],
                density="?" if density is None else f"{density:.1f}",
                seconds=round(passed_s),
            )
        return None


@dataclass(frozen=True, slots=True)
class _State:
    """The parts of `/api/v1/state` that the check looks at."""

    zones: tuple[dict[str, Any], ...] = ()
    alarms: tuple[dict[str, Any], ...] = ()


def _state(client: httpx.Client) -> _State:
    """The service's state; empty while it does not answer."""
    try:
        answer = client.get("/api/v1/state")
    except httpx.TransportError:
        return _State()
    if answer.status_code != httpx.codes.OK:
        return _State()
    body = answer.json()
    return _State(tuple(body["zones"]), tuple(body["alarms"]))


def _is_stair_read(state: _State) -> bool:
    """Whether somebody can say how full the stair is."""
    return any(
        zone["id"] == STAIR_ZONE and Level(zone["level"]) is not Level.UNKNOWN
        for zone in state.zones
    )


def _stray_zone(state: _State) -> tuple[str, str] | None:
    """A zone other than the stair that is at L3 or above, with its level."""
    for zone in state.zones:
        if zone["id"] != STAIR_ZONE and _is_alarm_level(zone["level"]):
            return zone["id"], zone["level"]
    return None


def _lost_cameras(state: _State) -> int:
    """Alarms of cameras that were lost since the start: this machine is too slow for the demo."""
    return sum(alarm["type"] == "camera_lost" for alarm in state.alarms)


def _is_alarm_level(name: str) -> bool:
    level = Level(name)
    return level is not Level.UNKNOWN and level.severity >= _ALARM_SEVERITY

"""Whatever readings come, late or not, and whatever the clock does: what the crowd alarm says."""

from __future__ import annotations

import random

import pytest

from tests.api.desk_cases import Json, RunningDesk, running_desk

_DENSITY = {"L0": 0.2, "L1": 1.2, "L2": 2.0, "L3": 2.9, "L4": 3.8, "UNKNOWN": None}
_PRIORITY = {"L2": 3, "L3": 2, "L4": 1}
_CALM = ("L0", "L1")
_DO = ("reading", "late", "time", "clock", "acknowledge", "close")
_HOW_OFTEN = (50, 10, 25, 4, 7, 4)


async def the_alarm(desk: RunningDesk) -> Json | None:
    """The open crowd alarm; there is one at most."""
    found = [one for one in await desk.alarms() if one["type"] == "crowd"]
    assert len(found) <= 1
    return found[0] if found else None


async def act(desk: RunningDesk, alarm: Json | None, what: str) -> None:
    """A person acknowledges or closes what is open; a refusal changes nothing."""
    if alarm is None:
        return
    asked = {"version": alarm["version"], "name": "王芳"}
    if what == "close":
        asked |= {"cause": "crowd_relieved", "taken": "none_needed"}
    answer = await desk.client.post(f"/api/v1/alarms/{alarm['number']}/{what}", json=asked)
    assert answer.status_code in (200, 409), answer.text


async def step(desk: RunningDesk, chance: random.Random, what: str) -> str:
    """One thing happens; returns the level that was sent, if one was."""
    if what in ("reading", "late"):
        level = chance.choice(list(_DENSITY))
        age_s = chance.choice([0.5, 2.0, 8.0, 30.0]) if what == "late" else 0.0
        kind = chance.choice(["reading", "transition"])
        await desk.send(desk.reading("stair", level, _DENSITY[level], kind=kind, age_s=age_s))
        return level
    if what == "time":
        desk.clock.advance(chance.choice([0.5, 1.0, 2.0, 5.0, 20.0, 70.0]))
    if what == "clock":
        desk.clock.step_utc(chance.choice([-600.0, -5.0, -1.0, 5.0, 600.0]))
    if what in ("time", "clock"):
        await desk.service.watch.tick()
    else:
        await act(desk, await the_alarm(desk), what)
    return ""


def check(level: str, alarm: Json | None) -> None:
    """What is open says what is known of the zone, and a crowd that is known has its alarm."""
    if level in _PRIORITY:
        assert alarm is not None
        assert alarm["condition"] == "active"
        assert alarm["priority"] <= _PRIORITY[level]
    elif alarm is not None:
        assert alarm["condition"] == ("gone" if level in _CALM else "unknown")


@pytest.mark.parametrize("seed", range(8))
async def test_an_alarm_says_what_is_known_and_ends_with_its_cause_alone(
    sqlite_url: str, seed: int
) -> None:
    chance = random.Random(seed)
    async with running_desk(sqlite_url) as desk:
        before: Json | None = None
        for what in chance.choices(_DO, _HOW_OFTEN, k=25):
            sent = await step(desk, chance, what)
            level, alarm = (await desk.zone("stair"))["level"], await the_alarm(desk)
            check(level, alarm)
            if alarm is not None and (before is None or alarm["number"] != before["number"]):
                assert sent in _PRIORITY  # only a crowd opens one
            if before is not None and alarm is None:
                # By a person's hand while no crowd is known, or by a calm that was seen.
                assert (
                    what == "close"
                    or sent in _CALM
                    or (what, level in _CALM)
                    == (
                        "acknowledge",
                        True,
                    )
                )
            before = alarm

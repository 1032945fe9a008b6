"""What the database refuses of one button, while it stores all else, holds back nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from api.alarms.values import AlarmType, Signal
from api.panels.signed import SignedCall
from api.panels.told import Told
from tests.api.panels.panel_cases import panel_plan
from tests.api.panels.test_panels import until, until_alarm
from tests.api.panels.test_patience import FakeWire, panels_on
from tests.api.refusing_database import refusing_alarms_about


async def test_a_press_that_is_refused_for_good_is_said_and_holds_back_no_other_one(
    database_url: str, tmp_path: Path
) -> None:
    plan = replace(panel_plan(tmp_path, 1), outputs=())
    wire = FakeWire()
    async with panels_on(database_url, plan, wire) as (desk, panels):
        await until(lambda: panels.faults().get("io-gate", "") is None)
        async with refusing_alarms_about(database_url, "pillar"):
            pressed_at = desk.clock.utc()
            wire.contacts[0] = False
            said = await until_alarm(desk, "panel_fault", subject_id="pillar", condition="active")
            assert said["now"]["reasons"][0]["rule"] == "press_refused"
            assert (said["priority"], said["zone_ids"]) == (1, ["hall"])
            await panels.called("phone-button", SignedCall("a", clock_right=True), pressed=True)
            await until_alarm(desk, "panic", subject_id="phone-button", condition="active")
            # Let go, and pressed once more: still aside, and still no other one is held back.
            for closed in (True, False, True):
                asked = len(wire.asked)
                wire.contacts[0] = closed
                await until(partial(_was_read, wire, asked + 3))
            await panels.called("phone-button", SignedCall("b", clock_right=True), pressed=False)
            await until_alarm(desk, "panic", subject_id="phone-button", condition="gone")
            assert not desk.service.desk.unkept.refusing
        desk.clock.advance(61.0)
        stored = await until_alarm(desk, "panic", subject_id="pillar", condition="gone")
        assert stored["opened_at"] == pressed_at.to_datetime().isoformat().replace("+00:00", "Z")
        await until_alarm(desk, "panel_fault", subject_id="pillar", condition="gone")


async def test_a_press_that_was_refused_while_the_database_came_back_is_stored_at_once(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The outage ends between the press's own try and that of its fault."""
    store, tries = Told._store, []

    async def refused_twice(told: Told, signals: Sequence[Signal], stored: list[Signal]) -> bool:
        if any(one.key.type is AlarmType.PANIC for one in signals):
            tries.append(signals)
            if len(tries) <= 2:
                raise IntegrityError("a trigger", None, ValueError("takes nothing"))
        return await store(told, signals, stored)

    plan = replace(panel_plan(tmp_path, 1), outputs=())
    wire = FakeWire()
    async with panels_on(sqlite_url, plan, wire) as (desk, panels):
        await until(lambda: panels.faults().get("io-gate", "") is None)
        monkeypatch.setattr(Told, "_store", refused_twice)
        wire.contacts[0] = False
        await until_alarm(desk, "panic", subject_id="pillar", condition="active")
        await until(lambda: len(tries) == 3)


def _was_read(wire: FakeWire, times: int) -> bool:
    return len(wire.asked) > times

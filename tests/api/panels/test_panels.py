"""Buttons and sirens against a real Modbus peer of another code base."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from api.panels.signed import SignedCall
from config.panels import PanelInput, PanelPlan
from config.response import SiteResponse
from streams.clock import SimulatedClock
from tests.api.desk_cases import AUTHORISED, Json, RunningDesk, running_desk
from tests.api.panels.modbus_peer import modbus_module
from tests.api.panels.panel_cases import SECRET, free_port, panel_plan
from tests.api.refusing_database import refusing_here
from vision.instants import Monotonic, Utc
from vision.risk.doors import DoorState

# modbus-tk asks its event in the old way; as an error that would end the peer's thread.
pytestmark = pytest.mark.filterwarnings("ignore:isSet:DeprecationWarning")

_PATIENCE_S = 60.0


class WallClock(SimulatedClock):
    """The machine's time: the peer on the other side lives in it as well."""

    def monotonic(self) -> Monotonic:
        return Monotonic(time.monotonic_ns())

    def utc(self) -> Utc:
        return Utc(time.time_ns())


@asynccontextmanager
async def desk_with(url: str, plan: PanelPlan) -> AsyncIterator[RunningDesk]:
    async with running_desk(url, clock=WallClock(), response=SiteResponse(panels=plan)) as desk:
        yield desk


async def until(told: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not told():
        assert time.monotonic() < deadline, "it did not come"
        await asyncio.sleep(0.02)


async def until_alarm(desk: RunningDesk, kind: str, **wanted: object) -> Json:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        for alarm in await desk.alarms():
            if alarm["type"] == kind and all(alarm[k] == v for k, v in wanted.items()):
                return alarm
        assert time.monotonic() < deadline, f"no {kind} alarm with {wanted}"
        await asyncio.sleep(0.02)


async def test_a_pressed_pillar_alarms_latches_and_drives_siren_and_door(
    sqlite_url: str, tmp_path: Path
) -> None:
    port = free_port()
    with modbus_module(port) as module:
        module.contact(0, closed=True)
        async with desk_with(sqlite_url, panel_plan(tmp_path, port)) as desk:
            await until(lambda: module.beat() > 2)
            assert await desk.alarms() == []
            assert not module.coil(0)
            module.contact(0, closed=False)
            alarm = await until_alarm(desk, "panic")
            assert (alarm["priority"], alarm["latched"]) == (1, True)
            assert alarm["zone_ids"] == ["hall"]
            assert alarm["check"]["verdict"] == "confirmed"
            await until(lambda: module.coil(0) and module.coil(3))
            module.contact(0, closed=True)
            gone = await until_alarm(desk, "panic", condition="gone")
            assert gone["state"] == "returned_unacknowledged"
            assert module.coil(0)  # nobody has seen it yet
            seen = await desk.post(
                "/api/v1/alarms/1/acknowledge", {"name": "王芳", "version": gone["version"]}
            )
            assert seen["state"] == "latched"
            await until(lambda: not module.coil(0))
            assert module.coil(3)  # the door stays released until the alarm is closed
            shelved = {"name": "王芳", "version": seen["version"], "minutes": 5, "reason": "试"}
            refused = await desk.post(
                "/api/v1/alarms/1/shelve", {**shelved, "reason": "试一试"}, status=409
            )
            assert refused["code"] == "alarm_never_held"
        assert not module.coil(3)  # a clean end brings the safe state


async def test_a_cut_cable_to_the_module_is_an_alarm_of_its_own(
    sqlite_url: str, tmp_path: Path
) -> None:
    port = free_port()
    plan = panel_plan(tmp_path, port)
    async with desk_with(sqlite_url, plan) as desk:
        fault = await until_alarm(desk, "panel_fault", subject_id="io-gate")
        assert fault["now"]["reasons"][0]["rule"] == "panel_lost"
        with modbus_module(port) as module:
            module.contact(0, closed=True)
            await until_alarm(desk, "panel_fault", condition="gone")
            module.contact(0, closed=False)
            await until_alarm(desk, "panic", condition="active")
        await until_alarm(desk, "panic", condition="unknown")


async def test_a_button_over_http_needs_its_signature(sqlite_url: str, tmp_path: Path) -> None:
    plan = replace(panel_plan(tmp_path, free_port()), devices=(), outputs=())
    async with desk_with(sqlite_url, plan) as desk:
        for secret, status in ((SECRET, 200), ("whsec_" + "d3Jvbmctc2VjcmV0LXdyb25n", 401)):
            body, at = json.dumps({"pressed": True}), datetime.now(UTC)
            headers = {
                "content-type": "application/json",
                "webhook-id": "m1",
                "webhook-timestamp": str(int(at.timestamp())),
                "webhook-signature": Webhook(secret).sign("m1", at, body),
            }
            answer = await desk.client.post(
                "/api/v1/inputs/phone-button", content=body, headers=headers
            )
            assert answer.status_code == status, answer.text
        (alarm,) = await desk.alarms()
        assert (alarm["type"], alarm["subject_id"]) == ("panic", "phone-button")
        missing = await desk.post("/api/v1/inputs/nothing", {"pressed": True}, status=404)
        assert missing["code"] == "input_unknown"


async def test_a_siren_waits_for_no_database(sqlite_url: str, tmp_path: Path) -> None:
    """A button and a crowd drive it while nothing is stored, and once each is stored later."""
    port = free_port()
    with modbus_module(port) as module:
        module.contact(0, closed=True)
        async with desk_with(sqlite_url, panel_plan(tmp_path, port)) as desk:
            await until(lambda: module.beat() > 2)
            async with refusing_here(sqlite_url):
                await desk.client.post(
                    "/api/v1/ingest",
                    json={"records": [desk.reading("stair", "L4", 4.1)]},
                    headers=AUTHORISED,
                )
                await until(lambda: module.coil(0))
                assert not module.coil(3)
                module.contact(0, closed=False)
                await until(lambda: module.coil(3))
                assert await desk.alarms() == []
            alarm = await until_alarm(desk, "panic")
            assert (alarm["number"], alarm["priority"]) == (1, 1)
            assert module.coil(0)
            assert module.coil(3)


async def test_a_silent_button_over_http_is_faulty(sqlite_url: str, tmp_path: Path) -> None:
    plan = replace(panel_plan(tmp_path, free_port()), devices=(), outputs=())
    async with running_desk(sqlite_url, response=SiteResponse(panels=plan)) as desk:
        await desk.service.panels.watch_silence()
        desk.clock.advance(59.0)
        await desk.service.panels.watch_silence()
        assert await desk.alarms() == []
        desk.clock.advance(2.0)
        await desk.service.panels.watch_silence()
        (alarm,) = await desk.alarms()
        assert (alarm["type"], alarm["priority"]) == ("panel_fault", 2)
        await desk.service.panels.called(
            "phone-button", SignedCall("a", clock_right=True), pressed=None
        )
        (alarm,) = await desk.alarms()
        assert alarm["condition"] == "gone"


async def test_no_flood_holds_a_button_back(sqlite_url: str, tmp_path: Path) -> None:
    plan = replace(panel_plan(tmp_path, free_port()), devices=(), outputs=())
    async with running_desk(sqlite_url, response=SiteResponse(panels=plan)) as desk:
        for _ in range(50):
            await desk.send(desk.reading("stair", "L3", 2.9), desk.reading("hall", "L2", 2.0))
        await desk.service.panels.called(
            "phone-button", SignedCall("a", clock_right=True), pressed=True
        )
        first = (await desk.alarms())[0]
        assert (first["type"], first["priority"]) == ("panic", 1)


async def test_a_door_contact_tells_the_workers_and_alarms_nobody(
    sqlite_url: str, tmp_path: Path
) -> None:
    port = free_port()
    plan = panel_plan(tmp_path, port)
    # Closed while the door stands open, so that a cut wire reads as shut.
    leaf = PanelInput(
        "contact", plan.inputs[0].name, device_id="io-gate", address=5, door_id="leaf"
    )
    plan = replace(plan, inputs=(*plan.inputs, leaf))

    async with desk_with(sqlite_url, plan) as desk:

        async def until_state(state: DoorState) -> None:
            await until(lambda: desk.service.panels.doors() == {"leaf": state})

        await until_state(DoorState.UNKNOWN)
        with modbus_module(port) as module:
            module.contact(0, closed=True)
            module.contact(5, closed=True)
            await until_state(DoorState.OPEN)
            module.contact(5, closed=False)
            await until_state(DoorState.SHUT)
            answer = await desk.client.get("/api/v1/workers/doors", headers=AUTHORISED)
            assert answer.json() == {"doors": {"leaf": "shut"}}
        # The cable to the module is cut: nothing is known, neither open nor shut.
        await until_state(DoorState.UNKNOWN)
        await until_alarm(desk, "panel_fault", subject_id="io-gate")
        assert {alarm["type"] for alarm in await desk.alarms()} == {"panel_fault"}
        refused = await desk.client.get("/api/v1/workers/doors")
        assert refused.status_code == 401

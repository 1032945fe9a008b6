"""What goes wrong at one button or output leaves the others, and itself, watched."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from standardwebhooks import Webhook

from api.panels.modbus import Module
from api.panels.onvif_soap import InputState
from api.panels.panels import Panels
from api.panels.signed import SignedCall
from config.panels import ModbusDevice, OnvifDevice, PanelInput, PanelPlan
from config.response import SiteResponse
from config.site import LocalText
from tests.api.desk_cases import RunningDesk, running_desk
from tests.api.panels.panel_cases import SECRET, free_port, panel_plan
from tests.api.panels.test_panels import desk_with, until, until_alarm
from tests.api.refusing_database import refusing_here


class FakeWire:
    """A module in memory; `failing` stands for what nobody foresaw."""

    def __init__(self) -> None:
        self.contacts: dict[int, bool] = {}
        self.asked: list[tuple[int, int]] = []
        self.failing: Exception | None = None

    async def inputs(self, first: int, count: int) -> Sequence[bool]:
        self.asked.append((first, count))
        if self.failing is not None:
            raise self.failing
        return [self.contacts.get(address, True) for address in range(first, first + count)]

    async def coils(self, first: int, count: int) -> Sequence[bool]:
        return [False] * count

    async def write_coil(self, address: int, on: bool) -> None:
        """Nobody looks."""

    async def write_register(self, address: int, value: int) -> None:
        """Nobody looks."""

    def close(self) -> None:
        """Nothing is open."""


@asynccontextmanager
async def panels_on(
    url: str, plan: PanelPlan, wire: FakeWire
) -> AsyncIterator[tuple[RunningDesk, Panels]]:
    async with running_desk(url, response=SiteResponse()) as desk:
        panels = Panels(plan, desk.service.desk, wire_of=lambda _: wire)
        async with panels.running():
            yield desk, panels


async def test_a_module_outlives_what_nobody_foresaw(sqlite_url: str, tmp_path: Path) -> None:
    plan = replace(panel_plan(tmp_path, 1), outputs=())
    wire = FakeWire()
    async with panels_on(sqlite_url, plan, wire) as (desk, panels):
        await until(lambda: panels.faults().get("io-gate", "") is None)
        wire.failing = RuntimeError("a fault of the program")
        desk.clock.advance(5.0)
        await until(lambda: panels.faults().get("io-gate") == "panel_lost")
        await until_alarm(desk, "panel_fault", subject_id="io-gate", condition="active")
        wire.failing = None
        wire.contacts[0] = False
        await until_alarm(desk, "panic", condition="active")


async def test_a_press_while_nothing_is_stored_is_stored_later_though_it_was_let_go(
    sqlite_url: str, tmp_path: Path
) -> None:
    plan = replace(panel_plan(tmp_path, 1), outputs=())
    wire = FakeWire()
    async with panels_on(sqlite_url, plan, wire) as (desk, panels):
        await until(lambda: panels.faults().get("io-gate", "") is None)
        async with refusing_here(sqlite_url):
            pressed_at = desk.clock.utc()
            wire.contacts[0] = False
            await until(lambda: bool(desk.service.desk.unkept.open_alarms()))
            desk.clock.advance(10.0)
            wire.contacts[0] = True
            asked = len(wire.asked)
            await until(lambda: len(wire.asked) > asked + 3)
            assert await desk.alarms() == []
        alarm = await until_alarm(desk, "panic", condition="gone")
        assert alarm["state"] == "returned_unacknowledged"
        assert alarm["opened_at"] == pressed_at.to_datetime().isoformat().replace("+00:00", "Z")
        # Where the outage ends within one attempt, a fault of the button was told meanwhile.
        assert len([one for one in await desk.alarms() if one["type"] == "panic"]) == 1


async def test_a_press_is_heard_though_that_its_module_is_back_cannot_be_stored(
    sqlite_url: str, tmp_path: Path
) -> None:
    wire = FakeWire()
    async with panels_on(sqlite_url, panel_plan(tmp_path, 1), wire) as (desk, panels):
        await until(lambda: panels.faults().get("io-gate", "") is None)
        wire.failing = RuntimeError("without power")
        desk.clock.advance(5.0)
        await until_alarm(desk, "panel_fault", subject_id="io-gate", condition="active")
        async with refusing_here(sqlite_url):
            wire.failing = None
            wire.contacts[0] = False
            await until(lambda: bool(desk.service.desk.unkept.open_alarms()))
        await until_alarm(desk, "panic", condition="active")
        assert len([one for one in await desk.alarms() if one["type"] == "panic"]) == 1


async def test_a_press_over_http_that_was_refused_is_stored_though_it_does_not_come_again(
    sqlite_url: str, tmp_path: Path
) -> None:
    plan = replace(panel_plan(tmp_path, free_port()), devices=(), outputs=())
    async with desk_with(sqlite_url, plan) as desk:
        async with refusing_here(sqlite_url):
            with pytest.raises(SQLAlchemyError):
                await desk.service.panels.called(
                    "phone-button", SignedCall("a", clock_right=True), pressed=True
                )
        alarm = await until_alarm(desk, "panic", condition="active")
        assert alarm["number"] == 1


async def test_far_terminals_of_a_module_are_read_by_requests_of_their_own() -> None:
    wire = FakeWire()
    name = panel_name()
    far = [PanelInput(f"i{n}", name, device_id="m", address=n) for n in (3000, 0, 1, 40)]
    module = Module(ModbusDevice("m", name, "127.0.0.1", 502, 1, 0.1), far, (), wire)
    seen = await module.round(frozenset())
    assert seen.closed == dict.fromkeys(("i0", "i1", "i40", "i3000"), True)
    assert wire.asked == [(0, 41), (3000, 1)]


async def test_a_refusal_of_the_database_makes_no_other_button_silent(
    sqlite_url: str, tmp_path: Path
) -> None:
    name = panel_name()
    camera = OnvifDevice("cam", name, "http://127.0.0.1:1/")
    button = PanelInput("button", name, device_id="cam", token="t", zone_id="hall")
    plan = PanelPlan(inputs=(button,), onvif=(camera,))
    async with running_desk(sqlite_url) as desk:
        panels = Panels(plan, desk.service.desk)
        await panels.heard(camera, [InputState("t", active=False)])

        async def refuse() -> None:
            raise OperationalError("x", {}, Exception("database is locked"))

        assert not await panels.told.patiently(refuse, ("io-gate",))
        desk.clock.advance(60.0)
        await panels.heard(camera, [])
        assert panels.faults() == {"cam": None, "button": None}


async def test_receivers_that_hang_hold_back_no_siren(sqlite_url: str, tmp_path: Path) -> None:
    called: list[bool] = []

    async def siren(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length")
        )
        called.append(json.loads(await reader.readexactly(length))["on"])
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    released = asyncio.Event()

    async def hangs(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await released.wait()
        writer.close()

    plan = panel_plan(tmp_path, free_port())
    living = await asyncio.start_server(siren, "127.0.0.1", 0)
    dead = await asyncio.start_server(hangs, "127.0.0.1", 0)
    ports = [server.sockets[0].getsockname()[1] for server in (dead, living)]
    outputs = tuple(
        replace(
            plan.outputs[0], id=f"out-{port}", device_id=None, address=0,
            url=f"http://127.0.0.1:{port}/x", secret=SECRET, hold_s=5.0,
        )
        for port in ports
    )  # fmt: skip
    async with living, dead:
        async with desk_with(sqlite_url, replace(plan, devices=(), outputs=outputs)):
            await until(lambda: bool(called))
            # The dead one was asked first and has not been given up: that takes three seconds.
            assert called[0] is False
        released.set()


@pytest.mark.parametrize("off_s", [-360.0, 8 * 3600.0])
async def test_a_press_by_a_button_whose_clock_is_wrong_alarms(
    sqlite_url: str, tmp_path: Path, off_s: float
) -> None:
    plan = replace(panel_plan(tmp_path, free_port()), devices=(), outputs=())

    async def call(pressed: bool, call_id: str, off_s: float) -> int:
        body, at = json.dumps({"pressed": pressed}), datetime.now(UTC) + timedelta(seconds=off_s)
        headers = {
            "content-type": "application/json",
            "webhook-id": call_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(SECRET).sign(call_id, at, body),
        }
        answer = await desk.client.post(
            "/api/v1/inputs/phone-button", content=body, headers=headers
        )
        return answer.status_code

    async with desk_with(sqlite_url, plan) as desk:
        assert await call(True, "m1", off_s) == 200
        await until_alarm(desk, "panic", condition="active")
        fault = await until_alarm(desk, "panel_fault", condition="active")
        assert fault["now"]["reasons"][0]["rule"] == "button_clock"
        # A release of the wrong time might be an old one.
        assert await call(False, "m2", off_s) == 200
        await until_alarm(desk, "panic", condition="active")
        assert await call(False, "m3", 0.0) == 200
        await until_alarm(desk, "panic", condition="gone")
        await until_alarm(desk, "panel_fault", condition="gone")
        # The first call again, whose answer was lost: nobody has pressed.
        assert await call(True, "m1", off_s) == 200
        await until_alarm(desk, "panic", condition="gone")


def panel_name() -> LocalText:
    return LocalText("名", "Name")

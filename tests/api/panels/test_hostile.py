"""Devices and receivers whose answers never end, or belong to another question."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import cast

import httpx
import pytest

from api.panels import calls
from api.panels.calls import HttpOutput
from api.panels.errors import LinkError
from api.panels.modbus import ModbusWire
from api.panels.onvif import OnvifLink
from api.panels.onvif_soap import InputState
from config.networks import NetworkRules
from config.panels import ModbusDevice, OnvifDevice, OutputRule, PanelOutput
from config.site import LocalText
from streams.clock import SystemClock
from tests.api.panels.panel_cases import SECRET

NAME = LocalText("名", "Name")
_COILS, _INPUTS = 1, 2


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def speaking(talk: Talk) -> AsyncIterator[int]:
    """A peer on a port, all of whose connections have ended with the block."""
    talking: set[asyncio.Task[None]] = set()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talking.add(cast("asyncio.Task[None]", asyncio.current_task()))
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await talk(reader, writer)
        finally:
            writer.transport.abort()

    async with await asyncio.start_server(take, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        for task in talking:
            task.cancel()
        await asyncio.gather(*talking, return_exceptions=True)
    await asyncio.sleep(0.0)


@asynccontextmanager
async def serving(answer: bytes, again: bytes = b"", *, every_s: float = 0.0) -> AsyncIterator[str]:
    """`answer` to whatever is asked over HTTP, and then `again` for ever; yields its address."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        while again:
            writer.write(again)
            await writer.drain()
            await asyncio.sleep(every_s)

    async with speaking(talk) as port:
        yield f"http://127.0.0.1:{port}/x"


def siren(url: str) -> PanelOutput:
    rule = OutputRule((1,), "waiting")
    return PanelOutput("siren", NAME, "siren", rule, url=url, secret=SECRET, hold_s=5.0)


async def test_an_answer_that_never_ends_holds_no_siren_up() -> None:
    """What was said last is known by the status; the next word must go out."""
    heard: list[bool] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        heard.append(json.loads(await reader.readexactly(length))["on"])
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"1\r\nx\r\n")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with (
        speaking(talk) as port,
        httpx.AsyncClient(trust_env=False) as client,
        asyncio.timeout(30.0),
    ):
        output = siren(f"http://127.0.0.1:{port}/x")
        call = HttpOutput(output, SystemClock(), client)
        await call.follow(False)
        await call.follow(True)
    assert heard == [False, True]


async def test_a_receiver_that_never_comes_to_an_answer_is_faulty(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(calls, "_TIMEOUT_S", 0.5)
    async with (
        serving(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n", every_s=0.05) as url,
        httpx.AsyncClient(trust_env=False) as client,
        asyncio.timeout(30.0),
    ):
        with pytest.raises(LinkError, match="siren: TimeoutError"):
            await HttpOutput(siren(url), SystemClock(), client).follow(True)


async def test_a_device_that_talks_without_end_is_lost_and_costs_no_memory() -> None:
    lost: list[str] = []

    async def note(error: LinkError) -> None:
        lost.append(str(error))

    async def take(states: Sequence[InputState]) -> None:
        raise AssertionError(states)

    endless = b"HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\n\r\n"
    async with serving(endless, b" " * 65_536) as url:
        link = OnvifLink(OnvifDevice("cam", NAME, url), SystemClock(), NetworkRules())
        running = asyncio.create_task(link.run(take, note))
        async with asyncio.timeout(30.0):
            while not lost:
                await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert "the answer does not end" in lost[0]


@asynccontextmanager
async def modbus_that_answers(function: int, *, number: int | None = None) -> AsyncIterator[int]:
    """Every question with eight bits of `function`, under the number asked for or this one."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            asked, _, length, unit = struct.unpack(">HHHB", await reader.readexactly(7))
            await reader.readexactly(length - 1)
            head = (asked if number is None else number, 0, 4, unit)
            writer.write(struct.pack(">HHHB", *head) + bytes((function, 1, 0xFF)))
            await writer.drain()

    async with speaking(talk) as port:
        yield port


@pytest.mark.parametrize(("function", "number"), [(_INPUTS, None), (_COILS, 77), (3, None)])
async def test_an_answer_to_another_question_is_no_read_back_of_a_coil(
    function: int, number: int | None
) -> None:
    async with modbus_that_answers(function, number=number) as port:
        wire = ModbusWire(ModbusDevice("m", NAME, "127.0.0.1", port, 1, 0.1))
        with pytest.raises(LinkError, match="coils from 0"):
            await wire.coils(0, 8)


async def test_contacts_are_read_from_an_answer_about_contacts_alone() -> None:
    async with modbus_that_answers(_INPUTS) as port:
        wire = ModbusWire(ModbusDevice("m", NAME, "127.0.0.1", port, 1, 0.1))
        assert list(await wire.inputs(0, 8)) == [True] * 8
        wire.close()
    async with modbus_that_answers(_COILS) as port:
        wire = ModbusWire(ModbusDevice("m", NAME, "127.0.0.1", port, 1, 0.1))
        with pytest.raises(LinkError, match="inputs from 0"):
            await wire.inputs(0, 8)

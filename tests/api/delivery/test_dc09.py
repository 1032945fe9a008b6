"""DC-09: the numbers of frames, and what a refusal means; against a receiver of a few lines."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from api.delivery.drivers.dc09 import Dc09Driver
from api.delivery.drivers.dc09_frame import crc16_arc
from api.delivery.errors import PathError, RefusedError
from api.delivery.outward import Gate
from config.delivery import Dc09Keys
from streams.clock import SimulatedClock
from tests.api.delivery.cases import message
from vision.instants import Utc

_FRAME = re.compile(rb'"\*?(NULL|ADM-CID)"([0-9]{4})[^\[]*\[([^\]]*)')
JUST_BEFORE_THE_FIRST = Utc(4_997 * 1_000_000_000)
"""Link tests begin with the clock: the next number is 9998, and then they begin anew."""


@dataclass(slots=True)
class Centre:
    """Answers every frame in the same way and keeps kind, number and data."""

    answer: bytes = b"ACK"
    data: bytes = b"]"
    port: int = 0
    seen: list[tuple[bytes, int, bytes]] = field(default_factory=list)

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found = _FRAME.search(await reader.readuntil(b"\r"))
        assert found is not None
        self.seen.append((found[1], int(found[2]), found[3]))
        body = b'"%s"%sL0#1A2B[%s' % (self.answer, found[2], self.data)
        writer.write(b"\n%04X%04X%s\r" % (crc16_arc(body), len(body), body))
        await writer.drain()
        writer.close()


@asynccontextmanager
async def centre(answer: bytes = b"ACK") -> AsyncIterator[Centre]:
    one = Centre(answer)
    async with await asyncio.start_server(one.take, "127.0.0.1", 0) as server:
        one.port = server.sockets[0].getsockname()[1]
        yield one


def driver(one: Centre) -> Dc09Driver:
    keys = Dc09Keys(host="127.0.0.1", port=one.port, account="1A2B")
    return Dc09Driver(keys, Path(), SimulatedClock(JUST_BEFORE_THE_FIRST), Gate(Path()))


def nothing() -> None:
    """Takes the word that the transport took it."""


async def test_a_repetition_keeps_its_number_whichever_sender_makes_it() -> None:
    """After a kill another process repeats the message; the centre is to know it for one."""
    async with centre() as one:
        await driver(one).send(message(), nothing)
        await driver(one).send(message(), nothing)
    assert [number for _, number, _ in one.seen] == [35, 35]  # outbox row 17


async def test_no_frame_bears_the_number_of_another_that_was_just_sent() -> None:
    """A receiver that drops a number that it just had would drop an alarm after a link test."""
    async with centre() as one:
        line = driver(one)
        await line.supervise()
        for row in (4_998, 4_999, 5_000):
            await line.send(message(id=f"msg_{row}", sequence=row), nothing)
        await line.supervise()
        # A new start: its first messages follow the ones before.
        await driver(one).send(message(id="msg_5001", sequence=5_001), nothing)
    assert [(kind, number) for kind, number, _ in one.seen] == [
        (b"NULL", 9_998),
        (b"ADM-CID", 9_997),
        (b"ADM-CID", 1),
        (b"ADM-CID", 3),
        (b"NULL", 2),
        (b"ADM-CID", 5),
    ]


@pytest.mark.parametrize(
    ("answer", "error"), [(b"NAK", PathError), (b"RSP", PathError), (b"DUH", RefusedError)]
)
async def test_only_what_the_receiver_cannot_process_is_refused_for_good(
    answer: bytes, error: type[Exception]
) -> None:
    """Clock, account and key are mended some day; then the event is the same good one."""
    async with centre(answer) as one:
        with pytest.raises(error, match=answer.decode()):
            await driver(one).send(message(), nothing)


@pytest.mark.parametrize(
    ("sealed", "error"), [(False, PathError), (True, RefusedError)], ids=["clear", "sealed"]
)
async def test_with_a_key_only_whoever_has_it_refuses_for_good(
    monkeypatch: pytest.MonkeyPatch, sealed: bool, error: type[Exception]
) -> None:
    """A refusal ends an alarm at its centre, and anybody on the way can write one in clear."""
    key = b"k" * 16
    monkeypatch.setenv("DC09", key.hex())
    async with centre(b"*DUH" if sealed else b"DUH") as one:
        if sealed:
            clear = b"xxxxxxxxxxx]_00:00:00,01-01-2026"
            encryptor = Cipher(algorithms.AES(key), modes.CBC(bytes(16))).encryptor()
            one.data = (encryptor.update(clear) + encryptor.finalize()).hex().upper().encode()
        keys = Dc09Keys(host="127.0.0.1", port=one.port, account="1A2B", key="env:DC09")
        line = Dc09Driver(keys, Path(), SimulatedClock(), Gate(Path()))
        with pytest.raises(error, match="DUH"):
            await line.send(message(), nothing)


@pytest.mark.parametrize(
    ("changes", "qualifier"),
    [
        ({}, b"1"),
        ({"action": "escalated", "escalation": "police"}, b"1"),
        ({"action": "escalated", "escalation": "police", "first_id": "msg_0"}, b"6"),
        ({"action": "returned", "first_id": "msg_0"}, b"3"),
        ({"action": "closed"}, b"3"),
    ],
)
async def test_the_first_that_the_centre_hears_is_a_new_event(
    changes: dict[str, object], qualifier: bytes
) -> None:
    async with centre() as one:
        await driver(one).send(message(**changes), nothing)
    assert one.seen[0][2] == b"#1A2B|%s150 01 001" % qualifier

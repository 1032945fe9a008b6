"""MQTT 5 against mosquitto: killed and restarted, without the receiver's word, and left."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from api.delivery.drivers.mqtt import MqttDriver
from api.delivery.drivers.mqtt_session import ended
from api.delivery.errors import PathError
from api.delivery.outward import Gate
from benchmarks.peers.mosquitto import MEND, Mosquitto, installed
from config.delivery import MqttKeys
from tests.api.delivery.cases import message, until
from tests.conftest import need_peer


def nothing() -> None:
    """Takes the word that the transport took it."""


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
        await ended(task)


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


@pytest.mark.peer
async def test_who_leaves_says_so(tmp_path: Path) -> None:
    """The last will is for who is lost: without a word the retained status would stay `online`."""
    need_peer(installed(), "mosquitto", MEND)

    async def status(port: int) -> bytes:
        client = aiomqtt.Client("127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5)
        async with client, asyncio.timeout(30.0):
            await client.subscribe("school/alarms/status", qos=1)
            async for found in client.messages:
                return bytes(found.payload)
        return b""

    with Mosquitto(tmp_path) as broker:
        async with mqtt(broker.port, []) as driver:
            await connected(driver)
            assert await status(broker.port) == b"online"
        assert await status(broker.port) == b"offline"


async def test_a_session_that_ended_by_itself_is_released_all_the_same() -> None:
    class Broken(Gate):
        async def address(self, host: str) -> str:
            raise ValueError(host)

    keys = MqttKeys(
        host="127.0.0.1", port=1, tls=False, client_id="c", topic="t", ack_topic="t/ack"
    )
    driver = MqttDriver(keys, Path(), lambda *_: None, Broken(Path()))
    await driver.start()
    await asyncio.sleep(0)
    await driver.stop()
    with pytest.raises(PathError, match="not connected yet"):
        await driver.supervise()

"""What a broker refuses was not sent; a broker that stays silent costs no connections."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from pathlib import Path

import aiomqtt
import pytest
from paho.mqtt.client import MQTTMessage

from api.delivery.drivers.mqtt import MqttDriver
from api.delivery.drivers.mqtt_session import Session, ended
from api.delivery.errors import PathError
from api.delivery.outward import Gate
from benchmarks.peers.mosquitto import MEND, Mosquitto, installed
from config.delivery import MqttKeys
from tests.api.delivery.cases import message, until
from tests.api.delivery.test_mqtt_peer import connected, mqtt, police_room
from tests.conftest import need_peer

_STATUS_ONLY = "topic readwrite school/alarms/status\n"
_ALARMS_ONLY = "topic readwrite school/alarms\ntopic readwrite school/alarms/ack\n"


def keys(port: int, ack_topic: str | None = None) -> MqttKeys:
    return MqttKeys(
        host="127.0.0.1", port=port, tls=False, client_id="school",
        topic="school/alarms", ack_topic=ack_topic,
    )  # fmt: skip


@pytest.mark.peer
async def test_an_alarm_that_the_broker_may_not_take_is_not_sent(tmp_path: Path) -> None:
    """mosquitto answers the PUBACK all the same; without its reason the alarm would be gone."""
    need_peer(installed(), "mosquitto", MEND)
    accepted: list[bool] = []
    with Mosquitto(tmp_path, _STATUS_ONLY) as broker:
        driver = MqttDriver(keys(broker.port), Path(), lambda *_: None, Gate(Path()))
        await driver.start()
        await connected(driver)
        with pytest.raises(PathError, match="the broker refuses school/alarms: Not authorized"):
            await driver.send(message(), lambda: accepted.append(True))
        await driver.stop()
    assert accepted == []


@pytest.mark.peer
async def test_a_refused_status_is_told_and_is_a_sign_of_life(tmp_path: Path) -> None:
    need_peer(installed(), "mosquitto", MEND)
    with Mosquitto(tmp_path, _ALARMS_ONLY) as broker:
        driver = MqttDriver(keys(broker.port), Path(), lambda *_: None, Gate(Path()))
        await driver.start()
        await connected(driver)
        told = "the broker answers; it refuses school/alarms/status: Not authorized"
        assert await driver.supervise() == told
        nobody = "the broker has it; it knows of nobody who hears the topic"
        assert (await driver.send(message(), lambda: None)).detail == nobody
        async with police_room(broker.port):
            assert (await driver.send(message(), lambda: None)).detail == "the broker has it"
        await driver.stop()


class Refusing:
    """A broker that takes everything but the subscription; `silent`: it takes nothing at all."""

    def __init__(self, *, silent: bool = False) -> None:
        self.silent = silent
        self.lost = False
        self.tries = 0
        self.open = 0
        self.most_open = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.tries += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            while True:
                kind, length = await reader.readexactly(2)
                shift, extra = 7, length & 0x80
                length &= 0x7F
                while extra:
                    (more,) = await reader.readexactly(1)
                    length |= (more & 0x7F) << shift
                    shift, extra = shift + 7, more & 0x80
                body = await reader.readexactly(length)
                if self.lost:
                    writer.write(b"\x30\xff\xff\xff\x7f")  # a quarter of a gigabyte is to follow
                elif not self.silent:
                    writer.write(self._answer(kind >> 4, body))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()

    def _answer(self, kind: int, body: bytes) -> bytes:
        if kind == 1:
            return b"\x20\x03\x00\x00\x00"
        if kind == 3:
            topic = int.from_bytes(body[:2])
            return b"\x40\x02" + body[2 + topic : 4 + topic]
        if kind == 8:
            return b"\x90\x04" + body[:2] + b"\x00\x87"
        return b""


async def test_a_connection_without_answers_is_given_up_for_a_new_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Bytes that come all the same count as a sign of life to the library, for ever."""
    monkeypatch.setattr("api.delivery.drivers.mqtt._CALL_S", 0.5)
    broker = Refusing()
    server = await asyncio.start_server(broker.talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    driver = MqttDriver(keys(port), Path(), lambda *_: None, Gate(Path()))
    await driver.start()
    await connected(driver)
    broker.lost = True
    with pytest.raises(PathError, match="not published"):
        await driver.supervise()
    broker.lost = False
    await connected(driver)
    assert broker.tries == 2
    await until(lambda: broker.open == 1, "the end of the first connection")
    await driver.stop()
    server.close()


async def test_who_may_not_hear_the_receivers_word_says_so() -> None:
    """Each alarm would wait for a word that cannot come, and nobody would learn why."""
    broker = Refusing()
    server = await asyncio.start_server(broker.talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    driver = MqttDriver(keys(port, "ack"), Path(), lambda *_: None, Gate(Path()))
    await driver.start()
    why = "the broker does not let us hear ack: Not authorized"

    async def told() -> bool:
        with pytest.raises(PathError) as caught:
            await driver.supervise()
        return str(caught.value) == why

    await until(told)
    accepted: list[bool] = []
    receipt = await driver.send(message(), lambda: accepted.append(True))
    assert (receipt.received, receipt.detail, accepted) == (False, why, [True])
    await driver.stop()
    server.close()
    await server.wait_closed()


async def test_a_silent_broker_keeps_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.delivery.drivers.mqtt._CALL_S", 0.1)
    broker = Refusing(silent=True)
    server = await asyncio.start_server(broker.talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    driver = MqttDriver(keys(port), Path(), lambda *_: None, Gate(Path()))
    await driver.start()
    await until(lambda: broker.tries >= 3)
    await driver.stop()
    await until(lambda: broker.open == 0)
    server.close()
    await server.wait_closed()
    assert broker.most_open == 1


@pytest.mark.peer
async def test_an_unreadable_word_ends_no_session(tmp_path: Path) -> None:
    need_peer(installed(), "mosquitto", MEND)
    late: list[tuple[str, str]] = []
    with Mosquitto(tmp_path) as broker:
        async with (
            mqtt(broker.port, late) as driver,
            Session("127.0.0.1", broker.port, protocol=aiomqtt.ProtocolVersion.V5) as room,
        ):
            await connected(driver)
            for word in ("[" * 100_000, '{"id": "msg_0001"}'):
                assert not (await room.put("school/alarms/ack", word.encode())).is_failure
            await until(lambda: late, "the late word")
    assert late == [("msg_0001", "acknowledged late")]


@pytest.mark.peer
async def test_two_stations_of_one_name_are_told_so(tmp_path: Path) -> None:
    """Each was thrown out and came back at once, for ever; at every check one of them was there."""
    need_peer(installed(), "mosquitto", MEND)
    with Mosquitto(tmp_path) as broker:
        async with mqtt(broker.port, []) as driver:
            await connected(driver)

            async def throw_out() -> None:
                while True:
                    with suppress(aiomqtt.MqttError):
                        async with rival(broker.port) as client:
                            async for _ in client.messages:
                                pass

            async def told() -> bool:
                try:
                    await driver.supervise()
                except PathError as error:
                    return "perhaps another station has the client_id school too" in str(error)
                finally:
                    # As from one check to the next.
                    await until(lambda: driver._losses >= 3)
                return False

            other = asyncio.create_task(throw_out())
            await until(told)
            other.cancel()
            await asyncio.gather(other, return_exceptions=True)
            await connected(driver)
            assert await driver.supervise() == "the broker answers"


def rival(port: int) -> aiomqtt.Client:
    version = aiomqtt.ProtocolVersion.V5
    return aiomqtt.Client("127.0.0.1", port, identifier="school", protocol=version)


async def test_a_task_that_forgets_a_cancellation_is_ended_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As `asyncio.wait_for` does, once, where the answer comes in that moment."""
    monkeypatch.setattr("api.delivery.drivers.mqtt_session._AGAIN_S", 0.01)
    forgotten: list[str] = []

    async def talk() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            forgotten.append("once")
        await asyncio.sleep(60)

    task = asyncio.create_task(talk())
    await asyncio.sleep(0)
    await ended(task)
    assert (forgotten, task.cancelled()) == (["once"], True)


@pytest.mark.peer
async def test_what_is_too_large_for_an_acknowledgement_is_not_sent_to_us(tmp_path: Path) -> None:
    """Retained, it would come with each connection."""
    need_peer(installed(), "mosquitto", MEND)
    late: list[tuple[str, str]] = []
    with Mosquitto(tmp_path) as broker:
        async with aiomqtt.Client("127.0.0.1", broker.port, identifier="anybody") as anybody:
            large = json.dumps({"id": "large", "detail": "x" * 20_000})
            await anybody.publish("school/alarms/ack", large, qos=1, retain=True)
            async with mqtt(broker.port, late) as driver:
                await connected(driver)
                await anybody.publish("school/alarms/ack", json.dumps({"id": "small"}), qos=1)
                await until(lambda: late, "the small one")
    assert late == [("small", "acknowledged late")]


async def test_words_that_come_faster_than_they_are_read_are_counted_and_fill_no_memory() -> None:
    session = Session("127.0.0.1", max_queued_incoming_messages=3)
    for number in range(5):
        session._on_message(None, None, MQTTMessage(mid=number, topic=b"school/alarms/ack"))
    assert (session._queue.qsize(), session.dropped) == (3, 2)

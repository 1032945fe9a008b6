"""MQTT 5 with QoS 1. PUBACK is "sent"; the receiver's word on the acknowledgement topic "received".

A broker may lose what it acknowledged when it is killed, so without the receiver's word a message
stays open in the outbox and is sent again under the same id. What the broker refuses (by an access
list, a quota) was not sent: it goes another way, or again later.
"""

from __future__ import annotations

import asyncio
import json
import random
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiomqtt
import structlog
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from api.delivery.driver import MOST_AT_ONCE, Accepted, Receipt, Received
from api.delivery.drivers.mqtt_session import Session, ended
from api.delivery.errors import PathError, RefusedError, SetupError
from api.delivery.message import OutMessage
from api.delivery.outward import Gate, private_trust
from config.delivery import MqttKeys, read_secret
from config.errors import SecretError
from streams.backoff import Backoff, BackoffSettings

_LOG = structlog.get_logger(__name__)

_KEEPALIVE_S = 15
_SESSION_S = 86_400
_CALL_S = 5.0
_GOODBYE_S = 2.0
_FLAPS = 3
_MOST_BYTES = 16_384
_MOST_UNREAD = 2_048
"""Whoever may write on the acknowledgement topic is trusted with so much of our memory."""

_NOBODY_HEARS = 0x10


class MqttDriver:
    """Keeps one session with the broker, and connects again for as long as it runs."""

    def __init__(self, keys: MqttKeys, directory: Path, received: Received, gate: Gate) -> None:
        """Raises `SetupError` when credentials or certificate cannot be used."""
        self._keys = keys
        self._received = received
        self._user, self._password = _credentials(keys, directory)
        self._tls = _trust(keys, directory)
        self._gate = gate
        self._status_topic = keys.status_topic or f"{keys.topic}/status"
        self._client: Session | None = None
        self._deaf = ""
        self._losses = 0
        self._waiting: dict[str, asyncio.Future[Receipt]] = {}
        self._task: asyncio.Task[None] | None = None
        self._why_not = "not connected yet"

    async def start(self) -> None:
        self._task = asyncio.create_task(self._stay_connected(), name="mqtt")

    async def stop(self) -> None:
        await self._say_goodbye()
        if self._task is not None:
            await ended(self._task)

    async def _say_goodbye(self) -> None:
        """The broker publishes the last will only for who is lost, not for who leaves."""
        if self._client is None:
            return
        with suppress(PathError, TimeoutError):
            async with asyncio.timeout(_GOODBYE_S):
                await self._client.put(self._status_topic, b"offline", retain=True)

    async def send(self, message: OutMessage, accepted: Accepted) -> Receipt:
        """See `Driver.send`."""
        client = self._connected()
        body = json.dumps(message.public(), ensure_ascii=False, separators=(",", ":"))
        answer: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._waiting[message.id] = answer
        try:
            properties = self._properties(message)
            said = await client.put(self._keys.topic, body.encode(), properties=properties)
            if said.is_failure:
                # Rights and quotas are mended some day, and the message is the same good one then.
                raise PathError(f"the broker refuses {self._keys.topic}: {said}")
            accepted()
            if self._keys.ack_topic is None or self._deaf:
                return Receipt(received=False, detail=self._deaf or _taken(said))
            return await answer
        finally:
            self._waiting.pop(message.id, None)

    async def supervise(self) -> str:
        """Says "online" on the retained status topic; the broker's PUBACK is the sign of life.

        A broker that refuses the status may take alarms all the same. Two stations of one name
        throw each other out for ever, and the receiver's word goes to the wrong one; not every
        broker says why it ends a connection.
        """
        losses, self._losses = self._losses, 0
        if losses >= _FLAPS:
            raise PathError(
                f"the broker ended {losses} connections since the last check; perhaps another "
                f"station has the client_id {self._keys.client_id} too"
            )
        client = self._connected()
        if client.dropped:
            _LOG.warning("delivery.mqtt_words_dropped", count=client.dropped)
            client.dropped = 0
        try:
            said = await client.put(self._status_topic, b"online", retain=True)
        except PathError:
            # A new connection may find another broker of a cluster, or one that answers again.
            client.give_up()
            raise
        if self._deaf:
            raise PathError(self._deaf)
        refused = f"; it refuses {self._status_topic}: {said}" if said.is_failure else ""
        return f"the broker answers{refused}"

    def _connected(self) -> Session:
        if self._client is None:
            raise PathError(self._why_not)
        return self._client

    def _properties(self, message: OutMessage) -> Properties:
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.MessageExpiryInterval = self._keys.expiry_s
        properties.ContentType = "application/json"
        properties.CorrelationData = message.id.encode()
        if self._keys.ack_topic is not None:
            properties.ResponseTopic = self._keys.ack_topic
        return properties

    async def _stay_connected(self) -> None:
        backoff = Backoff(BackoffSettings(first_s=0.5, longest_s=10.0), random.Random())
        while True:
            try:
                host = await self._gate.address(self._keys.host)
                # A certificate is held against the name.
                host = self._keys.host if self._tls is not None else host
                async with self._new_client(host) as client:
                    if self._keys.ack_topic is not None:
                        self._deaf = await client.hear(self._keys.ack_topic)
                    self._client = client
                    backoff.reset()
                    async for heard in client.messages:
                        self._take(heard.payload)
            except PathError as error:
                self._why_not = str(error)
            except aiomqtt.MqttError as error:
                self._why_not = f"no connection to the broker: {error.__cause__ or error}"
                self._losses += self._client is not None
            finally:
                self._client = None
                self._let_go()
            await asyncio.sleep(backoff.next_wait_s())

    def _let_go(self) -> None:
        """Attempts that wait for a word over a lost connection need not wait their time out."""
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_result(Receipt(received=False, detail="the connection was lost"))

    def _take(self, payload: Any) -> None:
        """`{"id": ..., "result": "ok" | "refused", "detail": ...}`; anything else is ignored."""
        try:
            said = json.loads(payload)
            message_id = str(said["id"])
            refused = str(said.get("result", "ok")) == "refused"
            detail = str(said.get("detail", ""))[:200]
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            _LOG.warning("delivery.mqtt_ack_unreadable")
            return
        answer = self._waiting.get(message_id)
        if answer is not None and not answer.done():
            if refused:
                answer.set_exception(RefusedError(detail or "refused"))
            else:
                answer.set_result(Receipt(received=True, detail=detail or "acknowledged"))
        elif not refused:
            self._received(message_id, detail or "acknowledged late")

    def _new_client(self, host: str) -> Session:
        session = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        session.SessionExpiryInterval = _SESSION_S
        session.MaximumPacketSize = _MOST_BYTES
        return Session(
            host,
            self._keys.port,
            username=self._user,
            password=self._password,
            identifier=self._keys.client_id,
            protocol=aiomqtt.ProtocolVersion.V5,
            will=aiomqtt.Will(self._status_topic, b"offline", qos=1, retain=True),
            keepalive=_KEEPALIVE_S,
            timeout=_CALL_S,
            clean_start=False,
            properties=session,
            tls_context=self._tls,
            max_queued_incoming_messages=_MOST_UNREAD,
            max_queued_outgoing_messages=64,
            max_inflight_messages=MOST_AT_ONCE,
        )


def _taken(said: ReasonCode) -> str:
    """A broker that knows of nobody may have rules that hand the message on: it is no refusal."""
    nobody = said.value == _NOBODY_HEARS
    return "the broker has it" + ("; it knows of nobody who hears the topic" if nobody else "")


def _credentials(keys: MqttKeys, directory: Path) -> tuple[str | None, str | None]:
    if keys.credentials is None:
        return None, None
    try:
        user, separator, password = read_secret(keys.credentials, directory).partition(":")
    except SecretError as error:
        raise SetupError(str(error)) from None
    if not separator or not user:
        raise SetupError(f"{keys.credentials} is not of the form user:password")
    return user, password


def _trust(keys: MqttKeys, directory: Path) -> ssl.SSLContext | None:
    if not keys.tls:
        return None
    return private_trust(keys.ca_file, directory) if keys.ca_file else ssl.create_default_context()

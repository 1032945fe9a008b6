"""One connection to a broker, with the broker's word on each publication.

MQTT 5 says in the PUBACK whether the broker takes a message or refuses it (by an access list, a
quota). aiomqtt drops that word, and a message that went nowhere would count as sent.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import Any, Self

import aiomqtt
from paho.mqtt.client import MQTT_ERR_SUCCESS
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from api.delivery.errors import PathError

_AGAIN_S = 1.0
_WITH_WILL = ReasonCode(PacketTypes.DISCONNECT, identifier=4)


async def ended(task: asyncio.Task[None]) -> None:
    """Cancel a task that talks to a broker until it has ended.

    aiomqtt waits in `asyncio.wait_for`, which in Python 3.11 forgets a cancellation that comes in
    the moment of the answer.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=_AGAIN_S)


class Session(aiomqtt.Client):
    """A client that publishes with QoS 1 and hears what it is answered.

    Attributes:
        dropped: words that came faster than they could be read; a message without the receiver's
            word goes out again, and is answered again.
    """

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.dropped = 0
        self._pubacks: dict[int, asyncio.Future[ReasonCode]] = {}

    async def __aenter__(self) -> Self:
        with ExitStack() as undone:
            # A broker that took the connection and says nothing would keep it, and hold our name
            # once it speaks again.
            undone.callback(self._client.disconnect)
            await super().__aenter__()
            undone.pop_all()
        return self

    async def put(
        self, topic: str, body: bytes, *, retain: bool = False, properties: Properties | None = None
    ) -> ReasonCode:
        """The broker's answer, good or bad. Raises `PathError` when there is none."""
        try:
            info = self._client.publish(topic, body, 1, retain, properties)
            if info.rc != MQTT_ERR_SUCCESS:
                raise aiomqtt.MqttCodeError(info.rc)
            answer: asyncio.Future[ReasonCode] = asyncio.get_running_loop().create_future()
            self._pubacks[info.mid] = answer
            try:
                return await self._wait_for(answer, timeout=None)
            finally:
                del self._pubacks[info.mid]
        except aiomqtt.MqttError as error:
            raise PathError(f"not published: {error}") from error

    def give_up(self) -> None:
        """End a connection over which no answer comes any more, though pings may; with the will."""
        if not self._disconnected.done():
            self._disconnected.set_exception(aiomqtt.MqttError("the broker does not answer"))
        self._client.disconnect(_WITH_WILL)

    async def hear(self, topic: str) -> str:
        """Subscribe; returns why the broker refuses it, or nothing. Raises `MqttError`."""
        (granted,) = await self.subscribe(topic, qos=1)
        refused = isinstance(granted, ReasonCode) and granted.is_failure
        return f"the broker does not let us hear {topic}: {granted}" if refused else ""

    def _on_message(self, client: Any, userdata: Any, message: Any) -> None:
        if self._queue.full():
            # aiomqtt writes a line into the log for each.
            self.dropped += 1
            return
        super()._on_message(client, userdata, message)

    def _on_publish(
        self,
        client: Any,
        userdata: Any,
        mid: int,
        reason_code: ReasonCode,
        properties: Properties,
    ) -> None:
        answer = self._pubacks.get(mid)
        if answer is not None and not answer.done():
            answer.set_result(reason_code)
        super()._on_publish(client, userdata, mid, reason_code, properties)

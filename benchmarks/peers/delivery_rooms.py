"""The rooms that `benchmarks.delivery_faults` delivers to, started and killed as processes.

    python -m benchmarks.peers.delivery_rooms receiver FOLDER PORT [PORT...]
    python -m benchmarks.peers.delivery_rooms room FOLDER BROKER_PORT

`receiver` is a police room reached by webhook: it verifies each request with the Standard Webhooks
library, shows a message when it is new and answers after it is on the disk. `room` does the same
over MQTT. Nothing of the service is imported here, so that a killed room is soon back.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

import aiomqtt
from standardwebhooks import Webhook, WebhookVerificationError

TOPIC = "school/alarms"


class Shown:
    """What a person in the room was shown: one line for each message, on the disk first."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "shown.log"
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        whole = text[: text.rfind("\n") + 1]
        self._ids = {line.split()[0] for line in whole.splitlines()}
        # A line that the kill cut off was never answered for: it comes again.
        if path.exists():
            os.truncate(path, len(whole.encode()))
        self._file = path.open("a", encoding="utf-8")
        self._again = (folder / "again.log").open("a", encoding="utf-8")

    def take(self, body: dict[str, Any]) -> None:
        if body["id"] in self._ids:
            self._again.write(f"{body['id']}\n")
            self._again.flush()
            return
        self._ids.add(body["id"])
        self._file.write(f"{body['id']} {body['alarm_number']} {body['action']}\n")
        self._file.flush()


async def receive(folder: Path, ports: list[int]) -> None:
    """Listen on every port. While the file `cut-PORT` exists, its answers are lost."""
    shown = Shown(folder)
    verifier = Webhook(os.environ["HOOK"])

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lines = head.decode("latin-1").split("\r\n")
                pairs = (line.split(": ", 1) for line in lines[1:] if ": " in line)
                headers = {key.lower(): value for key, value in pairs}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                status = "200 OK"
                if lines[0].startswith("POST"):
                    shown.take(verifier.verify(body, headers))
                if (folder / f"cut-{port}").exists():
                    return
                writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, WebhookVerificationError):
            pass
        finally:
            writer.close()

    servers = [
        await asyncio.start_server(partial(talk, port=port), "127.0.0.1", port) for port in ports
    ]
    await asyncio.gather(*(server.serve_forever() for server in servers))


async def sit_in_room(folder: Path, port: int) -> None:
    """Take alarms over MQTT and acknowledge each by its id."""
    shown = Shown(folder)
    while True:
        try:
            async with aiomqtt.Client(
                "127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5, identifier="room"
            ) as client:
                await client.subscribe(TOPIC, qos=1)
                async for found in client.messages:
                    body = json.loads(found.payload)
                    shown.take(body)
                    await client.publish(f"{TOPIC}/ack", json.dumps({"id": body["id"]}), qos=1)
        except aiomqtt.MqttError:
            await asyncio.sleep(0.2)


def main() -> None:
    role, folder, *rest = sys.argv[1:]
    if role == "receiver":
        asyncio.run(receive(Path(folder), [int(port) for port in rest]))
    else:
        asyncio.run(sit_in_room(Path(folder), int(rest[0])))


if __name__ == "__main__":
    main()

"""The processes that `benchmarks.delivery_faults` starts and kills.

    python -m benchmarks.peers.delivery_peers writer URL SITE_DIR ALARMS
    python -m benchmarks.peers.delivery_peers receiver FOLDER PORT [PORT...]
    python -m benchmarks.peers.delivery_peers room FOLDER BROKER_PORT

`writer` raises alarms through the service's own desk and its transactions. `receiver` is a police
room reached by webhook: it verifies each request with the Standard Webhooks library, shows a
message when it is new and answers after it is on the disk. `room` does the same over MQTT.
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
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from standardwebhooks import Webhook, WebhookVerificationError

from api.alarms.values import Alarm, AlarmKey, AlarmType, Condition, Evidence, Signal
from api.database import Database
from api.database.tables import ALARMS
from api.delivery.outbox import Outbox
from api.events import Broker
from api.live.board import Board
from api.live.values import Limits
from api.metrics import Metrics
from api.watched import Name, WatchedSite
from api.work import Desk
from config.delivery import load_delivery
from streams.clock import SystemClock
from vision.readings import Level

BATCH = 20
TOPIC = "school/alarms"
STEPS = ((Level.L3, 2), (Level.L4, 1), (Level.L0, 3))
"""Each alarm opens, gets worse and returns: three messages whose order can be seen."""

_CLOCK = SystemClock()


async def write(url: str, directory: Path, alarms: int) -> None:
    """Raise alarms until there are `alarms`; begins again where a killed writer stopped."""
    site = WatchedSite("school", Name("第一小学", "First School"), "Asia/Shanghai", (), ())
    limits = Limits(
        stale_after_s=3.0, lost_after_s=10.0, startup_grace_s=30.0, future_tolerance_s=5.0
    )
    async with Database(url) as database:
        desk = Desk(
            database=database,
            board=Board(site, limits, started_at=_CLOCK.utc()),
            broker=Broker(),
            clock=_CLOCK,
            metrics=Metrics(),
            outbox=Outbox(load_delivery(directory), site),
        )
        async with database.read() as connection:
            there = int(
                (await connection.execute(select(func.count(ALARMS.c.number)))).scalar_one()
            )
        for start in range(max(0, there - there % BATCH - BATCH), alarms, BATCH):
            for level, priority in STEPS:
                numbers = range(start, min(start + BATCH, alarms))
                await _insist(desk, numbers, level, priority)


async def _insist(desk: Desk, numbers: range, level: Level, priority: int) -> None:
    """One transaction; tried again while the database refuses, as a worker's spool does."""
    while True:
        now = _CLOCK.utc()
        condition = Condition.GONE if level is Level.L0 else Condition.ACTIVE
        try:
            async with desk.work() as work:
                for number in numbers:
                    key = AlarmKey("school", AlarmType.CROWD, f"zone-{number}")
                    evidence = Evidence(level, 30.0, 4.2)
                    last = await work.newest_of(key)
                    if _stands(last, level):
                        continue
                    await work.signal(Signal(key, condition, priority, evidence, (), now, now))
        except SQLAlchemyError:
            await asyncio.sleep(0.1)
        else:
            return


def _stands(last: Alarm | None, level: Level) -> bool:
    """Whether a killed writer had taken this step already."""
    if last is None:
        return False
    if level is Level.L0:
        return last.condition is Condition.GONE
    return level is Level.L3 or last.peak.level is Level.L4


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
    role, first, *rest = sys.argv[1:]
    if role == "writer":
        asyncio.run(write(first, Path(rest[0]), int(rest[1])))
    elif role == "receiver":
        asyncio.run(receive(Path(first), [int(port) for port in rest]))
    else:
        asyncio.run(sit_in_room(Path(first), int(rest[0])))


if __name__ == "__main__":
    main()

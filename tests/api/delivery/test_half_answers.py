"""Receivers over HTTP whose answers break off or never end."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from api.delivery.driver import Driver
from api.delivery.errors import PathError
from api.delivery.process import driver_builder
from config.delivery import parse_delivery
from streams.clock import SystemClock
from tests.api.delivery.cases import message

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNK = b"10000\r\n" + b" " * 65_536 + b"\r\n"


@asynccontextmanager
async def receiver(head: bytes, rest: Callable[[], bytes | None]) -> AsyncIterator[str]:
    """Answers each request with `head`, then `rest()` again and again; `None` is silence."""
    over = asyncio.Event()
    lines: list[asyncio.Task[None]] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(head)
            while (part := rest()) is not None and not over.is_set():
                writer.write(part)
                await writer.drain()
            await over.wait()
        writer.close()

    def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.append(asyncio.create_task(answer(reader, writer)))

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        over.set()
        await asyncio.gather(*lines)


@asynccontextmanager
async def driver(monkeypatch: pytest.MonkeyPatch, kind: str, url: str) -> AsyncIterator[Driver]:
    monkeypatch.setenv("SECRET", "whsec_" + base64.b64encode(b"k" * 32).decode())
    monkeypatch.setenv("URL", url)
    settings = {
        "webhook": f"{{url: '{url}', secret: env:SECRET}}",
        "robot": "{kind: wecom, url: env:URL}",
    }
    text = (
        "targets:\n  - id: room\n    name: {zh: 甲, en: A}\n    role: information\n"
        f"    one_path_reason: t\n    paths: [{{id: p, driver: {kind}, "
        f"settings: {settings[kind]}}}]\n"
    )
    plan = parse_delivery(text.encode(), directory=Path("/"))
    path = plan.targets[0].paths[0]
    made = driver_builder(plan, "school", SystemClock())(path, lambda *_: None, lambda *_: None)
    await made.start()
    yield made
    await made.stop()


@pytest.mark.parametrize("rest", [None, CHUNK], ids=["silent", "endless"])
async def test_a_status_is_a_receipt_whatever_becomes_of_the_rest(
    monkeypatch: pytest.MonkeyPatch, rest: bytes | None
) -> None:
    """It has said 200: the alarm is there, and may not be sent again and again."""
    head = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    async with receiver(head, lambda: rest) as url, driver(monkeypatch, "webhook", url) as webhook:
        receipt = await webhook.send(message(), lambda: None)
    assert (receipt.received, receipt.detail) == (True, "HTTP 200")


@pytest.mark.parametrize(
    ("head", "rest", "told"),
    [
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", CHUNK, "does not end"),
        (HEAD + b"Content-Length: 2\r\n\r\n[]", None, "no robot's"),
        (HEAD + b"Content-Length: 2\r\n\r\n{,", None, "JSONDecodeError"),
        (HEAD + b"Content-Length: 60000\r\n\r\n" + b"[" * 60_000, None, "RecursionError"),
        (b"HTTP/1.1 302 Found\r\nLocation:x:y\r\n\r\n", None, "InvalidURL"),
    ],
)
async def test_a_robots_answer_is_short_and_says_a_code(
    monkeypatch: pytest.MonkeyPatch, head: bytes, rest: bytes | None, told: str
) -> None:
    async with receiver(head, lambda: rest) as url, driver(monkeypatch, "robot", url) as robot:
        with pytest.raises(PathError, match=told):
            await robot.send(message(), lambda: None)

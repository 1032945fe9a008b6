"""A module without power fills no log; in its own process, for pytest takes log lines itself."""

from __future__ import annotations

import subprocess
import sys

_ROUNDS = """
import asyncio

from api.panels.errors import LinkError
from api.panels.modbus import ModbusWire
from config.panels import ModbusDevice
from config.site import LocalText


async def swallow(reader, writer):
    await reader.read(-1)
    writer.close()


async def main():
    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    for port in (server.sockets[0].getsockname()[1], 1):
        device = ModbusDevice("m", LocalText("模块", "module"), "127.0.0.1", port, 1, 0.5)
        for _ in range(2):
            try:
                await ModbusWire(device).inputs(0, 4)
            except LinkError as error:
                print(error)
    server.close()
    await server.wait_closed()


asyncio.run(main())
"""


def test_what_does_not_answer_is_said_by_the_error_alone() -> None:
    command = [sys.executable, "-c", _ROUNDS]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    told = ended.stdout.splitlines()
    assert len(told) == 4
    assert all(line.startswith("m at 127.0.0.1:") for line in told)
    assert ended.stderr == ""

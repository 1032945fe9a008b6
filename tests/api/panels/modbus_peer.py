"""A Modbus TCP module by another code base (modbus-tk), with the watchdog of a real one."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import modbus_tk.defines as cst
from modbus_tk import modbus_tcp

UNIT = 1
WATCHDOG_REGISTER = 100


class Module:
    """Contacts that a test sets, coils that it reads; silent writers let the coils fall back."""

    def __init__(self, server: Any, timeout_s: float) -> None:
        self._slave = server.add_slave(UNIT)
        self._slave.add_block("coils", cst.COILS, 0, 8)
        self._slave.add_block("contacts", cst.DISCRETE_INPUTS, 0, 8)
        self._slave.add_block("registers", cst.HOLDING_REGISTERS, WATCHDOG_REGISTER, 1)
        self._timeout_s = timeout_s
        self._stop = threading.Event()
        self.fell_back_at: float | None = None
        self._thread = threading.Thread(target=self._watch, name="module-watchdog")

    def contact(self, address: int, closed: bool) -> None:
        self._slave.set_values("contacts", address, [int(closed)])

    def coil(self, address: int) -> bool:
        return bool(self._slave.get_values("coils", address, 1)[0])

    def beat(self) -> int:
        return int(self._slave.get_values("registers", WATCHDOG_REGISTER, 1)[0])

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        last, changed_at = self.beat(), time.monotonic()
        while not self._stop.wait(0.05):
            now = self.beat()
            if now != last:
                last, changed_at = now, time.monotonic()
                self.fell_back_at = None
            elif time.monotonic() - changed_at > self._timeout_s and self.fell_back_at is None:
                self._slave.set_values("coils", 0, [0] * 8)
                self.fell_back_at = time.monotonic()


@contextmanager
def modbus_module(port: int, timeout_s: float = 2.0) -> Iterator[Module]:
    """A module that listens on `port` until the block ends."""
    server = modbus_tcp.TcpServer(port=port, address="127.0.0.1")
    module = Module(server, timeout_s)
    server.start()
    module.start()
    try:
        yield module
    finally:
        module.stop()
        server.stop()

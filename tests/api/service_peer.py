"""Starts, kills and talks to a real service process on a free port."""

from __future__ import annotations

import random
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from tests.api.desk_cases import AUTHORISED, SITE, measurement

CHECKOUT = Path(__file__).resolve().parents[2]
_PATIENCE_S = 400.0


def _kept_port() -> int:
    """A free port below those that the system gives to connections: nobody takes it while the
    service is down."""
    while True:
        port = random.randint(15_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class ServiceProcess:
    """A service over one database; `kill` is SIGKILL, `start` brings it back on the same port."""

    def __init__(self, database_url: str, module: str = "tests.api.service_process") -> None:
        self.port = _kept_port()
        self._database_url = database_url
        self._module = module
        self._process: subprocess.Popen[bytes] | None = None
        self._sent = 0
        self.url = f"http://127.0.0.1:{self.port}"
        self.client = httpx.Client(base_url=self.url, timeout=10.0, trust_env=False)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.client.close()
        self.kill()

    def start(self, *, wait: bool = True) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", self._module, self._database_url, str(self.port)],
            cwd=CHECKOUT,
        )
        if wait:
            self.wait_until_ready()

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            try:
                if self.client.get("/readyz").status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                time.sleep(0.1)
            ended = None if self._process is None else self._process.poll()
            if ended is not None:
                raise RuntimeError(f"the service ended with code {ended}")
        raise TimeoutError(f"the service did not get ready within {_PATIENCE_S:g} s")

    def kill(self) -> None:
        """SIGKILL: no handler, no clean end."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(30)
            self._process = None

    def record(self, zone_id: str, level: str, density: float) -> dict[str, Any]:
        self._sent += 1
        return {
            "kind": "transition",
            "record_id": f"w1:run:{self._sent:08d}",
            "site_id": SITE.id,
            "worker_id": "w1",
            "captured_at": datetime.now(UTC).isoformat(),
            "previous_level": "L0",
            "reading": {
                "zone_id": zone_id,
                "level": level,
                "reasons": [
                    {"rule": "density", "measured": density, "threshold": 2.7, "unit": "1/m²"}
                ],
                "measurement": measurement(density),
            },
        }

    def load(
        self, lost_share: float, shed_step: int, rates: dict[str, tuple[float, str]]
    ) -> dict[str, Any]:
        """Whether the worker keeps up, with the rate of each camera and why."""
        self._sent += 1
        return {
            "kind": "worker_load",
            "record_id": f"w1:run:{self._sent:08d}",
            "site_id": SITE.id,
            "worker_id": "w1",
            "captured_at": datetime.now(UTC).isoformat(),
            "lost_share": lost_share,
            "shed_step": shed_step,
            "cameras": [
                {"camera_id": camera_id, "fps": fps, "reason": reason}
                for camera_id, (fps, reason) in rates.items()
            ],
        }

    def send(self, *records: dict[str, Any]) -> None:
        """As a worker does it: the same records again and again until the service takes them."""
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            try:
                answer = self.client.post(
                    "/api/v1/ingest", json={"records": list(records)}, headers=AUTHORISED
                )
            except httpx.TransportError:
                time.sleep(0.05)
                continue
            if answer.status_code == httpx.codes.OK:
                assert answer.json()["rejected"] == []
                return
            time.sleep(0.05)
        raise TimeoutError("the service did not take the records")

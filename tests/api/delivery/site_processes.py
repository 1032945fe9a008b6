"""The real service and the real sender over a site folder, with accounts, and a police room."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pyotp
from standardwebhooks import Webhook

from api.access import accounts
from api.access.accounts import NewAccount
from api.access.sealing import KEY_FILE, load_sealer
from api.access.sessions import totp_label
from api.database import Database, migrate
from config import sample_school_directory
from streams.clock import SystemClock
from tests.api.access.cases import ADMINISTRATOR, CHEAP, PASSWORD, TOTP_SECRET
from tests.api.desk_cases import measurement
from tests.api.service_peer import CHECKOUT

CHIEF = "chief"
SECRET = "whsec_" + "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"
DELIVERY = """\
# the only line so far
targets:
  - id: room
    name: {zh: 警务室, en: Police room}
    role: police
    one_path_reason: a test
    paths:
      - {id: main, driver: webhook, settings: {url: 'http://127.0.0.1:1/', secret: env:NOT_SET}}
"""


@dataclass(slots=True)
class PoliceRoom:
    """Takes what is signed with `SECRET`; keeps the bodies."""

    url: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)

    @contextmanager
    def listening(self) -> Iterator[None]:
        room = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                said = Webhook(SECRET).verify(body, {k.lower(): v for k, v in self.headers.items()})
                room.bodies.append(dict(said))
                self._answer()

            def do_HEAD(self) -> None:
                self._answer()

            def _answer(self) -> None:
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                del format, args

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_port}/"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


@dataclass(slots=True)
class SiteProcesses:
    """Service and sender of one site folder; `url` is the console's."""

    folder: Path
    url: str
    site: Path

    def code(self) -> str:
        """The administrator's one-time code now."""
        return pyotp.TOTP(TOTP_SECRET).now()

    def crowd(self) -> None:
        """The worker tells of a crush on the stair."""
        record = {
            "kind": "transition",
            "record_id": "w1:run:00000001",
            "site_id": "sample-school",
            "worker_id": "w1",
            "captured_at": datetime.now(UTC).isoformat(),
            "previous_level": "L0",
            "reading": {
                "zone_id": "stair-a", "level": "L4", "reasons": [], "measurement": measurement(4.2),
            },
        }  # fmt: skip
        token = (self.folder / "run" / "ingest.token").read_text("ascii").strip()
        answer = httpx.post(
            f"{self.url}/api/v1/ingest",
            json={"records": [record]},
            headers={"Authorization": f"Bearer {token}"},
            trust_env=False,
        )
        assert answer.json()["accepted"] == 1, answer.text


@contextmanager
def site_processes(folder: Path) -> Iterator[SiteProcesses]:
    """Started, with an administrator's account, until the block ends."""
    site = folder / "site"
    shutil.copytree(sample_school_directory(), site)
    (site / "delivery.yaml").write_text(DELIVERY, "utf-8")
    desk = (site / "desk.yaml").read_text("utf-8").splitlines(keepends=True)
    kept = (line for line in desk if not line.startswith("operator_check:"))
    (site / "desk.yaml").write_text("".join(kept), "utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    url = f"sqlite:///{folder}/desk.db"
    environment = {
        **os.environ,
        "XIAOAN_RUN_DIR": str(folder / "run"),
        "XIAOAN_DATABASE_URL": url,
        "XIAOAN_PORT": str(port),
        "XIAOAN_ACCESS": "accounts",
    }
    migrate(url)
    asyncio.run(_administrator(url, folder / "run"))
    started = [
        subprocess.Popen(
            [sys.executable, "-m", module, "--site", str(site)],
            cwd=CHECKOUT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for module in ("api.service_process", "api.delivery.process")
    ]
    try:
        yield SiteProcesses(folder, f"http://127.0.0.1:{port}", site)
    finally:
        for process in started:
            process.kill()
            process.wait()


async def _administrator(url: str, run_dir: Path) -> None:
    sealer = load_sealer(run_dir / KEY_FILE)
    async with Database(url) as database, database.write() as connection:
        now = SystemClock().utc()
        hashed = CHEAP.hashed(PASSWORD, name=CHIEF, with_code=False)
        new = NewAccount(CHIEF, CHIEF, (ADMINISTRATOR,), hashed, shared=False)
        account = await accounts.add(connection, "test", new, now)
        sealed = sealer.seal(TOTP_SECRET.encode(), totp_label(CHIEF))
        await accounts.change(connection, "test", account, "test", now, totp_sealed=sealed)


def sealed_names(site: Path) -> list[str]:
    """Names of the secrets that the site folder holds sealed."""
    return sorted(json.loads((site / "secrets.sealed").read_text("utf-8"))["secrets"])

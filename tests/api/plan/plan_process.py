"""A real service with the safety plan, for tests that kill it or open it in a browser.

python -m tests.api.plan.plan_process DATABASE_URL PORT FOLDER [--accounts]
"""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx

from api.access.guard import Access, OpenAccess
from api.access.sealing import Sealer
from api.access.service import AccountsPlan
from api.application import PlanFolder, create_app
from api.pictures import NoPictures
from api.server import build_server
from config.plan import PlanEdition, load_edition
from streams.clock import SystemClock
from tests.api.desk_cases import SITE, settings
from tests.api.service_peer import CHECKOUT, ServiceProcess

SEALER = Sealer(b"k" * 32)
SCHOOL = "sample-primary"


def edition() -> PlanEdition:
    """The sample units, the primary school watched by the tests' small site."""
    found = load_edition()
    units = tuple(
        replace(unit, site=SITE.id) if unit.id == SCHOOL else unit for unit in found.units
    )
    return replace(found, units=units)


class PlanProcess(ServiceProcess):
    """The service of this module over one database."""

    def __init__(self, database_url: str, folder: Path, *, accounts: bool = False) -> None:
        super().__init__(database_url)
        self.database_url = database_url
        self._arguments = [database_url, str(self.port), str(folder)]
        self._arguments += ["--accounts"] if accounts else []
        self.client.headers["x-viewer"] = "wang-fang"
        self.client.timeout = httpx.Timeout(60.0)

    def start(self, *, wait: bool = True) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.api.plan.plan_process", *self._arguments], cwd=CHECKOUT
        )
        if wait:
            self.wait_until_ready()

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Its connections stay open and nothing comes over them, as with a pulled cable."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def cut(self) -> None:
        """Kill it and hold its port, so that nothing answers there."""
        self.kill()
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", self.port)) != 0


async def main(database_url: str, port: int, folder: Path, *, accounts: bool) -> None:
    access: Access | AccountsPlan = OpenAccess()
    if accounts:
        access = AccountsPlan(SEALER, folder / "audit.anchor", lambda code: None)
    app = create_app(
        settings=settings(
            database_url, watch_every_s=0.5, stale_after_s=60.0, lost_after_s=120.0,
            startup_grace_s=120.0,
        ),
        site=SITE,
        clock=SystemClock(),
        pictures=NoPictures(),
        plan=PlanFolder(edition(), folder / "files"),
        access=access,
    )  # fmt: skip
    await build_server(app, port=port).serve()


if __name__ == "__main__":
    asyncio.run(
        main(
            sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), accounts="--accounts" in sys.argv[4:]
        )
    )

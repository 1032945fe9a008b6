"""A service that keeps evidence, for the browser; arguments: database URL, port."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from api.access.guard import OpenAccess
from api.application import create_app
from api.pictures import NoPictures
from api.server import build_server
from streams.clock import SystemClock
from tests.api.desk_cases import SITE, settings
from tests.api.evidence.cases import evidence_plan


async def main(database_url: str, port: int) -> None:
    folder = Path(database_url.removeprefix("sqlite:///")).parent
    app = create_app(
        settings=settings(
            database_url, watch_every_s=0.5, stale_after_s=60.0, lost_after_s=120.0,
            startup_grace_s=120.0,
        ),
        site=SITE,
        clock=SystemClock(),
        pictures=NoPictures(),
        access=OpenAccess(),
        evidence=evidence_plan(folder),
    )  # fmt: skip
    await build_server(app, port=port).serve()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))

"""A real service process with panels: `python -m tests.api.panels.panel_process URL PORT`.

The environment variable PANEL_FOLDER names a folder with `panels.yaml` and its secrets.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from api.access.guard import OpenAccess
from api.application import create_app
from api.pictures import NoPictures
from api.server import build_server
from config.panels import PANELS_FILE
from config.panels_load import parse_panels
from config.response import SiteResponse
from streams.clock import SystemClock
from tests.api.desk_cases import SITE, settings


async def main(database_url: str, port: int) -> None:
    folder = Path(os.environ["PANEL_FOLDER"])
    zones = {zone.id for zone in SITE.zones}
    content = (folder / PANELS_FILE).read_bytes()
    app = create_app(
        settings=settings(
            database_url, watch_every_s=0.5, stale_after_s=60.0, lost_after_s=120.0,
            startup_grace_s=120.0,
        ),
        site=SITE,
        clock=SystemClock(),
        pictures=NoPictures(),
        access=OpenAccess(),
        response=SiteResponse(panels=parse_panels(content, zone_ids=zones, directory=folder)),
    )  # fmt: skip
    await build_server(app, port=port).serve()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))

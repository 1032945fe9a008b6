"""The service over a site folder, for the browser: `python -m ... DATABASE_URL PORT`.

With a folder in `ACCOUNTS_VARIABLE` people sign in, and the anchors of the audit log lie there.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from api.access.guard import Access, OpenAccess
from api.access.sealing import Sealer
from api.access.service import AccountsPlan
from api.application import create_app
from api.pictures import NoPictures
from api.server import build_server
from config import load_site
from streams.clock import SystemClock
from tests.api.desk_cases import settings

SITE_VARIABLE = "XIAOAN_TEST_SITE"
ACCOUNTS_VARIABLE = "XIAOAN_TEST_ACCOUNTS"


async def main(database_url: str, port: int) -> None:
    access: Access | AccountsPlan = OpenAccess()
    if folder := os.environ.get(ACCOUNTS_VARIABLE):
        anchors = Path(folder) / "audit.anchor"
        access = AccountsPlan(Sealer(b"k" * 32), anchors, lambda code: None)
    app = create_app(
        settings=settings(
            database_url,
            watch_every_s=0.5,
            stale_after_s=600.0,
            lost_after_s=900.0,
            startup_grace_s=600.0,
        ),
        site=load_site(Path(os.environ[SITE_VARIABLE])),
        clock=SystemClock(),
        pictures=NoPictures(),
        access=access,
    )
    await build_server(app, port=port).serve()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))

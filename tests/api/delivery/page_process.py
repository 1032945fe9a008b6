"""A service with a target of every driver; arguments: database URL, port."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from api.access.guard import OpenAccess
from api.application import create_app
from api.pictures import NoPictures
from api.server import build_server
from config.delivery import parse_delivery
from streams.clock import SystemClock
from tests.api.desk_cases import SITE, settings

TARGETS = """
targets:
  - id: room
    name: {zh: 警务室, en: Police room}
    role: police
    paths:
      - id: gb
        driver: gb28181
        settings: {server: 127.0.0.1, server_id: '34020000002000000001', domain: '3402000000',
          device_id: '34020000001110000001', password: 'env:GB_PASSWORD'}
      - id: hook
        driver: webhook
        settings: {url: 'https://127.0.0.1:1/alarms', secret: 'env:HOOK'}
  - id: centre
    name: {zh: 报警中心, en: Alarm centre}
    role: monitoring
    from_step: district
    paths:
      - id: mqtt
        driver: mqtt
        settings: {host: 127.0.0.1, client_id: school, topic: school/alarms,
          ack_topic: school/alarms/ack}
      - id: sia
        driver: dc09
        settings: {host: 127.0.0.1, port: 1, account: 1A2B}
      - id: folder
        driver: cap
        settings: {folder: cap, sender: school@localhost}
  - id: chat
    name: {zh: 值班群, en: Duty chat}
    role: information
    paths:
      - id: robot
        driver: robot
        settings: {kind: wecom, url: 'env:ROBOT'}
"""


async def main(database_url: str, port: int) -> None:
    app = create_app(
        settings=settings(database_url, watch_every_s=0.5, startup_grace_s=120.0),
        site=SITE,
        clock=SystemClock(),
        pictures=NoPictures(),
        access=OpenAccess(),
        delivery=parse_delivery(TARGETS.encode(), directory=Path()),
    )
    await build_server(app, port=port).serve()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))

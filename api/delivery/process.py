"""The process of the sender: `python -m api.delivery.process --site DIR`."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import structlog

from api.background import start_threads
from api.database import Database, migrate
from api.database.errors import DatabaseError
from api.delivery.driver import Driver, Received
from api.delivery.drivers import Surroundings, build_driver
from api.delivery.plan_file import PlanFile
from api.delivery.sender import Sender
from api.logs import settings_with_logs
from api.site_arguments import add_site_arguments, site_of
from config import ConfigError
from config.delivery import DeliveryPath, DeliveryPlan
from streams.clock import Clock, SystemClock
from streams.errors import WorkerError
from streams.heartbeat import Heartbeat
from streams.wall_offset import WallOffset

log = structlog.get_logger()

EXIT_CANNOT_START = 2
EXIT_ENDED = 3
_BEAT_EVERY_S = 1.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Send until SIGTERM; exit code 2 with one message when it cannot start."""
    parser = argparse.ArgumentParser(prog="xiaoan-sender")
    add_site_arguments(parser)
    options = parser.parse_args(arguments)
    heartbeat = Heartbeat(None)
    try:
        settings = settings_with_logs()
        heartbeat = Heartbeat.from_environment(os.environ)
        site = site_of(options)
        file = PlanFile.opened(site.directory, settings.run_dir)
        url = settings.resolved_database_url
        migrate(url)
        asyncio.run(send(url, file, site.name.zh, heartbeat, site.folder.read_from))
    except (ConfigError, DatabaseError) as error:
        log.error("the sender cannot start", reason=str(error))
        return EXIT_CANNOT_START
    except WorkerError as error:
        log.error("the sender ends; the supervisor starts it again", reason=str(error))
        return EXIT_ENDED
    finally:
        heartbeat.close()
    return 0


async def send(
    database_url: str,
    file: PlanFile,
    site_name: str,
    heartbeat: Heartbeat,
    networks_dir: Path | None = None,
    clock: Clock | None = None,
) -> None:
    """Run a sender over a migrated database until SIGTERM or SIGINT.

    Args:
        networks_dir: where `networks.yaml` is read; `None` for the site folder.
        clock: `None` for the machine's own.

    Raises:
        WorkerError: when the wall clock jumped.
    """
    start_threads()
    clock, plan = clock or SystemClock(), file.plan
    async with Database(database_url) as database:
        sender = Sender(database, plan, clock, driver_builder(plan, site_name, clock, networks_dir))
        sending = asyncio.create_task(sender.run(), name="sender")
        following = asyncio.create_task(file.follow(sender.change))
        beating = asyncio.create_task(_beat(heartbeat, WallOffset(clock)), name="heartbeat")
        beating.add_done_callback(lambda _: sending.cancel())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, sending.cancel)
        try:
            with suppress(asyncio.CancelledError):
                await sending
        finally:
            beating.cancel()
            following.cancel()
        with suppress(asyncio.CancelledError):
            await beating


class driver_builder:  # noqa: N801  # called like the function it stands for
    """Builds drivers for the paths of a plan."""

    def __init__(
        self, plan: DeliveryPlan, site_name: str, clock: Clock, networks_dir: Path | None = None
    ) -> None:
        self._plan = plan
        self._networks_dir = networks_dir
        self._site_name = site_name
        self._clock = clock

    def __call__(self, path: DeliveryPath, received: Received, controlled: Received) -> Driver:
        around = Surroundings(
            directory=self._plan.directory,
            name=self._site_name,
            clock=self._clock,
            received=received,
            controlled=controlled,
            networks_dir=self._networks_dir,
        )
        return build_driver(path, around)


async def _beat(heartbeat: Heartbeat, offset: WallOffset) -> None:
    """From the event loop itself: a loop that hangs is a sender that hangs.

    Raises:
        WorkerError: when the wall clock jumped. What is due and leased is counted by it.
    """
    while True:
        offset.check()
        heartbeat.beat()
        await asyncio.sleep(_BEAT_EVERY_S)


if __name__ == "__main__":
    sys.exit(main())

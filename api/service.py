"""The service as one object: its parts, its start and its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from api.alarms.parents import CameraGroup, recorder_groups
from api.database import Database, migrate
from api.database.room import go_on_keeping_room
from api.events import Broker
from api.ingest import Ingest
from api.live.board import Board
from api.live.values import Limits
from api.metrics import Metrics
from api.panels.panels import Panels
from api.pictures import Pictures, Viewings
from api.proof import StoreProof
from api.settings import ApiSettings
from api.watch import Watch
from api.watched import WatchedSite
from api.work import Desk
from config.response import SiteResponse
from streams.clock import Clock


@dataclass(frozen=True, slots=True)
class Service:
    """Parts of the running service, as the routes use them."""

    settings: ApiSettings
    desk: Desk
    ingest: Ingest
    watch: Watch
    proof: StoreProof
    pictures: Pictures
    viewings: Viewings
    panels: Panels
    response: SiteResponse = field(default_factory=SiteResponse)

    @classmethod
    def build(
        cls,
        *,
        settings: ApiSettings,
        site: WatchedSite,
        clock: Clock,
        pictures: Pictures,
        response: SiteResponse,
        groups: tuple[CameraGroup, ...] = (),
    ) -> Service:
        """Wire the parts; nothing is opened before `running`."""
        limits = Limits(
            stale_after_s=settings.stale_after_s,
            lost_after_s=settings.lost_after_s,
            startup_grace_s=settings.startup_grace_s,
            future_tolerance_s=settings.future_tolerance_s,
        )
        desk = Desk(
            database=Database(settings.database_url),
            board=Board(site, limits, started_at=clock.utc()),
            broker=Broker(),
            clock=clock,
            metrics=Metrics(),
            plan=response.desk,
            groups=(*groups, *recorder_groups(response.desk)),
        )
        watch = Watch(
            desk,
            every_s=settings.watch_every_s,
            upkeep_every_s=settings.upkeep_every_s,
            disk_folders=settings.disk_folders,
        )
        return cls(
            settings=settings,
            desk=desk,
            ingest=Ingest(desk),
            watch=watch,
            proof=StoreProof(desk, every_s=settings.watch_every_s),
            pictures=pictures,
            viewings=Viewings(desk.database, clock),
            panels=Panels(response.panels, desk),
            response=response,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Bring the database up to date, load what was known, watch until the block ends.

        Raises:
            DatabaseError: the database cannot be used; the text says what to do.
        """
        await asyncio.to_thread(migrate, self.settings.database_url)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.desk.database)
            await self.desk.load()
            self.desk.board.started_at = self.desk.clock.utc()
            # Before the first request: what was current before the start may be so no longer.
            await self.watch.tick()
            await stack.enter_async_context(self.panels.running())
            tasks = [
                asyncio.create_task(self.watch.run(), name="watch"),
                asyncio.create_task(self.watch.run_unkept(), name="watch-unkept"),
                asyncio.create_task(self.proof.run(), name="proof"),
            ]
            if self.settings.keeps_room:
                keeping = go_on_keeping_room(self.desk.database)
                tasks.append(asyncio.create_task(keeping, name="room"))
            try:
                yield
            finally:
                self.desk.broker.close()
                for task in tasks:
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        await task


def _service(request: Request) -> Service:
    service = request.app.state.service
    if not isinstance(service, Service):
        raise TypeError("the application was not made by api.application.create_app")
    return service


ServiceDep = Annotated[Service, Depends(_service)]

"""The web application: routes, pages and guards around one `Service`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from fastapi import FastAPI

from api.pictures import Pictures
from api.plan.mount import install_plan
from api.plan.nightly import rolling
from api.plan.service import PlanService
from api.problems import install_handlers, responses
from api.routes import alarms, console, events, health, ingest, shift, state
from api.routes import pictures as picture_routes
from api.security import Guard
from api.service import Service
from api.settings import ApiSettings
from api.watched import WatchedSite
from config.plan import PlanEdition
from config.site import Site
from streams.clock import Clock

_DESCRIPTION = """\
Readings, alarms and pictures of one school. Times are ISO 8601 with a zone; densities are persons
per m² of horizontally projected area. `UNKNOWN` means that nobody can say, never that a place is
empty. Every error answer is a `ProblemBody`.
"""


@dataclass(frozen=True, slots=True)
class PlanFolder:
    """The safety plan's edition and where its uploaded files lie."""

    edition: PlanEdition
    attachments: Path


def create_app(
    *,
    settings: ApiSettings,
    site: Site | WatchedSite,
    clock: Clock,
    pictures: Pictures,
    plan: PlanFolder | None = None,
) -> FastAPI:
    """The application over the given collaborators; it opens nothing before its start.

    Without a `plan` the application has no plan pages.

    Raises:
        DatabaseError: `settings.database_url` cannot be used.
    """
    watched = WatchedSite.of(site) if isinstance(site, Site) else site
    service = Service.build(settings=settings, site=watched, clock=clock, pictures=pictures)
    planning = None
    if plan is not None:
        database = service.desk.database
        planning = PlanService(database, plan.edition, clock, plan.attachments)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        del app
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(service.running())
            if planning is not None:
                await stack.enter_async_context(rolling(planning))
            yield

    app = FastAPI(
        title="校安 Xiaoan",
        version=metadata.version("xiaoan") if _installed() else "0",
        description=_DESCRIPTION,
        lifespan=lifespan,
        responses=responses(422),
        # The ready-made documentation pages fetch scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    app.state.service = service
    install_handlers(app)
    for module in (ingest, state, alarms, events, shift, picture_routes, health, console):
        app.include_router(module.router)
    console.mount_files(app)
    if planning is not None:
        install_plan(app, planning)
    app.add_middleware(Guard, allowed_hosts=settings.allowed_hosts)
    return app


def _installed() -> bool:
    try:
        metadata.version("xiaoan")
    except metadata.PackageNotFoundError:
        return False
    return True

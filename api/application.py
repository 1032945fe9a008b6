"""The web application: routes, pages and guards around one `Service`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI

from api.access.guard import Access, needs
from api.access.mount import install_access
from api.access.rights import Right
from api.access.scoping import places_of
from api.access.service import AccountsPlan
from api.alarms.parents import CameraGroup
from api.alarms.site_files import tell_site_files
from api.coverage.mount import install_coverage
from api.coverage.watch import CoverageWatch
from api.database.reach import told_with_mend
from api.delivery.monitor import monitoring
from api.delivery.mount import install_delivery
from api.delivery.outbox import Outbox
from api.delivery.plan_file import PlanFile
from api.delivery.settings import DeliverySettings
from api.described import complete_description
from api.evidence.mount import install_evidence
from api.evidence.service import EvidencePlan, EvidenceService
from api.frame import pages as frame_pages
from api.frame.refusals import install_refusal_pages
from api.pictures import Pictures
from api.plan.camera_side import CameraSide
from api.plan.mount import install_plan
from api.plan.nightly import rolling
from api.plan.service import PlanService
from api.problems import install_handlers, responses
from api.routes import (
    alarms,
    calibration,
    cards,
    console,
    events,
    handover,
    health,
    ingest,
    inputs,
    shift,
    site_plan,
    state,
    steps,
    test_alarms,
    viewings,
)
from api.routes import pictures as picture_routes
from api.security import Guard
from api.service import Service
from api.settings import ApiSettings
from api.watched import WatchedSite
from config.delivery import DeliveryPlan
from config.plan import PlanEdition
from config.response import SiteResponse
from config.site import Site
from config.timetable import Timetable
from streams.clock import Clock

_DESCRIPTION = """\
Readings, alarms and pictures of one school. Times are ISO 8601 with a zone; densities are persons
per m² of horizontally projected area. `UNKNOWN` means that nobody can say, never that a place is
empty. Every error answer is a `ProblemBody`.
"""


@dataclass(frozen=True, slots=True)
class PlanFolder:
    """The safety plan's edition and where its uploaded files lie.

    Attributes:
        school_years: where the calendars that are entered go, for the processes that watch.
    """

    edition: PlanEdition
    attachments: Path
    timetable: Timetable | None = None
    school_years: Path | None = None


def create_app(
    *,
    settings: ApiSettings,
    site: Site | WatchedSite,
    clock: Clock,
    pictures: Pictures,
    plan: PlanFolder | None = None,
    access: Access | AccountsPlan | None = None,
    response: SiteResponse | None = None,
    groups: tuple[CameraGroup, ...] = (),
    delivery: DeliveryPlan | PlanFile | None = None,
    evidence: EvidencePlan | None = None,
    timetable: Timetable | None = None,
) -> FastAPI:
    """The application over the given collaborators; it opens nothing before its start.

    Without a `plan` the application has no plan pages, without `evidence` no recordings. Without
    an `access` nobody is let in: only signs of life and the workers' records are answered.

    Raises:
        DatabaseError: `settings.database_url` cannot be used.
    """
    response = response or SiteResponse()
    watched = (WatchedSite.of(site) if isinstance(site, Site) else site).with_things(response)
    service = Service.build(
        settings=settings,
        site=watched,
        clock=clock,
        pictures=pictures,
        response=response,
        groups=groups,
    )
    sends = delivery if isinstance(delivery, PlanFile) else PlanFile.of(delivery or DeliveryPlan())
    service.desk.outbox = Outbox(sends.plan, watched, service.desk.plan, timetable)
    delivering = DeliverySettings(service.desk, sends)
    covering = CoverageWatch(site, service.desk) if isinstance(site, Site) else None
    kept = EvidenceService(service.desk, evidence) if evidence is not None else None
    accounts = None
    if isinstance(access, AccountsPlan):
        accounts = access.over(service.desk.database, clock, settings.ingest_token)
        access = accounts.sessions
    planning = None
    if plan is not None:
        database = service.desk.database
        floors = site if isinstance(site, Site) else None
        side = CameraSide(service.desk, floors, plan.timetable)
        planning = PlanService(database, plan.edition, clock, plan.attachments, cameras=side)
        planning.school_years = plan.school_years

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        del app
        async with AsyncExitStack() as stack:
            with told_with_mend(settings.database_url):
                await stack.enter_async_context(service.running())
                await tell_site_files(service.desk, refused=settings.site_files_refused)
                if accounts is not None:
                    await stack.enter_async_context(accounts.running())
                if planning is not None:
                    await stack.enter_async_context(rolling(planning))
                if covering is not None:
                    await stack.enter_async_context(covering.running())
                if kept is not None:
                    await stack.enter_async_context(kept.running())
                await stack.enter_async_context(monitoring(service.desk, sends))
                await stack.enter_async_context(delivering.following())
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
        openapi_url=None,
    )
    app.state.service = service
    app.state.places = places_of(watched)
    _describe(app)
    install_handlers(app, service.desk.database.told)
    install_access(app, access, accounts)
    for module in (
        ingest,
        state,
        alarms,
        steps,
        test_alarms,
        cards,
        inputs,
        handover,
        site_plan,
        events,
        shift,
        picture_routes,
        viewings,
        health,
        calibration,
        console,
    ):
        app.include_router(module.router)
    console.mount_files(app)
    app.include_router(frame_pages.router)
    install_delivery(app, delivering)
    if covering is not None:
        install_coverage(app, covering)
    if kept is not None:
        install_evidence(app, kept)
    if planning is not None:
        install_plan(app, planning)
    install_refusal_pages(app)
    complete_description(app)
    app.add_middleware(Guard, allowed_hosts=settings.allowed_hosts)
    return app


def _describe(app: FastAPI) -> None:
    """The API's description, for people who may see the desk or keep accounts."""

    @app.get(
        "/api/v1/openapi.json",
        include_in_schema=False,
        dependencies=[Depends(needs(Right.KEEP_OWN_ACCOUNT))],
    )
    async def description() -> dict[str, Any]:
        return app.openapi()


def _installed() -> bool:
    try:
        metadata.version("xiaoan")
    except metadata.PackageNotFoundError:
        return False
    return True

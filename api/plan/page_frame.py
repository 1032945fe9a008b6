"""What all pages of the plan share: who may see them, the frame, and the refusals."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import Depends, FastAPI, Request
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

from api.access.actor import Actor
from api.access.guard import Needs, typed_name
from api.access.rights import Right
from api.frame.drawing import Language, Pages, language_of
from api.frame.drawing import page as answered
from api.frame.pages import navigation
from api.plan.asking import check_part
from api.plan.errors import NotFoundRefusal
from api.plan.scopes import Part
from api.plan.service import PlanService
from api.plan.viewer import PlanViewer
from api.plan.words import actor_name, joined_warnings, step_text
from api.problems import Problem
from api.routes.shift import name_of
from config.plan import Unit
from vision.instants import Utc

STATIC = Path(__file__).resolve().parent / "static"
_FOLDER = Path(__file__).resolve().parent
_PAGES = Pages(_FOLDER / "templates")
Answer = HTMLResponse


class PageRefusal(Exception):  # noqa: N818 - it ends in a page, not in a traceback
    """A page that cannot be shown; another one says why."""

    def __init__(self, status: int, template: str) -> None:
        super().__init__(template)
        self.status = status
        self.template = template


@dataclass(frozen=True, slots=True)
class PageNeeds(Needs):
    """The same check as for every route; what it refuses to a signed-in person becomes a page."""

    async def __call__(self, request: Request) -> Actor:
        try:
            return await Needs.__call__(self, request)
        except Problem as problem:
            if problem.status in (403, 404):
                raise PageRefusal(problem.status, "absent.html") from problem
            raise


def page(right: Right, part: Part) -> Callable[..., Awaitable[PlanViewer]]:
    """A dependency for pages: the viewer, or the page that asks for a name or says no."""
    guard = PageNeeds(right)

    async def viewer(request: Request, actor: Actor = Depends(guard)) -> PlanViewer:
        if actor.shared and not typed_name(request):
            raise PageRefusal(401, "name.html")
        found = PlanViewer(name_of(actor, typed_name(request)), actor)
        try:
            check_part(found, request.path_params.get("unit_id"), right, part)
        except Problem as problem:
            raise PageRefusal(problem.status, "absent.html") from problem
        return found

    return viewer


Start = Annotated[PlanViewer, Depends(page(Right.SEE_PLAN, Part.LEDGER))]
RecordsPage = Annotated[PlanViewer, Depends(page(Right.SEE_PLAN, Part.RECORDS))]
HazardsPage = Annotated[PlanViewer, Depends(page(Right.SEE_PLAN, Part.HAZARDS))]
IncidentsPage = Annotated[PlanViewer, Depends(page(Right.SEE_PLAN, Part.INCIDENTS))]
CertificatesPage = Annotated[PlanViewer, Depends(page(Right.SEE_PLAN, Part.CERTIFICATES))]
TasksPage = Annotated[PlanViewer, Depends(page(Right.SEE_PLAN, Part.TASKS))]
ScoresPage = Annotated[PlanViewer, Depends(page(Right.SEE_PLAN, Part.SCORES))]
PapersPage = Annotated[PlanViewer, Depends(page(Right.EXPORT_PLAN, Part.PAPERS))]
WallPage = Annotated[PlanViewer, Depends(page(Right.SEE_PLAN, Part.WALL))]


@dataclass(frozen=True, slots=True)
class Frame:
    """Draws pages in the language of the request, which `?lang=` changes and a cookie keeps."""

    request: Request
    plan: PlanService
    viewer: PlanViewer | None = None

    @property
    def language(self) -> Language:
        return language_of(self.request, self._asked)

    @property
    def _asked(self) -> Language | None:
        asked = self.request.query_params.get("lang")
        return "en" if asked == "en" else "zh" if asked == "zh" else None

    def _may(self, right: Right, unit: Unit | None) -> bool:
        """A step that the viewer may not take is not offered on the unit's pages."""
        return self.viewer is not None and unit is not None and self.viewer.may(right, unit.id)

    def draw(
        self, template: str, values: Mapping[str, Any] = MappingProxyType({}), status: int = 200
    ) -> Answer:
        """The page. `values` go to the template beside the frame's own."""
        language = self.language
        edition = self.plan.edition
        unit = values.get("unit")
        parts: frozenset[Part] = frozenset()
        if self.viewer is not None:
            parts = self.viewer.scope(unit.id if unit is not None else None).parts
        html = _PAGES.html(
            template,
            language,
            **values,
            writes=self._may(Right.WRITE_PLAN, unit),
            reviews=self._may(Right.REVIEW_PLAN, unit),
            nav=navigation(self.request, language, "plan"),
            unit_name=lambda one: one.name_zh if language == "zh" else one.name_en,
            named=lambda one: one.zh if language == "zh" else one.en,
            title=lambda row: edition.title_of(row.rule_id, row.plan_year),
            parts={part.value for part in parts},
            viewer=self.viewer,
            today=self.plan.today(),
            day_note=self.plan.day_note,
            warnings=self.plan.warnings(),
            gaps=joined_warnings(self.plan.warnings(), language),
            step_text=lambda step: step_text(step, language),
            actor=lambda name: actor_name(name, language),
        )
        return answered(html, language, keep=self._asked is not None, status=status)


def local_clock(zone: ZoneInfo) -> Callable[[Utc], str]:
    """How pages write an instant: day and minute in the district's time."""
    return lambda at: at.to_datetime().astimezone(zone).strftime("%Y-%m-%d %H:%M")


def mount_pages(app: FastAPI) -> None:
    """Serve the pages' style and script, and turn refusals of pages into pages."""
    app.mount("/plan-files", StaticFiles(directory=STATIC), name="plan-files")

    @app.exception_handler(PageRefusal)
    async def refused(request: Request, error: PageRefusal) -> HTMLResponse:
        frame = Frame(request, request.app.state.plan)
        return frame.draw(error.template, {"status": error.status}, error.status)


def absent(error: NotFoundRefusal) -> PageRefusal:
    """The page for what is not there."""
    del error
    return PageRefusal(404, "absent.html")

"""The plan's pages: today, board, ledger, hazards and the risk wall; no inline script or style."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from sqlalchemy import func, select

from api.plan import hazard_store
from api.plan.errors import PlanRefusal
from api.plan.routes import PlanDep, UnitId
from api.plan.service import PlanService, PlanViewer
from api.plan.states import DONE, State
from api.plan.tables import PLAN_ROLLS, day_of
from api.plan.today import Line, UnitCounts, between, counts_by_unit, notices_on, today_of
from api.plan.words import warning_text
from api.problems import Problem
from config.plan import Unit
from config.texts import catalogue

router = APIRouter(prefix="/plan", tags=["plan pages"], include_in_schema=False)

_FOLDER = Path(__file__).resolve().parent
_LANGUAGE_COOKIE = "xiaoan_lang"
_PAGES = Environment(
    loader=FileSystemLoader(_FOLDER / "templates"),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
Language = Annotated[Literal["zh", "en"] | None, Query()]
Answer = HTMLResponse
_STATUS = {"name.html": 401, "absent.html": 404}


def mount_files(app: FastAPI) -> None:
    """Serve the pages' style and script."""
    app.mount("/plan-files", StaticFiles(directory=_FOLDER / "static"), name="plan-files")


@router.get("")
async def start(request: Request, plan: PlanDep, lang: Language = None) -> Answer:
    """One's own unit's day; who sees several gets the list of them."""
    viewer = _viewer(request, plan)
    if viewer is None:
        return _page(request, plan, "name.html", lang)
    visible = plan.visible(viewer)
    if len(visible) == 1:
        return await today_page(request, visible[0].id, plan, lang)
    counts = await _counts(plan, visible)
    return _page(request, plan, "units.html", lang, viewer, counts=counts)


@router.get("/wall")
async def wall_page(request: Request, plan: PlanDep, lang: Language = None) -> Answer:
    """The risk wall: one tile a unit, colour and words, greyed when the ledger is old."""
    viewer = _viewer(request, plan)
    if viewer is None:
        return _page(request, plan, "name.html", lang)
    counts = await _counts(plan, plan.visible(viewer))
    async with plan.database.read() as connection:
        last = (await connection.execute(select(func.max(PLAN_ROLLS.c.day)))).scalar_one_or_none()
    as_of = None if last is None else day_of(last)
    values = {"counts": counts, "as_of": as_of, "stale": as_of != plan.today()}
    return _page(request, plan, "wall.html", lang, viewer, **values)


@router.get("/units/{unit_id}")
async def today_page(
    request: Request, unit_id: UnitId, plan: PlanDep, lang: Language = None
) -> Answer:
    """What one unit has to do today."""
    viewer = _viewer(request, plan)
    if viewer is None:
        return _page(request, plan, "name.html", lang)
    try:
        async with plan.reading(viewer, unit_id) as (connection, desk):
            found = await today_of(connection, desk.unit_no, desk.today)
            notices = await notices_on(connection, desk.unit_no, desk.today)
    except PlanRefusal:
        return _page(request, plan, "absent.html", lang, viewer)
    values = {"unit": desk.unit, "found": found, "notices": notices}
    return _page(request, plan, "today.html", lang, viewer, **values)


@router.get("/units/{unit_id}/board")
async def board_page(
    request: Request, unit_id: UnitId, plan: PlanDep, lang: Language = None
) -> Answer:
    """The plan's 36 rows, word for word, with how each stands this year."""
    viewer = _viewer(request, plan)
    if viewer is None:
        return _page(request, plan, "name.html", lang)
    first = date(plan.today().year, 1, 1)
    try:
        lines, unit = await _lines(plan, viewer, unit_id, first, date(first.year, 12, 31))
    except PlanRefusal:
        return _page(request, plan, "absent.html", lang, viewer)
    values = {"unit": unit, "sections": plan.edition.catalogue.sections}
    standing = _standing(plan, lines)
    return _page(request, plan, "board.html", lang, viewer, standing=standing, **values)


@router.get("/units/{unit_id}/ledger")
async def ledger_page(
    request: Request,
    unit_id: UnitId,
    plan: PlanDep,
    lang: Language = None,
    month: Annotated[str | None, Query(pattern=r"^20\d\d-(0[1-9]|1[0-2])$")] = None,
) -> Answer:
    """A month of the ledger."""
    viewer = _viewer(request, plan)
    if viewer is None:
        return _page(request, plan, "name.html", lang)
    first = date.fromisoformat(f"{month}-01") if month else plan.today().replace(day=1)
    next_month = (first + timedelta(days=32)).replace(day=1)
    try:
        last = next_month - timedelta(days=1)
        lines, unit = await _lines(plan, viewer, unit_id, first, last)
    except PlanRefusal:
        return _page(request, plan, "absent.html", lang, viewer)
    previous = (first - timedelta(days=1)).replace(day=1)
    values = {"unit": unit, "lines": lines, "first": first}
    moves = {"previous": f"{previous:%Y-%m}", "next": f"{next_month:%Y-%m}"}
    return _page(request, plan, "ledger.html", lang, viewer, **values, **moves)


@router.get("/units/{unit_id}/hazards")
async def hazards_page(
    request: Request, unit_id: UnitId, plan: PlanDep, lang: Language = None
) -> Answer:
    """Open hazards and a form for a new one."""
    viewer = _viewer(request, plan)
    if viewer is None:
        return _page(request, plan, "name.html", lang)
    try:
        async with plan.reading(viewer, unit_id) as (connection, desk):
            hazards = await hazard_store.listed(connection, desk.unit_no)
    except PlanRefusal:
        return _page(request, plan, "absent.html", lang, viewer)
    values = {"unit": desk.unit, "hazards": hazards}
    return _page(request, plan, "hazards.html", lang, viewer, **values)


async def _counts(plan: PlanService, visible: tuple[Unit, ...]) -> list[tuple[Unit, UnitCounts]]:
    units = {unit.id: unit for unit in visible}
    async with plan.database.read() as connection:
        found = await counts_by_unit(connection, plan.today())
    return [(units[one.unit_id], one) for one in found if one.unit_id in units]


async def _lines(
    plan: PlanService, viewer: PlanViewer, unit_id: str, first: date, last: date
) -> tuple[tuple[Line, ...], Unit]:
    async with plan.reading(viewer, unit_id) as (connection, desk):
        return await between(connection, desk.unit_no, first, last), desk.unit


def _standing(plan: PlanService, lines: tuple[Line, ...]) -> dict[str, dict[str, int]]:
    """Measure id -> how many of its occurrences are done, overdue, missed, to come."""
    measures = {rule.id: m.id for m in plan.edition.catalogue.measures() for rule in m.rules}
    groups: dict[State, str] = dict.fromkeys(DONE, "done") | {
        State.OVERDUE: "overdue",
        State.MISSED: "missed",
        State.OPEN: "open",
        State.UPCOMING: "upcoming",
    }
    standing: dict[str, Counter[str]] = {}
    for line in lines:
        if line.rule_id in measures and line.state in groups:
            standing.setdefault(measures[line.rule_id], Counter())[groups[line.state]] += 1
    return {name: dict(counts) for name, counts in standing.items()}


def _viewer(request: Request, plan: PlanService) -> PlanViewer | None:
    try:
        return plan.viewer_of(request)
    except Problem:
        return None


def _page(
    request: Request,
    plan: PlanService,
    template: str,
    lang: Literal["zh", "en"] | None,
    viewer: PlanViewer | None = None,
    **values: Any,
) -> Answer:
    kept = "en" if request.cookies.get(_LANGUAGE_COOKIE) == "en" else "zh"
    language = lang or kept
    texts = catalogue(language)
    titles = {rule.id: rule.zh for rule in plan.edition.catalogue.rules()}
    page = _PAGES.get_template(template).render(
        lang=language,
        html_lang="zh-CN" if language == "zh" else "en",
        t=lambda key: texts[key],
        unit_name=lambda unit: unit.name_zh if language == "zh" else unit.name_en,
        titles=titles,
        viewer=viewer,
        today=plan.today(),
        warnings=[warning_text(warning, language) for warning in plan.warnings()],
        **values,
    )
    answer = HTMLResponse(page, status_code=_STATUS.get(template, 200))
    if lang is not None:
        answer.set_cookie(_LANGUAGE_COOKIE, lang, max_age=31_536_000, samesite="strict")
    return answer

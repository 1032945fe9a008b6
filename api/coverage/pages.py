"""The coverage page: the plan with its layers, a time slider, faults, baselines and tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, FastAPI, Query, Request
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from api.access.guard import ActorDep, needs
from api.access.rights import Right
from api.frame.pages import navigation
from api.service import ServiceDep
from config.texts import catalogue
from vision.pixel_density import LADDERS

router = APIRouter(tags=["coverage page"], include_in_schema=False)

_FOLDER = Path(__file__).resolve().parent
_LANGUAGE_COOKIE = "xiaoan_lang"
_PAGES = Environment(
    loader=FileSystemLoader(_FOLDER / "templates"),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEXTS_FOR_BROWSER = (
    "coverage.live.",
    "coverage.step.",
    "coverage.cause.",
    "coverage.yes",
    "coverage.no",
    "cause.",
    "camera_state.",
)
Language = Literal["zh", "en"]


def mount_files(app: FastAPI) -> None:
    """Serve the page's style and script."""
    app.mount("/coverage-files", StaticFiles(directory=_FOLDER / "static"), name="coverage-files")


@router.get(
    "/coverage",
    response_class=HTMLResponse,
    dependencies=[Depends(needs(Right.SEE_COVERAGE))],
)
async def page(
    request: Request,
    service: ServiceDep,
    actor: ActorDep,
    lang: Annotated[Language | None, Query()] = None,
) -> HTMLResponse:
    """The plan; its script fetches how things stand."""
    kept = request.cookies.get(_LANGUAGE_COOKIE, service.settings.language)
    language: Language = lang or ("en" if kept == "en" else "zh")
    site = service.desk.board.site
    texts = catalogue(language)
    html = _PAGES.get_template("coverage.html").render(
        lang=language,
        html_lang="zh-CN" if language == "zh" else "en",
        t=lambda key: texts[key],
        site_name=site.name.en if language == "en" else site.name.zh,
        timezone=site.timezone,
        may_calibrate=actor.may(Right.CALIBRATE_CAMERA),
        nav=navigation(request, language, "coverage"),
        may_run=actor.may(Right.RUN_COVERAGE),
        ladders=LADDERS,
    )
    answer = HTMLResponse(html)
    if lang is not None:
        answer.set_cookie(_LANGUAGE_COOKIE, lang, max_age=31_536_000, samesite="strict")
    return answer


@router.get("/coverage-texts/{lang}.json", dependencies=[Depends(needs(Right.SEE_COVERAGE))])
async def texts(lang: Language) -> dict[str, str]:
    """The texts that the page's script fills in."""
    return {
        key: value for key, value in catalogue(lang).items() if key.startswith(_TEXTS_FOR_BROWSER)
    }

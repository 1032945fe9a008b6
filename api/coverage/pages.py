"""The coverage page: the plan with its layers, a time slider, faults, baselines and tasks."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

from api.access.guard import ActorDep, needs
from api.access.rights import Right
from api.frame.drawing import AskedLanguage, Language, Pages, language_of
from api.frame.pages import navigation
from api.service import ServiceDep
from config.texts import catalogue
from vision.pixel_density import LADDERS

router = APIRouter(tags=["coverage page"], include_in_schema=False)

_FOLDER = Path(__file__).resolve().parent
_PAGES = Pages(_FOLDER / "templates")
_TEXTS_FOR_BROWSER = (
    "coverage.live.",
    "coverage.step.",
    "coverage.cause.",
    "coverage.yes",
    "coverage.no",
    "cause.",
    "camera_state.",
)


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
    lang: AskedLanguage = None,
) -> HTMLResponse:
    """The plan; its script fetches how things stand."""
    language = language_of(request, lang)
    site = service.desk.board.site
    return _PAGES.draw(
        "coverage.html",
        language,
        keep=lang is not None,
        site_name=site.name.in_language(language),
        timezone=site.timezone,
        may_calibrate=actor.may(Right.CALIBRATE_CAMERA),
        nav=navigation(request, language, "coverage"),
        may_run=actor.may(Right.RUN_COVERAGE),
        ladders=LADDERS,
    )


@router.get("/coverage-texts/{lang}.json", dependencies=[Depends(needs(Right.SEE_COVERAGE))])
async def texts(lang: Language) -> dict[str, str]:
    """The texts that the page's script fills in."""
    return {
        key: value for key, value in catalogue(lang).items() if key.startswith(_TEXTS_FOR_BROWSER)
    }

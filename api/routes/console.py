"""The console's page, its files and its texts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, FastAPI, Query, Request
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from api.access.guard import PUBLIC, needs
from api.access.rights import Right
from api.service import Service, ServiceDep
from config.texts import catalogue

router = APIRouter(tags=["console"], include_in_schema=False)

_FOLDER = Path(__file__).resolve().parents[1] / "console"
_LANGUAGE_COOKIE = "xiaoan_lang"
PAGES = Environment(
    loader=FileSystemLoader(_FOLDER / "templates"),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEXTS_FOR_BROWSER = (
    "console.",
    "alarm.",
    "action.",
    "cause_closed.",
    "level.",
    "rule.",
    "reason.",
    "unit.",
    "cause.",
    "camera_state.",
    "zone_type.",
    "taken.",
    "card.",
    "desk.",
)

Language = Literal["zh", "en"]


def mount_files(app: FastAPI) -> None:
    """Serve the console's scripts, styles and pictures."""
    app.mount("/console", StaticFiles(directory=_FOLDER / "static"), name="console")


def language_of(request: Request, service: Service, lang: Language | None) -> Language:
    """The language that was asked for now, or earlier in this browser, or the service's own."""
    kept = request.cookies.get(_LANGUAGE_COOKIE, service.settings.language)
    return lang or ("en" if kept == "en" else "zh")


@router.get("/", response_class=HTMLResponse, dependencies=[Depends(needs(Right.SEE_DESK))])
async def desk_page(
    request: Request, service: ServiceDep, lang: Annotated[Language | None, Query()] = None
) -> HTMLResponse:
    """The guard's desk."""
    return _live_page(request, service, lang, view="desk")


@router.get("/police", response_class=HTMLResponse, dependencies=[Depends(needs(Right.SEE_DESK))])
async def police_page(
    request: Request, service: ServiceDep, lang: Annotated[Language | None, Query()] = None
) -> HTMLResponse:
    """The same desk for the police room: confirmed alarms of priority 1 and 2, and whom to call."""
    return _live_page(request, service, lang, view="police")


def _live_page(
    request: Request, service: Service, lang: Language | None, *, view: Literal["desk", "police"]
) -> HTMLResponse:
    language = language_of(request, service, lang)
    site = service.desk.board.site
    texts = catalogue(language)
    people = [
        {
            "role": one.role.in_language(language),
            "name": one.name.in_language(language),
            "phone": one.phone,
        }
        for one in service.desk.plan.people
    ]
    page = PAGES.get_template("desk.html").render(
        view=view,
        lang=language,
        html_lang="zh-CN" if language == "zh" else "en",
        t=lambda key: texts[key],
        site_name=site.name.en if language == "en" else site.name.zh,
        timezone=site.timezone,
        people=people,
    )
    answer = HTMLResponse(page)
    if lang is not None:
        answer.set_cookie(_LANGUAGE_COOKIE, lang, max_age=31_536_000, samesite="strict")
    return answer


# The texts are the same for everybody, the sign-in page included.
@router.get("/console-texts/{lang}.json", dependencies=[PUBLIC])
async def texts(lang: Language) -> dict[str, str]:
    """The texts that the page fills in by itself."""
    return {
        key: value for key, value in catalogue(lang).items() if key.startswith(_TEXTS_FOR_BROWSER)
    }

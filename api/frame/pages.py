"""The navigation that stands on every page, and the start page behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from api.access.guard import needs
from api.access.rights import Right
from api.frame.places import places_of
from api.service import ServiceDep
from config.texts import catalogue

router = APIRouter(tags=["start page"], include_in_schema=False)

Language = Literal["zh", "en"]
_LANGUAGE_COOKIE = "xiaoan_lang"
_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).resolve().parent / "templates"),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def navigation(request: Request, language: Language, here: str = "") -> Markup:
    """The bar of links for whoever asks; its style is `/console/frame.css`.

    Args:
        here: key of the page that it stands on.
    """
    texts = catalogue(language)
    other: Language = "en" if language == "zh" else "zh"
    asked = [(k, v) for k, v in request.query_params.multi_items() if k != "lang"]
    bar = _PAGES.get_template("navigation.html").render(
        t=lambda key: texts[key],
        here=here,
        places=places_of(request),
        other_lang="en" if other == "en" else "zh-CN",
        other_url="?" + urlencode([*asked, ("lang", other)]),
    )
    return Markup(bar)  # noqa: S704  # drawn by our own template, which escapes


@router.get(
    "/start",
    response_class=HTMLResponse,
    dependencies=[Depends(needs(Right.KEEP_OWN_ACCOUNT))],
)
async def start_page(
    request: Request, service: ServiceDep, lang: Annotated[Language | None, Query()] = None
) -> HTMLResponse:
    """What each person can open here, each with a line on what it is for."""
    kept = request.cookies.get(_LANGUAGE_COOKIE, service.settings.language)
    language: Language = lang or ("en" if kept == "en" else "zh")
    site = service.desk.board.site
    texts = catalogue(language)
    page = _PAGES.get_template("start.html").render(
        html_lang="zh-CN" if language == "zh" else "en",
        t=lambda key: texts[key],
        site_name=site.name.en if language == "en" else site.name.zh,
        places=places_of(request),
        nav=navigation(request, language, "start"),
    )
    answer = HTMLResponse(page)
    if lang is not None:
        answer.set_cookie(_LANGUAGE_COOKIE, lang, max_age=31_536_000, samesite="strict")
    return answer

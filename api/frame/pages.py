"""The navigation that stands on every page, and the start page behind it."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from api.access.guard import needs
from api.access.rights import Right
from api.frame.drawing import TEMPLATES, AskedLanguage, Language, language_of
from api.frame.places import places_of
from api.service import ServiceDep

router = APIRouter(tags=["start page"], include_in_schema=False)


def navigation(request: Request, language: Language, here: str = "") -> Markup:
    """The bar of links for whoever asks; its style is `/console/frame.css`.

    Args:
        here: key of the page that it stands on.
    """
    other: Language = "en" if language == "zh" else "zh"
    asked = [(k, v) for k, v in request.query_params.multi_items() if k != "lang"]
    bar = TEMPLATES.html(
        "navigation.html",
        language,
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
    request: Request, service: ServiceDep, lang: AskedLanguage = None
) -> HTMLResponse:
    """What each person can open here, each with a line on what it is for."""
    language = language_of(request, lang)
    return TEMPLATES.draw(
        "start.html",
        language,
        keep=lang is not None,
        site_name=service.desk.board.site.name.in_language(language),
        places=places_of(request),
        nav=navigation(request, language, "start"),
    )

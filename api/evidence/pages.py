"""The player's page: clips of an alarm beside its density curve; no inline script or style."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from api.access.rights import Right
from api.evidence.register import Reason
from api.evidence.routes import EvidenceDep, Number, Player, seen_alarm
from api.frame.pages import navigation
from config.texts import catalogue

router = APIRouter(prefix="/evidence", tags=["evidence pages"], include_in_schema=False)

_FOLDER = Path(__file__).resolve().parent
_LANGUAGE_COOKIE = "xiaoan_lang"
_PAGES = Environment(
    loader=FileSystemLoader(_FOLDER / "templates"),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def mount_files(app: FastAPI) -> None:
    """Serve the page's style and script."""
    app.mount("/evidence-files", StaticFiles(directory=_FOLDER / "static"), name="evidence-files")


@router.get("/{number}", response_class=HTMLResponse)
async def player(
    number: Number,
    request: Request,
    evidence: EvidenceDep,
    actor: Player,
    lang: Annotated[Literal["zh", "en"] | None, Query()] = None,
) -> HTMLResponse:
    """One alarm's evidence."""
    alarm = await seen_alarm(evidence, actor, Right.PLAY_EVIDENCE, number)
    language: Literal["zh", "en"] = lang or (
        "en" if request.cookies.get(_LANGUAGE_COOKIE) == "en" else "zh"
    )
    texts = catalogue(language)
    page = _PAGES.get_template("player.html").render(
        html_lang="zh-CN" if language == "zh" else "en",
        t=lambda key: texts[key],
        number=number,
        nav=navigation(request, language),
        is_open=alarm.is_open,
        reasons=[reason.value for reason in Reason],
        may_export=actor.may(Right.REQUEST_EXPORT, site=evidence.desk.board.site.id),
    )
    return HTMLResponse(page)

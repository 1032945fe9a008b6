"""The coverage page: the plan with its layers, a time slider, faults, baselines and tasks."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

from api.access.guard import ActorDep, needs
from api.access.rights import Right
from api.coverage import signed
from api.coverage.signed import SignedAudit
from api.frame.drawing import AskedLanguage, Language, Pages, language_of
from api.frame.pages import navigation
from api.service import ServiceDep
from config.texts import catalogue
from vision.coverage.pixel_density import LADDERS

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
    """The plan and the confirmed audits; its script fetches how things stand."""
    language = language_of(request, lang)
    site = service.desk.board.site
    async with service.desk.database.read() as connection:
        audits = await signed.kept(connection)
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
        signed_audits=[_told(one, ZoneInfo(site.timezone)) for one in audits],
    )


def _told(one: SignedAudit, zone: ZoneInfo) -> dict[str, str | int]:
    """A confirmed audit as the page tells it, its times those of the site."""
    editions = {ladder.id: ladder.edition for ladder in LADDERS}
    made, at = (
        moment.to_datetime().astimezone(zone).strftime("%Y-%m-%d %H:%M")
        for moment in (one.made, one.confirmed)
    )
    return {
        "id": one.id,
        "made": made,
        "by": one.confirmed_by,
        "at": at,
        "ladder": editions.get(one.ladder_id, one.ladder_id),
        "sha256": one.sha256,
    }


@router.get("/coverage-texts/{lang}.json", dependencies=[Depends(needs(Right.SEE_COVERAGE))])
async def texts(lang: Language) -> dict[str, str]:
    """The texts that the page's script fills in."""
    return {
        key: value for key, value in catalogue(lang).items() if key.startswith(_TEXTS_FOR_BROWSER)
    }

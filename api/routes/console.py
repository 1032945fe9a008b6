"""The console's page, its files and its texts."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

from api.access.guard import PUBLIC, actor_of, needs
from api.access.rights import Right
from api.access.service import AccessService
from api.frame.drawing import AskedLanguage, Language, Pages, language_of
from api.frame.places import places_of
from api.service import Service, ServiceDep
from config.texts import catalogue

router = APIRouter(tags=["console"], include_in_schema=False)

_FOLDER = Path(__file__).resolve().parents[1] / "console"
PAGES = Pages(_FOLDER / "templates")
PAGE_BUILD = hashlib.sha256(
    b"".join(
        path.read_bytes()
        for path in sorted(
            (*_FOLDER.rglob("*.js"), *_FOLDER.rglob("*.css"), *_FOLDER.rglob("*.html"))
        )
    )
).hexdigest()[:16]
"""Of which build the desk is: a page that stayed open over an update sees that it is old."""
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
    "delivery.step.",
)


def mount_files(app: FastAPI) -> None:
    """Serve the console's scripts, styles and pictures."""
    app.mount("/console", StaticFiles(directory=_FOLDER / "static"), name="console")


@router.get("/", response_class=HTMLResponse, dependencies=[Depends(needs(Right.SEE_DESK))])
async def desk_page(
    request: Request, service: ServiceDep, lang: AskedLanguage = None
) -> HTMLResponse:
    """The guard's desk."""
    return await _live_page(request, service, lang, view="desk")


@router.get("/police", response_class=HTMLResponse, dependencies=[Depends(needs(Right.SEE_DESK))])
async def police_page(
    request: Request, service: ServiceDep, lang: AskedLanguage = None
) -> HTMLResponse:
    """The same desk for the police room: confirmed alarms of priority 1 and 2, and whom to call."""
    return await _live_page(request, service, lang, view="police")


async def _live_page(
    request: Request, service: Service, lang: Language | None, *, view: Literal["desk", "police"]
) -> HTMLResponse:
    accounts: AccessService | None = request.app.state.accounts
    actor = actor_of(request)
    language = language_of(request, lang)
    site = service.desk.board.site
    people = [
        {
            "role": one.role.in_language(language),
            "name": one.name.in_language(language),
            "phone": one.phone,
        }
        for one in service.desk.plan.people
    ]
    return PAGES.draw(
        "desk.html",
        language,
        keep=lang is not None,
        view=view,
        site_name=site.name.in_language(language),
        timezone=site.timezone,
        build=PAGE_BUILD,
        ladder={step.id: step.do for step in service.desk.plan.ladder},
        may_shelve=actor.may(Right.SHELVE_ALARM, site=site.id),
        people=people,
        sees_coverage=any(place.key == "coverage" for place in places_of(request)),
        session_end=None if accounts is None else await accounts.sessions.end_of(actor),
    )


# The texts are the same for everybody, the sign-in page included.
@router.get("/console-texts/{lang}.json", dependencies=[PUBLIC])
async def texts(lang: Language) -> dict[str, str]:
    """The texts that the page fills in by itself."""
    return {
        key: value for key, value in catalogue(lang).items() if key.startswith(_TEXTS_FOR_BROWSER)
    }

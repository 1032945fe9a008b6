"""The registers of who looked at pictures and recordings, as a page for those who answer for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from api.access.actor import Actor
from api.access.guard import needs
from api.access.rights import Right
from api.access.scoping import Reach
from api.evidence import register
from api.frame.drawing import AskedLanguage, language_of
from api.frame.pages import navigation
from api.pictures import Viewing, list_viewings
from api.routes.console import PAGES
from api.service import ServiceDep
from api.watched import WatchedSite
from config.texts import catalogue
from vision.instants import Utc

router = APIRouter(tags=["console"], include_in_schema=False)

_MOST = 300


@dataclass(frozen=True, slots=True)
class _Words:
    """Names and times of one site in one language."""

    lang: str
    site: WatchedSite

    def clock(self, at: Utc) -> str:
        zone = ZoneInfo(self.site.timezone)
        return at.to_datetime().astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")

    def camera(self, camera_id: str) -> str:
        """The camera's name; the id of one that has left the site, and nothing for all of them."""
        camera = self.site.camera.get(camera_id)
        return camera_id if camera is None else camera.name.in_language(self.lang)

    def who(self, one: Viewing | register.Line) -> str:
        """The name that was signed with, and the account behind it where that says more."""
        own = one.account in ("", one.viewer)
        return one.viewer if own else f"{one.viewer} ({one.account})"


@router.get("/viewings", response_class=HTMLResponse)
async def viewings(
    request: Request,
    service: ServiceDep,
    actor: Annotated[Actor, Depends(needs(Right.READ_VIEWINGS))],
    lang: AskedLanguage = None,
) -> HTMLResponse:
    """Who looked at which camera and recording, of those that the reader is answerable for."""
    language = language_of(request, lang)
    site = service.desk.board.site
    reach = Reach(actor, Right.READ_VIEWINGS, site)
    async with service.desk.database.read() as connection:
        live = await list_viewings(connection, _MOST, reach.cameras)
        played = await register.lines(connection, limit=_MOST, reach=reach)
    return PAGES.draw(
        "viewings.html",
        language,
        keep=lang is not None,
        nav=navigation(request, language, "viewings"),
        site_name=site.name.in_language(language),
        words=_Words(language, site),
        live=live,
        played=played,
        most=_MOST,
        has=catalogue(language).__contains__,
    )

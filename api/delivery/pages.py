"""The delivery page: targets, paths and their states, settings, tests, recent messages."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

from api.access.guard import ActorDep, needs
from api.access.rights import Right
from api.delivery.outbox import ENDED_BADLY
from api.delivery.routes import outbox_of
from api.delivery.settings_routes import SettingsDep
from api.delivery.view import read_view, recent_controls, recent_messages
from api.frame.drawing import AskedLanguage, Language, Pages, language_of
from api.frame.pages import navigation
from api.service import Service, ServiceDep
from config.delivery import DeliveryPath, Role
from config.texts import catalogue, known
from vision.instants import Utc

router = APIRouter(tags=["delivery page"], include_in_schema=False)

_FOLDER = Path(__file__).resolve().parent
_PAGES = Pages(_FOLDER / "templates")
DriverName = Literal["gb28181", "webhook", "mqtt", "dc09", "cap", "robot"]


def mount_files(app: FastAPI) -> None:
    """Serve the page's style and script."""
    app.mount("/delivery-files", StaticFiles(directory=_FOLDER / "static"), name="delivery-files")


@router.get(
    "/delivery",
    response_class=HTMLResponse,
    dependencies=[Depends(needs(Right.SEE_DELIVERY))],
)
async def page(
    request: Request,
    service: ServiceDep,
    settings: SettingsDep,
    actor: ActorDep,
    lang: AskedLanguage = None,
) -> HTMLResponse:
    """How delivery stands now."""
    site = service.desk.board.site
    plan = outbox_of(service).plan
    now = service.desk.clock.utc()
    async with service.desk.database.read() as connection:
        view = await read_view(connection, plan, now)
        messages = {
            target.id: await recent_messages(connection, target.id) for target in plan.targets
        }
        controls = await recent_controls(connection)
    zone = ZoneInfo(site.timezone)
    return drawn(
        request,
        service,
        "delivery.html",
        lang,
        plan=plan,
        file=settings.file,
        view=view,
        messages=messages,
        controls=controls,
        clock=lambda at: "" if at is None else _clock(at, zone),
        settings_of=lambda path: _settings(plan.target(path.target_id).path(path.path_id)),
        takers=[target for target in plan.targets if target.role is not Role.INFORMATION],
        may_test=actor.may(Right.TEST_DELIVERY),
        may_end=actor.may(Right.CONFIGURE_DELIVERY),
        may_set=actor.may(Right.CONFIGURE_DELIVERY) and plan.directory != Path(),
        can_go_again=ENDED_BADLY,
    )


def drawn(
    request: Request,
    service: Service,
    template: str,
    lang: Language | None,
    **values: object,
) -> HTMLResponse:
    """A page of delivery in the reader's language, within the site's frame."""
    language = language_of(request, lang)
    texts = catalogue(language)
    return _PAGES.draw(
        template,
        language,
        keep=lang is not None,
        known=lambda key: key in texts,
        step=lambda action: texts[f"action.{action}"] if known(f"action.{action}") else action,
        name_in=lambda name: name.in_language(language),
        nav=navigation(request, language, "delivery"),
        site_name=service.desk.board.site.name.in_language(language),
        **values,
    )


def _settings(path: DeliveryPath) -> list[tuple[str, str]]:
    """Key and value as written; secrets stand there as references only."""
    values = path.settings.model_dump()
    return [(key, str(value)) for key, value in values.items() if value is not None]


def _clock(at: Utc, zone: ZoneInfo) -> str:
    return at.to_datetime().astimezone(zone).strftime("%m-%d %H:%M:%S")

"""The settings pages: a form for each path, by its driver, and one for each target."""

from __future__ import annotations

from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from api.access.guard import needs
from api.access.rights import Right
from api.delivery.pages import DriverName, drawn
from api.delivery.settings_routes import SettingsDep
from api.delivery.view import read_view
from api.problems import Problem
from api.service import ServiceDep
from config.delivery import DeliveryPath, DeliveryPlan, DeliveryTarget
from config.delivery.drivers import DRIVERS
from config.delivery.form import FormKey, form_of

router = APIRouter(
    tags=["delivery settings page"],
    include_in_schema=False,
    dependencies=[Depends(needs(Right.CONFIGURE_DELIVERY))],
)

Language = Annotated[Literal["zh", "en"] | None, Query()]
Id = Annotated[str, Query(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]


@router.get("/delivery/settings/path", response_class=HTMLResponse)
async def path_page(
    request: Request,
    service: ServiceDep,
    settings: SettingsDep,
    target: Id,
    path: Id | None = None,
    driver: DriverName = "gb28181",
    lang: Language = None,
) -> HTMLResponse:
    """The form of one path; of a new one when no `path` is named."""
    plan, revision, fault = settings.present()
    known = _target(plan, target)
    found = None
    if path is not None:
        try:
            found = known.path(path)
        except KeyError:
            raise Problem(404, "delivery_unknown", name=path) from None
    return drawn(
        request,
        service,
        "path.html",
        lang,
        target=known,
        path=found,
        driver=found.driver if found else driver,
        fields=fields(form_of(found.driver if found else driver), found),
        drivers=tuple(DRIVERS),
        revision=revision,
        fault=fault,
    )


@router.get("/delivery/settings/target", response_class=HTMLResponse)
async def target_page(
    request: Request,
    service: ServiceDep,
    settings: SettingsDep,
    target: Id | None = None,
    driver: DriverName = "gb28181",
    lang: Language = None,
) -> HTMLResponse:
    """The form of one target; with that of its first path when no `target` is named."""
    plan, revision, fault = settings.present()
    known = None if target is None else _target(plan, target)
    waiting, oldest = 0, ""
    if known is not None:
        async with service.desk.database.read() as connection:
            view = await read_view(connection, plan, service.desk.clock.utc())
        (mine,) = (one for one in view.targets if one.target_id == known.id)
        waiting = mine.open_alarms
        if mine.oldest_open is not None:
            zone = ZoneInfo(service.desk.board.site.timezone)
            oldest = mine.oldest_open.to_datetime().astimezone(zone).strftime("%m-%d %H:%M:%S")
    return drawn(
        request,
        service,
        "target.html",
        lang,
        target=known,
        driver=driver,
        fields=fields(form_of(driver), None),
        drivers=tuple(DRIVERS),
        revision=revision,
        fault=fault,
        waiting=waiting,
        oldest=oldest,
    )


def fields(
    form: tuple[FormKey, ...], path: DeliveryPath | None
) -> list[tuple[FormKey, str | int | float | bool | None, str]]:
    """Key, its value as it holds now (never that of a secret), and where a secret is kept."""
    values = {} if path is None else path.settings.model_dump()
    found = []
    for key in form:
        value = values.get(key.name, key.default)
        kept = ""
        if key.kind == "secret":
            kept = "" if value is None else str(value).partition(":")[0]
            value = None
        found.append((key, value, kept))
    return found


def _target(plan: DeliveryPlan, target_id: str) -> DeliveryTarget:
    try:
        return plan.target(target_id)
    except KeyError:
        raise Problem(404, "delivery_unknown", name=target_id) from None

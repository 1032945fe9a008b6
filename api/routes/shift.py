"""Who is on duty at this console: a name, typed once when the shift starts.

At a shared desk it is the name that stands in the records, beside the account that signed in;
somebody with an account of their own is always on duty under its name.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Header, Request, Response
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import insert

from api.access import audit
from api.access.actor import Actor
from api.access.guard import (
    GUARD_COOKIE,
    ActorDep,
    cookie_name,
    name_on_duty,
    needs,
    typed_name,
)
from api.access.rights import Right
from api.database.tables import SHIFTS
from api.problems import Problem, responses
from api.routes.alarms import PersonName
from api.schemas import Body, with_examples
from api.service import ServiceDep

router = APIRouter(prefix="/api/v1/shift", tags=["shift"])

_SHIFT_S = 14 * 3_600
_NAME: TypeAdapter[str] = TypeAdapter(PersonName)


class StartBody(Body):
    """The name of the person who takes over."""

    model_config = with_examples({"name": "王芳"})

    name: PersonName


class EndBody(Body):
    """Nothing: the cookie says who leaves."""

    model_config = with_examples({})


class ShiftBody(Body):
    """Who is on duty in this browser; null before the shift starts."""

    name: str | None
    started_at: datetime | None = None


def viewer_name(typed: str) -> str:
    """The name that was typed in this browser; raises `Problem` 401 when there is none."""
    try:
        return _NAME.validate_python(typed)
    except ValidationError:
        raise Problem(401, "nobody_on_duty") from None


def duty_name(
    request: Request,
    actor: ActorDep,
    x_viewer: Annotated[str | None, Header(description="percent-encoded name")] = None,
) -> str:
    """The account's name, or at a shared desk the typed one; raises `Problem` 401 without it."""
    del x_viewer
    return name_of(actor, typed_name(request))


def name_of(actor: Actor, typed: str) -> str:
    """The same for code that has the actor and what was typed at hand."""
    return viewer_name(typed) if actor.shared else actor.name


@router.get("", responses=responses(401, 403))
async def current(
    request: Request, actor: Annotated[Actor, Depends(needs(Right.SEE_DESK))]
) -> ShiftBody:
    """Who is on duty in this browser."""
    try:
        return ShiftBody(name=name_of(actor, name_on_duty(request)))
    except Problem:
        return ShiftBody(name=None)


@router.post("", responses=responses(401, 403, 415, 422, 503))
async def start(
    request: Request,
    body: StartBody,
    response: Response,
    service: ServiceDep,
    actor: Annotated[Actor, Depends(needs(Right.KEEP_SHIFT))],
) -> ShiftBody:
    """Start a shift: the name is stored, and kept in a cookie for 14 hours."""
    now = service.desk.clock.utc()
    name = actor.sign(body.name)
    async with service.desk.database.write() as connection:
        await connection.execute(insert(SHIFTS).values(name=name, started_ns=now.ns))
        await audit.append(connection, actor, audit.Act("shift.started", name), now)
    cookie = cookie_name(request, GUARD_COOKIE)
    response.set_cookie(
        cookie, quote(name), max_age=_SHIFT_S, path="/", httponly=True, samesite="strict"
    )
    return ShiftBody(name=name, started_at=now.to_datetime())


@router.post(
    "/end",
    responses=responses(401, 403, 415, 422),
    dependencies=[Depends(needs(Right.KEEP_SHIFT))],
)
async def end(request: Request, body: EndBody, response: Response) -> ShiftBody:
    """End the shift in this browser."""
    del body
    cookie = cookie_name(request, GUARD_COOKIE)
    response.delete_cookie(cookie, path="/", httponly=True, samesite="strict")
    return ShiftBody(name=None)

"""Who is on duty at this console: a name, typed once when the shift starts.

It is a name and no proof of identity; accounts replace it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from urllib.parse import quote, unquote

from fastapi import APIRouter, Cookie, Header, Response
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import insert

from api.database.tables import SHIFTS
from api.problems import Problem, responses
from api.routes.alarms import PersonName
from api.schemas import Body, with_examples
from api.service import ServiceDep

router = APIRouter(prefix="/api/v1/shift", tags=["shift"])

COOKIE = "xiaoan_guard"
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


def viewer_name(
    cookie: Annotated[str | None, Cookie(alias=COOKIE)] = None,
    x_viewer: Annotated[str | None, Header(description="percent-encoded name")] = None,
) -> str:
    """The name behind a request; raises `Problem` 401 when there is none."""
    try:
        return _NAME.validate_python(unquote(x_viewer or cookie or ""))
    except ValidationError:
        raise Problem(401, "nobody_on_duty") from None


@router.get("")
async def current(cookie: Annotated[str | None, Cookie(alias=COOKIE)] = None) -> ShiftBody:
    """Who is on duty in this browser."""
    try:
        return ShiftBody(name=viewer_name(cookie))
    except Problem:
        return ShiftBody(name=None)


@router.post("", responses=responses(403, 415, 422, 503))
async def start(body: StartBody, response: Response, service: ServiceDep) -> ShiftBody:
    """Start a shift: the name is stored, and kept in a cookie for 14 hours."""
    now = service.desk.clock.utc()
    async with service.desk.database.write() as connection:
        await connection.execute(insert(SHIFTS).values(name=body.name, started_ns=now.ns))
    response.set_cookie(
        COOKIE, quote(body.name), max_age=_SHIFT_S, path="/", httponly=True, samesite="strict"
    )
    return ShiftBody(name=body.name, started_at=now.to_datetime())


@router.post("/end", responses=responses(403, 415, 422))
async def end(body: EndBody, response: Response) -> ShiftBody:
    """End the shift in this browser."""
    del body
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return ShiftBody(name=None)

"""Every error answer has one form: a code, a sentence in both languages, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException

from api.alarms.errors import AlarmError
from api.alarms.values import SYSTEM
from api.place_names import Name
from api.schemas import Body, NameBody
from config.texts import known, text

_LOG = structlog.get_logger(__name__)

_BODY_UNREAD = 400
_STATUS_OF_ALARM_ERROR = {"alarm_unknown": 404}


class ProblemBody(Body):
    """Why a request was refused."""

    code: str = Field(description="stable word for programs", examples=["alarm_changed"])
    message: NameBody = Field(description="one sentence for people, Chinese and English")
    mend: NameBody = Field(description="what to do about it")
    detail: str = Field(default="", description="place of the fault in the request, if one is")


class Problem(Exception):  # noqa: N818 - the name of the answer's form (RFC 9457)
    """A refusal with its HTTP status; `code` is a key `api.error.<code>` of the catalogue."""

    def __init__(
        self,
        status: int,
        code: str,
        *,
        detail: str = "",
        headers: Mapping[str, str] | None = None,
        **values: object,
    ) -> None:
        super().__init__(code)
        self.status = status
        self.headers = headers
        self.body = problem_body(code, values, detail=detail)


def problem_body(
    code: str, values: Mapping[str, object] = MappingProxyType({}), *, detail: str = ""
) -> ProblemBody:
    """The body of an error answer."""
    key = f"api.error.{code}"
    mend = f"{key}.mend"
    return ProblemBody(
        code=code,
        message=NameBody(
            zh=text(key, "zh", **_spoken(values, "zh")), en=text(key, "en", **_spoken(values, "en"))
        ),
        mend=NameBody(zh=text(mend, "zh"), en=text(mend, "en")),
        detail=detail,
    )


def _spoken(values: Mapping[str, object], language: str) -> dict[str, object]:
    """The values of a sentence, those that are words in its language."""
    return {
        key: value.in_language(language) if isinstance(value, Name) else value
        for key, value in values.items()
    }


def _in_words(values: Mapping[str, str | int]) -> dict[str, object]:
    """What a refused alarm tells of itself, as the desk calls it and not as the record does."""
    said: dict[str, object] = dict(values)
    if "state" in values:
        said["state"] = Name.said(f"alarm.state.{values['state']}")
    if values.get("name") == SYSTEM:
        said["name"] = Name.said("alarm.system")
    return said


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The error answers of a route for its OpenAPI entry."""
    return {
        status: {
            "model": ProblemBody,
            "description": _MEANING[status],
            "content": {
                "application/json": {"example": problem_body(*_EXAMPLE[status]).model_dump()}
            },
        }
        for status in statuses
    }


_MEANING = {
    401: "nobody is signed in or on duty in this browser, or the token is wrong",
    403: "the right is missing, or the request comes from a foreign page",
    404: "nothing has this id",
    409: "it changed since the page was drawn, or the step is not possible now",
    413: "the body is too large",
    415: "the body is not JSON",
    422: "the body or a parameter has the wrong form",
    429: "too many wrong tries; `Retry-After` says how many seconds to wait",
    502: "the camera's worker or another house does not answer",
    503: "the service is not ready, or the camera has no picture yet",
}
_EXAMPLE: dict[int, tuple[str, dict[str, object]]] = {
    401: ("sign_in_needed", {}),
    403: ("right_missing", {"right": Name.said("right.close_alarm")}),
    404: ("alarm_unknown", {"number": 12}),
    409: ("alarm_changed", {"number": 12, "version": 4}),
    413: ("body_too_large", {}),
    415: ("not_json", {}),
    422: ("request_invalid", {}),
    429: ("sign_in_wait", {"seconds": 4}),
    502: ("worker_silent", {"camera": "cam-stair"}),
    503: ("no_picture_yet", {"camera": "cam-stair"}),
}


def install_handlers(app: FastAPI, told: Callable[[SQLAlchemyError], str] = str) -> None:
    """Turn every refusal and failure of `app` into a problem body.

    `told` says of a database's error, for the log, what is refused and the mend.
    """

    @app.exception_handler(Problem)
    async def refused(request: Request, error: Problem) -> JSONResponse:
        del request
        return _answer(error.status, error.body, error.headers)

    @app.exception_handler(AlarmError)
    async def alarm_refused(request: Request, error: AlarmError) -> JSONResponse:
        del request
        status = _STATUS_OF_ALARM_ERROR.get(error.code, 409)
        return _answer(status, problem_body(error.code, _in_words(error.values)))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        del request
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        body = problem_body("request_invalid", detail=f"{where}: {first['msg']}")
        return _answer(422, body)

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> JSONResponse:
        del request
        if error.status_code == _BODY_UNREAD:
            # A body that no reader of JSON takes: nested too deeply, or with endless numbers.
            return _answer(422, problem_body("request_invalid", detail="body"))
        code = f"http_{error.status_code}"
        if not known(f"api.error.{code}"):
            code = "http_other"
        return _answer(error.status_code, problem_body(code), error.headers)

    @app.exception_handler(SQLAlchemyError)
    async def database_refused(request: Request, error: SQLAlchemyError) -> JSONResponse:
        # As the route is written: the path of a calendar's feed holds its secret.
        path = getattr(request.scope.get("route"), "path", "")
        _LOG.error("api.database_refused", path=path, error=told(error))
        return _answer(503, problem_body("database_refused"), {"Retry-After": "2"})


def _answer(
    status: int, body: ProblemBody, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    return JSONResponse(body.model_dump(), status_code=status, headers=dict(headers or {}))

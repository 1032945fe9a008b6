"""A person who opens a page is refused with a page; programs get the problem body as it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from urllib.parse import urlsplit

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError

from api.access.actor import Actor
from api.access.guard import Access
from api.frame.drawing import TEMPLATES, language_of
from api.frame.pages import navigation
from api.problems import ProblemBody
from config.texts import known, text

Handler = Callable[[Request, Exception], Awaitable[Response]]


def install_refusal_pages(app: FastAPI) -> None:
    """Let every handler of refusals that `app` has by then answer people with a page."""
    for kind, handler in list(app.exception_handlers.items()):
        app.exception_handlers[kind] = _with_page(handler)  # type: ignore[arg-type]


def _with_page(handler: Handler) -> Handler:
    @wraps(handler)
    async def answer(request: Request, error: Exception) -> Response:
        found = await handler(request, error)
        if not isinstance(found, JSONResponse) or not _is_page(request):
            return found
        return await _page(request, found)

    return answer


def _is_page(request: Request) -> bool:
    """Whether a person's browser shows the answer as a page."""
    if request.scope["type"] != "http" or request.url.path.startswith("/api/"):
        return False
    return "text/html" in request.headers.get("accept", "")


async def _page(request: Request, refusal: JSONResponse) -> Response:
    body = ProblemBody.model_validate_json(bytes(refusal.body))
    await _look_for_actor(request)
    language = language_of(request, None)
    mend = f"frame.refusal.{body.code}.mend"
    html = TEMPLATES.html(
        "refusal.html",
        language,
        message=getattr(body.message, language),
        mend=text(mend, language) if known(mend) else getattr(body.mend, language),
        detail=body.detail,
        back=_back(request),
        nav=navigation(request, language),
    )
    kept = {k: v for k, v in refusal.headers.items() if not k.startswith("content-")}
    return Response(html, refusal.status_code, kept, "text/html")


async def _look_for_actor(request: Request) -> None:
    """An address that no route has names nobody: who asks still finds the way to the pages."""
    access: Access | None = getattr(request.app.state, "access", None)
    if access is None or isinstance(getattr(request.state, "actor", None), Actor):
        return
    try:
        request.state.actor = await access.actor_of(request)
    except SQLAlchemyError:
        # The refusal may be about that very database; the page then has no links.
        return


def _back(request: Request) -> str:
    """The page of this service that led here, else the start page."""
    try:
        came = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        return "/start"
    if came.netloc != request.url.netloc or came.path == request.url.path or not came.path:
        return "/start"
    # Two slashes at the front would name another host.
    path = f"/{came.path.lstrip('/')}"
    return f"{path}?{came.query}" if came.query else path


__all__ = ["install_refusal_pages"]

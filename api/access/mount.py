"""Put accounts into the application."""

from __future__ import annotations

from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from api.access import audit_routes, pages, routes, session_routes
from api.access.actor import Actor
from api.access.errors import AccountRefusal, SignInRefusal
from api.access.guard import Access
from api.access.oidc import routes as oidc_routes
from api.access.rights import Right
from api.access.service import AccessService
from api.problems import Problem, problem_body

_STATUS = {"account_unknown": 404, "role_not_yours": 403}
_STATUS_OF_SIGN_IN = {"sign_in_wait": 429, "set_up_over": 409}


def install_access(app: FastAPI, access: Access | None, accounts: AccessService | None) -> None:
    """Let `app` ask `access` who is behind each request; pages and routes of accounts."""
    app.state.access = access
    app.state.accounts = accounts
    app.include_router(routes.router)
    app.include_router(session_routes.router)
    app.include_router(audit_routes.router)
    app.include_router(oidc_routes.router)
    app.include_router(pages.router)
    pages.mount_files(app)

    @app.exception_handler(AccountRefusal)
    async def refused(request: Request, error: AccountRefusal) -> JSONResponse:
        del request
        if isinstance(error, SignInRefusal):
            status = _STATUS_OF_SIGN_IN.get(error.code, 401)
        else:
            status = _STATUS.get(error.code, 409)
        headers = {"Retry-After": str(error.values["seconds"])} if status == 429 else {}
        return JSONResponse(
            problem_body(error.code, error.values).model_dump(), status, headers=headers
        )

    inner = app.exception_handlers[Problem]

    @app.exception_handler(Problem)
    async def maybe_sign_in(request: Request, error: Problem) -> Response:
        """A person who opens a page is led to the sign-in; a program gets the refusal."""
        page = request.method == "GET" and not request.url.path.startswith("/api/")
        wants_page = "text/html" in request.headers.get("accept", "")
        if error.body.code == "sign_in_needed" and page and wants_page:
            return RedirectResponse(f"/sign-in?next={quote(request.url.path)}", 303)
        if error.status == 403 and wants_page and request.url.path == "/":
            return RedirectResponse("/plan" if _plans(request) else "/start", 303)
        answer: Response = await inner(request, error)  # type: ignore[misc]
        return answer


def _plans(request: Request) -> bool:
    """Somebody without a desk whose work is the safety plan: its start page is theirs.

    Everybody else without a desk gets the start page with what is open to them.
    """
    actor = getattr(request.state, "actor", None)
    return isinstance(actor, Actor) and actor.may(Right.SEE_PLAN)

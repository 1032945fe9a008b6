"""Put the plan into the application."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from api.plan import pages, paper_routes, routes
from api.plan.errors import NotFoundRefusal, PlanRefusal
from api.plan.service import PlanService
from api.problems import problem_body


def install_plan(app: FastAPI, plan: PlanService) -> None:
    """Mount the plan's routes on `app` and let them work with `plan`."""
    app.state.plan = plan
    for module in (routes, paper_routes, pages):
        app.include_router(module.router)
    pages.mount_files(app)

    @app.exception_handler(PlanRefusal)
    async def refused(request: Request, error: PlanRefusal) -> JSONResponse:
        del request
        status = 404 if isinstance(error, NotFoundRefusal) else 409
        body = problem_body(error.code, error.values)
        return JSONResponse(body.model_dump(), status)

"""Put the plan into the application."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from api.plan import (
    calendar_routes,
    camera_routes,
    certificate_routes,
    day_routes,
    file_routes,
    hazard_routes,
    incident_routes,
    pages,
    record_pages,
    routes,
    task_routes,
    wall_pages,
    wall_routes,
    work_pages,
)
from api.plan.errors import FormRefusal, NotFoundRefusal, PlanRefusal
from api.plan.page_frame import mount_pages
from api.plan.reports import import_routes
from api.plan.reports import pages as report_pages
from api.plan.reports import routes as report_routes
from api.plan.service import PlanService
from api.problems import problem_body

ROUTERS = (
    *(routes, hazard_routes, incident_routes, certificate_routes, task_routes, file_routes),
    *(camera_routes, report_routes, report_pages, import_routes, calendar_routes),
    *(wall_routes, day_routes, pages, work_pages, record_pages, wall_pages),
)
_STATUS: dict[type[PlanRefusal], int] = {NotFoundRefusal: 404, FormRefusal: 422}


def install_plan(app: FastAPI, plan: PlanService) -> None:
    """Mount the plan's routes on `app` and let them work with `plan`."""
    app.state.plan = plan
    for module in ROUTERS:
        app.include_router(module.router)
    for module in (import_routes, calendar_routes):
        app.include_router(module.page_router)
    mount_pages(app)

    @app.exception_handler(PlanRefusal)
    async def refused(request: Request, error: PlanRefusal) -> JSONResponse:
        del request
        status = _STATUS.get(type(error), 409)
        body = problem_body(error.code, error.values)
        return JSONResponse(body.model_dump(), status)

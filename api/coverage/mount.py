"""Put live coverage into the application."""

from __future__ import annotations

from fastapi import FastAPI

from api.coverage import audit_routes, floor_routes, pages, routes
from api.coverage.watch import CoverageWatch


def install_coverage(app: FastAPI, watch: CoverageWatch) -> None:
    """Mount the routes and the page on `app` and let them work with `watch`."""
    app.state.coverage = watch
    app.include_router(routes.router)
    app.include_router(floor_routes.router)
    app.include_router(audit_routes.router)
    app.include_router(pages.router)
    pages.mount_files(app)

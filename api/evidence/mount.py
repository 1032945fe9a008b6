"""Put the evidence into the application."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from api.evidence import pages, routes
from api.evidence.errors import EvidenceError
from api.evidence.service import EvidenceService
from api.problems import problem_body


def install_evidence(app: FastAPI, evidence: EvidenceService) -> None:
    """Mount the routes and the player's page on `app` and let them work with `evidence`."""
    app.state.evidence = evidence
    app.include_router(routes.router)
    app.include_router(pages.router)
    pages.mount_files(app)

    @app.exception_handler(EvidenceError)
    async def refused(request: Request, error: EvidenceError) -> JSONResponse:
        del request
        return JSONResponse(problem_body(error.code, error.values).model_dump(), error.status)

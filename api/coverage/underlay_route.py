"""The picture under a floor's plan, for the coverage page."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends
from fastapi.responses import FileResponse

from api.access.guard import needs
from api.access.rights import Right
from api.coverage.routes import WatchDep
from api.problems import Problem, responses

router = APIRouter(prefix="/api/v1", tags=["coverage"])

_PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/png": {}, "image/jpeg": {}}, "description": "the picture"}
}


@router.get(
    "/coverage/floors/{floor_id}/underlay",
    dependencies=[Depends(needs(Right.SEE_COVERAGE))],
    response_class=FileResponse,
    responses=responses(401, 403, 404, 422) | _PICTURE,
)
async def underlay(floor_id: str, watch: WatchDep) -> FileResponse:
    """The picture as it lies beside the site file."""
    floors = {floor.id: floor for floor in watch.site.floors}
    floor = floors.get(floor_id)
    if floor is None or floor.underlay is None or not floor.underlay.path.is_file():
        raise Problem(404, "underlay_unknown")
    return FileResponse(floor.underlay.path)

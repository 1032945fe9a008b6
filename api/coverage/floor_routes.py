"""What the coverage page asks for floor by floor: the picture under the plan, and density."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from fastapi import APIRouter, Depends
from fastapi.responses import FileResponse

from api.access.guard import needs
from api.access.rights import Right
from api.coverage.bodies import DensityBody
from api.coverage.routes import WatchDep
from api.problems import Problem, responses
from vision.coverage.pixel_density import LADDERS

router = APIRouter(prefix="/api/v1", tags=["coverage"])

LadderId = Literal["dori-2014", "iec-2025"]
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


@router.get(
    "/coverage/floors/{floor_id}/density",
    dependencies=[Depends(needs(Right.SEE_COVERAGE))],
    responses=responses(401, 403, 404, 422, 503),
)
async def density(floor_id: str, watch: WatchDep, ladder: LadderId = "dori-2014") -> DensityBody:
    """At which step of a ladder each camera shows the required areas; as drawn."""
    if watch.live is None:
        raise Problem(503, "coverage_not_ready", headers={"Retry-After": "2"})
    if floor_id not in {floor.id for floor in watch.site.floors}:
        raise Problem(404, "floor_unknown")
    steps = {one.id: one for one in LADDERS}[ladder]
    found = await asyncio.to_thread(watch.live.density, floor_id, steps)
    return DensityBody.model_validate(found)

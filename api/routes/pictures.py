"""Pictures of cameras, for named people only, and the register of viewings."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from api.access.actor import Actor
from api.access.guard import needs
from api.access.rights import Right
from api.access.scoping import Reach
from api.pictures import WorkerSilentError, list_viewings
from api.problems import Problem, responses
from api.routes.shift import duty_name
from api.schemas import Body
from api.service import ServiceDep

router = APIRouter(prefix="/api/v1", tags=["pictures"])


class ViewingBody(Body):
    """Somebody looked at a camera within five minutes of `first_at`."""

    viewer: str
    account: str
    camera_id: str
    first_at: datetime


class ViewingsBody(Body):
    """The register, newest first."""

    viewings: tuple[ViewingBody, ...]


_JPEG: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/jpeg": {}}, "description": "the newest picture"}
}


@router.get(
    "/cameras/{camera_id}/picture.jpg",
    response_class=Response,
    responses={**_JPEG, **responses(401, 403, 404, 502, 503)},
)
async def picture(
    camera_id: str,
    service: ServiceDep,
    actor: Annotated[Actor, Depends(needs(Right.SEE_PICTURE))],
    viewer: Annotated[str, Depends(duty_name)],
) -> Response:
    """The newest annotated picture; `X-Captured-At` tells when it was taken, where known.

    The viewing is on record before the picture is given. Needs a name: a started shift, or the
    `X-Viewer` header.
    """
    counter = service.desk.metrics.pictures
    if camera_id not in service.desk.board.site.camera:
        raise Problem(404, "camera_unknown", camera=camera_id)
    await service.viewings.record(viewer, camera_id, actor)
    try:
        found = await service.pictures.latest(camera_id)
    except WorkerSilentError:
        counter.labels("worker_silent").inc()
        raise Problem(502, "worker_silent", camera=camera_id) from None
    if found is None:
        counter.labels("none").inc()
        raise Problem(503, "no_picture_yet", camera=camera_id, headers={"Retry-After": "1"})
    counter.labels("given").inc()
    headers = {"X-Captured-At": found.captured_at} if found.captured_at else {}
    return Response(found.jpeg, media_type="image/jpeg", headers=headers)


@router.get("/viewings", responses=responses(401, 403, 422, 503))
async def viewings(
    service: ServiceDep,
    actor: Annotated[Actor, Depends(needs(Right.READ_VIEWINGS))],
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> ViewingsBody:
    """Who looked at which camera, of the cameras that the reader is answerable for."""
    reach = Reach(actor, Right.READ_VIEWINGS, service.desk.board.site)
    async with service.desk.database.read() as connection:
        found = await list_viewings(connection, limit, reach.cameras)
    return ViewingsBody(
        viewings=tuple(
            ViewingBody(
                viewer=one.viewer,
                account=one.account,
                camera_id=one.camera_id,
                first_at=one.first_at.to_datetime(),
            )
            for one in found
        )
    )

"""Files: attachments and calendar feeds."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Response
from fastapi.responses import FileResponse

from api.access.guard import PUBLIC
from api.access.rights import Right
from api.plan import attachments, feeds
from api.plan.asking import (
    LedgerReader,
    Number,
    PlanDep,
    RecordReader,
    RecordWriter,
    UnitId,
)
from api.plan.attachment_bodies import AttachmentIn, AttachmentOut
from api.plan.bodies import NothingIn
from api.plan.sights import shown
from api.plan.subjects import check_file, check_subject
from api.plan.today import between
from api.problems import responses
from api.schemas import Body

router = APIRouter(prefix="/api/v1/plan", tags=["plan"])

MOST_LINES = 20_000


class FeedOut(Body):
    """A new calendar address; it is shown this once."""

    id: int
    path: str


@router.post("/units/{unit_id}/feeds", responses=responses(401, 403, 404, 415, 422, 503))
async def grant_feed(
    unit_id: UnitId, body: NothingIn, plan: PlanDep, viewer: LedgerReader
) -> FeedOut:
    """A calendar address for the viewer."""
    del body
    async with plan.writing(viewer, unit_id) as (connection, desk):
        number, token = await feeds.grant(connection, desk, viewer)
    return FeedOut(id=number, path=f"{router.prefix}/feeds/{token}.ics")


@router.post(
    "/units/{unit_id}/feeds/{number}/revoke",
    status_code=204,
    responses=responses(401, 403, 404, 415, 422, 503),
)
async def revoke_feed(
    unit_id: UnitId, number: Number, body: NothingIn, plan: PlanDep, viewer: LedgerReader
) -> None:
    """End a calendar address at once: one's own, or anybody's for who reviews the plan."""
    del body
    own_only = not viewer.may(Right.REVIEW_PLAN, unit_id)
    async with plan.writing(viewer, unit_id) as (connection, desk):
        await feeds.revoke(connection, desk, number, viewer.name, own_only=own_only)


@router.post(
    "/units/{unit_id}/attachments", responses=responses(401, 403, 404, 409, 413, 415, 422, 503)
)
async def attach(
    unit_id: UnitId, body: AttachmentIn, plan: PlanDep, viewer: RecordWriter
) -> AttachmentOut:
    """Add a photograph or a paper to a record, a hazard, an incident or a task."""
    content = attachments.decoded(body.content_base64)
    async with plan.writing(viewer, unit_id) as (connection, desk):
        await check_subject(plan, viewer, connection, desk, body.subject)
        digest = await asyncio.to_thread(attachments.store, plan.attachments, content)
        return await attachments.attach(
            connection, desk, body, digest, author=viewer.name, size=len(content)
        )


@router.get("/units/{unit_id}/attachments/{number}", responses=responses(401, 403, 404, 422, 503))
async def download(
    unit_id: UnitId, number: Number, plan: PlanDep, viewer: RecordReader
) -> FileResponse:
    """The file as it was sent; always a download, never shown in the page."""
    async with plan.writing(viewer, unit_id) as (connection, desk):
        await check_file(plan, viewer, connection, desk, number)
        found = await attachments.one(connection, desk, number)
        await attachments.note_download(connection, desk, viewer, f"attachment:{number}")
    path = attachments.path_of(plan.attachments, found.sha256)
    return FileResponse(path, media_type="application/octet-stream", filename=found.name)


# The secret in the address is the key: calendars of phones cannot sign in.
@router.get("/feeds/{token}.ics", dependencies=[PUBLIC], responses=responses(404, 422, 503))
async def feed(
    token: Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{20,80}$")], plan: PlanDep
) -> Response:
    """The calendar behind a secret address."""
    today = plan.today()
    async with plan.database.read() as connection:
        found = await feeds.opened_by(connection, token, plan.clock.utc())
        lines = await between(
            connection, found.unit_no, today - feeds.PAST, today + feeds.AHEAD, MOST_LINES
        )
    names = {unit.id: unit.name_zh for unit in plan.edition.units}
    content = feeds.calendar_text(
        names.get(found.unit_id, found.unit_id),
        found.unit_id,
        shown(plan, found.viewer, found.unit_id, lines),
        plan.edition,
        plan.clock.utc(),
    )
    return Response(content, media_type="text/calendar; charset=utf-8")

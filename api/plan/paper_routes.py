"""Files: attachments, calendar feeds and the papers that offices file."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import FileResponse
from sqlalchemy import func, select

from api.access.guard import PUBLIC
from api.plan import attachments, feeds, hazard_store
from api.plan.asking import (
    Exporter,
    LedgerReader,
    Number,
    PlanDep,
    RecordReader,
    RecordWriter,
    UnitId,
)
from api.plan.bodies import AttachmentIn, AttachmentOut, NothingIn
from api.plan.errors import StepRefusal
from api.plan.half_month import Period, figures
from api.plan.layout import Sheet, evaluation_sheet, half_month_sheets, plan_sheet
from api.plan.tables import PLAN_RECORDS, day_number
from api.plan.today import between
from api.problems import responses
from api.schemas import Body

router = APIRouter(prefix="/api/v1/plan", tags=["plan"])

MEDIA = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}
MOST_LINES = 20_000


class Form(StrEnum):
    """File form of a paper."""

    XLSX = "xlsx"
    DOCX = "docx"


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
        number, token = await feeds.grant(connection, desk, viewer.name)
    return FeedOut(id=number, path=f"{router.prefix}/feeds/{token}.ics")


@router.post(
    "/units/{unit_id}/feeds/{number}/revoke",
    status_code=204,
    responses=responses(401, 403, 404, 415, 422, 503),
)
async def revoke_feed(
    unit_id: UnitId, number: Number, body: NothingIn, plan: PlanDep, viewer: LedgerReader
) -> None:
    """End a calendar address at once."""
    del body
    async with plan.writing(viewer, unit_id) as (connection, desk):
        await feeds.revoke(connection, desk, number, viewer.name)


@router.post(
    "/units/{unit_id}/attachments", responses=responses(401, 403, 404, 409, 413, 415, 422, 503)
)
async def attach(
    unit_id: UnitId, body: AttachmentIn, plan: PlanDep, viewer: RecordWriter
) -> AttachmentOut:
    """Add a photograph or a paper to a record, a hazard or an incident."""
    content = attachments.decoded(body.content_base64)
    async with plan.writing(viewer, unit_id) as (connection, desk):
        digest = await asyncio.to_thread(attachments.store, plan.attachments, content)
        return await attachments.attach(
            connection, desk, body, digest, author=viewer.name, size=len(content)
        )


@router.get("/units/{unit_id}/attachments/{number}", responses=responses(401, 404, 422, 503))
async def download(
    unit_id: UnitId, number: Number, plan: PlanDep, viewer: RecordReader
) -> FileResponse:
    """The file as it was sent; always a download, never shown in the page."""
    async with plan.reading(viewer, unit_id) as (connection, desk):
        found = await attachments.one(connection, desk, number)
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
        unit_no, unit_id = await feeds.unit_of(connection, token)
        lines = await between(
            connection, unit_no, today - feeds.PAST, today + feeds.AHEAD, MOST_LINES
        )
    names = {unit.id: unit.name_zh for unit in plan.edition.units}
    rules = {rule.id: rule for rule in plan.edition.catalogue.rules()}
    content = feeds.calendar_text(
        names.get(unit_id, unit_id), unit_id, lines, rules, plan.clock.utc()
    )
    return Response(content, media_type="text/calendar; charset=utf-8")


@router.get("/papers/plan.{form}", responses=responses(401, 422, 503))
async def plan_paper(form: Form, plan: PlanDep, viewer: LedgerReader) -> Response:
    """The plan as its own five-column table."""
    del viewer
    sheets = (plan_sheet(plan.edition.catalogue),)
    return _paper(form, sheets, f"安全工作计划_{plan.edition.catalogue.version}")


@router.get(
    "/units/{unit_id}/papers/half-month.{form}", responses=responses(401, 404, 409, 422, 503)
)
async def half_month_paper(
    unit_id: UnitId,
    form: Form,
    plan: PlanDep,
    viewer: Exporter,
    day: Annotated[date | None, Query(description="any day of the half; today")] = None,
) -> Response:
    """The half-month pack; refused when its figures do not reconcile."""
    period = Period.of(day or plan.today())
    async with plan.reading(viewer, unit_id) as (connection, desk):
        hazards = await hazard_store.in_period(connection, desk.unit_no, period.first, period.last)
        lines = await between(connection, desk.unit_no, period.first, period.last)
        columns = PLAN_RECORDS.c
        count = select(func.count()).where(
            columns.unit_no == desk.unit_no,
            columns.kind == "inspection",
            columns.state != "draft",
            columns.happened_day.between(day_number(period.first), day_number(period.last)),
        )
        inspections = int((await connection.execute(count)).scalar_one())
    titles = {rule.id: rule.zh for rule in plan.edition.catalogue.rules()}
    result = figures(period, hazards, inspections)
    sheets = half_month_sheets(desk.unit, period, result, hazards, lines, titles)
    return _paper(form, sheets, f"{desk.unit.name_zh}_半月报_{period.name}")


@router.get("/units/{unit_id}/papers/evaluation.{form}", responses=responses(401, 404, 422, 503))
async def evaluation_paper(
    unit_id: UnitId,
    form: Form,
    plan: PlanDep,
    viewer: Exporter,
    first: Annotated[date, Query(alias="from")],
    last: Annotated[date, Query(alias="to")],
) -> Response:
    """The term's evaluation: automatic columns filled, those of people left empty."""
    async with plan.reading(viewer, unit_id) as (connection, desk):
        lines = await between(connection, desk.unit_no, first, last, MOST_LINES)
    sheet = evaluation_sheet(desk.unit, first, last, plan.edition.catalogue, lines)
    return _paper(form, (sheet,), f"{desk.unit.name_zh}_学期评价_{first}_{last}")


def _paper(form: Form, sheets: Sequence[Sheet], name: str) -> Response:
    try:
        from api.plan import sheets as writer  # the `reports` extra may be absent
    except ImportError as error:
        raise StepRefusal("plan_reports_missing") from error
    content = writer.xlsx(sheets) if form is Form.XLSX else writer.docx(sheets)
    file_name = quote(f"{name}.{form.value}")
    disposition = f"attachment; filename*=UTF-8''{file_name}"
    headers = {"Content-Disposition": disposition}
    return Response(content, media_type=MEDIA[form.value], headers=headers)

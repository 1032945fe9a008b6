"""`/api/v1/plan/.../reports` and `/evaluation`: papers that are made and kept, and their scores."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query, Response
from fastapi.responses import FileResponse

from api.access.guard import right_missing
from api.access.rights import Right
from api.plan import attachments
from api.plan.asking import (
    CHANGE,
    PREFIX,
    READ,
    Exporter,
    LedgerReader,
    Number,
    PlanDep,
    RecordWriter,
    ScoreReader,
    ScoreWriter,
    UnitId,
)
from api.plan.bodies import ReceiptIn
from api.plan.reports import issued, making, scores
from api.plan.reports.agreement import disagreements
from api.plan.reports.bodies import (
    EvaluationOut,
    IssuedOut,
    PreviewOut,
    PrivacyIn,
    ReportOrder,
    ScoreIn,
)
from api.plan.reports.evaluation import Evaluation, evaluate
from api.plan.reports.gathering import Gathered, gather
from api.plan.reports.issued import NewPaper
from api.plan.reports.making import prepare
from api.plan.reports.periods import ReportKind, term_of
from api.plan.reports.photos import say_privacy
from api.plan.reports.scores import Judge, Score
from api.plan.reports.sheet import plan_paper
from api.plan.reports.writing import Form, write_paper
from api.plan.service import PlanService
from api.plan.subjects import check_file
from api.plan.viewer import PlanViewer
from api.problems import responses
from config.moments import Day

router = APIRouter(prefix=PREFIX, tags=["plan reports"])

MEDIA = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "pdf": "application/pdf",
    "zip": "application/zip",
}
AnyDay = Annotated[Day | None, Query(description="any day of the period; today")]


@router.get("/papers/plan.{form}", responses=responses(401, 403, 409, 422, 503))
async def plan_table(form: Form, plan: PlanDep, viewer: LedgerReader) -> Response:
    """The plan as its own five-column table."""
    del viewer
    paper = plan_paper(plan.edition.catalogue_of(plan.today().year))
    chosen = Form.XLSX if form is Form.ZIP else form
    content = await asyncio.to_thread(write_paper, paper, chosen)
    headers = {"Content-Disposition": disposition(f"{paper.name}.{chosen.value}")}
    return Response(content, media_type=MEDIA[chosen.value], headers=headers)


@router.get("/units/{unit_id}/reports", responses=READ)
async def listed(unit_id: UnitId, plan: PlanDep, viewer: Exporter) -> tuple[IssuedOut, ...]:
    """Papers that were made, newest first."""
    async with plan.reading(viewer, unit_id) as (connection, desk):
        papers = await issued.listed(connection, desk.unit_no)
    return tuple(IssuedOut.of(one) for one in papers)


@router.get("/units/{unit_id}/reports/preview", responses=CHANGE)
async def preview(
    unit_id: UnitId, kind: ReportKind, plan: PlanDep, viewer: Exporter, day: AnyDay = None
) -> PreviewOut:
    """What a paper would say now."""
    return PreviewOut.of(await prepare(plan, viewer, unit_id, kind, day or plan.today()))


@router.post("/units/{unit_id}/reports", responses=CHANGE)
async def make(unit_id: UnitId, body: ReportOrder, plan: PlanDep, viewer: Exporter) -> IssuedOut:
    """Make a paper and keep it; refused with the rows that disagree when figures do."""
    prepared = await prepare(plan, viewer, unit_id, body.kind, body.day or plan.today())
    content = await making.written(plan, prepared, body.form, viewer.name)
    digest = await asyncio.to_thread(attachments.store, plan.attachments, content)
    paper = NewPaper(
        kind=body.kind,
        period=prepared.found.period,
        name=f"{prepared.name}.{body.form.value}",
        sha256=digest,
        size=len(content),
        figures=dict(prepared.figures()),
        records=tuple(one.id for one in prepared.found.records),
    )
    async with plan.writing(viewer, unit_id) as (connection, desk):
        return IssuedOut.of(await issued.note(connection, desk, paper, viewer.name))


@router.get("/units/{unit_id}/reports/{number}/file", responses=READ)
async def download(
    unit_id: UnitId, number: Number, plan: PlanDep, viewer: Exporter
) -> FileResponse:
    """The very bytes that were made then."""
    async with plan.writing(viewer, unit_id) as (connection, desk):
        found = await issued.one(connection, desk, number)
        await attachments.note_download(connection, desk, viewer, f"paper:{number}")
    path = attachments.path_of(plan.attachments, found.sha256)
    media = MEDIA[found.name.rpartition(".")[2]]
    return FileResponse(
        path, media_type=media, headers={"Content-Disposition": disposition(found.name)}
    )


@router.post("/units/{unit_id}/reports/{number}/receipt", responses=CHANGE)
async def receipt(
    unit_id: UnitId, number: Number, body: ReceiptIn, plan: PlanDep, viewer: Exporter
) -> IssuedOut:
    """Note the receipt of the upload; the period's own inspections count with it."""
    async with plan.writing(viewer, unit_id) as (connection, desk):
        return IssuedOut.of(
            await issued.note_receipt(connection, desk, number, body.receipt_no, viewer.name)
        )


@router.post("/units/{unit_id}/attachments/{number}/privacy", status_code=204, responses=CHANGE)
async def privacy(
    unit_id: UnitId, number: Number, body: PrivacyIn, plan: PlanDep, viewer: RecordWriter
) -> None:
    """Say whether a picture may leave: nobody to recognise, made so, or kept here."""
    async with plan.writing(viewer, unit_id) as (connection, desk):
        await check_file(plan, viewer, connection, desk, number)
        await say_privacy(connection, desk, number, body.privacy, viewer.name)


@router.get("/units/{unit_id}/evaluation", responses=CHANGE)
async def evaluation(
    unit_id: UnitId, plan: PlanDep, viewer: ScoreReader, day: AnyDay = None
) -> EvaluationOut:
    """A term's evaluation in three columns, with the rows behind every point."""
    found, scored = await evaluated(plan, viewer, unit_id, day or plan.today())
    return EvaluationOut.of(scored, found.period.first, found.period.last)


@router.post("/units/{unit_id}/evaluation/scores", responses=CHANGE)
async def score(
    unit_id: UnitId, body: ScoreIn, plan: PlanDep, viewer: ScoreWriter
) -> EvaluationOut:
    """Take points for one measure, or take a score back by 0; the bureau's column is its own."""
    if body.judge is Judge.BUREAU and not viewer.may(Right.SUPERVISE_PLAN, unit_id):
        raise right_missing(Right.SUPERVISE_PLAN)
    day = body.day or plan.today()
    given = Score(
        measure_id=body.measure_id,
        judge=body.judge,
        tenths=round(body.deducted * 10),
        reason=body.reason,
        references=body.references,
        author=viewer.name,
    )
    async with plan.writing(viewer, unit_id) as (connection, desk):
        await scores.give(connection, desk, term_of(desk.calendar, day), given)
    found, scored = await evaluated(plan, viewer, unit_id, day)
    return EvaluationOut.of(scored, found.period.first, found.period.last)


async def evaluated(
    plan: PlanService, viewer: PlanViewer, unit_id: str, day: date
) -> tuple[Gathered, Evaluation]:
    """The term that `day` lies in and its scores. Raises `StepRefusal` for rows that disagree."""
    async with plan.reading(viewer, unit_id) as (connection, desk):
        found = await gather(connection, desk, term_of(desk.calendar, day))
        given = await scores.scores_of(connection, desk.unit_no, found.period)
    making.refuse_rows(disagreements(found))
    return found, evaluate(found, plan.edition, given)


def disposition(name: str) -> str:
    """A download under a Chinese name (RFC 6266)."""
    return f"attachment; filename*=UTF-8''{quote(name)}"

"""`/api/v1/plan/...`: today, the ledger, records and every history.

A unit that the viewer may not see answers 404, as does everything in it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query
from sqlalchemy import select

from api.place_names import Name
from api.plan import camera_store, counting, history, taking_back
from api.plan.asking import (
    CHANGE,
    PREFIX,
    READ,
    LedgerReader,
    Number,
    PlanDep,
    RecordReviewer,
    RecordWithdrawer,
    RecordWriter,
    UnitId,
)
from api.plan.bodies import (
    ConfirmIn,
    ExplainIn,
    HistoryOut,
    LineOut,
    NothingIn,
    ReceiptIn,
    RecordIn,
    RecordOut,
    TodayOut,
    UnitOut,
    WithdrawIn,
)
from api.plan.errors import NotFoundRefusal, StepRefusal
from api.plan.forms import OWN_ROUTES, check_kind, checked
from api.plan.service import PlanService
from api.plan.sights import shown, sight_of
from api.plan.subjects import check_subject, seen_record
from api.plan.tables import PLAN_HISTORY
from api.plan.today import Line, between, counts_by_unit, today_of
from api.plan.words import warning_name
from api.problems import responses
from api.schemas import NameBody
from config.moments import Day
from config.plan import Unit

router = APIRouter(prefix=PREFIX, tags=["plan"])

MOST_DAYS = 400


@router.get("/units", responses=responses(401, 503))
async def units(plan: PlanDep, viewer: LedgerReader) -> tuple[UnitOut, ...]:
    """The units this viewer may see, most overdue work first."""
    visible = {unit.id: unit for unit in plan.visible(viewer)}
    async with plan.database.read() as connection:
        counts = await counts_by_unit(connection, plan.today())
    return tuple(
        UnitOut.of(one, _name(visible[one.unit_id])) for one in counts if one.unit_id in visible
    )


@router.get("/units/{unit_id}/today", responses=READ)
async def today(unit_id: UnitId, plan: PlanDep, viewer: LedgerReader) -> TodayOut:
    """What a unit has to do today."""
    async with plan.reading(viewer, unit_id) as (connection, desk):
        only = sight_of(plan, viewer, unit_id).rows()
        found = await today_of(connection, desk.unit_no, desk.today, only)
    return TodayOut(
        unit_id=unit_id,
        name=_name(desk.unit),
        day=desk.today,
        warnings=tuple(warning_name(warning) for warning in plan.warnings()),
        pending=_lines(plan, found.pending),
        soon=_lines(plan, found.soon),
        **TodayOut.counts(found),
    )


@router.get("/units/{unit_id}/occurrences", responses=READ)
async def occurrences(
    unit_id: UnitId,
    plan: PlanDep,
    viewer: LedgerReader,
    first: Annotated[Day, Query(alias="from")],
    last: Annotated[Day, Query(alias="to")],
) -> tuple[LineOut, ...]:
    """Everything that falls due in a period of at most 400 days."""
    last = min(last, first + timedelta(MOST_DAYS))
    async with plan.reading(viewer, unit_id) as (connection, desk):
        lines = await between(connection, desk.unit_no, first, last)
    return _lines(plan, shown(plan, viewer, unit_id, lines))


@router.post("/units/{unit_id}/records", responses=CHANGE)
async def hand_in(
    unit_id: UnitId, body: RecordIn, plan: PlanDep, viewer: RecordWriter
) -> RecordOut:
    """Store a record and count it in every duty it satisfies; its form is checked first."""
    if body.kind in OWN_ROUTES:
        raise StepRefusal("plan_own_form", kind=Name.said(f"plan.page.{OWN_ROUTES[body.kind]}"))
    check_kind(plan, viewer, unit_id, body.kind, body.kind_type)
    details = checked(plan, body.kind, body.kind_type, body.details)
    record = counting.NewRecord(
        client_key=body.client_key,
        kind=body.kind,
        kind_type=body.kind_type,
        happened=body.happened_on,
        title=body.title,
        author=viewer.name,
        source="camera" if body.from_camera else "person",
        receipt_no=body.receipt_no,
        body=details,
    )
    async with plan.writing(viewer, unit_id) as (connection, desk):
        stored = await counting.hand_in(connection, desk, record)
        if body.kind == "drill" and not stored.repeated and not body.from_camera:
            number = stored.record_id
            await camera_store.check_drill(connection, desk, number, body.kind_type, details)
    return RecordOut.of(stored)


@router.post("/units/{unit_id}/records/{number}/confirm", responses=CHANGE)
async def confirm(
    unit_id: UnitId, number: Number, body: ConfirmIn, plan: PlanDep, viewer: RecordWriter
) -> RecordOut:
    """A person takes over a camera's draft, with what only people know; now it counts."""
    async with plan.writing(viewer, unit_id) as (connection, desk):
        draft = await seen_record(viewer, connection, desk, number)
        details = checked(plan, draft.kind, draft.kind_type, {**draft.details, **body.details})
        stored = await counting.confirm(connection, desk, number, viewer.name, details)
        if draft.kind == "drill":
            await camera_store.check_drill(connection, desk, number, draft.kind_type, details)
        return RecordOut.of(stored)


@router.post("/units/{unit_id}/records/{number}/receipt", responses=CHANGE)
async def receipt(
    unit_id: UnitId, number: Number, body: ReceiptIn, plan: PlanDep, viewer: RecordWriter
) -> RecordOut:
    """Note the upload's receipt; duties that ask for it are counted."""
    async with plan.writing(viewer, unit_id) as (connection, desk):
        await seen_record(viewer, connection, desk, number)
        stored = await counting.add_receipt(connection, desk, number, viewer.name, body.receipt_no)
        return RecordOut.of(stored)


@router.post("/units/{unit_id}/records/{number}/review", responses=CHANGE)
async def review(
    unit_id: UnitId, number: Number, body: NothingIn, plan: PlanDep, viewer: RecordReviewer
) -> RecordOut:
    """Another person has read the record."""
    del body
    async with plan.writing(viewer, unit_id) as (connection, desk):
        await seen_record(viewer, connection, desk, number)
        return RecordOut.of(await counting.review(connection, desk, number, viewer.name))


@router.post("/units/{unit_id}/records/{number}/withdraw", responses=CHANGE)
async def withdraw(
    unit_id: UnitId, number: Number, body: WithdrawIn, plan: PlanDep, viewer: RecordWithdrawer
) -> RecordOut:
    """Take back a record that was handed in by mistake; it is kept and counts no more."""
    async with plan.writing(viewer, unit_id) as (connection, desk):
        record = await seen_record(viewer, connection, desk, number)
        stored = await taking_back.take_back(connection, desk, record, viewer.name, body.reason)
        return RecordOut.of(stored)


@router.post("/units/{unit_id}/occurrences/{number}/explain", status_code=204, responses=CHANGE)
async def explain(
    unit_id: UnitId, number: Number, body: ExplainIn, plan: PlanDep, viewer: RecordWriter
) -> None:
    """Say why a daily round was missed; it stays missed."""
    async with plan.writing(viewer, unit_id) as (connection, desk):
        await check_subject(plan, viewer, connection, desk, f"occurrence:{number}")
        await counting.explain_missed(connection, desk, number, viewer.name, body.note)


@router.get("/units/{unit_id}/history/{kind}/{number}", responses=READ)
async def history_of(
    unit_id: UnitId,
    kind: Annotated[str, Path(pattern="^(record|hazard|incident|occurrence|task)$")],
    number: Number,
    plan: PlanDep,
    viewer: LedgerReader,
) -> tuple[HistoryOut, ...]:
    """Every step that was taken, oldest first."""
    subject = f"{kind}:{number}"
    async with plan.reading(viewer, unit_id) as (connection, desk):
        await check_subject(plan, viewer, connection, desk, subject)
        owner = select(PLAN_HISTORY.c.unit_no).where(PLAN_HISTORY.c.subject == subject).limit(1)
        if (await connection.execute(owner)).scalar_one_or_none() != desk.unit_no:
            raise NotFoundRefusal("plan_unknown", number=number)
        entries = await history.of_subject(connection, subject)
    return tuple(
        HistoryOut(
            action=entry.action,
            actor=entry.actor,
            at=entry.at.to_datetime(),
            body=dict(entry.body),
        )
        for entry in entries
    )


def _name(unit: Unit) -> NameBody:
    return NameBody(zh=unit.name_zh, en=unit.name_en)


def _lines(plan: PlanService, lines: tuple[Line, ...]) -> tuple[LineOut, ...]:
    titles = plan.edition.title_of
    return tuple(LineOut.of(line, titles(line.rule_id, line.plan_year)) for line in lines)

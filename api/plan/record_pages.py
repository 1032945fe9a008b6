"""Pages of what was handed in: a unit's records, and one record with its curve and its history."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from api.plan import counting, history, record_store
from api.plan.asking import Number, PlanDep, UnitId
from api.plan.curves import HEIGHT, WIDTH, plot
from api.plan.errors import NotFoundRefusal
from api.plan.page_frame import Answer, Frame, RecordsPage, absent, local_clock
from api.plan.record_store import Record
from api.plan.subjects import seen_record
from config.plan.record_kinds import FieldType

router = APIRouter(prefix="/plan", tags=["plan pages"], include_in_schema=False)

Group = Annotated[str, Query(pattern=r"^[a-z]{0,20}$")]


@router.get("/units/{unit_id}/records")
async def records_page(
    request: Request,
    unit_id: UnitId,
    plan: PlanDep,
    viewer: RecordsPage,
    group: Group = "",
    drafts: bool = False,
) -> Answer:
    """Records, the newest first; drafts of cameras wait on top for a person."""
    scope, kinds = viewer.scope(unit_id), plan.edition.kinds
    wanted = {name for name, kind in kinds.by_id.items() if group in ("", kind.group)}
    try:
        async with plan.reading(viewer, unit_id) as (connection, desk):
            found = await record_store.listed(connection, desk.unit_no, wanted, drafts_only=drafts)
    except NotFoundRefusal as error:
        raise absent(error) from error
    seen = [one for one in found if scope.allows(one.kind, one.kind_type)]
    values = {
        "unit": desk.unit,
        "records": sorted(seen, key=lambda one: not one.is_draft),
        "kinds": kinds.by_id,
        "groups": sorted({kind.group for kind in kinds.by_id.values()}),
        "group": group,
    }
    return Frame(request, plan, viewer).draw("records.html", values)


@router.get("/units/{unit_id}/records/{number}")
async def record_page(
    request: Request, unit_id: UnitId, number: Number, plan: PlanDep, viewer: RecordsPage
) -> Answer:
    """One record: its form, its curve, its files, who did what with it."""
    try:
        async with plan.reading(viewer, unit_id) as (connection, desk):
            record = await seen_record(viewer, connection, desk, number)
            files = await record_store.files_of(connection, desk.unit_no, number)
            told = await history.of_subject(connection, f"record:{number}")
            counted = await counting.counted_in(connection, number)
    except NotFoundRefusal as error:
        raise absent(error) from error
    kind = plan.edition.kinds.by_id.get(record.kind)
    fields = [] if kind is None else _fields(record, kind.fields)
    values = {
        "unit": desk.unit,
        "record": record,
        "kind": kind,
        "fields": fields,
        "counted": counted,
        "title_of": lambda one: plan.edition.title_of(one.rule_id, one.due.year),
        "plot": drawn(record),
        "width": WIDTH,
        "height": HEIGHT,
        "files": files,
        "history": told,
        "clock": local_clock(plan.zone),
    }
    return Frame(request, plan, viewer).draw("record.html", values)


def drawn(record: Record) -> Any:
    """The drill's curves: those of each place where there are any, else the one of all."""
    curves = record.details.get("curves") or {}
    if not curves and record.details.get("curve"):
        curves = {"": record.details["curve"]}
    return plot(curves, record.details.get("target_seconds"))


def _fields(record: Record, fields: Any) -> list[tuple[Any, str]]:
    """Field and value in words, curves left to the drawing."""
    skipped = (FieldType.CURVE, FieldType.CURVES)
    found = []
    for name, one in fields.items():
        value = record.details.get(name)
        if value is None or one.type in skipped:
            continue
        if isinstance(value, list):
            value = "、".join(map(str, value))
        if isinstance(value, date):
            value = value.isoformat()
        found.append((one, value))
    return found

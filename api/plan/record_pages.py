"""Pages of what was handed in: a unit's records, and one record with its curve and its history."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request

from api.plan import counting, history, record_store
from api.plan.asking import Number, PlanDep, UnitId, may_withdraw
from api.plan.curves import HEIGHT, WIDTH, plot
from api.plan.errors import NotFoundRefusal
from api.plan.page_frame import Answer, Frame, PageRefusal, RecordsPage, absent, local_clock
from api.plan.record_store import Place, Record, Wanted
from api.plan.reports import issued
from api.plan.subjects import seen_record
from api.plan.withdrawing import DISCARDED
from config.plan.record_kinds import FieldType

TAKEN_BACK = ("withdrawn", DISCARDED)

router = APIRouter(prefix="/plan", tags=["plan pages"], include_in_schema=False)

Group = Annotated[str, Query(pattern=r"^[a-z]{0,20}$")]
Before = Annotated[str, Query(pattern=r"^(\d{4}-\d{2}-\d{2}_\d{1,15})?$")]


@router.get("/units/{unit_id}/records")
async def records_page(
    request: Request,
    unit_id: UnitId,
    plan: PlanDep,
    viewer: RecordsPage,
    group: Group = "",
    drafts: bool = False,
    before: Before = "",
) -> Answer:
    """Records, the newest first; drafts of cameras wait on top of their page for a person."""
    kinds = plan.edition.kinds
    in_group = {name for name, kind in kinds.by_id.items() if kind.group == group}
    wanted = Wanted(viewer.scope(unit_id), in_group if group else None, drafts)
    try:
        place = Place.of(before) if before else None
    except ValueError as error:  # a day that no calendar has
        raise PageRefusal(404, "absent.html") from error
    try:
        async with plan.reading(viewer, unit_id) as (connection, desk):
            found = await record_store.listed(connection, desk.unit_no, wanted, before=place)
    except NotFoundRefusal as error:
        raise absent(error) from error
    chosen = {"group": group} if group else {}
    chosen |= {"drafts": "true"} if drafts else {}
    values = {
        "unit": desk.unit,
        "records": sorted(found.records, key=lambda one: not one.is_draft),
        "kinds": kinds.by_id,
        "chosen": "drafts" if drafts else group,
        "newest": f"?{urlencode(chosen)}" if before else "",
        "older": found.older and f"?{urlencode({**chosen, 'before': str(found.older)})}",
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
            files = await record_store.files_of(connection, desk.unit_no, f"record:{number}")
            told = await history.of_subject(connection, f"record:{number}")
            counted = await counting.counted_in(connection, number)
            papers = await issued.holding(connection, desk.unit_no, record)
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
        "taken_back": next((one for one in told if one.action in TAKEN_BACK), None),
        "papers": papers,
        "may_withdraw": not record.is_withdrawn and may_withdraw(viewer, unit_id),
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

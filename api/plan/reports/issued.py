"""Papers that were made: who, when, of which bytes; and the number of the upload's receipt."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.plan import counting
from api.plan.counting import Desk
from api.plan.errors import NotFoundRefusal, StepRefusal
from api.plan.hazard_withdrawing import WithdrawnHazard
from api.plan.history import Entry, append
from api.plan.record_store import Record
from api.plan.reports.periods import Period, ReportKind
from api.plan.states import STANDS
from api.plan.tables import PLAN_PAPERS, PLAN_RECORDS, day_number, day_of
from vision.instants import Utc

_P = PLAN_PAPERS.c
_R = PLAN_RECORDS.c


@dataclass(frozen=True, slots=True)
class Issued:
    """One paper as it was made. The file lies beside the attachments under its digest.

    Attributes:
        records: numbers of the records that it prints; `None` where they were not noted.
    """

    id: int
    kind: ReportKind
    first: date
    last: date
    name: str
    sha256: str
    size: int
    figures: Mapping[str, str]
    author: str
    at: Utc
    receipt_no: str = ""
    receipt_by: str = ""
    records: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class NewPaper:
    """A paper to be noted."""

    kind: ReportKind
    period: Period
    name: str
    sha256: str
    size: int
    figures: Mapping[str, str]
    records: tuple[int, ...]


async def note(connection: AsyncConnection, desk: Desk, paper: NewPaper, author: str) -> Issued:
    """Note a paper whose file is stored."""
    values = {
        "unit_no": desk.unit_no,
        "kind": paper.kind,
        "first_day": day_number(paper.period.first),
        "last_day": day_number(paper.period.last),
        "name": paper.name,
        "sha256": paper.sha256,
        "size_bytes": paper.size,
        "figures_json": json.dumps(dict(paper.figures), ensure_ascii=False),
        "records_json": json.dumps(paper.records),
        "author": author,
        "created_ns": desk.now.ns,
    }
    inserted = await connection.execute(insert(PLAN_PAPERS).values(values).returning(_P.id))
    number = int(inserted.scalar_one())
    body = {"name": paper.name, "sha256": paper.sha256}
    await append(connection, Entry(desk.unit_no, f"paper:{number}", "made", author, desk.now, body))
    return await one(connection, desk, number)


async def listed(connection: AsyncConnection, unit_no: int, limit: int = 100) -> tuple[Issued, ...]:
    """A unit's papers, newest first."""
    query = select(PLAN_PAPERS).where(_P.unit_no == unit_no).order_by(_P.id.desc()).limit(limit)
    return tuple(_issued(row) for row in (await connection.execute(query)).mappings())


async def holding(connection: AsyncConnection, unit_no: int, record: Record) -> tuple[Issued, ...]:
    """Papers that print this record, as far as they noted it, newest first.

    They stay as they were made, also when the record is taken back.
    """
    day = day_number(record.happened)
    query = (
        select(PLAN_PAPERS)
        .where(_P.unit_no == unit_no, _P.first_day <= day, _P.last_day >= day)
        .order_by(_P.id.desc())
    )
    found = [_issued(row) for row in (await connection.execute(query)).mappings()]
    return tuple(paper for paper in found if record.id in (paper.records or ()))


def hazards_gone(paper: Issued, gone: Sequence[WithdrawnHazard]) -> tuple[int, ...]:
    """Numbers of hazards that a paper counts and that were taken back since it was made."""
    if paper.kind is ReportKind.EVALUATION:
        return ()
    return tuple(
        one.hazard.id
        for one in gone
        if one.entered.ns <= paper.at.ns < one.why.at.ns
        and one.hazard.found <= paper.last
        and (one.hazard.closed is None or one.hazard.closed >= paper.first)
    )


async def one(connection: AsyncConnection, desk: Desk, number: int) -> Issued:
    """Raises `NotFoundRefusal`, also for another unit's paper."""
    query = select(PLAN_PAPERS).where(_P.id == number, _P.unit_no == desk.unit_no)
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        raise NotFoundRefusal("plan_unknown", number=number)
    return _issued(row)


async def note_receipt(
    connection: AsyncConnection, desk: Desk, number: int, receipt_no: str, person: str
) -> Issued:
    """Note the receipt of the upload; the inspections that the pack holds take it and count.

    Raises `NotFoundRefusal`, or `StepRefusal` when the paper has its receipt.
    """
    known = await one(connection, desk, number)
    if known.receipt_no:
        raise StepRefusal("plan_no_receipt_now", number=number)
    values = {"receipt_no": receipt_no, "receipt_by": person}
    await connection.execute(update(PLAN_PAPERS).where(_P.id == number).values(values))
    if known.kind is ReportKind.HALF_MONTH:
        for record_id in await _without_receipt(connection, desk, known):
            await counting.add_receipt(connection, desk, record_id, person, receipt_no)
    body = {"receipt_no": receipt_no}
    await append(
        connection, Entry(desk.unit_no, f"paper:{number}", "receipt", person, desk.now, body)
    )
    return await one(connection, desk, number)


async def _without_receipt(
    connection: AsyncConnection, desk: Desk, paper: Issued
) -> tuple[int, ...]:
    """Records of the paper that wait for the receipt; later ones were not uploaded with it."""
    asked = {
        (rule.accepts.kind, kind_type)
        for rule in desk.edition.catalogue_of(paper.first.year).rules()
        if rule.accepts.needs_receipt
        for kind_type in rule.accepts.types
    }
    query = (
        select(_R.id, _R.kind, _R.kind_type)
        .where(
            _R.unit_no == desk.unit_no,
            _R.state.in_(STANDS),
            _R.receipt_no == "",
            _R.happened_day.between(day_number(paper.first), day_number(paper.last)),
            _R.created_ns <= paper.at.ns if paper.records is None else _R.id.in_(paper.records),
        )
        .order_by(_R.id)
    )
    rows = await connection.execute(query)
    return tuple(row.id for row in rows if (row.kind, row.kind_type) in asked)


def _issued(row: RowMapping) -> Issued:
    return Issued(
        id=row["id"],
        kind=ReportKind(row["kind"]),
        first=day_of(row["first_day"]),
        last=day_of(row["last_day"]),
        name=row["name"],
        sha256=row["sha256"],
        size=row["size_bytes"],
        figures=json.loads(row["figures_json"]),
        author=row["author"],
        at=Utc(row["created_ns"]),
        receipt_no=row["receipt_no"],
        receipt_by=row["receipt_by"],
        records=None if row["records_json"] is None else frozenset(json.loads(row["records_json"])),
    )

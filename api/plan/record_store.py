"""Records read back: a list by day, one with everything that it holds."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import RowMapping, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.plan.errors import NotFoundRefusal
from api.plan.tables import PLAN_ATTACHMENTS, PLAN_RECORDS, day_number, day_of
from vision.instants import Utc

_R = PLAN_RECORDS.c
DRAFT = "draft"


@dataclass(frozen=True, slots=True)
class Record:
    """A stored record; `details` are the fields of its form."""

    id: int
    kind: str
    kind_type: str
    happened: date
    state: str
    source: str
    title: str
    details: dict[str, Any]
    receipt_no: str
    author: str
    confirmed_by: str
    created: Utc

    @property
    def is_draft(self) -> bool:
        """A camera's, that no person has taken over."""
        return self.state == DRAFT


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """A file of a record."""

    id: int
    name: str
    size_bytes: int
    sha256: str


async def listed(
    connection: AsyncConnection,
    unit_no: int,
    kinds: Collection[str] | None = None,
    *,
    drafts_only: bool = False,
    limit: int = 200,
) -> tuple[Record, ...]:
    """Records of a unit, the newest first; with `kinds`, of these alone."""
    query = select(PLAN_RECORDS).where(_R.unit_no == unit_no)
    if kinds is not None:
        query = query.where(_R.kind.in_(sorted(kinds)))
    if drafts_only:
        query = query.where(_R.state == DRAFT)
    query = query.order_by(_R.happened_day.desc(), _R.id.desc()).limit(limit)
    return tuple(_record(row) for row in (await connection.execute(query)).mappings())


async def one(connection: AsyncConnection, unit_no: int, number: int) -> Record:
    """Raises `NotFoundRefusal`, also for another unit's."""
    query = select(PLAN_RECORDS).where(_R.id == number, _R.unit_no == unit_no)
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        raise NotFoundRefusal("plan_unknown", number=number)
    return _record(row)


async def on_day(
    connection: AsyncConnection, unit_no: int, kind: str, first: date, last: date
) -> tuple[Record, ...]:
    """Records of one kind whose work was done from `first` to `last`, both included."""
    days = _R.happened_day.between(day_number(first), day_number(last))
    query = select(PLAN_RECORDS).where(_R.unit_no == unit_no, days, _R.kind == kind)
    rows = (await connection.execute(query.order_by(_R.id))).mappings()
    return tuple(_record(row) for row in rows)


async def files_of(
    connection: AsyncConnection, unit_no: int, number: int
) -> tuple[AttachedFile, ...]:
    """Files that were attached to a record."""
    a = PLAN_ATTACHMENTS.c
    query = select(a.id, a.name, a.size_bytes, a.sha256)
    query = query.where(a.subject == f"record:{number}", a.unit_no == unit_no).order_by(a.id)
    found = await connection.execute(query)
    return tuple(AttachedFile(row.id, row.name, row.size_bytes, row.sha256) for row in found)


def _record(row: RowMapping) -> Record:
    return Record(
        id=row["id"],
        kind=row["kind"],
        kind_type=row["kind_type"],
        happened=day_of(row["happened_day"]),
        state=row["state"],
        source=row["source"],
        title=row["title"],
        details=json.loads(row["body_json"]),
        receipt_no=row["receipt_no"],
        author=row["author"],
        confirmed_by=row["confirmed_by"],
        created=Utc(row["created_ns"]),
    )

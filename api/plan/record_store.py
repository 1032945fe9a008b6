"""Records read back: a list by day, one with everything that it holds."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, and_, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from api.plan.errors import NotFoundRefusal, StepRefusal
from api.plan.scopes import PlanScope
from api.plan.states import STANDS, RecordState
from api.plan.tables import PLAN_ATTACHMENTS, PLAN_RECORDS, day_number, day_of
from vision.instants import Utc

_R = PLAN_RECORDS.c
PAGE = 200


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of the list ended: the day and the number of its last record."""

    day: date
    number: int

    @classmethod
    def of(cls, words: str) -> Place:
        """Read back what `str` gave. Raises `ValueError`."""
        day, _, number = words.partition("_")
        return cls(date.fromisoformat(day), int(number))

    def __str__(self) -> str:
        return f"{self.day.isoformat()}_{self.number}"


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
        return self.state == RecordState.DRAFT

    @property
    def is_withdrawn(self) -> bool:
        """Taken back by a person: it is kept and counts nowhere."""
        return self.state == RecordState.WITHDRAWN

    @property
    def stands(self) -> bool:
        """Handed in, and not taken back since."""
        return self.state in STANDS


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """A file of a record."""

    id: int
    name: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class RecordPage:
    """A page of the list; `older` is where the next one goes on, `None` on the last."""

    records: tuple[Record, ...]
    older: Place | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records a list shows.

    Attributes:
        scope: what the viewer's roles show; the list is cut to it before it is cut into pages.
        kinds: these alone; `None` for all.
    """

    scope: PlanScope
    kinds: Collection[str] | None = None
    drafts_only: bool = False

    def conditions(self) -> tuple[ColumnElement[bool], ...]:
        found = [_allowed(self.scope)]
        if self.kinds is not None:
            found.append(_R.kind.in_(sorted(self.kinds)))
        if self.drafts_only:
            found.append(_R.state == RecordState.DRAFT)
        return tuple(found)


async def listed(
    connection: AsyncConnection,
    unit_no: int,
    wanted: Wanted,
    *,
    before: Place | None = None,
    limit: int = PAGE,
) -> RecordPage:
    """A page of a unit's records, the newest first; with `before`, those that follow it.

    A record that is handed in while somebody turns the pages moves none of them.
    """
    query = select(PLAN_RECORDS).where(_R.unit_no == unit_no, *wanted.conditions())
    if before is not None:
        place = (day_number(before.day), before.number)
        query = query.where(tuple_(_R.happened_day, _R.id) < tuple_(*place))
    query = query.order_by(_R.happened_day.desc(), _R.id.desc()).limit(limit + 1)
    found = [_record(row) for row in (await connection.execute(query)).mappings()]
    shown = tuple(found[:limit])
    more = len(found) > limit
    return RecordPage(shown, Place(shown[-1].happened, shown[-1].id) if more else None)


def _allowed(scope: PlanScope) -> ColumnElement[bool]:
    """`PlanScope.allows` for the database."""
    if scope.kinds is None:
        return _R.kind.not_in(sorted(scope.hidden_kinds))
    whole = [one for one in sorted(scope.kinds) if ":" not in one]
    typed = [one.split(":", 1) for one in sorted(scope.kinds) if ":" in one]
    single = (and_(_R.kind == kind, _R.kind_type == kind_type) for kind, kind_type in typed)
    return or_(_R.kind.in_(whole), *single)


async def withdrawn_numbers(connection: AsyncConnection, unit_no: int) -> frozenset[int]:
    """Numbers of a unit's records that were taken back."""
    query = select(_R.id).where(_R.unit_no == unit_no, _R.state == RecordState.WITHDRAWN)
    return frozenset((await connection.execute(query)).scalars())


async def one(connection: AsyncConnection, unit_no: int, number: int) -> Record:
    """Raises `NotFoundRefusal`, also for another unit's."""
    return _record(await stored_row(connection, unit_no, number))


async def stored_row(connection: AsyncConnection, unit_no: int, number: int) -> RowMapping:
    """A record as it is stored. Raises `NotFoundRefusal`, also for another unit's."""
    query = select(PLAN_RECORDS).where(_R.id == number, _R.unit_no == unit_no)
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        raise NotFoundRefusal("plan_unknown", number=number)
    return row


def refuse_withdrawn(row: RowMapping) -> None:
    """Raises `StepRefusal` for a record that was taken back."""
    if row["state"] == RecordState.WITHDRAWN:
        raise StepRefusal("plan_is_withdrawn", number=row["id"])


async def on_day(
    connection: AsyncConnection, unit_no: int, kind: str, first: date, last: date
) -> tuple[Record, ...]:
    """Records of one kind whose work was done from `first` to `last`, both included.

    What was taken back was not done.
    """
    days = _R.happened_day.between(day_number(first), day_number(last))
    query = select(PLAN_RECORDS).where(
        _R.unit_no == unit_no, days, _R.kind == kind, _R.state != RecordState.WITHDRAWN
    )
    rows = (await connection.execute(query.order_by(_R.id))).mappings()
    return tuple(_record(row) for row in rows)


async def of_kind(connection: AsyncConnection, unit_no: int, kind: str) -> tuple[Record, ...]:
    """A unit's records of one kind in the order in which they came, those taken back too."""
    query = select(PLAN_RECORDS).where(_R.unit_no == unit_no, _R.kind == kind)
    rows = (await connection.execute(query.order_by(_R.id))).mappings()
    return tuple(_record(row) for row in rows)


async def newest_of(
    connection: AsyncConnection, unit_no: int, kind: str, kind_type: str
) -> Record | None:
    """The last record of a kind and type that was handed in and stands."""
    query = (
        select(PLAN_RECORDS)
        .where(
            _R.unit_no == unit_no,
            _R.kind == kind,
            _R.kind_type == kind_type,
            _R.state.in_(STANDS),
        )
        .order_by(_R.id.desc())
        .limit(1)
    )
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else _record(row)


async def files_of(
    connection: AsyncConnection, unit_no: int, subject: str
) -> tuple[AttachedFile, ...]:
    """Files that were attached to `record:12` or `hazard:3`."""
    a = PLAN_ATTACHMENTS.c
    query = select(a.id, a.name, a.size_bytes, a.sha256)
    query = query.where(a.subject == subject, a.unit_no == unit_no).order_by(a.id)
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

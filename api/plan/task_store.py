"""Tasks in the database: opened by findings, once each, and re-checked by the next audit."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from sqlalchemy import RowMapping, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.plan.counting import Desk
from api.plan.history import Entry, append
from api.plan.shelf import Shelf, Step
from api.plan.tables import PLAN_TASKS, day_number, day_of
from api.plan.tasks import Finding, Task, TaskKind, TaskState, found_again, found_mended

_T = PLAN_TASKS.c
SYSTEM = "system"


async def take_findings(
    connection: AsyncConnection,
    desk: Desk,
    findings: Iterable[Finding],
    *,
    source: str,
    owner: str,
) -> tuple[Task, ...]:
    """Open a task for each finding that has none; one that was called done is open again."""
    tasks = []
    for finding in findings:
        known = await _open_one(connection, desk, finding.name)
        if known is None:
            tasks.append(await _open(connection, desk, finding, source, owner))
        elif known.state is TaskState.DONE:
            step = Step("found_again", SYSTEM, known.version, {"source": source})
            tasks.append(await TASKS.step(connection, desk, known.id, step, found_again))
        else:
            tasks.append(known)
    return tuple(tasks)


async def recheck(
    connection: AsyncConnection,
    desk: Desk,
    kind: TaskKind,
    still_found: Iterable[Finding],
    *,
    source: str,
) -> tuple[Task, ...]:
    """Close the open tasks of `kind` that a new audit does not find any more; those closed."""
    found = {finding.name for finding in still_found}
    query = select(PLAN_TASKS).where(
        _T.unit_no == desk.unit_no, _T.kind == kind.value, _T.state != TaskState.CLOSED
    )
    closed = []
    for row in (await connection.execute(query)).mappings().all():
        task = _task(row)
        if task.finding not in found:
            step = Step("found_mended", SYSTEM, task.version, {"source": source})
            closed.append(
                await TASKS.step(
                    connection, desk, task.id, step, lambda t: found_mended(t, source, desk.today)
                )
            )
    return tuple(closed)


async def has_opened(
    connection: AsyncConnection, desk: Desk, finding: Finding, *, source: str
) -> bool:
    """Whether this very source opened a task for it before, whatever became of the task."""
    query = select(_T.id).where(
        _T.unit_no == desk.unit_no, _T.finding == finding.name, _T.source == source[:120]
    )
    return (await connection.execute(query)).first() is not None


async def recheck_one(
    connection: AsyncConnection,
    desk: Desk,
    kind: TaskKind,
    key: str,
    *,
    source: str,
    last: date | None = None,
) -> Task | None:
    """Close the open task of one finding that is mended now; `None` when there is none.

    Args:
        last: the last day that `source` looked at. A task that was opened after it is left alone,
            but for one that this source opened itself and finds no more.
    """
    task = await _open_one(connection, desk, Finding(kind, key, "", "").name)
    if task is None or (last is not None and last < task.opened and task.source != source[:120]):
        return None
    step = Step("found_mended", SYSTEM, task.version, {"source": source})
    return await TASKS.step(
        connection, desk, task.id, step, lambda one: found_mended(one, source, desk.today)
    )


async def is_open(connection: AsyncConnection, desk: Desk, finding: Finding) -> bool:
    """Whether a task of this finding is not closed yet."""
    return await _open_one(connection, desk, finding.name) is not None


async def listed(
    connection: AsyncConnection, unit_no: int, *, open_only: bool = True, limit: int = 300
) -> tuple[Task, ...]:
    """Tasks of a unit, the first to fall due on top."""
    query = select(PLAN_TASKS).where(_T.unit_no == unit_no)
    if open_only:
        query = query.where(_T.state != TaskState.CLOSED)
    query = query.order_by(_T.due_day, _T.id).limit(limit)
    return tuple(_task(row) for row in (await connection.execute(query)).mappings())


async def opened_between(
    connection: AsyncConnection, unit_no: int, first: date, last: date
) -> tuple[Task, ...]:
    """Tasks that were opened from `first` to `last`, both included."""
    query = (
        select(PLAN_TASKS)
        .where(_T.unit_no == unit_no, _T.opened_day.between(day_number(first), day_number(last)))
        .order_by(_T.id)
    )
    return tuple(_task(row) for row in (await connection.execute(query)).mappings())


async def _open_one(connection: AsyncConnection, desk: Desk, finding: str) -> Task | None:
    query = select(PLAN_TASKS).where(_T.open_key == _open_key(desk.unit_no, finding))
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else _task(row)


async def _open(
    connection: AsyncConnection, desk: Desk, finding: Finding, source: str, owner: str
) -> Task:
    fresh = Task(
        id=0,
        kind=finding.kind,
        finding=finding.name,
        title=finding.title[:200],
        detail=finding.detail,
        source=source[:120],
        owner=owner,
        due=desk.today + timedelta(days=finding.days),
        opened=desk.today,
    )
    values = {**_columns(fresh), "unit_no": desk.unit_no, "open_key": None}
    values["open_key"] = _open_key(desk.unit_no, finding.name)
    inserted = await connection.execute(insert(PLAN_TASKS).values(values).returning(_T.id))
    number = int(inserted.scalar_one())
    body = {"finding": finding.name, "source": source, "owner": owner}
    entry = Entry(desk.unit_no, f"task:{number}", "opened", SYSTEM, desk.now, body)
    await append(connection, entry)
    return await TASKS.one(connection, desk.unit_no, number)


def _open_key(unit_no: int, finding: str) -> str:
    return f"{unit_no}/{finding}"


def _task(row: RowMapping) -> Task:
    return Task(
        id=row["id"],
        kind=TaskKind(row["kind"]),
        finding=row["finding"],
        title=row["title"],
        detail=row["detail"],
        source=row["source"],
        owner=row["owner"],
        due=day_of(row["due_day"]),
        opened=day_of(row["opened_day"]),
        state=TaskState(row["state"]),
        done_by=row["done_by"],
        done_note=row["done_note"],
        closed=None if row["closed_day"] is None else day_of(row["closed_day"]),
        closed_by=row["closed_by"],
        version=row["version"],
    )


def _columns(task: Task) -> dict[str, Any]:
    values = {
        "kind": task.kind,
        "finding": task.finding,
        "title": task.title,
        "detail": task.detail,
        "source": task.source,
        "owner": task.owner,
        "due_day": day_number(task.due),
        "opened_day": day_number(task.opened),
        "state": task.state,
        "done_by": task.done_by,
        "done_note": task.done_note,
        "closed_day": None if task.closed is None else day_number(task.closed),
        "closed_by": task.closed_by[:120],
        "version": task.version,
    }
    # A closed task gives its finding free: found anew, it is a new task.
    return values if task.state is not TaskState.CLOSED else {**values, "open_key": None}


TASKS: Shelf[Task] = Shelf("task", PLAN_TASKS, _task, _columns)

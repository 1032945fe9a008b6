"""`/api/v1/plan/units/.../tasks`: what findings ask somebody to mend."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter
from pydantic import StringConstraints

from api.plan import task_store, tasks
from api.plan.asking import CHANGE, PREFIX, READ, Number, PlanDep, TaskReader, TaskWriter, UnitId
from api.plan.bodies import VersionIn
from api.plan.shelf import Step
from api.plan.task_store import TASKS
from api.routes.alarms import PersonName
from api.schemas import Body, with_examples
from config.moments import Day

router = APIRouter(prefix=PREFIX, tags=["plan"])


class OwnerIn(VersionIn):
    """Who mends it until when."""

    model_config = with_examples({"version": 1, "owner": "张强", "due_on": "2026-03-20"})

    owner: PersonName
    due_on: Day


class DoneIn(VersionIn):
    """How it was mended."""

    model_config = with_examples({"version": 1, "note": "已加装摄像机"})

    note: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class TaskOut(Body):
    """A task as it stands."""

    id: int
    kind: tasks.TaskKind
    finding: str
    title: str
    detail: str
    source: str
    owner: str
    due_on: date
    opened_on: date
    state: tasks.TaskState
    done_by: str
    closed_by: str
    closed_on: date | None
    version: int

    @classmethod
    def of(cls, task: tasks.Task) -> TaskOut:
        same = ("id", "kind", "finding", "title", "detail", "source", "owner", "state", "done_by")
        return cls(
            **{name: getattr(task, name) for name in (*same, "closed_by", "version")},
            due_on=task.due,
            opened_on=task.opened,
            closed_on=task.closed,
        )


@router.get("/units/{unit_id}/tasks", responses=READ)
async def list_tasks(
    unit_id: UnitId, plan: PlanDep, viewer: TaskReader, closed: bool = False
) -> tuple[TaskOut, ...]:
    """A unit's tasks; with `closed` the closed ones too."""
    async with plan.reading(viewer, unit_id) as (connection, desk):
        found = await task_store.listed(connection, desk.unit_no, open_only=not closed)
    return tuple(TaskOut.of(task) for task in found)


@router.post("/units/{unit_id}/tasks/{number}/give", responses=CHANGE)
async def give_task(
    unit_id: UnitId, number: Number, body: OwnerIn, plan: PlanDep, viewer: TaskWriter
) -> TaskOut:
    """Another owner or day."""
    note = {"owner": body.owner, "due_on": body.due_on.isoformat()}
    step = Step("given", viewer.name, body.version, note)
    async with plan.writing(viewer, unit_id) as (connection, desk):
        moved = await TASKS.step(
            connection,
            desk,
            number,
            step,
            lambda task: tasks.give(task, body.owner, body.due_on, desk.today),
        )
    return TaskOut.of(moved)


@router.post("/units/{unit_id}/tasks/{number}/done", responses=CHANGE)
async def done_task(
    unit_id: UnitId, number: Number, body: DoneIn, plan: PlanDep, viewer: TaskWriter
) -> TaskOut:
    """The viewer says that it is mended; the next audit or another person closes it."""
    step = Step("done", viewer.name, body.version, {"note": body.note})
    async with plan.writing(viewer, unit_id) as (connection, desk):
        moved = await TASKS.step(
            connection, desk, number, step, lambda task: tasks.finish(task, viewer.name, body.note)
        )
    return TaskOut.of(moved)


@router.post("/units/{unit_id}/tasks/{number}/close", responses=CHANGE)
async def close_task(
    unit_id: UnitId, number: Number, body: VersionIn, plan: PlanDep, viewer: TaskWriter
) -> TaskOut:
    """Somebody other than the one who did it has looked at it."""
    step = Step("closed", viewer.name, body.version)
    async with plan.writing(viewer, unit_id) as (connection, desk):
        moved = await TASKS.step(
            connection, desk, number, step, lambda task: tasks.close(task, viewer.name, desk.today)
        )
    return TaskOut.of(moved)

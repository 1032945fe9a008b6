"""A task out of a finding: an owner, a day, and a later look that says whether it is mended. Pure.

    open -> done -> closed
     ^       |
     +-------+  found again, or not good enough

The owner says that it is done; the next audit of its kind, or another person, closes it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from api.place_names import Name
from api.plan.errors import StepRefusal


class TaskKind(StrEnum):
    """What was found."""

    BLIND_SPOT = "blind_spot"
    FAILED_DRILL = "failed_drill"
    UNACKNOWLEDGED_ALARM = "unacknowledged_alarm"
    FIRE_LANE = "fire_lane"
    GATE_HOURS = "gate_hours"


class TaskState(StrEnum):
    """Where a task stands."""

    OPEN = "open"
    DONE = "done"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Finding:
    """What an audit found. `key` names the same thing in every audit, such as an area's id."""

    kind: TaskKind
    key: str
    title: str
    detail: str
    days: int = 15

    @property
    def name(self) -> str:
        return f"{self.kind.value}:{self.key}"[:160]


@dataclass(frozen=True, slots=True)
class Task:
    """One task.

    Attributes:
        source: the audit, drill or alarm that found it.
        closed_by: the person or the audit that closed it.
    """

    id: int
    kind: TaskKind
    finding: str
    title: str
    detail: str
    source: str
    owner: str
    due: date
    opened: date
    state: TaskState = TaskState.OPEN
    done_by: str = ""
    done_note: str = ""
    closed: date | None = None
    closed_by: str = ""
    version: int = 1


def give(task: Task, owner: str, due: date, today: date) -> Task:
    """Another owner or day. Raises `StepRefusal` for a day that has passed."""
    if due < today:
        raise StepRefusal("plan_due_passed", day=due.isoformat())
    return replace(_step(task, (TaskState.OPEN,), TaskState.OPEN), owner=owner, due=due)


def finish(task: Task, person: str, note: str) -> Task:
    """`person` says that it is mended and how."""
    return replace(_step(task, (TaskState.OPEN,), TaskState.DONE), done_by=person, done_note=note)


def close(task: Task, person: str, today: date) -> Task:
    """Another person has looked at it. Raises `StepRefusal` for the one who did it."""
    if "".join(person.split()).casefold() == "".join(task.done_by.split()).casefold():
        raise StepRefusal("plan_fixer_cannot_accept", name=person)
    moved = _step(task, (TaskState.DONE,), TaskState.CLOSED)
    return replace(moved, closed=today, closed_by=person)


def found_again(task: Task) -> Task:
    """A later audit still finds it."""
    return _step(task, (TaskState.DONE,), TaskState.OPEN)


def found_mended(task: Task, source: str, today: date) -> Task:
    """A later audit finds it no more."""
    moved = _step(task, (TaskState.OPEN, TaskState.DONE), TaskState.CLOSED)
    return replace(moved, closed=today, closed_by=source)


def _step(task: Task, allowed: tuple[TaskState, ...], to: TaskState) -> Task:
    if task.state not in allowed:
        raise StepRefusal("plan_step_not_now", state=Name.said(f"plan.task.{task.state.value}"))
    return replace(task, state=to, version=task.version + 1)

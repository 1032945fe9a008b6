"""One thing of the plan by its number, for a viewer whose roles show it.

What a role keeps back answers as its page does: as if it were not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sqlalchemy.ext.asyncio import AsyncConnection

from api.access.rights import Right
from api.plan import attachments, record_store
from api.plan.asking import check_part
from api.plan.counting import Desk
from api.plan.errors import NotFoundRefusal
from api.plan.record_store import Record
from api.plan.scopes import Part
from api.plan.service import PlanService
from api.plan.sights import shown
from api.plan.today import one_line
from api.plan.viewer import PlanViewer

PART_OF: Mapping[str, Part] = MappingProxyType(
    {
        "record": Part.RECORDS,
        "hazard": Part.HAZARDS,
        "incident": Part.INCIDENTS,
        "occurrence": Part.LEDGER,
        "task": Part.TASKS,
    }
)


async def seen_record(
    viewer: PlanViewer, connection: AsyncConnection, desk: Desk, number: int
) -> Record:
    """Raises `NotFoundRefusal`, also for a kind of record that the viewer's roles do not keep."""
    found = await record_store.one(connection, desk.unit_no, number)
    if not viewer.scope(desk.unit.id).allows(found.kind, found.kind_type):
        raise NotFoundRefusal("plan_unknown", number=number)
    return found


async def check_subject(
    plan: PlanService, viewer: PlanViewer, connection: AsyncConnection, desk: Desk, subject: str
) -> None:
    """Refuse `record:12`, `occurrence:3` ... to a viewer whose roles do not show it.

    That a hazard, an incident or a task belongs to the unit is for the caller to ask.

    Raises:
        Problem: 403 for a part of the plan that the roles do not reach.
        NotFoundRefusal: a record of another kind, a duty of another rule, or another unit's.
    """
    kind, _, digits = subject.partition(":")
    number = int(digits)
    check_part(viewer, desk.unit.id, Right.SEE_PLAN, PART_OF[kind])
    if kind == "record":
        await seen_record(viewer, connection, desk, number)
    elif kind == "occurrence":
        line = await one_line(connection, desk.unit_no, number)
        if not shown(plan, viewer, desk.unit.id, [line]):
            raise NotFoundRefusal("plan_unknown", number=number)


async def check_file(
    plan: PlanService, viewer: PlanViewer, connection: AsyncConnection, desk: Desk, number: int
) -> None:
    """Refuse an attached file to a viewer who does not see what it belongs to.

    Raises as `check_subject`, and `NotFoundRefusal` when the unit has no such file.
    """
    subject = await attachments.subject_of(connection, desk, number)
    await check_subject(plan, viewer, connection, desk, subject)

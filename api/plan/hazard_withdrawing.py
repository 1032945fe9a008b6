"""Takes a hazard back that was entered by mistake or twice: kept, named, and counted nowhere.

A hazard that is there is mended and accepted; this is for one that never was. So whoever has to
mend it cannot take it back, and one that was put on public supervision only the bureau can.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.access.rights import Right
from api.plan import hazards, history
from api.plan.counting import Desk
from api.plan.hazard_store import HAZARDS
from api.plan.hazards import Hazard, HazardState, Verb
from api.plan.shelf import Step
from api.plan.tables import PLAN_HAZARDS
from api.plan.viewer import PlanViewer
from api.plan.withdrawing import DISCARDED, Withdrawal
from vision.instants import Utc

_ACT = "withdrawn"
TAKES_BACK = (_ACT, DISCARDED)
"""Acts by which a hazard is taken back."""
_H = PLAN_HAZARDS.c


@dataclass(frozen=True, slots=True)
class WithdrawnHazard:
    """One that was taken back: how it had stood, when it was entered, and who took it back."""

    hazard: Hazard
    entered: Utc
    why: Withdrawal


async def withdraw_hazard(
    connection: AsyncConnection, desk: Desk, number: int, step: Step
) -> Hazard:
    """Take it back for good; the draft of a camera is discarded so.

    Raises `NotFoundRefusal`; `StepRefusal` when it was taken back before, it changed since the
    person saw it, or the person has to mend it.
    """
    before = await HAZARDS.one(connection, desk.unit_no, number)
    act = DISCARDED if before.state is HazardState.DRAFT else _ACT
    taken = Step(act, step.person, step.version, step.note)
    return await HAZARDS.step(
        connection, desk, number, taken, lambda hazard: hazards.withdraw(hazard, step.person)
    )


def offered(viewer: PlanViewer, unit_id: str) -> Callable[[Hazard], bool]:
    """Which hazards the viewer's page offers to take back."""
    writes = viewer.may(Right.WRITE_PLAN, unit_id)
    supervises = viewer.may(Right.SUPERVISE_PLAN, unit_id)

    def takes(hazard: Hazard) -> bool:
        if hazard.state is HazardState.SUPERVISED and not supervises:
            return False
        return writes and hazards.may_withdraw(hazard, viewer.name)

    return takes


async def was_supervised(connection: AsyncConnection, number: int) -> bool:
    """Whether it was ever put on public supervision, also where it went to a fixer since."""
    lines = await history.of_subject(connection, f"hazard:{number}")
    return any(line.action == Verb.SUPERVISE for line in lines)


async def withdrawn_hazards(
    connection: AsyncConnection, unit_no: int
) -> tuple[WithdrawnHazard, ...]:
    """A unit's hazards that were taken back, without drafts that were discarded."""
    query = (
        select(PLAN_HAZARDS)
        .where(_H.unit_no == unit_no, _H.state == HazardState.WITHDRAWN)
        .order_by(_H.found_day, _H.id)
    )
    found = []
    for row in (await connection.execute(query)).mappings().all():
        hazard = HAZARDS.read(row)
        acts = await _acts(connection, hazard.id)
        if (line := acts.get(_ACT)) is not None:
            why = Withdrawal(line.actor, line.at, str(line.body["reason"]))
            found.append(WithdrawnHazard(hazard, acts["found"].at, why))
    return tuple(found)


async def _acts(connection: AsyncConnection, number: int) -> Mapping[str, history.Entry]:
    return {one.action: one for one in await history.of_subject(connection, f"hazard:{number}")}

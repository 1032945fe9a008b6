"""Who outside the school knows of an alarm: for the person at the desk, who must telephone if not.

*Sent* means that a transport took the message, *received* that the receiver said so itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field
from sqlalchemy import select

from api.access.actor import Actor
from api.access.guard import needs
from api.access.rights import Right
from api.access.scoping import check_alarm
from api.alarms import store
from api.delivery.outbox import DeliveryState
from api.delivery.routes import outbox_of
from api.delivery.tables import DELIVERIES
from api.live.bodies import ReceiverBody
from api.problems import responses
from api.routes.alarms import Number
from api.schemas import Body
from api.service import ServiceDep
from config.delivery import DeliveryPlan
from vision.instants import Utc

router = APIRouter(prefix="/api/v1/alarms", tags=["delivery"])


class ToldBody(Body):
    """How far the news of an alarm has come at one receiver."""

    receiver: ReceiverBody
    state: DeliveryState = Field(description="of the alarm's first message")
    attempts: int
    written_at: datetime
    sent_at: datetime | None
    received_at: datetime | None
    waiting: int = Field(description="messages of this alarm that are not settled")
    path: str


class WhoKnowsBody(Body):
    """One line for each receiver that the alarm was written for; the others are not told."""

    alarm_number: int
    told: tuple[ToldBody, ...]


@router.get("/{number}/told", responses=responses(401, 403, 404, 422, 503))
async def who_knows(
    number: Number,
    service: ServiceDep,
    actor: Annotated[Actor, Depends(needs(Right.SEE_DESK))],
) -> WhoKnowsBody:
    """Which receivers know of the alarm, since when, and who does not yet."""
    query = select(DELIVERIES).where(DELIVERIES.c.alarm_number == number)
    async with service.desk.database.read() as connection:
        alarm = await store.by_number(connection, number)
        check_alarm(actor, Right.SEE_DESK, service.desk.board.site.id, alarm)
        rows = (await connection.execute(query.order_by(DELIVERIES.c.seq))).mappings().all()
    plan = outbox_of(service).plan
    return WhoKnowsBody(alarm_number=number, told=tuple(_told(plan, rows)))


def _told(plan: DeliveryPlan, rows: Iterable[Any]) -> Iterable[ToldBody]:
    of_target: dict[str, list[Any]] = {}
    for row in rows:
        of_target.setdefault(row["target_id"], []).append(row)
    for target in plan.targets:
        mine = of_target.get(target.id)
        if mine:
            first = mine[0]
            received = first["state"] == DeliveryState.RECEIVED.value
            yield ToldBody(
                receiver=ReceiverBody.of(target),
                state=DeliveryState(first["state"]),
                attempts=first["attempts"],
                written_at=Utc(int(first["created_ns"])).to_datetime(),
                sent_at=_moment(first["sent_ns"]),
                received_at=_moment(first["settled_ns"]) if received else None,
                waiting=sum(bool(row["is_open"]) for row in mine),
                path=first["path_id"] or "",
            )


def _moment(ns: int | None) -> datetime | None:
    return None if ns is None else Utc(int(ns)).to_datetime()

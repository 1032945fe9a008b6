"""The outbox: rows written in the very transaction that changes an alarm.

Whatever dies after the commit, the row is there; whatever dies before it, the alarm is not there
either.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Protocol

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.alarms.escalation import steps_for
from api.alarms.values import Action, Alarm, AlarmType, HistoryEntry, Verdict
from api.delivery.message import (
    OutMessage,
    alarm_message,
    escalated,
    in_a_drill,
    test_message,
)
from api.delivery.tables import DELIVERIES
from api.watched import WatchedSite
from config.delivery import DeliveryPlan, DeliveryTarget, Role
from config.desk_plan import DeskPlan
from config.texts import catalogue
from vision.instants import Utc


class DeliveryState(StrEnum):
    """How far a message has come.

    SENT: the transport took it, the receiver has not said so. RECEIVED: the receiver's own word.
    """

    PENDING = "pending"
    LEASED = "leased"
    SENT = "sent"
    RECEIVED = "received"
    REJECTED = "rejected"
    GIVEN_UP = "given_up"


ENDED_BADLY = (DeliveryState.REJECTED.value, DeliveryState.GIVEN_UP.value)
"""States of a message that will not be tried again unless a person says so."""


_NOT_TOLD = frozenset(
    value
    for value in ("step_done", "step_undone", "condition_known", "level_changed")
    if value in {action.value for action in Action}
)
"""Steps of the desk's own work, and numbers that move; the next told step carries them."""


class Drills(Protocol):
    """The part of the timetable that the outbox asks."""

    def is_drill(self, instant: Utc) -> bool: ...


@dataclass(frozen=True, slots=True)
class Outbox:
    """Writes messages for every target of `plan` that wants them.

    Attributes:
        response: the site's people and its escalation ladder.
        timetable: says when the school has a drill; `None` where the site has none.
    """

    plan: DeliveryPlan
    site: WatchedSite
    response: DeskPlan = field(default_factory=DeskPlan)
    timetable: Drills | None = None

    def __post_init__(self) -> None:
        # Read the texts now: the first alarm's transaction must not wait for their files.
        catalogue("zh")

    async def enqueue(
        self,
        connection: AsyncConnection,
        alarm: Alarm,
        entries: Sequence[HistoryEntry],
        now: Utc,
    ) -> None:
        """Rows for the new history lines of a saved alarm, inside the caller's transaction."""
        told = [entry for entry in entries if entry.action.value not in _NOT_TOLD]
        for target in self.plan.targets:
            if told:
                await self._write(connection, target, alarm, told, now)

    async def enqueue_test(
        self, connection: AsyncConnection, target_id: str, path_id: str | None, by: str, now: Utc
    ) -> str:
        """A test message to one target, over one path when `path_id` names it; returns its id.

        Raises:
            KeyError: there is no such target or path.
        """
        target = self.plan.target(target_id)
        if path_id is not None:
            target.path(path_id)
        message = test_message(self.site, now, by, new_id())
        row = {**_columns(target.id, message, now), "only_path_id": path_id}
        await connection.execute(insert(DELIVERIES).values(row))
        return message.id

    async def enqueue_information(
        self, connection: AsyncConnection, message: OutMessage, now: Utc
    ) -> int:
        """What is no alarm, to the targets that are told for information; returns how many rows.

        The message's id stands for its content: enqueued again it is there once for each target.
        """
        written = 0
        for target in self.plan.targets:
            if target.role is not Role.INFORMATION or message.priority > target.lowest_priority:
                continue
            own = replace(message, id=_id_for(target.id, message.id)).without_people()
            known = select(DELIVERIES.c.seq).where(DELIVERIES.c.message_id == own.id)
            if (await connection.execute(known)).first() is None:
                await connection.execute(insert(DELIVERIES).values(_columns(target.id, own, now)))
                written += 1
        return written

    async def _write(
        self,
        connection: AsyncConnection,
        target: DeliveryTarget,
        alarm: Alarm,
        entries: Iterable[HistoryEntry],
        now: Utc,
    ) -> None:
        first = await _first(connection, target.id, alarm.number)
        # Who was told of an alarm is told how it goes on, also where the ladder begins anew.
        if not first[0] and not self._begins_with(target, alarm):
            return
        # An urgent step must not wait behind earlier, milder steps of its own alarm.
        mine = (
            DELIVERIES.c.is_open.is_(True),
            DELIVERIES.c.target_id == target.id,
            DELIVERIES.c.alarm_number == alarm.number,
            DELIVERIES.c.priority > alarm.priority,
        )
        await connection.execute(update(DELIVERIES).where(*mine).values(priority=alarm.priority))
        rows: list[dict[str, Any]] = []
        for entry in entries:
            message = self._message(alarm, entry)
            message = replace(message, first_id=first[0], first_at=first[1])
            first = first if first[0] else (message.id, message.step_at)
            if target.role is Role.INFORMATION:
                message = message.without_people()
            rows.append({**_columns(target.id, message, now), "priority": alarm.priority})
        await connection.execute(insert(DELIVERIES), rows)

    def _message(self, alarm: Alarm, entry: HistoryEntry) -> OutMessage:
        message = alarm_message(self.site, alarm, entry, new_id())
        drills = self.timetable
        if drills is not None and drills.is_drill(alarm.opened_at) and not message.is_test:
            message = in_a_drill(message)
        steps = {step.id: step for step in self.response.ladder}
        if entry.action is Action.ESCALATED and entry.detail in steps:
            step = steps[entry.detail]
            people = [person for person in self.response.people if person.id in step.who]
            message = escalated(message, step, people)
        return message

    def _begins_with(self, target: DeliveryTarget, alarm: Alarm) -> bool:
        """Whether a target that knows nothing of the alarm is told of it as it stands.

        A target that waits for a step of the ladder is told from that step on. The police are told
        of whatever the ladder has brought to them, however mild.
        """
        if target.role is not Role.INFORMATION and not _may_be_told(alarm):
            return False
        # A target that cannot be reached is not told so: it would fill its own backlog.
        about = alarm.key.subject_id.partition("/")[0]
        if alarm.key.type is AlarmType.DELIVERY and about == target.id:
            return False
        if alarm.key.type is AlarmType.TEST:
            # A test shows that every receiver that is told at once can be reached.
            return target.from_step is None
        steps = steps_for(self.response.ladder, alarm.priority)[: alarm.escalated]
        taken = {step.do for step in steps}
        if target.from_step is not None and target.from_step not in taken:
            return False
        to_police = target.role is Role.POLICE and "police" in taken
        return to_police or alarm.priority <= target.lowest_priority


async def requeue(connection: AsyncConnection, seq: int, now: Utc) -> bool:
    """Try a rejected or given-up message again; `False` when there is none of this number."""
    again = await connection.execute(
        update(DELIVERIES)
        .where(DELIVERIES.c.seq == seq, DELIVERIES.c.state.in_(ENDED_BADLY))
        .values(
            state=DeliveryState.PENDING.value,
            is_open=True,
            attempts=0,
            next_ns=now.ns,
            requeued_ns=now.ns,
            settled_ns=None,
            ended_by=None,
        )
    )
    return bool(again.rowcount)


def _id_for(target_id: str, name: str) -> str:
    return f"msg_{uuid.uuid5(uuid.NAMESPACE_URL, f'{target_id}/{name}').hex}"


def new_id() -> str:
    """A new idempotency key."""
    return f"msg_{uuid.uuid4().hex}"


def _may_be_told(alarm: Alarm) -> bool:
    """Not while somebody is checking it, nor after they found nothing. The check fails open."""
    return alarm.check is None or alarm.check.verdict is Verdict.CONFIRMED


async def _first(connection: AsyncConnection, target_id: str, alarm_number: int) -> tuple[str, str]:
    """Id and time of the alarm's first message to the target; empty when there is none."""
    query = (
        select(DELIVERIES.c.message_id, DELIVERIES.c.created_ns)
        .where(DELIVERIES.c.target_id == target_id, DELIVERIES.c.alarm_number == alarm_number)
        .order_by(DELIVERIES.c.seq)
        .limit(1)
    )
    row = (await connection.execute(query)).first()
    return ("", "") if row is None else (str(row[0]), Utc(int(row[1])).iso())


def _columns(target_id: str, message: OutMessage, now: Utc) -> dict[str, Any]:
    return {
        "message_id": message.id,
        "target_id": target_id,
        "alarm_number": message.alarm_number or None,
        "action": message.action,
        "priority": message.priority,
        "is_test": message.is_test,
        "only_path_id": None,
        "body_json": message.to_json(),
        "state": DeliveryState.PENDING.value,
        "is_open": True,
        "attempts": 0,
        "created_ns": now.ns,
        "requeued_ns": None,
        "next_ns": now.ns,
        "lease_until_ns": None,
        "lease_owner": None,
        "path_id": None,
        "sent_ns": None,
        "settled_ns": None,
        "detail": "",
        "ended_by": None,
    }

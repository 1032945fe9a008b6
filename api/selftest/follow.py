"""What became of a self-test's record: alarm, event, and one receipt of each target.

Read from the service's database on this machine, so that no account is needed for it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.alarms.tables import TEST_RUNS
from api.database import Database
from api.database.tables import ALARM_HISTORY, ALARMS, EVENTS
from api.delivery.outbox import DeliveryState
from api.delivery.tables import DELIVERIES
from api.events import EventKind
from config.delivery import Acknowledgement, DeliveryPlan, DeliveryTarget, Role
from streams.clock import Clock

_LOOK_EVERY_S = 0.2
_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class Finding:
    """One receipt.

    Attributes:
        name: `ingest`, `database`, `console_event` or `target/` and the target's id.
        delay_s: after the record was sent; `None` when it did not come.
        required: without it the test fails; a target for information is not required.
    """

    name: str
    delay_s: float | None
    required: bool = True
    detail: str = ""

    @property
    def passed(self) -> bool:
        return self.delay_s is not None or not self.required


@dataclass(frozen=True, slots=True)
class Follower:
    """Looks for the receipts of the run `key`, begun at `sent_ns`."""

    database: Database
    plan: DeliveryPlan
    clock: Clock
    key: str
    sent_ns: int

    async def findings(self, within_s: float) -> tuple[Finding, ...]:
        """Every receipt, or its absence once the time is over."""
        number = await self._until(within_s, self._alarm_number)
        if number is None:
            found = [Finding("database", None), Finding("console_event", None)]
            return (*found, *(self._absent(target) for target in self._expected()))
        parts = [self._stored(number, within_s), self._told(number, within_s)]
        parts += [self._delivered(number, target, within_s) for target in self._expected()]
        return tuple(await asyncio.gather(*parts))

    def _expected(self) -> tuple[DeliveryTarget, ...]:
        return tuple(target for target in self.plan.targets if target.from_step is None)

    def _absent(self, target: DeliveryTarget) -> Finding:
        required = target.role is not Role.INFORMATION
        return Finding(f"target/{target.id}", None, required)

    async def _until(
        self, within_s: float, look: Callable[[AsyncConnection], Awaitable[_Found | None]]
    ) -> _Found | None:
        deadline = self.clock.monotonic().plus(within_s)
        while True:
            async with self.database.read() as connection:
                found = await look(connection)
            if found is not None or self.clock.monotonic() >= deadline:
                return found
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _alarm_number(self, connection: AsyncConnection) -> int | None:
        query = select(TEST_RUNS.c.alarm_number).where(TEST_RUNS.c.run_key == self.key)
        found = (await connection.execute(query)).scalar()
        return None if found is None else int(found)

    async def _stored(self, number: int, within_s: float) -> Finding:
        """The alarm with its first history line."""

        async def look(connection: AsyncConnection) -> int | None:
            query = (
                select(ALARM_HISTORY.c.at_ns)
                .join(ALARMS, ALARMS.c.number == ALARM_HISTORY.c.alarm_number)
                .where(ALARMS.c.number == number, ALARMS.c.type == "test")
            )
            return (await connection.execute(query.limit(1))).scalar()

        at_ns = await self._until(within_s, look)
        return Finding("database", self._delay_s(at_ns), detail=f"alarm {number}")

    async def _told(self, number: int, within_s: float) -> Finding:
        """The event that every open console gets, from the stream or after a lost connection."""

        async def look(connection: AsyncConnection) -> int | None:
            query = select(EVENTS.c.at_ns, EVENTS.c.body_json).where(
                EVENTS.c.kind == EventKind.ALARM.value, EVENTS.c.at_ns >= self.sent_ns
            )
            for at_ns, body in await connection.execute(query):
                if json.loads(body)["number"] == number:
                    return int(at_ns)
            return None

        return Finding("console_event", self._delay_s(await self._until(within_s, look)))

    async def _delivered(self, number: int, target: DeliveryTarget, within_s: float) -> Finding:
        """The target's receipt; "sent" is enough only where no receiver's word exists."""
        required = target.role is not Role.INFORMATION
        query = select(DELIVERIES).where(
            DELIVERIES.c.alarm_number == number,
            DELIVERIES.c.target_id == target.id,
            DELIVERIES.c.is_test.is_(True),
        )

        async def look(connection: AsyncConnection) -> int | None:
            row = (await connection.execute(query.limit(1))).mappings().first()
            if row is None:
                return None
            if row["state"] == DeliveryState.RECEIVED.value:
                return int(row["settled_ns"])
            sent_is_enough = target.acknowledgement is Acknowledgement.TRANSPORT
            if row["state"] == DeliveryState.SENT.value and sent_is_enough:
                return int(row["sent_ns"])
            return None

        delay_s = self._delay_s(await self._until(within_s, look))
        return Finding(f"target/{target.id}", delay_s, required, target.role.value)

    def _delay_s(self, at_ns: int | None) -> float | None:
        return None if at_ns is None else max(at_ns - self.sent_ns, 0) / 1e9

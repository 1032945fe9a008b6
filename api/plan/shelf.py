"""Things that move step by step, in the database: stored once by key, each step with its line of
history in the same transaction. Hazards, incidents and tasks are kept this way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import RowMapping, Table, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.plan.counting import Desk
from api.plan.errors import NotFoundRefusal, StepRefusal
from api.plan.history import Entry, append


class Moving(Protocol):
    """What has a state and counts its changes."""

    @property
    def state(self) -> StrEnum: ...

    @property
    def version(self) -> int: ...


Item = TypeVar("Item", bound=Moving)


@dataclass(frozen=True, slots=True)
class Step:
    """Who does what; `version` is the one that the person was looking at."""

    action: str
    person: str
    version: int
    note: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shelf(Generic[Item]):
    """One kind of things in one table with `id`, `unit_no` and `client_key`.

    Attributes:
        kind: name of the kind in history, such as `hazard`.
        read: a row as a value; `columns`: the columns of a value that steps may change.
    """

    kind: str
    table: Table
    read: Callable[[RowMapping], Item]
    columns: Callable[[Item], dict[str, Any]]

    async def add(
        self,
        connection: AsyncConnection,
        desk: Desk,
        item: Item,
        *,
        step: Step,
        extra: Mapping[str, Any],
    ) -> Item:
        """Store a new thing; the `client_key` in `extra` a second time gives the stored one back.

        Raises `StepRefusal` when another unit used the key.
        """
        c = self.table.c
        query = select(self.table).where(c.client_key == extra["client_key"])
        known = (await connection.execute(query)).mappings().first()
        if known is not None:
            if known["unit_no"] != desk.unit_no:
                raise StepRefusal("plan_key_used")
            return self.read(known)
        values = {**self.columns(item), **extra, "unit_no": desk.unit_no}
        inserted = await connection.execute(insert(self.table).values(values).returning(c.id))
        number = int(inserted.scalar_one())
        await self._note(connection, desk, number, step, step.note)
        return await self.one(connection, desk.unit_no, number)

    async def one(self, connection: AsyncConnection, unit_no: int, number: int) -> Item:
        """Raises `NotFoundRefusal`, also for another unit's."""
        c = self.table.c
        query = select(self.table).where(c.id == number, c.unit_no == unit_no)
        row = (await connection.execute(query)).mappings().first()
        if row is None:
            raise NotFoundRefusal("plan_unknown", number=number)
        return self.read(row)

    async def step(
        self,
        connection: AsyncConnection,
        desk: Desk,
        number: int,
        step: Step,
        move: Callable[[Item], Item],
    ) -> Item:
        """Take one step. Raises `NotFoundRefusal`; `StepRefusal` when it changed since then."""
        before = await self.one(connection, desk.unit_no, number)
        if before.version != step.version:
            raise StepRefusal("plan_changed", number=number)
        after = move(before)
        await connection.execute(
            update(self.table).where(self.table.c.id == number).values(self.columns(after))
        )
        body = {"from": before.state.value, "to": after.state.value, **step.note}
        await self._note(connection, desk, number, step, body)
        return after

    async def _note(
        self,
        connection: AsyncConnection,
        desk: Desk,
        number: int,
        step: Step,
        body: Mapping[str, Any],
    ) -> None:
        subject = f"{self.kind}:{number}"
        entry = Entry(desk.unit_no, subject, step.action, step.person, desk.now, body)
        await append(connection, entry)

"""Takes a certificate back that was handed in by mistake: the one before it holds again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import RowMapping, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.plan import anchored, certificate_store
from api.plan.anchors import certificate_anchor
from api.plan.certificates import Certificate
from api.plan.counting import Counted, Desk, Stored, entry_of, named
from api.plan.history import append
from api.plan.renewals import Paper, Renewal, renewals_of
from api.plan.reviewing import mark_reviewed
from api.plan.states import State
from api.plan.tables import PLAN_COUNTS, PLAN_OCCURRENCES, day_number, day_of
from api.plan.withdrawing import COUNTED_INSTEAD, withdraw
from config.plan import Occurrence, Rule

_T = PLAN_OCCURRENCES.c
_C = PLAN_COUNTS.c


async def withdraw_certificate(
    connection: AsyncConnection, desk: Desk, record_id: int, person: str, reason: str
) -> Stored:
    """Take back the record of a certificate, and what it asked for; raises as `withdraw`.

    Its subject stands as if it had never been handed in: the certificate before holds and asks
    for its successor, and one that was handed in after may renew that one instead.
    """
    taken = await withdraw(connection, desk, record_id, person, reason)
    certificate = await certificate_store.of_record(connection, record_id)
    if certificate is None:
        return taken
    standing = await certificate_store.hold_again(connection, desk.unit_no, certificate)
    rule = anchored.certificate_rule(desk, certificate.kind)
    if rule is not None:
        work = _Work(connection, desk, rule, certificate, person)
        await work.ask_anew(standing)
    return taken


class _Work:
    """The successors of one subject, in the ledger."""

    def __init__(
        self,
        connection: AsyncConnection,
        desk: Desk,
        rule: Rule,
        withdrawn: Certificate,
        person: str,
    ) -> None:
        self._connection = connection
        self._desk = desk
        self._rule = rule
        self._withdrawn = withdrawn
        self._person = person
        self._anchor = certificate_anchor(withdrawn.subject)

    async def ask_anew(self, standing: Sequence[Certificate]) -> None:
        """Make the rows of the subject what the standing certificates make them."""
        rows = await self._rows()
        counted = await self._counted(rows)
        papers = [
            Paper(one, one.issued if one.handed_in is None else self._desk.day(one.handed_in))
            for one in standing
        ]

        def asks_for(one: Certificate) -> Occurrence:
            fresh = anchored.successor_of(self._desk, self._rule, one.issued, one.expires)
            row = rows.get(fresh.raw_due)
            if row is None:
                return fresh
            due, start = day_of(row["due_day"]), day_of(row["window_start_day"])
            return Occurrence(self._rule.id, fresh.raw_due, due, start)

        await self._drop(rows)
        for one in renewals_of(papers, asks_for, self._desk.today):
            number = await self._write(one, rows.get(one.asked.raw_due))
            if one.by is not None and one.by.record_id is not None:
                await self._count(number, one, one.by.record_id, counted.get(one.by.record_id))

    async def _rows(self) -> Mapping[date, RowMapping]:
        query = select(PLAN_OCCURRENCES).where(
            _T.unit_no == self._desk.unit_no,
            _T.rule_id == self._rule.id,
            _T.anchor == self._anchor,
        )
        found = (await self._connection.execute(query)).mappings()
        return {day_of(row["raw_due_day"]): row for row in found}

    async def _counted(self, rows: Mapping[date, RowMapping]) -> Mapping[int, int]:
        """Record -> the row in which it is counted."""
        ids = [row["id"] for row in rows.values()]
        query = select(_C.record_id, _C.occurrence_id).where(_C.occurrence_id.in_(ids))
        found = (await self._connection.execute(query)).all()
        return {row.record_id: row.occurrence_id for row in found}

    async def _drop(self, rows: Mapping[date, RowMapping]) -> None:
        """Nothing is asked for or counted, until it is worked out anew."""
        ids = [row["id"] for row in rows.values()]
        await self._connection.execute(delete(PLAN_COUNTS).where(_C.occurrence_id.in_(ids)))
        await self._connection.execute(
            update(PLAN_OCCURRENCES)
            .where(_T.id.in_(ids))
            .values(state=State.EXEMPT, done=0, settled_day=None)
        )

    async def _write(self, one: Renewal, row: RowMapping | None) -> int:
        values: dict[str, Any] = {
            "state": one.state,
            "done": int(one.by is not None),
            "settled_day": None if one.settled is None else day_number(one.settled),
        }
        if row is not None:
            await self._connection.execute(
                update(PLAN_OCCURRENCES).where(_T.id == row["id"]).values(values)
            )
            return int(row["id"])
        fresh = {
            "unit_no": self._desk.unit_no,
            "rule_id": self._rule.id,
            "raw_due_day": day_number(one.asked.raw_due),
            "anchor": self._anchor,
            "window_start_day": day_number(one.asked.window_start),
            "due_day": day_number(one.asked.due),
            "needed": self._rule.quota,
        }
        inserted = await self._connection.execute(
            insert(PLAN_OCCURRENCES).values({**fresh, **values}).returning(_T.id)
        )
        return int(inserted.scalar_one())

    async def _count(self, number: int, one: Renewal, record_id: int, before: int | None) -> None:
        """Count a certificate in the row it renews; where that is another row, its history says."""
        await self._connection.execute(
            insert(PLAN_COUNTS).values(occurrence_id=number, record_id=record_id, merged=False)
        )
        await mark_reviewed(self._connection, [number])
        if before == number or one.settled is None:
            return
        counted = Counted(number, self._rule.id, one.asked.due, one.state, False)
        body = {
            "counted": named([counted]),
            "instead_of": self._withdrawn.record_id,
            "handed_in": one.settled.isoformat(),
        }
        line = entry_of(self._desk, record_id, COUNTED_INSTEAD, self._person, body)
        await append(self._connection, line)

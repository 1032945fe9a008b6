"""Takes a record back that was handed in by mistake.

Nothing of it is lost: its row, its files and its history stay, and the history says who took it
back, when and why. What changes is the ledger: each duty stands as if the record had never been
handed in, so that another record of the same work, handed in by then, takes the place.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import RowMapping, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.plan import history
from api.plan.anchors import anchor_for
from api.plan.classes import has_its_class
from api.plan.counting import Counted, Desk, Stored, counted_in, entry_of, named, slot_of
from api.plan.history import Entry, append
from api.plan.merging import Counting, counting_rules
from api.plan.record_store import refuse_withdrawn, stored_row
from api.plan.reviewing import mark_reviewed
from api.plan.states import (
    DONE,
    STANDS,
    RecordState,
    Slot,
    State,
    state_on,
    takes,
    with_record,
    without_record,
)
from api.plan.tables import PLAN_COUNTS, PLAN_OCCURRENCES, PLAN_RECORDS, day_number, day_of
from config.plan import Rule
from config.plan.values import Scope
from vision.instants import Utc

COUNTED_INSTEAD = "counted_instead"
"""Act by which a record takes the place of one that was taken back."""
DISCARDED = "discarded"
"""Act by which a camera's draft was taken back that nobody had confirmed."""
_T = PLAN_OCCURRENCES.c
_R = PLAN_RECORDS.c
_C = PLAN_COUNTS.c


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Who took a record back, when and why."""

    person: str
    at: Utc
    reason: str


@dataclass(frozen=True, slots=True)
class _Instead:
    """A record that takes the freed place; `ready` is the day by which it was handed in."""

    record_id: int
    merged: bool
    ready: date


async def withdraw(
    connection: AsyncConnection, desk: Desk, record_id: int, person: str, reason: str
) -> Stored:
    """Take a record back by name and with a reason; it cannot be given again.

    A camera's draft that is wrong is discarded so: it counted nowhere and stands in no paper.

    Raises `NotFoundRefusal`, or `StepRefusal` for a record that was taken back before.
    """
    row = await stored_row(connection, desk.unit_no, record_id)
    refuse_withdrawn(row)
    freed = await counted_in(connection, record_id)
    await connection.execute(
        update(PLAN_RECORDS)
        .where(_R.id == record_id)
        .values(state=RecordState.WITHDRAWN, version=_R.version + 1)
    )
    await connection.execute(delete(PLAN_COUNTS).where(_C.record_id == record_id))
    body = {"reason": reason, "counted_before": named(freed)}
    act = DISCARDED if row["state"] == RecordState.DRAFT else "withdrawn"
    await append(connection, entry_of(desk, record_id, act, person, body))
    for one in freed:
        await _free(connection, desk, one, record_id, Withdrawal(person, desk.now, reason))
    return Stored(record_id, RecordState.WITHDRAWN.value, ())


async def withdrawals_of(
    connection: AsyncConnection, numbers: Collection[int]
) -> Mapping[int, Withdrawal]:
    """Who took these records back, out of their history.

    Neither a record that stands is in it, nor a draft that was discarded.
    """
    found = {}
    for number in sorted(numbers):
        for one in await history.of_subject(connection, f"record:{number}"):
            if one.action == "withdrawn":
                found[number] = Withdrawal(one.actor, one.at, str(one.body["reason"]))
    return found


async def _free(
    connection: AsyncConnection, desk: Desk, counted: Counted, record_id: int, why: Withdrawal
) -> None:
    """One duty without the record; another record of the same work takes its place."""
    query = select(PLAN_OCCURRENCES).where(_T.id == counted.occurrence_id)
    row = (await connection.execute(query)).one()
    rule = desk.edition.rule_of(row.rule_id, day_of(row.raw_due_day).year)
    slot = slot_of(row, rule)
    after, instead = without_record(slot, desk.today), None
    settled = None
    if slot.state in (State.MISSED, State.EXEMPT):
        settled = row.settled_day
    elif after.state is State.MISSED:
        settled = row.due_day + 1  # by the night after its day, as any round that was not made
    if rule is not None and _may_replace(rule, slot):
        waiting = replace(after, state=State.OPEN)
        instead = await _instead(connection, desk, rule, row, waiting)
        if instead is not None:
            # Other records in the same duty may have been handed in later than this one.
            ready = max(day_number(instead.ready), row.settled_day or 0)
            after = with_record(waiting, day_of(ready), merged=instead.merged)
            settled = ready if after.state in DONE else None
            after = replace(after, state=state_on(after, desk.today))
    values = {"done": after.done, "state": after.state, "settled_day": settled}
    await connection.execute(update(PLAN_OCCURRENCES).where(_T.id == row.id).values(values))
    body: dict[str, Any] = {"record": record_id, "note": f"#{record_id} {why.reason}"}
    if instead is not None:
        body["instead"] = instead.record_id
        taken = replace(counted, state=after.state, merged=instead.merged)
        await _count_instead(connection, desk, taken, instead, record_id, why.person)
    subject = f"occurrence:{row.id}"
    entry = Entry(desk.unit_no, subject, "record_withdrawn", why.person, desk.now, body)
    await append(connection, entry)


def _may_replace(rule: Rule, slot: Slot) -> bool:
    """What was missed stays so; which certificate takes another's place, `renewals` works out."""
    return rule.scope is not Scope.PER_CERTIFICATE and slot.state not in (
        *(State.MISSED, State.EXEMPT),
    )


async def _count_instead(
    connection: AsyncConnection,
    desk: Desk,
    counted: Counted,
    instead: _Instead,
    record_id: int,
    person: str,
) -> None:
    values = {"record_id": instead.record_id, "merged": instead.merged}
    await connection.execute(
        insert(PLAN_COUNTS).values(occurrence_id=counted.occurrence_id, **values)
    )
    body = {
        "counted": named([counted]),
        "instead_of": record_id,
        "handed_in": instead.ready.isoformat(),
    }
    line = entry_of(desk, instead.record_id, COUNTED_INSTEAD, person, body)
    await append(connection, line)
    await mark_reviewed(connection, [counted.occurrence_id])


async def _instead(
    connection: AsyncConnection, desk: Desk, rule: Rule, row: Any, slot: Slot
) -> _Instead | None:
    """The first record handed in that would have counted here, and counts for this rule nowhere."""
    taken = (
        select(_C.record_id)
        .join(PLAN_OCCURRENCES, _T.id == _C.occurrence_id)
        .where(_T.unit_no == desk.unit_no, _T.rule_id == rule.id)
    )
    query = (
        select(PLAN_RECORDS)
        .where(
            _R.unit_no == desk.unit_no,
            _R.kind == rule.accepts.kind,
            _R.state.in_(STANDS),
            _R.happened_day >= row.window_start_day,
            _R.id.not_in(taken),
        )
        .order_by(_R.id)
    )
    for record in (await connection.execute(query)).mappings().all():
        counting = _counting(desk, rule, record)
        body = json.loads(record["body_json"])
        if counting is None or anchor_for(rule, body) != row.anchor:
            continue
        ready = await _ready(connection, desk, rule, record["id"])
        if not takes(slot, day_of(record["happened_day"]), ready):
            continue
        if not await has_its_class(connection, rule, row.id, body):
            return _Instead(record["id"], counting.merged, ready)
    return None


def _counting(desk: Desk, rule: Rule, record: RowMapping) -> Counting | None:
    """How the record counts for this rule: as its own work, or merged; `None` when it does not."""
    kind, sent = (record["kind"], record["kind_type"]), bool(record["receipt_no"])
    if not rule.accepts.matches(*kind, has_receipt=sent):
        return None
    for one in desk.edition.nearest_plans(day_of(record["happened_day"]).year):
        for counting in counting_rules(one.catalogue, desk.unit, *kind, has_receipt=sent):
            if counting.rule.id == rule.id:
                return counting
    return None


async def _ready(connection: AsyncConnection, desk: Desk, rule: Rule, number: int) -> date:
    """The day by which a record was handed in: a draft's when a person confirmed it, an upload's
    when its receipt was noted."""
    acts = {"handed_in", "confirmed"} | ({"receipt"} if rule.accepts.needs_receipt else set())
    lines = await history.of_subject(connection, f"record:{number}")
    return max(desk.day(one.at) for one in lines if one.action in acts)

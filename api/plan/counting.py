"""Records in the ledger: stored once, counted in every duty they satisfy, each duty once."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import RowMapping, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.plan.anchors import anchor_for
from api.plan.classes import has_its_class
from api.plan.errors import NotFoundRefusal, StepRefusal
from api.plan.history import Entry, append
from api.plan.merging import Counting, counting_rules
from api.plan.record_store import refuse_withdrawn, stored_row
from api.plan.reviewing import mark_reviewed
from api.plan.states import DONE, RecordState, Slot, State, takes, with_record
from api.plan.tables import (
    PENDING,
    PLAN_COUNTS,
    PLAN_OCCURRENCES,
    PLAN_RECORDS,
    UPCOMING,
    day_number,
    day_of,
)
from config.plan import PlanCatalogue, PlanEdition, Rule, SchoolCalendar, Unit
from config.plan.units import BUREAU_ZONE
from config.plan.values import Scope, Window
from vision.instants import Utc

_T = PLAN_OCCURRENCES.c
_R = PLAN_RECORDS.c


@dataclass(frozen=True, slots=True)
class NewRecord:
    """A record as a person or a camera hands it in.

    Attributes:
        client_key: chosen by the sender; the same key twice is the same record.
        kind, kind_type: such as `drill` and `fire`.
        happened: the day of the work; never after the day of entry.
        source: `person`, or `camera` for a draft that counts only when a person confirms it.
        receipt_no: of the upload to the city's platform, where the plan asks for one.
    """

    client_key: str
    kind: str
    kind_type: str
    happened: date
    title: str
    author: str
    source: str = "person"
    receipt_no: str = ""
    body: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Counted:
    """One duty that a record was counted in."""

    occurrence_id: int
    rule_id: str
    due: date
    state: State
    merged: bool


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored record. `repeated` says that this key was known already and nothing changed."""

    record_id: int
    state: str
    counted: tuple[Counted, ...]
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Desk:
    """Where and when something is handed in: one unit, today's day and instant.

    Attributes:
        zone: the district's, by which an instant belongs to a day.
    """

    edition: PlanEdition
    unit: Unit
    unit_no: int
    today: date
    now: Utc
    zone: ZoneInfo = BUREAU_ZONE

    @property
    def plan(self) -> PlanCatalogue:
        """The plan that is in force today."""
        return self.edition.catalogue_of(self.today.year)

    @property
    def calendar(self) -> SchoolCalendar:
        """The unit's school calendar."""
        return self.edition.calendar_of(self.unit)

    def day(self, at: Utc) -> date:
        """The district's day of an instant."""
        return at.to_datetime().astimezone(self.zone).date()


async def hand_in(connection: AsyncConnection, desk: Desk, record: NewRecord) -> Stored:
    """Store a record and count it; a camera's stays a draft that counts nowhere.

    Raises `StepRefusal` for work dated in the future, or a key that another unit used.
    """
    known = await _by_key(connection, record.client_key)
    if known is not None:
        if known["unit_no"] != desk.unit_no:
            raise StepRefusal("plan_key_used")
        counted = await counted_in(connection, known["id"])
        return Stored(known["id"], known["state"], counted, repeated=True)
    if record.happened > desk.today:
        raise StepRefusal("plan_in_the_future", day=record.happened.isoformat())
    state = RecordState.DRAFT if record.source == "camera" else RecordState.SUBMITTED
    inserted = await connection.execute(
        insert(PLAN_RECORDS).values(_columns(desk, record, state.value)).returning(_R.id)
    )
    record_id = int(inserted.scalar_one())
    counted = ()
    if state is RecordState.SUBMITTED:
        row = await stored_row(connection, desk.unit_no, record_id)
        counted = await _count(connection, desk, row)
    body = {"kind": record.kind, "type": record.kind_type, "counted": named(counted)}
    await append(connection, entry_of(desk, record_id, "handed_in", record.author, body))
    return Stored(record_id, state.value, counted)


async def confirm(
    connection: AsyncConnection,
    desk: Desk,
    record_id: int,
    person: str,
    details: dict[str, Any] | None = None,
) -> Stored:
    """A person takes responsibility for a camera's draft; from now on it counts.

    `details` replace the draft's own; history names what the person changed.

    Raises `NotFoundRefusal`, or `StepRefusal` when it is no draft.
    """
    row = await stored_row(connection, desk.unit_no, record_id)
    if row["state"] != "draft":
        raise StepRefusal("plan_no_draft", number=record_id)
    drafted = json.loads(row["body_json"])
    final = drafted if details is None else details
    changed = sorted(name for name in drafted | final if drafted.get(name) != final.get(name))
    await connection.execute(
        update(PLAN_RECORDS)
        .where(_R.id == record_id)
        .values(
            state="submitted",
            confirmed_by=person,
            version=_R.version + 1,
            body_json=json.dumps(final, ensure_ascii=False, sort_keys=True),
        )
    )
    counted = await _count(connection, desk, await stored_row(connection, desk.unit_no, record_id))
    body: dict[str, Any] = {"counted": named(counted)}
    if changed:
        body["changed"] = {name: [drafted.get(name), final.get(name)] for name in changed}
    await append(connection, entry_of(desk, record_id, "confirmed", person, body))
    return Stored(record_id, "submitted", counted)


async def add_receipt(
    connection: AsyncConnection, desk: Desk, record_id: int, person: str, receipt_no: str
) -> Stored:
    """Note the receipt of an upload; duties that ask for one are counted now.

    Raises `NotFoundRefusal`, or `StepRefusal` for a draft, a record that was taken back, or a
    second receipt.
    """
    row = await stored_row(connection, desk.unit_no, record_id)
    refuse_withdrawn(row)
    if row["state"] == "draft" or row["receipt_no"]:
        raise StepRefusal("plan_no_receipt_now", number=record_id)
    await connection.execute(
        update(PLAN_RECORDS)
        .where(_R.id == record_id)
        .values(receipt_no=receipt_no, version=_R.version + 1)
    )
    counted = await _count(connection, desk, await stored_row(connection, desk.unit_no, record_id))
    body = {"receipt_no": receipt_no, "counted": named(counted)}
    await append(connection, entry_of(desk, record_id, "receipt", person, body))
    return Stored(record_id, str(row["state"]), counted)


async def review(connection: AsyncConnection, desk: Desk, record_id: int, person: str) -> Stored:
    """The bureau has read a record; a duty is reviewed once all that is counted in it was.

    Raises `NotFoundRefusal`, or `StepRefusal` for a draft, a record that was taken back, or
    one's own.
    """
    row = await stored_row(connection, desk.unit_no, record_id)
    refuse_withdrawn(row)
    if row["state"] == "draft":
        raise StepRefusal("plan_is_draft", number=record_id)
    if person in (row["author"], row["confirmed_by"]):
        raise StepRefusal("plan_own_record", name=person)
    await connection.execute(
        update(PLAN_RECORDS)
        .where(_R.id == record_id)
        .values(state="reviewed", version=_R.version + 1)
    )
    counted = [one.occurrence_id for one in await counted_in(connection, record_id)]
    await mark_reviewed(connection, counted)
    await append(connection, entry_of(desk, record_id, "reviewed", person, {}))
    return Stored(record_id, "reviewed", await counted_in(connection, record_id))


async def explain_missed(
    connection: AsyncConnection, desk: Desk, occurrence_id: int, person: str, note: str
) -> None:
    """Say why a daily round was missed; it stays missed.

    Raises `NotFoundRefusal`, or `StepRefusal` when it was not missed.
    """
    query = select(_T.state).where(_T.id == occurrence_id, _T.unit_no == desk.unit_no)
    state = (await connection.execute(query)).scalar_one_or_none()
    if state is None:
        raise NotFoundRefusal("plan_unknown", number=occurrence_id)
    if state != State.MISSED:
        raise StepRefusal("plan_not_missed", number=occurrence_id)
    await connection.execute(
        update(PLAN_OCCURRENCES).where(_T.id == occurrence_id).values(note=note)
    )
    subject = f"occurrence:{occurrence_id}"
    entry = Entry(desk.unit_no, subject, "explained", person, desk.now, {"note": note})
    await append(connection, entry)


async def _count(
    connection: AsyncConnection, desk: Desk, record: RowMapping
) -> tuple[Counted, ...]:
    """Count under the plan of the day of the work; what finds no place there, under another."""
    already = {one.rule_id for one in await counted_in(connection, record["id"])}
    for one in desk.edition.nearest_plans(day_of(record["happened_day"]).year):
        counted = await _count_under(connection, desk, one.catalogue, record, already)
        if counted or already:
            return counted
    return ()


async def _count_under(
    connection: AsyncConnection,
    desk: Desk,
    plan: PlanCatalogue,
    record: RowMapping,
    already: Collection[str],
) -> tuple[Counted, ...]:
    body = json.loads(record["body_json"])
    counted = []
    for counting in counting_rules(plan, desk.unit, *_kind_of(record), has_receipt=_sent(record)):
        anchor = anchor_for(counting.rule, body)
        if counting.rule.id in already or anchor is None:
            continue
        found = await _slot(connection, desk, counting, anchor, record)
        if found is not None:
            counted.append(await _fill(connection, desk, record["id"], counting, *found))
    return tuple(counted)


def _kind_of(record: RowMapping) -> tuple[str, str]:
    return record["kind"], record["kind_type"]


def _sent(record: RowMapping) -> bool:
    """Whether the upload has its receipt."""
    return bool(record["receipt_no"])


async def _slot(
    connection: AsyncConnection, desk: Desk, counting: Counting, anchor: str, record: RowMapping
) -> tuple[int, Slot] | None:
    """The occurrence that takes the record: the one whose window holds the day, else the newest
    overdue one. The plan of an occurrence's own year says what it takes."""
    happened = day_of(record["happened_day"])
    columns = (_T.id, _T.window_start_day, _T.due_day, _T.needed, _T.done, _T.state)
    own = (_T.unit_no == desk.unit_no, _T.rule_id == counting.rule.id, _T.anchor == anchor)
    query = select(*columns, _T.raw_due_day).where(*own, or_(PENDING, UPCOMING))
    renews = counting.rule.scope is Scope.PER_CERTIFICATE
    if not renews:
        query = query.where(_T.window_start_day <= day_number(happened))
    candidates = []
    body = json.loads(record["body_json"])
    for row in (await connection.execute(query.order_by(_T.due_day))).all():
        rule = desk.edition.rule_of(counting.rule.id, day_of(row.raw_due_day).year)
        if rule is None or await has_its_class(connection, rule, int(row.id), body):
            continue
        if rule.accepts.matches(*_kind_of(record), has_receipt=_sent(record)):
            candidates.append((int(row.id), slot_of(row, rule)))
    if renews:
        # A certificate may be renewed at any time, also before the lists begin to ask for it.
        candidates = [
            (number, replace(slot, window_start=min(slot.window_start, happened)))
            for number, slot in candidates
        ]
    fitting = [pair for pair in candidates if takes(pair[1], happened, desk.today)]
    within = [pair for pair in fitting if happened <= pair[1].due]
    if within:
        return within[0]
    return fitting[-1] if fitting else None


def slot_of(row: Any, rule: Rule | None) -> Slot:
    """What deciding about a row of the ledger needs."""
    return Slot(
        window_start=day_of(row.window_start_day),
        due=day_of(row.due_day),
        needed=row.needed,
        done=row.done,
        state=State(row.state),
        daily=rule is not None and rule.window is Window.DAY,
    )


async def _fill(
    connection: AsyncConnection,
    desk: Desk,
    record_id: int,
    counting: Counting,
    occurrence_id: int,
    slot: Slot,
) -> Counted:
    filled = with_record(slot, desk.today, merged=counting.merged)
    settled = day_number(desk.today) if filled.state in DONE else None
    await connection.execute(
        update(PLAN_OCCURRENCES)
        .where(_T.id == occurrence_id)
        .values(done=filled.done, state=filled.state, settled_day=settled)
    )
    await connection.execute(
        insert(PLAN_COUNTS).values(
            occurrence_id=occurrence_id, record_id=record_id, merged=counting.merged
        )
    )
    return Counted(occurrence_id, counting.rule.id, slot.due, filled.state, counting.merged)


async def counted_in(connection: AsyncConnection, record_id: int) -> tuple[Counted, ...]:
    """The duties in which a record is counted, its own first."""
    query = (
        select(_T.id, _T.rule_id, _T.due_day, _T.state, PLAN_COUNTS.c.merged)
        .join(PLAN_COUNTS, PLAN_COUNTS.c.occurrence_id == _T.id)
        .where(PLAN_COUNTS.c.record_id == record_id)
        .order_by(PLAN_COUNTS.c.merged, _T.id)
    )
    return tuple(
        Counted(row.id, row.rule_id, day_of(row.due_day), State(row.state), row.merged)
        for row in await connection.execute(query)
    )


async def _by_key(connection: AsyncConnection, client_key: str) -> RowMapping | None:
    query = select(PLAN_RECORDS).where(_R.client_key == client_key)
    return (await connection.execute(query)).mappings().first()


def _columns(desk: Desk, record: NewRecord, state: str) -> dict[str, Any]:
    return {
        "client_key": record.client_key,
        "unit_no": desk.unit_no,
        "kind": record.kind,
        "kind_type": record.kind_type,
        "happened_day": day_number(record.happened),
        "state": state,
        "source": record.source,
        "title": record.title,
        "body_json": json.dumps(record.body, ensure_ascii=False, sort_keys=True),
        "receipt_no": record.receipt_no,
        "author": record.author,
        "created_ns": desk.now.ns,
        "version": 1,
    }


def entry_of(desk: Desk, record_id: int, action: str, actor: str, body: dict[str, Any]) -> Entry:
    """A line of a record's history."""
    return Entry(desk.unit_no, f"record:{record_id}", action, actor, desk.now, body)


def named(counted: Sequence[Counted]) -> list[str]:
    """Rule, due day and state of each duty, as the history keeps them."""
    return [f"{one.rule_id}@{one.due.isoformat()}={one.state.value}" for one in counted]

"""Certificates in the database: each is a record that counts, and asks for its own successor."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from dateutil.relativedelta import relativedelta
from sqlalchemy import RowMapping, Select, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.plan import anchored
from api.plan.anchors import plain_subject
from api.plan.certificates import EXPIRING, Certificate
from api.plan.counting import Desk, NewRecord, Stored, hand_in
from api.plan.errors import StepRefusal
from api.plan.states import RecordState
from api.plan.tables import PLAN_CERTIFICATES, PLAN_RECORDS, day_number, day_of
from config.plan import certificate_expiry
from vision.instants import Utc

_C = PLAN_CERTIFICATES.c
_R = PLAN_RECORDS.c


@dataclass(frozen=True, slots=True)
class NewCertificate:
    """A certificate as it is handed in.

    Attributes:
        printed_expiry: the day that stands on it; where none does, the plan's interval counts
            from the day of issue, and a year where the plan has none.
        body: further fields of the form, such as who issued it.
    """

    client_key: str
    kind: str
    subject: str
    number: str
    issued: date
    printed_expiry: date | None
    author: str
    body: dict[str, Any] = field(default_factory=dict)


async def register(
    connection: AsyncConnection, desk: Desk, new: NewCertificate
) -> tuple[Certificate, Stored]:
    """Store a certificate and its record; a newer one renews the older of the same subject.

    One that was issued no earlier takes the older one's place. It counts as a renewal only when it
    was issued later and ends later too: else it is the same paper put right or printed again.

    The same key again gives the stored one back. Raises `StepRefusal` for a day of issue in the
    future, an end before the issue, or a key that another unit used.
    """
    new = replace(new, subject=plain_subject(new.subject))
    rule = anchored.certificate_rule(desk, new.kind)
    expires = new.printed_expiry or (
        new.issued + relativedelta(years=1)
        if rule is None
        else certificate_expiry(rule, new.issued)
    )
    if expires <= new.issued:
        raise StepRefusal("plan_certificate_ends_early", day=expires.isoformat())
    known = await _by_key(connection, new.client_key)
    newest = await _newest(connection, desk, new) if known is None else None
    holds = newest is None or newest.issued <= new.issued
    renews = newest is None or (newest.issued < new.issued and newest.expires < expires)
    stored = await hand_in(connection, desk, _record(new, expires, renews=renews))
    if known is not None:
        return known, stored
    if holds:
        await _replace_older(connection, desk, new)
    values = {
        "unit_no": desk.unit_no,
        "client_key": new.client_key,
        "kind": new.kind,
        "subject": new.subject,
        "number": new.number,
        "issued_day": day_number(new.issued),
        "expires_day": day_number(expires),
        "renewed": not holds,
        "author": new.author,
        "record_id": stored.record_id,
    }
    await connection.execute(insert(PLAN_CERTIFICATES).values(values))
    if rule is not None and holds:
        await anchored.drop_older(connection, desk, rule, new.subject)
        await anchored.ask_for_successor(connection, desk, rule, new.subject, new.issued, expires)
    made = await _by_key(connection, new.client_key)
    if made is None:  # the row was written a moment ago in this very transaction
        raise StepRefusal("plan_key_used")
    return made, stored


async def listed(
    connection: AsyncConnection, unit_no: int, *, renewed: bool = False, limit: int = 500
) -> tuple[Certificate, ...]:
    """Certificates of a unit, the first to end on top."""
    query = _with_record().where(_C.unit_no == unit_no)
    if not renewed:
        query = query.where(_C.renewed.is_(False))
    query = query.order_by(_C.expires_day, _C.id).limit(limit)
    return tuple(_certificate(row) for row in (await connection.execute(query)).mappings())


async def ending(connection: AsyncConnection, unit_no: int, today: date) -> tuple[Certificate, ...]:
    """Those of a unit that have ended or will within the notice time."""
    query = (
        _with_record()
        .where(
            _C.unit_no == unit_no,
            _C.renewed.is_(False),
            _C.expires_day <= day_number(today + EXPIRING),
        )
        .order_by(_C.expires_day, _C.id)
    )
    return tuple(_certificate(row) for row in (await connection.execute(query)).mappings())


async def kinds_missing(connection: AsyncConnection, desk: Desk) -> tuple[str, ...]:
    """Kinds that the plan asks this unit to keep renewed and of which none that it has handed in
    stands."""
    query = _with_record().where(_C.unit_no == desk.unit_no)
    found = [_certificate(row) for row in (await connection.execute(query)).mappings()]
    known = {one.kind for one in found if not one.withdrawn}
    asked = anchored.certificate_kinds(desk)
    return tuple(kind for kind in asked if kind not in known)


async def of_record(connection: AsyncConnection, record_id: int) -> Certificate | None:
    """The certificate that a record handed in."""
    query = _with_record().where(_R.id == record_id)
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else _certificate(row)


async def hold_again(
    connection: AsyncConnection, unit_no: int, withdrawn: Certificate
) -> tuple[Certificate, ...]:
    """Let the newest of a subject's certificates that stand hold, after one was taken back.

    Returns those that stand, as they were handed in; of two of one day of issue the later holds.
    """
    own = (_C.unit_no == unit_no, _C.kind == withdrawn.kind, _C.subject == withdrawn.subject)
    query = _with_record().where(*own).order_by(_C.id)
    found = [_certificate(row) for row in (await connection.execute(query)).mappings()]
    standing = tuple(one for one in found if not one.withdrawn)
    newest = max(standing, key=lambda one: (one.issued, one.id), default=None)
    await connection.execute(update(PLAN_CERTIFICATES).where(*own).values(renewed=True))
    if newest is not None:
        holds = update(PLAN_CERTIFICATES).where(_C.id == newest.id).values(renewed=False)
        await connection.execute(holds)
    return standing


def _with_record() -> Select[tuple[Any, ...]]:
    """Certificates with the number, the instant and the state of the record of each."""
    record = (_R.id.label("record_no"), _R.created_ns.label("record_ns"))
    joined = PLAN_CERTIFICATES.outerjoin(PLAN_RECORDS, _R.client_key == _C.client_key)
    return select(PLAN_CERTIFICATES, *record, _R.state.label("record_state")).select_from(joined)


def _record(new: NewCertificate, expires: date, *, renews: bool) -> NewRecord:
    # Only a renewal names the subject as its anchor: any other paper counts for no successor.
    subject = {"subject": new.subject} if renews else {"past_subject": new.subject}
    body = {**new.body, **subject, "number": new.number, "expires_on": expires.isoformat()}
    return NewRecord(
        client_key=new.client_key,
        kind="certificate",
        kind_type=new.kind,
        happened=new.issued,
        title=f"{new.subject} {new.number}".strip(),
        author=new.author,
        body=body,
    )


async def _replace_older(connection: AsyncConnection, desk: Desk, new: NewCertificate) -> None:
    await connection.execute(
        update(PLAN_CERTIFICATES)
        .where(
            _C.unit_no == desk.unit_no,
            _C.kind == new.kind,
            _C.subject == new.subject,
            _C.issued_day <= day_number(new.issued),
        )
        .values(renewed=True)
    )


async def _newest(
    connection: AsyncConnection, desk: Desk, new: NewCertificate
) -> Certificate | None:
    query = (
        _with_record()
        .where(
            _C.unit_no == desk.unit_no,
            _C.kind == new.kind,
            _C.subject == new.subject,
            _C.renewed.is_(False),
        )
        .order_by(_C.issued_day.desc())
        .limit(1)
    )
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else _certificate(row)


async def _by_key(connection: AsyncConnection, client_key: str) -> Certificate | None:
    query = _with_record().where(_C.client_key == client_key)
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else _certificate(row)


def _certificate(row: RowMapping) -> Certificate:
    return Certificate(
        id=row["id"],
        kind=row["kind"],
        subject=row["subject"],
        number=row["number"],
        issued=day_of(row["issued_day"]),
        expires=day_of(row["expires_day"]),
        renewed=bool(row["renewed"]),
        author=row["author"],
        record_id=row["record_no"],
        handed_in=None if row["record_ns"] is None else Utc(row["record_ns"]),
        withdrawn=row["record_state"] == RecordState.WITHDRAWN,
    )

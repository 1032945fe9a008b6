"""Calendar feeds: one address per person, every occurrence of the ledger as an event with alarms.

Phones ignore to-do entries, so each occurrence is an all-day VEVENT on its due day. The address
holds a secret; only its digest is stored. It shows what its person may see at the moment of
asking: a revoked one answers 404, and so does one whose account is closed or sees the unit no more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.access import accounts
from api.access.actor import Actor, Grant
from api.access.rights import Role
from api.plan.counting import Desk
from api.plan.errors import NotFoundRefusal
from api.plan.history import Entry, append
from api.plan.scopes import Part
from api.plan.states import DONE, State
from api.plan.tables import PLAN_FEEDS, PLAN_UNITS
from api.plan.today import Line
from api.plan.viewer import PlanViewer
from config.plan import PlanEdition, Rule
from config.texts import text
from vision.instants import Utc

PAST = timedelta(days=30)
AHEAD = timedelta(days=400)
_LINE_BYTES = 75
_F = PLAN_FEEDS.c


@dataclass(frozen=True, slots=True)
class Feed:
    """What a secret opens: a unit, and who looks at it."""

    unit_no: int
    unit_id: str
    viewer: PlanViewer


@dataclass(frozen=True, slots=True)
class Granted:
    """A feed as its list shows it; the secret is not stored."""

    id: int
    person: str
    at: Utc


async def grant(connection: AsyncConnection, desk: Desk, viewer: PlanViewer) -> tuple[int, str]:
    """A new feed's number and secret; the secret is shown once and not stored."""
    token, person, account = token_urlsafe(32), viewer.name, viewer.actor.account
    roles = sorted({g.role.value for g in viewer.actor.grants if g.covers(desk.unit.id, None)})
    values = {
        "token_sha256": _digest(token),
        "unit_no": desk.unit_no,
        "person": person,
        "created_ns": desk.now.ns,
        "account": account,
        "roles_json": None if account else json.dumps(roles),
    }
    inserted = await connection.execute(insert(PLAN_FEEDS).values(values).returning(_F.id))
    number = int(inserted.scalar_one())
    entry = Entry(desk.unit_no, f"feed:{number}", "granted", person, desk.now, {})
    await append(connection, entry)
    return number, token


async def listed(
    connection: AsyncConnection, unit_no: int, person: str | None
) -> tuple[Granted, ...]:
    """Feeds of a unit that are not revoked, the newest first; with `person`, theirs alone."""
    query = select(_F.id, _F.person, _F.created_ns)
    query = query.where(_F.unit_no == unit_no, _F.revoked_ns.is_(None))
    if person is not None:
        query = query.where(_F.person == person)
    rows = await connection.execute(query.order_by(_F.id.desc()))
    return tuple(Granted(row.id, row.person, Utc(row.created_ns)) for row in rows)


async def revoke(
    connection: AsyncConnection, desk: Desk, number: int, person: str, *, own_only: bool = False
) -> None:
    """End a feed at once. Raises `NotFoundRefusal`, with `own_only` also for another person's."""
    change = update(PLAN_FEEDS).where(
        _F.id == number, _F.unit_no == desk.unit_no, _F.revoked_ns.is_(None)
    )
    if own_only:
        change = change.where(_F.person == person)
    revoked = await connection.execute(change.values(revoked_ns=desk.now.ns))
    if revoked.rowcount == 0:
        raise NotFoundRefusal("plan_unknown", number=number)
    entry = Entry(desk.unit_no, f"feed:{number}", "revoked", person, desk.now, {})
    await append(connection, entry)


async def opened_by(connection: AsyncConnection, token: str, now: Utc) -> Feed:
    """What a secret opens to its person as they are now. Raises `NotFoundRefusal`."""
    query = (
        select(*(_F.unit_no, PLAN_UNITS.c.unit_id, _F.person, _F.account, _F.roles_json))
        .join(PLAN_UNITS, PLAN_UNITS.c.unit_no == _F.unit_no)
        .where(_F.token_sha256 == _digest(token), _F.revoked_ns.is_(None))
    )
    row = (await connection.execute(query)).first()
    actor = None if row is None else await _actor_of(connection, row, now)
    if row is None or actor is None:
        raise NotFoundRefusal("plan_feed_unknown")
    viewer = PlanViewer(row.person, actor)
    if not viewer.sees(row.unit_id) or Part.LEDGER not in viewer.scope(row.unit_id).parts:
        raise NotFoundRefusal("plan_feed_unknown")
    return Feed(int(row.unit_no), str(row.unit_id), viewer)


async def _actor_of(connection: AsyncConnection, row: Any, now: Utc) -> Actor | None:
    """Who a feed's person is at `now`; `None` for a closed account."""
    if row.account:
        account = await accounts.by_name(connection, row.account)
        return None if account is None or account.disabled else account.actor(now)
    # Granted in a demonstration; once the service has accounts, nobody answers for it.
    if row.roles_json is None or await accounts.count(connection) > 0:
        return None
    grants = tuple(Grant(Role(role), row.unit_id) for role in json.loads(row.roles_json))
    return Actor(row.person, grants)


def calendar_text(
    name: str, unit_id: str, lines: Sequence[Line], edition: PlanEdition, now: Utc
) -> str:
    """The feed as iCalendar (RFC 5545) text; exempt occurrences have no event."""
    stamp = now.to_datetime().strftime("%Y%m%dT%H%M%SZ")
    content = [
        *("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//xiaoan//safety plan//ZH"),
        *("CALSCALE:GREGORIAN", f"X-WR-CALNAME:{_escaped(name)}"),
        "REFRESH-INTERVAL;VALUE=DURATION:PT6H",
    ]
    for line in lines:
        rule = edition.rule_of(line.rule_id, line.plan_year)
        if rule is not None and line.state is not State.EXEMPT:
            content += _event(unit_id, line, rule, stamp)
    content.append("END:VCALENDAR")
    return "".join(part + "\r\n" for whole in content for part in _folded(whole))


def _event(unit_id: str, line: Line, rule: Rule, stamp: str) -> Iterator[str]:
    state = text(f"plan.state.{line.state.value}", "zh")
    window = f"{line.window_start.isoformat()} — {line.due.isoformat()}"
    yield "BEGIN:VEVENT"
    # The ledger's row number names the event, so that a moved due day moves it.
    yield f"UID:{line.id}.{line.rule_id}.{unit_id}@xiaoan"
    yield f"DTSTAMP:{stamp}"
    yield f"DTSTART;VALUE=DATE:{_day(line.due)}"
    yield f"DTEND;VALUE=DATE:{_day(line.due + timedelta(days=1))}"
    yield f"SUMMARY:{_escaped(rule.zh)}"
    yield f"DESCRIPTION:{_escaped(f'{rule.obligation} · {state} · {window}')}"
    yield "TRANSP:TRANSPARENT"
    if line.state not in DONE and line.state is not State.MISSED:
        for days in rule.remind_days_before:
            yield "BEGIN:VALARM"
            yield "ACTION:DISPLAY"
            yield f"DESCRIPTION:{_escaped(rule.zh)}"
            yield f"TRIGGER:-P{days}D"
            yield "END:VALARM"
    yield "END:VEVENT"


def _day(day: date | datetime) -> str:
    return day.strftime("%Y%m%d")


def _escaped(words: str) -> str:
    for mark in ("\\", ";", ","):
        words = words.replace(mark, f"\\{mark}")
    return words.replace("\r", "").replace("\n", "\\n")


def _folded(line: str) -> Iterator[str]:
    """Cut a line to 75 bytes without splitting a character (RFC 5545, 3.1)."""
    piece, size = "", 0
    for character in line:
        width = len(character.encode("utf-8"))
        if size + width > _LINE_BYTES:
            yield piece
            piece, size = " ", 1
        piece += character
        size += width
    yield piece


def _digest(token: str) -> str:
    return sha256(token.encode("utf-8")).hexdigest()

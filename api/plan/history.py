"""Append-only history: who did what to what, each row bound to the one before by its digest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.access import audit
from api.plan.tables import PLAN_HISTORY
from vision.instants import Utc

_H = PLAN_HISTORY.c
SYSTEM = "system"
"""The name under which the service itself acts."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. `subject` is `record:12`, `hazard:3` ...; `body` holds what changed."""

    unit_no: int
    subject: str
    action: str
    actor: str
    at: Utc
    body: Mapping[str, Any]


async def append(connection: AsyncConnection, entry: Entry) -> None:
    """Add a line at the end of the chain, inside the caller's only writing transaction."""
    query = select(_H.sha256).order_by(_H.id.desc()).limit(1)
    previous = (await connection.execute(query)).scalar_one_or_none() or ""
    values = _values(entry)
    await connection.execute(
        insert(PLAN_HISTORY).values(
            **values, previous_sha256=previous, sha256=_digest(previous, values)
        )
    )
    if entry.actor != SYSTEM:
        # What people do stands in the house's own log as well, whose head is anchored outside.
        kind = entry.subject.partition(":")[0]
        told = {"unit": entry.unit_no, "history": _digest(previous, values)}
        act = audit.Act(f"plan.{kind}.{entry.action}", entry.subject, told)
        await audit.append(connection, entry.actor, act, entry.at)


async def of_subject(connection: AsyncConnection, subject: str) -> tuple[Entry, ...]:
    """The lines of one subject, oldest first."""
    query = select(PLAN_HISTORY).where(_H.subject == subject).order_by(_H.id)
    return tuple(
        Entry(
            row.unit_no,
            row.subject,
            row.action,
            row.actor,
            Utc(row.at_ns),
            json.loads(row.body_json),
        )
        for row in await connection.execute(query)
    )


async def first_broken(connection: AsyncConnection) -> int | None:
    """Number of the first line that does not fit the chain; none when all do."""
    previous = ""
    for row in (await connection.execute(select(PLAN_HISTORY).order_by(_H.id))).mappings():
        values = {name: row[name] for name in _NAMES}
        if row["previous_sha256"] != previous or row["sha256"] != _digest(previous, values):
            return int(row["id"])
        previous = row["sha256"]
    return None


_NAMES = ("unit_no", "subject", "action", "actor", "at_ns", "body_json")


def _values(entry: Entry) -> dict[str, Any]:
    return {
        "unit_no": entry.unit_no,
        "subject": entry.subject,
        "action": entry.action,
        "actor": entry.actor,
        "at_ns": entry.at.ns,
        "body_json": json.dumps(entry.body, ensure_ascii=False, sort_keys=True),
    }


def _digest(previous: str, values: Mapping[str, Any]) -> str:
    line = json.dumps([previous, *(values[name] for name in _NAMES)], ensure_ascii=False)
    return sha256(line.encode("utf-8")).hexdigest()

"""Exports: asked for by one person, an unredacted one allowed by another, made by a process."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import structlog
from sqlalchemy import RowMapping, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.evidence.errors import EvidenceError, NoEvidenceError
from api.evidence.export_job import ExportJob
from api.evidence.tables import EXPORTS
from api.place_names import Name
from vision.instants import Utc

_log = structlog.get_logger(__name__)

# Of what a process says to its end, in bytes: a traceback, and what stood before it.
_MOST_SAID = 4_000
_MODULE = "api.evidence.export_process"


class ExportState(StrEnum):
    """WAITING: for the second person. QUEUED and RUNNING: for and in its process.

    EXPIRED: the package was deleted when its time was over; its digest is kept.
    """

    WAITING = "waiting"
    QUEUED = "queued"
    RUNNING = "running"
    READY = "ready"
    REFUSED = "refused"
    FAILED = "failed"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Person:
    """Who acts: the name that stands in records, and the account behind it where there is one."""

    name: str
    account: str = ""

    def is_same(self, name: str, account: str) -> bool:
        """The same person may not act twice, neither by name nor by account."""
        return self.name == name or (bool(self.account) and self.account == account)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for and why."""

    alarm_number: int
    redacted: bool
    reason: str
    note: str
    case_no: str


@dataclass(frozen=True, slots=True)
class Export:
    """One row; `decided_by` is the second person of an unredacted export.

    `ready_at` is set while there is a package, and stays when it was deleted.
    """

    id: int
    wish: Wish
    requested: Person
    requested_at: Utc
    decided_by: str
    decided_at: Utc | None
    state: ExportState
    detail: str
    file_sha256: str
    file_bytes: int
    ready_at: Utc | None = None


async def ask(connection: AsyncConnection, wish: Wish, who: Person, now: Utc) -> Export:
    """A redacted export is queued at once; an unredacted one waits for a second person."""
    state = ExportState.QUEUED if wish.redacted else ExportState.WAITING
    result = await connection.execute(
        insert(EXPORTS)
        .values(
            alarm_number=wish.alarm_number, redacted=wish.redacted, reason=wish.reason,
            note=wish.note, case_no=wish.case_no, requested_by=who.name,
            requested_account=who.account, requested_ns=now.ns, decided_by="", detail="",
            state=state.value, file_sha256="", file_bytes=0,
        )
        .returning(EXPORTS.c.id)
    )  # fmt: skip
    return await find(connection, int(result.scalar_one()))


async def decide(
    connection: AsyncConnection, export_id: int, who: Person, now: Utc, *, allow: bool
) -> Export:
    """The second person allows or refuses an unredacted export.

    Raises:
        NoEvidenceError: there is no such export.
        EvidenceError: it does not wait, or it is the person who asked for it.
    """
    export = await find(connection, export_id)
    if export.state is not ExportState.WAITING:
        raise EvidenceError(
            "export_not_waiting", state=Name.said(f"evidence.export_state.{export.state.value}")
        )
    if who.is_same(export.requested.name, export.requested.account):
        raise EvidenceError("export_same_person", name=who.name)
    state = ExportState.QUEUED if allow else ExportState.REFUSED
    values = {"decided_by": who.name, "decided_ns": now.ns, "state": state.value}
    await _change(connection, export_id, values)
    return await find(connection, export_id)


async def find(connection: AsyncConnection, export_id: int) -> Export:
    """Raises `NoEvidenceError`."""
    query = select(EXPORTS).where(EXPORTS.c.id == export_id)
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        raise NoEvidenceError("export_unknown", export=export_id)
    return _export(row)


async def of_alarm(connection: AsyncConnection, number: int) -> tuple[Export, ...]:
    """Newest first."""
    query = select(EXPORTS).where(EXPORTS.c.alarm_number == number).order_by(EXPORTS.c.id.desc())
    return tuple(_export(row) for row in (await connection.execute(query)).mappings())


async def in_states(
    connection: AsyncConnection, states: Sequence[ExportState]
) -> tuple[Export, ...]:
    """Oldest first."""
    wanted = [state.value for state in states]
    query = select(EXPORTS).where(EXPORTS.c.state.in_(wanted)).order_by(EXPORTS.c.id)
    return tuple(_export(row) for row in (await connection.execute(query)).mappings())


async def expired_from(connection: AsyncConnection, export_id: int) -> frozenset[int]:
    """Ids from this one on of exports whose time is over."""
    query = select(EXPORTS.c.id).where(
        EXPORTS.c.id >= export_id, EXPORTS.c.state == ExportState.EXPIRED.value
    )
    return frozenset((await connection.execute(query)).scalars())


async def set_state(
    connection: AsyncConnection, export_id: int, state: ExportState, **values: Any
) -> None:
    await _change(connection, export_id, {"state": state.value, **values})


async def make(job: ExportJob) -> dict[str, Any]:
    """Run the process of an export; `{"sha256", "bytes"}` or `{"failed"}`.

    Cancelling it ends the process.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        _MODULE,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        output, said = await process.communicate(job.to_json().encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        tail = said[-_MOST_SAID:].decode(errors="replace").strip()
        _log.warning("an export was not made", export=job.facts.get("export"), said=tail)
    try:
        answer: dict[str, Any] = json.loads(output.splitlines()[-1])
    except (ValueError, IndexError):
        return {"failed": f"the export process ended with code {process.returncode}"}
    return answer


async def _change(connection: AsyncConnection, export_id: int, values: dict[str, Any]) -> None:
    await connection.execute(update(EXPORTS).where(EXPORTS.c.id == export_id).values(values))


def _export(row: RowMapping) -> Export:
    return Export(
        id=row["id"],
        wish=Wish(
            row["alarm_number"], bool(row["redacted"]), row["reason"], row["note"], row["case_no"]
        ),
        requested=Person(row["requested_by"], row["requested_account"]),
        requested_at=Utc(row["requested_ns"]),
        decided_by=row["decided_by"],
        decided_at=None if row["decided_ns"] is None else Utc(row["decided_ns"]),
        state=ExportState(row["state"]),
        detail=row["detail"],
        file_sha256=row["file_sha256"],
        file_bytes=row["file_bytes"],
        ready_at=None if row["ready_ns"] is None else Utc(row["ready_ns"]),
    )


__all__ = [
    "Export",
    "ExportState",
    "Person",
    "Wish",
    "ask",
    "decide",
    "expired_from",
    "find",
    "in_states",
    "make",
    "of_alarm",
    "set_state",
]

"""Who played, downloaded or exported which recording, and why; append-only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import RowMapping, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.evidence.tables import EVIDENCE_VIEWINGS
from vision.instants import Utc

WINDOW_S = 300
"""Playing in pieces for one reason is one line for five minutes; other acts are one line each."""

_NS = 1_000_000_000


class Act(StrEnum):
    """What was done with a recording."""

    PLAYED = "played"
    EXPORT_ASKED = "export_asked"
    EXPORT_ALLOWED = "export_allowed"
    EXPORT_REFUSED = "export_refused"
    DOWNLOADED = "downloaded"
    HELD = "held"
    RELEASED = "released"


class Reason(StrEnum):
    """Why a recording is looked at; texts `evidence.reason.<value>`."""

    ALARM_RESPONSE = "alarm_response"
    INVESTIGATION = "investigation"
    POLICE_REQUEST = "police_request"
    GUARDIAN_REQUEST = "guardian_request"
    AUDIT = "audit"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the register.

    Attributes:
        camera_id: empty where all cameras are meant.
        account: of the viewer, whose name another person may have as well; empty where nobody
            signs in.
    """

    alarm_number: int
    camera_id: str
    viewer: str
    act: Act
    reason: str
    note: str
    first_at: Utc
    account: str = ""


async def record(connection: AsyncConnection, line: Line) -> bool:
    """Write a line, unless the same one stands in this window; whether it was written."""
    table = EVIDENCE_VIEWINGS.c
    at_ns = line.first_at.ns
    window_ns = at_ns - at_ns % (WINDOW_S * _NS) if line.act is Act.PLAYED else at_ns
    found = await connection.execute(
        select(table.id).where(
            table.alarm_number == line.alarm_number, table.camera_id == line.camera_id,
            table.viewer == line.viewer, table.account == line.account,
            table.act == line.act.value, table.reason == line.reason,
            table.note == line.note, table.window_ns == window_ns,
        )
    )  # fmt: skip
    if found.first() is not None:
        return False
    await connection.execute(
        insert(EVIDENCE_VIEWINGS).values(
            alarm_number=line.alarm_number, camera_id=line.camera_id, viewer=line.viewer,
            account=line.account, act=line.act.value, reason=line.reason, note=line.note,
            window_ns=window_ns, first_at_ns=at_ns,
        )
    )  # fmt: skip
    return True


async def lines(
    connection: AsyncConnection, *, limit: int, alarm_number: int | None = None
) -> tuple[Line, ...]:
    """Newest first."""
    table = EVIDENCE_VIEWINGS
    query = select(table).order_by(table.c.id.desc()).limit(limit)
    if alarm_number is not None:
        query = query.where(table.c.alarm_number == alarm_number)
    return tuple(_line(row) for row in (await connection.execute(query)).mappings())


def _line(row: RowMapping) -> Line:
    return Line(
        row["alarm_number"], row["camera_id"], row["viewer"], Act(row["act"]), row["reason"],
        row["note"], Utc(row["first_at_ns"]), row["account"],
    )  # fmt: skip


__all__ = ["Act", "Line", "Reason", "lines", "record"]

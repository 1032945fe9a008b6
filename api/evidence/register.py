"""Who played, downloaded or exported which recording, and why; append-only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import RowMapping, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.access.scoping import Reach
from api.evidence.clip_store import Clip, find
from api.evidence.tables import EVIDENCE_VIEWINGS
from vision.instants import Utc

WINDOW_S = 300
"""Playing in pieces for one reason is one line for five minutes; other acts are one line each."""

_NS = 1_000_000_000
_STEP = 500


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
    connection: AsyncConnection,
    *,
    limit: int,
    alarm_number: int | None = None,
    reach: Reach | None = None,
) -> tuple[Line, ...]:
    """Newest first; with a `reach` only of recordings of which all that was shown lies inside."""
    table = EVIDENCE_VIEWINGS
    newest = select(table).order_by(table.c.id.desc()).limit(limit)
    if alarm_number is not None:
        newest = newest.where(table.c.alarm_number == alarm_number)
    if reach is None or reach.cameras is None:
        return tuple(_line(row) for row in (await connection.execute(newest)).mappings())
    found: list[Line] = []
    clips: dict[int, Clip | None] = {}
    query = newest.limit(_STEP)
    while len(found) < limit:
        rows = (await connection.execute(query)).mappings().all()
        for row in rows:
            line = _line(row)
            if line.alarm_number not in clips:
                clips[line.alarm_number] = await find(connection, line.alarm_number)
            if _within(line, clips[line.alarm_number], reach):
                found.append(line)
        if len(rows) < _STEP:
            break
        query = newest.limit(_STEP).where(table.c.id < rows[-1]["id"])
    return tuple(found[:limit])


def _within(line: Line, clip: Clip | None, reach: Reach) -> bool:
    """Whether the line is about nothing outside; one without a camera is about all of the clip."""
    if clip is None:
        return False
    shown = (line.camera_id,) if line.camera_id else clip.camera_ids
    return all(reach.camera(camera_id, clip.zone_ids) for camera_id in shown)


def _line(row: RowMapping) -> Line:
    return Line(
        row["alarm_number"], row["camera_id"], row["viewer"], Act(row["act"]), row["reason"],
        row["note"], Utc(row["first_at_ns"]), row["account"],
    )  # fmt: skip


__all__ = ["Act", "Line", "Reason", "lines", "record"]

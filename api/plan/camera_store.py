"""Camera evidence in the plan: drafts that a person confirms, tasks that findings open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.alarms.values import Alarm
from api.coverage.document import AuditDocument
from api.plan import camera_drafts as drafts
from api.plan import record_store, task_store
from api.plan.camera_measures import PlaceFigures, place_finding
from api.plan.counting import Desk, NewRecord, Stored, hand_in
from api.plan.record_store import Record
from api.plan.states import RecordState
from api.plan.tables import PLAN_RECORDS
from api.plan.tasks import TaskKind
from vision.instants import Utc

CAMERAS = "cameras"
CAMERAS_SOURCE = "camera"
# Who gets a task until somebody gives it to a name.
FIRST_OWNER = "安全主任"


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft as cameras hand it in; the same key again is the same draft."""

    key: str
    kind: str
    kind_type: str
    title: str
    details: Mapping[str, Any]


async def take_audit(
    connection: AsyncConnection, desk: Desk, document: AuditDocument, *, made: Utc, day: date
) -> Stored:
    """A coverage audit: its draft, a task for each area not met, and the older tasks re-checked.

    Tasks whose area is met now are closed by this audit; those found again are open again. A paper
    that comes twice, or after a later one, says nothing of today: it changes no task.

    Args:
        made: when the audit was made, and `day` which of the district's days that was.
    """
    totals = document.totals
    title = f"覆盖审计 {totals.areas_met}/{totals.areas} 达标"
    # The key of a later audit sorts after that of an earlier one.
    key = f"{_audits_of(desk)}{made.to_datetime():%Y%m%dT%H%M%S%f}-{document.sha256[:20]}"
    details = drafts.audit_details(document)
    draft = Draft(key, "coverage_audit", "", title, details)
    stored = await take_draft(connection, desk, draft, happened=day, anew=False)
    if not stored.repeated and await _latest_audit(connection, desk) == key:
        findings = drafts.audit_findings(document)
        source = f"audit {document.sha256[:16]}"
        await task_store.recheck(connection, desk, TaskKind.BLIND_SPOT, findings, source=source)
        await task_store.take_findings(connection, desk, findings, source=source, owner=FIRST_OWNER)
    return stored


def _audits_of(desk: Desk) -> str:
    return f"coverage-audit-{desk.unit_no}-"


async def _latest_audit(connection: AsyncConnection, desk: Desk) -> str:
    """Key of the audit of this unit that was made last."""
    key = PLAN_RECORDS.c.client_key
    query = select(func.max(key)).where(
        PLAN_RECORDS.c.unit_no == desk.unit_no,
        PLAN_RECORDS.c.source == CAMERAS_SOURCE,
        key.startswith(_audits_of(desk)),
    )
    return str((await connection.execute(query)).scalar_one())


async def take_densities(
    connection: AsyncConnection,
    desk: Desk,
    figures: Sequence[drafts.DensityFigures],
    period: str,
    words: drafts.Words,
) -> Stored:
    """The density report of a period as a draft."""
    details = drafts.density_details(figures, period, words)
    key = _key("density", desk, period)
    return await take_draft(
        connection, desk, Draft(key, "report", "density", f"密度周报 {period}", details)
    )


async def has_week(connection: AsyncConnection, desk: Desk, period: str) -> bool:
    """Whether the density report of a period was handed in already."""
    query = select(PLAN_RECORDS.c.id).where(
        PLAN_RECORDS.c.client_key == _key("density", desk, period)
    )
    return (await connection.execute(query)).first() is not None


async def take_alarms(
    connection: AsyncConnection,
    desk: Desk,
    alarms: Sequence[Alarm],
    period: str,
    words: drafts.Words,
    *,
    drills: int = 0,
) -> Stored:
    """How alarms of a period were handled, as a draft; unacknowledged ones open tasks.

    A task is closed by the next look that finds its alarm acknowledged.
    """
    findings, source = drafts.alarm_findings(alarms, words), f"alarms {period}"
    kind = TaskKind.UNACKNOWLEDGED_ALARM
    for one in alarms:
        if one.acknowledged is not None:
            name = drafts.alarm_key(one)
            await task_store.recheck_one(connection, desk, kind, name, source=source)
    await task_store.take_findings(connection, desk, findings, source=source, owner=FIRST_OWNER)
    key = _key("alarms", desk, period)
    details = drafts.alarm_details(alarms, period, words, drills=drills)
    return await take_draft(
        connection, desk, Draft(key, "alarm_handling", "", f"预警处置 {period}", details)
    )


async def take_place(
    connection: AsyncConnection,
    desk: Desk,
    site_id: str,
    kind: TaskKind,
    place: PlaceFigures,
    draft: Draft,
    *,
    last: date,
) -> Stored:
    """A gate's or a lane's check as a draft; a long stay opens a task, a clear place closes it.

    A place that nobody could see closes nothing, and neither does a time before the task. A time
    that is looked at again opens no second task for what was mended since.

    Args:
        last: the last day that was looked at.
    """
    finding = place_finding(site_id, kind, place)
    source = draft.key
    if finding is not None:
        if not await task_store.has_opened(connection, desk, finding, source=source):
            await task_store.take_findings(
                connection, desk, (finding,), source=source, owner=FIRST_OWNER
            )
    elif place.clear:
        name = f"{site_id}/{place.zone_id}"
        await task_store.recheck_one(connection, desk, kind, name, source=source, last=last)
    return await take_draft(connection, desk, draft)


async def check_drill(
    connection: AsyncConnection,
    desk: Desk,
    record_id: int,
    kind_type: str,
    details: dict[str, Any],
) -> None:
    """A failed drill opens a task; the next drill of its type that is not failed closes it."""
    finding = drafts.drill_finding(record_id, desk.today, kind_type, details)
    source = f"record {record_id}"
    if finding is not None:
        await task_store.take_findings(
            connection, desk, (finding,), source=source, owner=FIRST_OWNER
        )
        return
    await task_store.recheck_one(connection, desk, TaskKind.FAILED_DRILL, kind_type, source=source)


async def uncheck_drill(connection: AsyncConnection, desk: Desk, withdrawn: Record) -> None:
    """A drill that was taken back neither opens a task nor closes one: the drill before it does.

    Only the newest drill of its type has a say; an older one had lost it before.
    """
    newest = await record_store.newest_of(
        connection, desk.unit_no, withdrawn.kind, withdrawn.kind_type
    )
    if newest is not None and newest.id > withdrawn.id:
        return
    finding = None
    if newest is not None:
        finding = drafts.drill_finding(newest.id, newest.happened, newest.kind_type, newest.details)
    if newest is None or finding is None:
        source = f"record {withdrawn.id} withdrawn"
        kind = TaskKind.FAILED_DRILL
        await task_store.recheck_one(connection, desk, kind, withdrawn.kind_type, source=source)
    elif not await task_store.is_open(connection, desk, finding):
        await task_store.take_findings(
            connection, desk, (finding,), source=f"record {newest.id}", owner=FIRST_OWNER
        )


async def take_draft(
    connection: AsyncConnection,
    desk: Desk,
    draft: Draft,
    *,
    happened: date | None = None,
    anew: bool = True,
) -> Stored:
    """Hand in a draft; it counts nowhere until a person confirms it.

    What was taken back is drafted again, with `anew`.
    """
    if anew:
        await _free_key(connection, desk, draft.key)
    record = NewRecord(
        client_key=draft.key,
        kind=draft.kind,
        kind_type=draft.kind_type,
        happened=happened or desk.today,
        title=draft.title[:200],
        author=CAMERAS,
        source=CAMERAS_SOURCE,
        body=dict(draft.details),
    )
    return await hand_in(connection, desk, record)


async def _free_key(connection: AsyncConnection, desk: Desk, key: str) -> None:
    """The key of a draft that was taken back is free for the next.

    The nights leave a week alone that they drafted once, so only a person's asking comes here.
    """
    c = PLAN_RECORDS.c
    own = (c.client_key == key, c.unit_no == desk.unit_no, c.state == RecordState.WITHDRAWN)
    number = (await connection.execute(select(c.id).where(*own))).scalar_one_or_none()
    if number is not None:
        values = {"client_key": f"taken-back-{number}"}
        await connection.execute(update(PLAN_RECORDS).where(c.id == number).values(values))


def _key(what: str, desk: Desk, period: str) -> str:
    return f"camera-{what}-{desk.unit_no}-{period.replace(' 至 ', '-')}"

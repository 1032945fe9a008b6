"""`/api/v1/plan/units/.../camera-...`: what cameras found enters the plan, as drafts and tasks."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field, StringConstraints
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from api import readings
from api.alarms import store as alarm_store
from api.alarms.values import Alarm, AlarmState
from api.coverage.document import AuditDocument
from api.database.tables import READINGS
from api.plan import camera_store
from api.plan.asking import CHANGE, PREFIX, PlanDep, RecordWriter, UnitId
from api.plan.bodies import RecordOut
from api.plan.camera_drafts import DensityFigures, Slot, density_figures
from api.plan.errors import StepRefusal
from api.plan.service import PlanService
from api.schemas import Body, with_examples
from vision.instants import Utc

router = APIRouter(prefix=PREFIX, tags=["plan"])

MOST_ALARMS = 2_000
MOST_DAYS = 31
_MOST_POINTS = 100_000
_Clock = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class SlotIn(Body):
    """A part of each day, such as a long break."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    start: _Clock
    end: _Clock

    def slot(self) -> Slot:
        """The same in minutes."""
        return Slot(self.name, self.name, _minutes(self.start), _minutes(self.end))


class WeekIn(Body):
    """A period and the parts of its days that are counted."""

    model_config = with_examples(
        {
            "first": "2026-03-09",
            "last": "2026-03-15",
            "slots": [{"name": "大课间", "start": "09:30", "end": "10:05"}],
        }
    )

    first: date
    last: date
    slots: Annotated[tuple[SlotIn, ...], Field(min_length=1, max_length=20)]


class DraftsOut(Body):
    """The drafts that wait for a person now."""

    density: RecordOut
    alarms: RecordOut


@router.post("/units/{unit_id}/camera-audits", responses=CHANGE)
async def take_audit(
    unit_id: UnitId, body: AuditDocument, plan: PlanDep, viewer: RecordWriter
) -> RecordOut:
    """A sealed coverage audit: a draft, and a task with owner and day for each area not met."""
    if body.sha256 != body.digest():
        raise StepRefusal("plan_audit_changed")
    async with plan.writing(viewer, unit_id) as (connection, desk):
        if desk.unit.site != body.site_id:
            raise StepRefusal("plan_no_site")
        return RecordOut.of(await camera_store.take_audit(connection, desk, body))


@router.post("/units/{unit_id}/camera-drafts", responses=CHANGE)
async def take_week(
    unit_id: UnitId, body: WeekIn, plan: PlanDep, viewer: RecordWriter
) -> DraftsOut:
    """Density of each zone and slot, and how alarms were handled; the same period once."""
    last = min(body.last, body.first + timedelta(days=MOST_DAYS - 1))
    async with plan.writing(viewer, unit_id) as (connection, desk):
        if not desk.unit.site:
            raise StepRefusal("plan_no_site")
        figures = await _densities(connection, plan, body, last)
        alarms = await _alarms(connection, plan, desk.unit.site, body.first, last)
        density = await camera_store.take_densities(connection, desk, figures, body.first, last)
        handled = await camera_store.take_alarms(connection, desk, alarms, body.first, last)
    return DraftsOut(density=RecordOut.of(density), alarms=RecordOut.of(handled))


async def _densities(
    connection: AsyncConnection, plan: PlanService, body: WeekIn, last: date
) -> list[DensityFigures]:
    start, end = _instant(plan, body.first), _instant(plan, last + timedelta(days=1))
    zones = (
        select(READINGS.c.zone_id)
        .where(READINGS.c.at_ns >= start.ns, READINGS.c.at_ns < end.ns)
        .distinct()
        .order_by(READINGS.c.zone_id)
    )
    figures = []
    for zone_id in (await connection.execute(zones)).scalars().all():
        points = await readings.series(connection, zone_id, start, end, _MOST_POINTS)
        for one in body.slots:
            slot = one.slot()
            inside = [point for point in points if _in_slot(plan, point.at, slot)]
            figures.append(density_figures(zone_id, slot, inside))
    return figures


async def _alarms(
    connection: AsyncConnection, plan: PlanService, site_id: str, first: date, last: date
) -> list[Alarm]:
    start, end = _instant(plan, first), _instant(plan, last + timedelta(days=1))
    found = await alarm_store.list_alarms(connection, states=tuple(AlarmState), limit=MOST_ALARMS)
    return [
        one
        for one in reversed(found)
        if one.key.site_id == site_id and start <= one.opened_at < end
    ]


def _in_slot(plan: PlanService, at: Utc, slot: Slot) -> bool:
    local = at.to_datetime().astimezone(plan.zone)
    return slot.start_min <= local.hour * 60 + local.minute < slot.end_min


def _instant(plan: PlanService, day: date) -> Utc:
    return Utc.from_datetime(datetime.combine(day, time(), plan.zone))


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])

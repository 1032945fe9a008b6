"""`/api/v1/plan/units/.../camera-...`: what cameras found enters the plan, as drafts and tasks."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field, StringConstraints

from api.coverage.document import AuditDocument
from api.plan import camera_store
from api.plan.asking import CHANGE, PREFIX, PlanDep, RecordWriter, UnitId
from api.plan.bodies import RecordOut, Word
from api.plan.camera_drafts import Slot
from api.plan.camera_gathering import Period
from api.plan.camera_week import DrillWindow, gather_week, side_of, take_drill, take_week
from api.plan.errors import StepRefusal
from api.plan.forms import check_kind
from api.schemas import Body, with_examples
from config.moments import Day
from vision.instants import Utc

router = APIRouter(prefix=PREFIX, tags=["plan"])

MOST_DAYS = 31
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

    first: Day
    last: Day
    slots: Annotated[tuple[SlotIn, ...], Field(max_length=20)] = Field(
        default=(), description="empty for the hours of the school's timetable"
    )


class DrillIn(Body):
    """When a drill was held; cameras give its curves."""

    model_config = with_examples(
        {
            "kind_type": "fire",
            "day": "2026-03-16",
            "start": "09:40",
            "end": "09:50",
            "target_seconds": 180,
        }
    )

    kind_type: Word
    day: Day
    start: _Clock
    end: _Clock
    target_seconds: Annotated[int, Field(ge=1, le=7_200)] | None = None
    zones: Annotated[tuple[str, ...], Field(max_length=40)] = Field(
        default=(), description="zone ids; empty for all stairs"
    )


class DraftsOut(Body):
    """The drafts that wait for a person now; `places` are gates and fire lanes."""

    density: RecordOut
    alarms: RecordOut
    places: tuple[RecordOut, ...]


@router.post("/units/{unit_id}/camera-audits", responses=CHANGE)
async def take_audit(
    unit_id: UnitId, body: AuditDocument, plan: PlanDep, viewer: RecordWriter
) -> RecordOut:
    """A sealed coverage audit: a draft of the day on which it was made, and a task with owner and
    day for each area not met. One that comes twice, or after a later one, changes no task."""
    check_kind(plan, viewer, unit_id, "coverage_audit", "")
    if body.sha256 != body.digest():
        raise StepRefusal("plan_audit_changed")
    try:
        made = Utc.from_iso(body.made_at)
        day = made.to_datetime().astimezone(plan.zone).date()
    except (ValueError, OverflowError):
        raise StepRefusal("plan_audit_time", at=body.made_at) from None
    async with plan.writing(viewer, unit_id) as (connection, desk):
        if not desk.unit.site:
            raise StepRefusal("plan_no_site")
        if desk.unit.site != body.site_id:
            raise StepRefusal("plan_audit_elsewhere", site=body.site_id, own=desk.unit.site)
        return RecordOut.of(
            await camera_store.take_audit(connection, desk, body, made=made, day=day)
        )


@router.post("/units/{unit_id}/camera-drafts", responses=CHANGE)
async def take_period(
    unit_id: UnitId, body: WeekIn, plan: PlanDep, viewer: RecordWriter
) -> DraftsOut:
    """Density of each stair and slot, alarms, gates, fire lanes; the same period once."""
    check_kind(plan, viewer, unit_id, "report", "density")
    last = min(body.last, body.first + timedelta(days=MOST_DAYS - 1))
    period = Period(body.first, last, plan.zone)
    slots = [one.slot() for one in body.slots]
    async with plan.reading(viewer, unit_id) as (connection, desk):
        side = side_of(plan.cameras, desk)
        found = await gather_week(connection, desk, side, period, slots)
    async with plan.writing(viewer, unit_id) as (connection, desk):
        made = await take_week(connection, desk, side, found)
    return DraftsOut(
        density=RecordOut.of(made.density),
        alarms=RecordOut.of(made.alarms),
        places=tuple(RecordOut.of(one) for one in made.places),
    )


@router.post("/units/{unit_id}/camera-drills", responses=CHANGE)
async def take_timed_drill(
    unit_id: UnitId, body: DrillIn, plan: PlanDep, viewer: RecordWriter
) -> RecordOut:
    """Evacuation curves of a drill as a draft; who took part is added on confirming."""
    check_kind(plan, viewer, unit_id, "drill", body.kind_type)
    window = DrillWindow(
        kind_type=body.kind_type,
        day=body.day,
        start=time.fromisoformat(body.start),
        end=time.fromisoformat(body.end),
        target_s=body.target_seconds,
        zone_ids=body.zones,
    )
    async with plan.writing(viewer, unit_id) as (connection, desk):
        side = side_of(plan.cameras, desk)
        period = Period(body.day, body.day, plan.zone)
        return RecordOut.of(await take_drill(connection, desk, side, window, period))


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])

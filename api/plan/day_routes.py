"""`/api/v1/plan/day`: an administrator vouches for a day that the ledger does not believe."""

from __future__ import annotations

from datetime import date

from fastapi import APIRouter
from pydantic import Field

from api.plan.asking import PREFIX, PlanDep, PlanKeeper
from api.plan.errors import StepRefusal
from api.problems import responses
from api.schemas import Body, with_examples
from config.moments import Day

router = APIRouter(prefix=PREFIX, tags=["plan"])


class DayIn(Body):
    """The day that the person sees on the machine and knows to be right."""

    model_config = with_examples({"day": "2026-09-01"})

    day: Day


class DayOut(Body):
    """Where the ledger stands."""

    ledger_day: date
    nights: int = Field(description="nights that were made up for")


@router.post("/day", responses=responses(401, 403, 409, 415, 422, 503))
async def confirm_day(body: DayIn, plan: PlanDep, viewer: PlanKeeper) -> DayOut:
    """Bring the ledger to the machine's day, however far; refused for any other day."""
    today = plan.today()
    if body.day != today:
        raise StepRefusal("plan_day_other", day=today.isoformat())
    nights = await plan.confirm_day(viewer.name)
    return DayOut(ledger_day=today, nights=len(nights))

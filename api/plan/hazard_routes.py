"""`/api/v1/plan/units/.../hazards`: from the first look to the closing, by two different people."""

from __future__ import annotations

from fastapi import APIRouter

from api.access.guard import right_missing
from api.access.rights import Right
from api.place_names import Name
from api.plan import hazard_store, hazard_withdrawing, hazards
from api.plan.asking import (
    CHANGE,
    PREFIX,
    READ,
    HazardReader,
    HazardReporter,
    HazardWriter,
    Number,
    PlanDep,
    UnitId,
)
from api.plan.bodies import VersionIn
from api.plan.errors import FormRefusal
from api.plan.hazard_bodies import AssignIn, FixedIn, HazardIn, HazardMistakeIn, HazardOut
from api.plan.hazard_store import HAZARDS
from api.plan.service import PlanService
from api.plan.shelf import Step
from config.plan import GradingError
from config.refusals import in_chinese

router = APIRouter(prefix=PREFIX, tags=["plan"])


@router.get("/units/{unit_id}/hazards", responses=READ)
async def list_hazards(
    unit_id: UnitId, plan: PlanDep, viewer: HazardReader, closed: bool = False
) -> tuple[HazardOut, ...]:
    """A unit's hazards; with `closed` those that are closed or were taken back too."""
    async with plan.reading(viewer, unit_id) as (connection, desk):
        found = await hazard_store.listed(connection, desk.unit_no, open_only=not closed)
    return tuple(HazardOut.of(hazard) for hazard in found)


@router.post("/units/{unit_id}/hazards", responses=CHANGE)
async def add_hazard(
    unit_id: UnitId, body: HazardIn, plan: PlanDep, viewer: HazardReporter
) -> HazardOut:
    """Register a hazard; a camera's stays a draft until a person confirms it.

    With a method and its factors the grading gives the level; a graded major one is 重大.
    """
    state = hazards.HazardState.DRAFT if body.from_camera else hazards.HazardState.REGISTERED
    grade = _grade(plan, body)
    async with plan.writing(viewer, unit_id) as (connection, desk):
        fresh = hazards.Hazard(
            id=0,
            location=body.location,
            description=body.description,
            level=hazards.HazardLevel.MAJOR if grade.get("major") else body.level,
            state=state,
            found_by=viewer.name,
            found=desk.today,
        )
        stored = await hazard_store.add(
            connection,
            desk,
            fresh,
            client_key=body.client_key,
            source="camera" if body.from_camera else "person",
            grade=grade,
        )
    return HazardOut.of(stored)


@router.post("/units/{unit_id}/hazards/{number}/assign", responses=CHANGE)
async def assign_hazard(
    unit_id: UnitId, number: Number, body: AssignIn, plan: PlanDep, viewer: HazardWriter
) -> HazardOut:
    """Give it to a fixer with a day."""
    fix = hazards.FixPlan(body.fixer, body.due_on, body.measures, body.funds, body.emergency_plan)
    note = body.model_dump(mode="json", exclude={"version"})
    step = Step("assigned", viewer.name, body.version, note)
    async with plan.writing(viewer, unit_id) as (connection, desk):
        moved = await HAZARDS.step(
            connection, desk, number, step, lambda hazard: hazards.assign(hazard, fix, desk.today)
        )
    return HazardOut.of(moved)


@router.post("/units/{unit_id}/hazards/{number}/fixed", responses=CHANGE)
async def fixed_hazard(
    unit_id: UnitId, number: Number, body: FixedIn, plan: PlanDep, viewer: HazardWriter
) -> HazardOut:
    """The viewer says that it is mended."""
    step = Step("fixed", viewer.name, body.version, {"note": body.note})
    async with plan.writing(viewer, unit_id) as (connection, desk):
        moved = await HAZARDS.step(
            connection,
            desk,
            number,
            step,
            lambda hazard: hazards.submit(hazard, viewer.name, body.note),
        )
    return HazardOut.of(moved)


@router.post("/units/{unit_id}/hazards/{number}/withdraw", responses=CHANGE)
async def withdraw_hazard(
    unit_id: UnitId, number: Number, body: HazardMistakeIn, plan: PlanDep, viewer: HazardWriter
) -> HazardOut:
    """Take back a hazard that was entered by mistake or twice, in whatever state it is.

    Whoever has to mend it cannot; one on public supervision takes the right to supervise.
    """
    step = Step("withdrawn", viewer.name, body.version, {"reason": body.reason})
    async with plan.writing(viewer, unit_id) as (connection, desk):
        moved = await hazard_withdrawing.withdraw_hazard(connection, desk, number, step)
        supervised = await hazard_withdrawing.was_supervised(connection, number)
        if supervised and not viewer.may(Right.SUPERVISE_PLAN, unit_id):
            raise right_missing(Right.SUPERVISE_PLAN)
    return HazardOut.of(moved)


@router.post("/units/{unit_id}/hazards/{number}/{verb}", responses=CHANGE)
async def move_hazard(
    unit_id: UnitId,
    number: Number,
    verb: hazards.Verb,
    body: VersionIn,
    plan: PlanDep,
    viewer: HazardWriter,
) -> HazardOut:
    """Confirm a draft, start the work, accept it, give it back, or put it on public supervision.

    Whoever mends a hazard can neither accept it nor give it back.
    """
    if verb is hazards.Verb.SUPERVISE and not viewer.may(Right.SUPERVISE_PLAN, unit_id):
        raise right_missing(Right.SUPERVISE_PLAN)
    step = Step(verb.value, viewer.name, body.version)
    async with plan.writing(viewer, unit_id) as (connection, desk):
        moved = await HAZARDS.step(
            connection,
            desk,
            number,
            step,
            lambda hazard: hazards.take(hazard, verb, viewer.name, desk.today),
        )
    return HazardOut.of(moved)


def _grade(plan: PlanService, body: HazardIn) -> dict[str, object]:
    if not body.method:
        return {}
    try:
        graded = plan.edition.grading.grade(body.method, body.factors)
    except GradingError as error:
        told = Name(in_chinese(str(error)) or str(error), str(error))
        raise FormRefusal("plan_form_wrong", fields=told) from error
    return {
        "method": graded.method,
        "factors": dict(graded.factors),
        "score": graded.score,
        "grade": graded.level.id,
        "major": graded.level.major,
    }

"""Steps of an alarm beside acknowledging and closing: check, escalate, dispatch, put aside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field, StringConstraints

from api.access.actor import Actor
from api.access.guard import needs
from api.access.rights import Right
from api.access.scoping import check_alarm
from api.alarms import checks, escalation, hold_store, holds, store
from api.alarms.errors import UnknownNameError
from api.alarms.timekeeping import end_hold
from api.alarms.values import Alarm, AlarmState, Change, Hold, Signature
from api.problems import Problem, responses
from api.routes.alarms import AcknowledgeBody, Number, PersonName
from api.schemas import AlarmBody, with_examples
from api.service import Service, ServiceDep

router = APIRouter(prefix="/api/v1/alarms", tags=["alarms"])

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=300)]
Checker = Annotated[Actor, Depends(needs(Right.ACKNOWLEDGE_ALARM))]
Escalator = Annotated[Actor, Depends(needs(Right.ESCALATE_ALARM))]
Shelver = Annotated[Actor, Depends(needs(Right.SHELVE_ALARM))]
Outer = Annotated[Actor, Depends(needs(Right.TAKE_OUT_OF_SERVICE))]
_REFUSALS = responses(401, 403, 404, 409, 415, 422, 503)


class DispatchBody(AcknowledgeBody):
    """Who is sent, by the id that the site's plan gives them."""

    model_config = with_examples({"name": "王芳", "version": 3, "person": "guard-hall"})

    person: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]


class ShelveBody(AcknowledgeBody):
    """For how long an alarm is put aside, and why."""

    model_config = with_examples(
        {"name": "王芳", "version": 3, "minutes": 30, "reason": "摄像机正在清洁"}
    )

    minutes: float = Field(gt=0.0, le=holds.MAX_SHELF_S / 60.0)
    reason: Reason


class OutOfServiceBody(AcknowledgeBody):
    """For how long something is under maintenance, and the second person who agrees."""

    model_config = with_examples(
        {"name": "王芳", "version": 3, "hours": 4, "reason": "更换镜头", "second": "李强"}
    )

    hours: float = Field(gt=0.0, le=holds.MAX_OUT_OF_SERVICE_S / 3600.0)
    reason: Reason
    second: PersonName


@router.post("/{number}/confirm", responses=_REFUSALS)
async def confirm(
    number: Number, body: AcknowledgeBody, service: ServiceDep, actor: Checker
) -> AlarmBody:
    """The operator says that the alarm is real: police and sirens are told at once."""
    asked = (actor, Right.ACKNOWLEDGE_ALARM)
    return await _act(
        service, number, body, asked, lambda alarm, who: checks.confirm(alarm, who, body.version)
    )


@router.post("/{number}/reject", responses=_REFUSALS)
async def reject(
    number: Number, body: AcknowledgeBody, service: ServiceDep, actor: Checker
) -> AlarmBody:
    """The operator says that it is not real; if it gets worse it is checked again."""
    asked = (actor, Right.ACKNOWLEDGE_ALARM)
    return await _act(
        service, number, body, asked, lambda alarm, who: checks.reject(alarm, who, body.version)
    )


@router.post("/{number}/escalate", responses=_REFUSALS)
async def escalate(
    number: Number, body: AcknowledgeBody, service: ServiceDep, actor: Escalator
) -> AlarmBody:
    """Take the next step of the ladder now."""
    async with service.desk.work(actor) as work:
        alarm = await store.by_number(work.connection, number)
        check_alarm(actor, Right.ESCALATE_ALARM, service.desk.board.site.id, alarm)
        who = Signature(actor.sign(body.name), work.known.now, body.note)
        change, step = escalation.escalate_by_hand(alarm, work.plan.ladder, who, body.version)
        saved = await work.save(change)
        work.taken.append(escalation.Taken(saved, step, work.known.now))
    return AlarmBody.of(saved)


@router.post("/{number}/dispatch", responses=_REFUSALS)
async def dispatch(
    number: Number, body: DispatchBody, service: ServiceDep, actor: Checker
) -> AlarmBody:
    """Somebody of the site's plan is sent to the place."""
    if service.desk.plan.person(body.person) is None:
        raise UnknownNameError(number, name=body.person)
    asked = (actor, Right.ACKNOWLEDGE_ALARM)
    return await _act(
        service,
        number,
        body,
        asked,
        lambda alarm, who: escalation.dispatch(alarm, body.person, who, body.version),
    )


@router.post("/{number}/shelve", responses=_REFUSALS)
async def shelve(
    number: Number, body: ShelveBody, service: ServiceDep, actor: Shelver
) -> AlarmBody:
    """Put an alarm aside for a while; never a panic button or a priority-1 crowd."""
    return await _hold(
        service,
        number,
        body,
        (actor, Right.SHELVE_ALARM),
        lambda by: Hold(AlarmState.SHELVED, by, by.at.plus(body.minutes * 60.0), body.reason),
    )


@router.post("/{number}/out-of-service", responses=_REFUSALS)
async def out_of_service(
    number: Number, body: OutOfServiceBody, service: ServiceDep, actor: Outer
) -> AlarmBody:
    """Take what alarms out of service for maintenance, with a second person."""
    if body.second == actor.sign(body.name):
        raise Problem(422, "second_person_needed")
    return await _hold(
        service,
        number,
        body,
        (actor, Right.TAKE_OUT_OF_SERVICE),
        lambda by: Hold(
            AlarmState.OUT_OF_SERVICE,
            by,
            by.at.plus(body.hours * 3600.0),
            body.reason,
            body.second,
        ),
    )


@router.post("/{number}/release", responses=_REFUSALS)
async def release(
    number: Number, body: AcknowledgeBody, service: ServiceDep, actor: Shelver
) -> AlarmBody:
    """End a hold before its time; what is still there must be seen again."""
    async with service.desk.work(actor) as work:
        alarm = await store.by_number(work.connection, number)
        check_alarm(actor, Right.SHELVE_ALARM, service.desk.board.site.id, alarm)
        who = Signature(actor.sign(body.name), work.known.now, body.note)
        holds.release(alarm, who)  # refuses an alarm that is not put aside
        await end_hold(work, alarm.key, who)
        saved = await store.by_number(work.connection, number)
    return AlarmBody.of(saved)


async def _hold(
    service: Service,
    number: int,
    body: AcknowledgeBody,
    asked: tuple[Actor, Right],
    make: Callable[[Signature], Hold],
) -> AlarmBody:
    actor, right = asked
    async with service.desk.work(actor) as work:
        alarm = await store.by_number(work.connection, number)
        check_alarm(actor, right, service.desk.board.site.id, alarm)
        wanted = make(Signature(actor.sign(body.name), work.known.now, body.note))
        change = holds.hold(alarm, wanted, body.version)
        await hold_store.place(work.connection, alarm.key, wanted)
        saved = await work.save(change)
    return AlarmBody.of(saved)


async def _act(
    service: Service,
    number: int,
    body: AcknowledgeBody,
    asked: tuple[Actor, Right],
    step: Callable[[Alarm, Signature], Change],
) -> AlarmBody:
    actor, right = asked
    async with service.desk.work(actor) as work:
        alarm = await store.by_number(work.connection, number)
        check_alarm(actor, right, service.desk.board.site.id, alarm)
        who = Signature(actor.sign(body.name), work.known.now, body.note)
        saved = await work.save(step(alarm, who))
    return AlarmBody.of(saved)

"""Alarms: list, one with its history, acknowledge, close."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query
from pydantic import Field, StringConstraints

from api.access.actor import Actor
from api.access.guard import needs
from api.access.rights import Right
from api.access.scoping import Sight, check_alarm
from api.alarms import checks, machine, store
from api.alarms.values import Alarm, AlarmState, Change, Signature
from api.problems import Problem, responses
from api.schemas import AlarmBody, AlarmDetailBody, AlarmListBody, Body, with_examples
from api.service import Service, ServiceDep
from api.snapshot import OPEN_STATES

router = APIRouter(prefix="/api/v1/alarms", tags=["alarms"])

Seer = Annotated[Actor, Depends(needs(Right.SEE_DESK))]

# Letters, digits, spaces and the usual marks of names; nothing that hides in a log or a page.
PersonName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=40, pattern=r"^[\w ·.\-]+$"),
]
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]
Number = Annotated[int, Path(ge=1, le=2**31 - 1, description="number of the alarm")]
IfMatch = Annotated[
    str | None, Header(description='version in quotation marks, e.g. "4"; optional')
]


class Cause(StrEnum):
    """What a closed alarm turned out to be; texts `cause_closed.<value>` of the catalogue."""

    CROWD_RELIEVED = "crowd_relieved"
    PLANNED_EVENT = "planned_event"
    DRILL = "drill"
    FALSE_ALARM = "false_alarm"
    EQUIPMENT_MENDED = "equipment_mended"
    OTHER = "other"


class Taken(StrEnum):
    """What was done about it; texts `taken.<value>` of the catalogue."""

    PEOPLE_SENT = "people_sent"
    FLOW_HELD = "flow_held"
    EXIT_OPENED = "exit_opened"
    ANNOUNCED = "announced"
    REPAIRED = "repaired"
    NONE_NEEDED = "none_needed"
    OTHER = "other"


class AcknowledgeBody(Body):
    """Who has seen the alarm; `version` is the one the person was looking at."""

    model_config = with_examples({"name": "王芳", "note": "已派人到场", "version": 3})

    name: PersonName
    note: Note = ""
    version: int = Field(ge=1)


class CloseBody(AcknowledgeBody):
    """Who closes the alarm, what it was, and what was done about it."""

    model_config = with_examples(
        {
            "name": "王芳",
            "note": "一楼卷帘门未开，已打开",
            "version": 5,
            "cause": "crowd_relieved",
            "taken": "exit_opened",
        }
    )

    cause: Cause
    taken: Taken


@router.get("", responses=responses(422, 503))
async def list_alarms(
    service: ServiceDep,
    actor: Seer,
    state: Annotated[list[AlarmState] | None, Query()] = None,
    zone: str | None = None,
    before: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> AlarmListBody:
    """Alarms, newest first. Without `state` the open ones; repeat `state` for several."""
    async with service.desk.database.read() as connection:
        found = await store.list_alarms(
            connection,
            states=state or OPEN_STATES,
            limit=limit,
            before_number=before,
            zone_id=zone,
        )
    sight = Sight(actor, service.desk.board.site)
    return AlarmListBody(
        alarms=tuple(AlarmBody.of(alarm) for alarm in found if sight.things_of(alarm.zone_ids)),
        next_before=found[-1].number if len(found) == limit else None,
    )


@router.get("/{number}", responses=responses(404, 422, 503))
async def one_alarm(number: Number, service: ServiceDep, actor: Seer) -> AlarmDetailBody:
    """An alarm with every step that was taken."""
    async with service.desk.database.read() as connection:
        alarm = await store.by_number(connection, number)
        check_alarm(actor, Right.SEE_DESK, service.desk.board.site.id, alarm)
        entries = await store.history(connection, number)
    return AlarmDetailBody.with_history(alarm, entries)


@router.post("/{number}/acknowledge", responses=responses(401, 403, 404, 409, 415, 422, 503))
async def acknowledge(
    number: Number,
    body: AcknowledgeBody,
    service: ServiceDep,
    actor: Annotated[Actor, Depends(needs(Right.ACKNOWLEDGE_ALARM))],
    if_match: IfMatch = None,
) -> AlarmBody:
    """A named person has seen the alarm. 409 when it got worse since `version`."""
    _check_if_match(if_match, body.version)
    return await _act(
        service,
        number,
        body,
        (actor, Right.ACKNOWLEDGE_ALARM),
        lambda alarm, who: checks.with_acknowledged(machine.acknowledge(alarm, who, body.version)),
    )


@router.post("/{number}/close", responses=responses(401, 403, 404, 409, 415, 422, 503))
async def close(
    number: Number,
    body: CloseBody,
    service: ServiceDep,
    actor: Annotated[Actor, Depends(needs(Right.CLOSE_ALARM))],
    if_match: IfMatch = None,
) -> AlarmBody:
    """A named person says what it was and what was done, and ends it.

    409 while the crowd is still there; 422 for something `other` that the note does not tell.
    """
    _check_if_match(if_match, body.version)
    if body.taken is Taken.OTHER and not body.note:
        raise Problem(422, "note_needed")
    return await _act(
        service,
        number,
        body,
        (actor, Right.CLOSE_ALARM),
        lambda alarm, who: machine.close(
            alarm, who, body.version, body.cause.value, body.taken.value
        ),
    )


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


def _check_if_match(if_match: str | None, version: int) -> None:
    if if_match is not None and if_match.strip() != f'"{version}"':
        raise Problem(422, "if_match_differs")

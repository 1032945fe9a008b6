"""Action cards: the card of an alarm, its ticks, and announcements to play."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from fastapi.responses import FileResponse

from api.access.actor import Actor
from api.access.guard import needs
from api.access.rights import Right
from api.access.scoping import check_alarm
from api.alarms import store
from api.alarms.values import Signature
from api.cards.bodies import CardBody, CardNames, PersonBody, card_body
from api.cards.choice import card_of, tick, ticks_of
from api.problems import Problem, responses
from api.routes.alarms import Note, Number, PersonName
from api.schemas import Body, with_examples
from api.service import Service, ServiceDep

router = APIRouter(prefix="/api/v1", tags=["cards"])

StepId = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
Seer = Annotated[Actor, Depends(needs(Right.SEE_DESK))]
Worker = Annotated[Actor, Depends(needs(Right.WORK_ACTION_CARD))]


class TickBody(Body):
    """Who did a step; `done: false` takes the tick back."""

    model_config = with_examples({"name": "王芳", "done": True})

    name: PersonName
    done: bool = True
    note: Note = ""


class PeopleBody(Body):
    """The people of the site's plan."""

    people: tuple[PersonBody, ...]


@router.get("/alarms/{number}/card", responses=responses(401, 403, 404, 422, 503))
async def card(number: Number, service: ServiceDep, actor: Seer) -> CardBody:
    """What the site's plan says to do about an alarm, with who has done which step."""
    async with service.desk.database.read() as connection:
        alarm = await store.by_number(connection, number)
        check_alarm(actor, Right.SEE_DESK, service.desk.board.site.id, alarm)
        entries = await store.history(connection, number)
    book = service.response.cards
    chosen = card_of(alarm, book)
    ticks = {} if chosen is None else ticks_of(chosen, entries)
    return card_body(number, chosen, ticks, book, _names(service))


@router.post(
    "/alarms/{number}/card/steps/{step_id}",
    responses=responses(401, 403, 404, 409, 415, 422, 503),
)
async def tick_step(
    number: Number, step_id: StepId, body: TickBody, service: ServiceDep, actor: Worker
) -> CardBody:
    """Tick a step of the card; the name and the time stay in the alarm's history."""
    book = service.response.cards
    async with service.desk.work(actor) as work:
        alarm = await store.by_number(work.connection, number)
        check_alarm(actor, Right.WORK_ACTION_CARD, service.desk.board.site.id, alarm)
        chosen = card_of(alarm, book)
        who = Signature(actor.sign(body.name), work.known.now, body.note)
        await work.save(tick(alarm, chosen, step_id, who, done=body.done))
        entries = await store.history(work.connection, number)
    ticks = {} if chosen is None else ticks_of(chosen, entries)
    return card_body(number, chosen, ticks, book, _names(service))


@router.get("/people", responses=responses(401, 403, 503))
async def people(service: ServiceDep, actor: Seer) -> PeopleBody:
    """Who can be sent or called."""
    del actor
    return PeopleBody(people=tuple(PersonBody.of(one) for one in service.desk.plan.people))


@router.get(
    "/announcements/{announcement_id}/audio",
    response_class=FileResponse,
    responses=responses(401, 403, 404, 422),
)
async def audio(
    announcement_id: Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")],
    service: ServiceDep,
    actor: Seer,
) -> FileResponse:
    """The recording of an announcement."""
    del actor
    found = service.response.cards.announcement(announcement_id)
    if found is None or found.audio_file is None or not found.audio_file.is_file():
        raise Problem(404, "announcement_unknown", name=announcement_id)
    return FileResponse(found.audio_file)


def _names(service: Service) -> CardNames:
    return CardNames(service.desk.plan, service.response.site)

"""Delivery for programs: how it stands, a test, and what people do with what did not arrive."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import Field

from api.access import audit
from api.access.guard import ActorDep, needs
from api.access.rights import Right
from api.delivery import ends
from api.delivery.outbox import Outbox, requeue
from api.delivery.view import DeliveryView, read_view
from api.problems import Problem, responses
from api.schemas import Body, with_examples
from api.service import Service, ServiceDep
from config.delivery import Role
from vision.instants import Utc

router = APIRouter(prefix="/api/v1/delivery", tags=["delivery"])

TargetId = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Number = Annotated[int, Path(ge=1, le=2**53)]


class PathBody(Body):
    """A path and its state: unknown, up, degraded or fault."""

    id: str
    driver: str
    state: str
    since: datetime | None
    last_receipt_at: datetime | None
    breaker: str
    detail: str


class TargetBody(Body):
    """A target and what waits for it."""

    id: str
    role: str
    open: int = Field(description="messages that are not settled")
    oldest_open_at: datetime | None
    unacknowledged: int = Field(description="of them, those that wait longer than allowed")
    ended_badly: int = Field(description="rejected or given up, and nobody said that they know")
    paths: tuple[PathBody, ...]


class StrandedBody(Body):
    """Open alarm messages to a receiver that the settings do not name; nobody sends them."""

    target_id: str
    count: int
    oldest_at: datetime


class DeliveryBody(Body):
    """How delivery stands."""

    at: datetime
    sender_beat_at: datetime | None
    sender_silent: bool
    targets: tuple[TargetBody, ...]
    stranded: tuple[StrandedBody, ...]

    @classmethod
    def of(cls, view: DeliveryView) -> DeliveryBody:
        return cls(
            at=view.at.to_datetime(),
            sender_beat_at=_moment(view.sender_beat),
            sender_silent=view.sender_silent,
            targets=tuple(
                TargetBody(
                    id=target.target_id,
                    role=target.role.value,
                    open=target.open,
                    oldest_open_at=_moment(target.oldest_open),
                    unacknowledged=target.overdue,
                    ended_badly=target.ended_badly,
                    paths=tuple(
                        PathBody(
                            id=path.path_id,
                            driver=path.driver,
                            state=path.state,
                            since=_moment(path.since),
                            last_receipt_at=_moment(path.last_receipt),
                            breaker=path.breaker,
                            detail=path.detail,
                        )
                        for path in target.paths
                    ),
                )
                for target in view.targets
            ),
            stranded=tuple(
                StrandedBody(
                    target_id=one.target_id, count=one.count, oldest_at=one.oldest.to_datetime()
                )
                for one in view.stranded
            ),
        )


class TestBody(Body):
    """Which path is to be tested; none for the ordinary way."""

    model_config = with_examples({"path": "main"})

    path: str | None = Field(default=None, pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")


class QueuedBody(Body):
    """The message in the outbox."""

    message_id: str


class SeenBody(Body):
    """How many alarm messages the person saw there."""

    model_config = with_examples({"count": 1})

    count: Annotated[int, Field(ge=1, le=2**31)]


class SendToBody(SeenBody):
    """The receiver that is to have them."""

    model_config = with_examples({"count": 1, "to": "room"})

    to: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")


class EmptyBody(Body):
    """Nothing."""

    model_config = with_examples({})


def outbox_of(service: Service) -> Outbox:
    """The service's outbox; one without targets where the site has none."""
    outbox = service.desk.outbox
    if outbox is None:
        raise TypeError("the application was not made by api.application.create_app")
    return outbox


@router.get(
    "", responses=responses(401, 403, 503), dependencies=[Depends(needs(Right.SEE_DELIVERY))]
)
async def state(service: ServiceDep) -> DeliveryBody:
    """Targets, their paths, and what waits."""
    outbox = outbox_of(service)
    async with service.desk.database.read() as connection:
        view = await read_view(connection, outbox.plan, service.desk.clock.utc())
    return DeliveryBody.of(view)


@router.post(
    "/targets/{target_id}/test",
    responses=responses(401, 403, 404, 415, 422, 503),
    dependencies=[Depends(needs(Right.TEST_DELIVERY))],
)
async def test(
    target_id: TargetId, body: TestBody, service: ServiceDep, actor: ActorDep
) -> QueuedBody:
    """Send a message marked as a test the whole way: outbox, sender, path, receiver."""
    outbox = outbox_of(service)
    now = service.desk.clock.utc()
    try:
        async with service.desk.database.write() as connection:
            message_id = await outbox.enqueue_test(
                connection, target_id, body.path, actor.name, now
            )
            act = audit.Act("delivery.tested", target_id, {"path": body.path or ""})
            await audit.append(connection, actor, act, now)
    except KeyError as error:
        raise Problem(404, "delivery_unknown", name=str(error.args[0])) from None
    return QueuedBody(message_id=message_id)


@router.post(
    "/messages/{number}/requeue",
    responses=responses(401, 403, 404, 415, 422, 503),
    dependencies=[Depends(needs(Right.TEST_DELIVERY))],
)
async def send_again(
    number: Number, body: EmptyBody, service: ServiceDep, actor: ActorDep
) -> EmptyBody:
    """Try a rejected or given-up message again, under its own id."""
    async with service.desk.database.write() as connection:
        now = service.desk.clock.utc()
        found = await requeue(connection, number, now)
        if found:
            await audit.append(connection, actor, audit.Act("delivery.requeued", str(number)), now)
    if not found:
        raise Problem(404, "delivery_unknown", name=number)
    return body


@router.post(
    "/targets/{target_id}/noted",
    responses=responses(401, 403, 404, 409, 415, 422, 503),
    dependencies=[Depends(needs(Right.TEST_DELIVERY))],
)
async def noted(
    target_id: TargetId, body: SeenBody, service: ServiceDep, actor: ActorDep
) -> EmptyBody:
    """Say that one knows of a receiver's refused and given-up messages. 409 for another number."""
    try:
        outbox_of(service).plan.target(target_id)
    except KeyError:
        raise Problem(404, "delivery_unknown", name=target_id) from None
    act = audit.Act("delivery.noted", target_id, {"count": str(body.count)})
    async with service.desk.database.write() as connection:
        await ends.note(connection, target_id, body.count, actor.name)
        await audit.append(connection, actor, act, service.desk.clock.utc())
    return EmptyBody()


@router.post(
    "/stranded/{target_id}/give-up",
    responses=responses(401, 403, 404, 409, 415, 422, 503),
    dependencies=[Depends(needs(Right.CONFIGURE_DELIVERY))],
)
async def give_up(
    target_id: TargetId, body: SeenBody, service: ServiceDep, actor: ActorDep
) -> EmptyBody:
    """End what waits for a receiver that the settings do not name. 409 for another number."""
    _check_stranded(service, target_id)
    now = service.desk.clock.utc()
    act = audit.Act("delivery.given_up", target_id, {"count": str(body.count)})
    async with service.desk.database.write() as connection:
        await ends.give_up(connection, target_id, body.count, actor.name, "given up by", now)
        await audit.append(connection, actor, act, now)
    return EmptyBody()


@router.post(
    "/stranded/{target_id}/send-to",
    responses=responses(401, 403, 404, 409, 415, 422, 503),
    dependencies=[Depends(needs(Right.CONFIGURE_DELIVERY))],
)
async def send_to(
    target_id: TargetId, body: SendToBody, service: ServiceDep, actor: ActorDep
) -> EmptyBody:
    """Send it to another receiver, police or alarm centre. 409 for another number.

    Steps of alarms that it is told of by messages of its own are not sent again.
    """
    _check_stranded(service, target_id)
    others = [
        target.id
        for target in outbox_of(service).plan.targets
        if target.role is not Role.INFORMATION
    ]
    if body.to not in others:
        raise Problem(404, "delivery_unknown", name=body.to)
    now = service.desk.clock.utc()
    async with service.desk.database.write() as connection:
        sent = await ends.send_to(connection, target_id, body.to, body.count, actor.name, now)
        told = {"count": str(body.count), "sent": str(sent), "to": body.to}
        act = audit.Act("delivery.sent_to", target_id, told)
        await audit.append(connection, actor, act, now)
    return EmptyBody()


def _check_stranded(service: Service, target_id: str) -> None:
    """Messages of a receiver that is in the settings are ended by removing it there."""
    if any(target.id == target_id for target in outbox_of(service).plan.targets):
        raise Problem(404, "delivery_unknown", name=target_id)


def _moment(at: Utc | None) -> datetime | None:
    return None if at is None else at.to_datetime()

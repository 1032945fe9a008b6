"""Buttons that call over HTTP, signed with the button's own secret after Standard Webhooks; and how
the doors with a contact stand, for the workers.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import ValidationError

from api.access.guard import WORKERS_ONLY
from api.panels.signed import SignatureError, read_call
from api.problems import Problem, responses
from api.schemas import Body, with_examples
from api.security import require_token
from api.service import ServiceDep
from streams.worker.door_poll import DoorsBody

router = APIRouter(prefix="/api/v1", tags=["inputs"])

MAX_CALL_BYTES = 4_096
InputId = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]


class CallBody(Body):
    """`pressed: null` is a sign of life."""

    model_config = with_examples({"pressed": True})

    pressed: bool | None = None


class TakenBody(Body):
    """The call was stored with its alarm."""

    accepted: bool = True


@router.post(
    "/inputs/{input_id}",
    responses=responses(401, 404, 413, 415, 422, 503),
    dependencies=[WORKERS_ONLY],
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": CallBody.model_json_schema()}},
        }
    },
)
async def call(input_id: InputId, request: Request, service: ServiceDep) -> TakenBody:
    """A panic button was pressed, was let go, or says that it lives.

    The headers `webhook-id`, `webhook-timestamp` and `webhook-signature` prove the button's secret.
    The answer comes after the alarm was stored: no answer means, call again with the same id. A
    press by a button whose clock is wrong alarms too, and its clock is a fault of it.
    """
    source = service.response.panels.input(input_id)
    if source is None or not source.secret:
        raise Problem(404, "input_unknown", name=input_id)
    content = await request.body()
    if len(content) > MAX_CALL_BYTES:
        raise Problem(413, "body_too_large")
    try:
        signed = read_call(source.secret, request.headers, content, service.desk.clock.utc())
    except SignatureError:
        raise Problem(401, "signature_wrong") from None
    try:
        body = CallBody.model_validate_json(content)
    except ValidationError:
        raise Problem(422, "request_invalid", detail="body") from None
    await service.panels.called(input_id, signed, pressed=body.pressed)
    return TakenBody()


@router.get("/workers/doors", dependencies=[WORKERS_ONLY], responses=responses(401, 503))
async def doors(request: Request, service: ServiceDep) -> DoorsBody:
    """How every door with a contact stands. Needs the workers' bearer token."""
    require_token(request, service.settings.ingest_token)
    return DoorsBody(doors=dict(service.panels.doors()))

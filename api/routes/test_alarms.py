"""Test alarms on demand, and the log of every test's receipts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends

from api.access.actor import Actor
from api.access.guard import needs
from api.access.rights import Right
from api.alarms import routine
from api.alarms.routine import Run, RunKind
from api.problems import responses
from api.routes.alarms import PersonName
from api.schemas import Body, with_examples
from api.service import ServiceDep

router = APIRouter(prefix="/api/v1/test-alarms", tags=["test alarms"])


class BeginBody(Body):
    """Who begins the test."""

    model_config = with_examples({"name": "王芳"})

    name: PersonName


class ReceiptBody(Body):
    """One receiver's receipt: a target's id, or `desk` for the acknowledgement of a person."""

    receiver: str
    delay_s: float


class RunBody(Body):
    """One test; receivers without a receipt are not listed."""

    key: str
    alarm_number: int
    started_at: datetime
    started_by: str
    due_at: datetime
    receipts: tuple[ReceiptBody, ...]

    @classmethod
    def of(cls, run: Run) -> RunBody:
        return cls(
            key=run.key,
            alarm_number=run.alarm_number,
            started_at=run.started.to_datetime(),
            started_by=run.started_by,
            due_at=run.due.to_datetime(),
            receipts=tuple(
                ReceiptBody(receiver=name, delay_s=delay_ms / 1000.0)
                for name, delay_ms in sorted(run.receipts.items())
            ),
        )


class RunsBody(Body):
    """The newest tests first."""

    runs: tuple[RunBody, ...]


@router.post("", status_code=201, responses=responses(401, 403, 409, 415, 422, 503))
async def begin(
    body: BeginBody,
    service: ServiceDep,
    actor: Annotated[Actor, Depends(needs(Right.RAISE_TEST_ALARM))],
) -> RunBody:
    """Raise a test alarm now; it goes to every receiver and is marked as a test everywhere.

    409 while another test still waits for its receipts.
    """
    by = actor.sign(body.name)
    async with service.desk.work(actor) as work:
        key = f"{RunKind.ON_DEMAND}/{work.known.now.iso()}"
        await routine.begin(work, key, by)
        (run,) = await routine.recent_runs(work.connection, 1)
    return RunBody.of(run)


@router.get(
    "",
    responses=responses(401, 403, 503),
    dependencies=[Depends(needs(Right.SEE_DELIVERY))],
)
async def log(service: ServiceDep) -> RunsBody:
    """The newest 50 tests with their receipts."""
    async with service.desk.database.read() as connection:
        found = await routine.recent_runs(connection)
    return RunsBody(runs=tuple(RunBody.of(run) for run in found))

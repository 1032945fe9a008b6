"""Records from workers."""

from __future__ import annotations

from typing import Annotated

import structlog
from fastapi import APIRouter, Request
from pydantic import Field, SkipValidation
from sqlalchemy.exc import DataError

from api.access.guard import WORKERS_ONLY
from api.database.errors import NothingStoredError
from api.problems import Problem, responses
from api.schemas import Body, with_examples
from api.security import require_token
from api.service import ServiceDep
from streams.records import Record

router = APIRouter(prefix="/api/v1", tags=["ingest"])

_LOG = structlog.get_logger(__name__)

_EXAMPLE = {
    "records": [
        {
            "kind": "transition",
            "record_id": "worker-1:5f2c:00000041",
            "site_id": "sample-school",
            "worker_id": "worker-1",
            "captured_at": "2026-11-23T09:40:12.200Z",
            "previous_level": "L2",
            "reading": {
                "zone_id": "stair-a",
                "level": "L3",
                "could_be": "L4",
                "reasons": [
                    {
                        "rule": "density",
                        "measured": 2.9,
                        "threshold": 2.7,
                        "unit": "1/m²",
                        "held_s": 5.0,
                        "source": "Fruin F",
                    }
                ],
                "measurement": {
                    "people": 21.4,
                    "people_std": 1.6,
                    "density_peak_per_m2": 2.9,
                    "density_peak_std_per_m2": 0.3,
                    "peak_xy_m": [2.1, 1.4],
                    "density_mean_per_m2": 2.0,
                    "visible_share": 0.97,
                },
            },
        }
    ]
}


class IngestBody(Body):
    """A batch of records; each is judged by itself, so one bad record does not hold up others."""

    model_config = with_examples(_EXAMPLE)

    records: Annotated[tuple[SkipValidation[Record], ...], Field(max_length=1_000)]


class RejectedBody(Body):
    """A record that can never be stored."""

    record_id: str
    reason: str


class IngestAnswer(Body):
    """What became of the batch; whatever is listed need not be sent again."""

    model_config = with_examples(
        {
            "accepted": 1,
            "duplicates": 0,
            "rejected": [
                {
                    "record_id": "worker-1:5f2c:00000040",
                    "reason": "reading.zone_id: the site file has no zone 'stair-z'",
                }
            ],
        }
    )

    accepted: int
    duplicates: int
    rejected: tuple[RejectedBody, ...]


class ShownAnswer(Body):
    """Whether the desk now shows what was sent."""

    model_config = with_examples({"shown": True})

    shown: bool


@router.post("/ingest/shown", responses=responses(401, 413, 415, 422), dependencies=[WORKERS_ONLY])
async def ingest_shown(request: Request, body: IngestBody, service: ServiceDep) -> ShownAnswer:
    """Show records while the database stores nothing. They are not stored: send them to `ingest`
    all the same. Needs the workers' bearer token.
    """
    require_token(request, service.settings.ingest_token)
    return ShownAnswer(shown=service.ingest.show(body.records))


@router.post("/ingest", responses=responses(401, 413, 415, 422, 503), dependencies=[WORKERS_ONLY])
async def ingest(request: Request, body: IngestBody, service: ServiceDep) -> IngestAnswer:
    """Store records; sending one again changes nothing. Needs the workers' bearer token."""
    require_token(request, service.settings.ingest_token)
    with service.desk.metrics.ingest_s.time():
        try:
            result = await service.ingest.accept(body.records)
        except NothingStoredError:
            # Said in the log once, by whoever found it out.
            raise Problem(503, "database_refused") from None
        except DataError as error:
            # The database works, and refuses what it was given. Told as a fault of the database,
            # the batch would come again for ever, before all that is behind it.
            _LOG.error("ingest.cannot_be_stored", reason=str(error.orig))
            raise Problem(422, "request_invalid", detail=f"records: {error.orig}") from error
    return IngestAnswer(
        accepted=result.accepted,
        duplicates=result.duplicates,
        rejected=tuple(
            RejectedBody(record_id=one.record_id, reason=one.reason) for one in result.rejected
        ),
    )

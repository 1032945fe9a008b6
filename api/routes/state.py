"""The present, and readings over time."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from api import readings
from api.access.actor import Actor
from api.access.guard import needs
from api.access.rights import Right
from api.access.scoping import Sight
from api.live.bodies import StateBody
from api.problems import Problem, responses
from api.schemas import Body
from api.service import ServiceDep
from api.snapshot import take_snapshot
from config.moments import Moment
from vision.instants import Utc
from vision.risk.readings import Level

router = APIRouter(prefix="/api/v1", tags=["state"])

_DEFAULT_SPAN_S = 900.0
_MOST_POINTS = 10_000


class PointBody(Body):
    """Readings of one step of time: the worst level and the largest numbers in it."""

    at: datetime
    step_s: int
    level: Level
    people: float | None
    density_per_m2: float | None
    samples: int
    unknown_samples: int

    @classmethod
    def of(cls, point: readings.Point) -> PointBody:
        return cls(
            at=point.at.to_datetime(),
            step_s=point.step_s,
            level=point.level,
            people=point.people,
            density_per_m2=point.density_per_m2,
            samples=point.samples,
            unknown_samples=point.unknown_samples,
        )


class SeriesBody(Body):
    """Readings of a zone, oldest first. A time without a point is a time without a reading."""

    zone_id: str
    start: datetime
    end: datetime
    points: tuple[PointBody, ...]
    complete: bool


@router.get("/state", responses=responses(401, 403, 503))
async def state(
    service: ServiceDep, actor: Annotated[Actor, Depends(needs(Right.SEE_DESK))]
) -> StateBody:
    """Zones, cameras and open alarms in one moment, as far as the reader may see them."""
    sight = Sight(actor, service.desk.board.site)
    return sight.cut(await take_snapshot(service.desk, sight.zones))


@router.get(
    "/zones/{zone_id}/readings",
    responses=responses(401, 403, 404, 422, 503),
    dependencies=[Depends(needs(Right.SEE_DESK))],
)
async def zone_readings(
    zone_id: str,
    service: ServiceDep,
    start: Annotated[Moment | None, Query(alias="from")] = None,
    end: Annotated[Moment | None, Query(alias="to")] = None,
) -> SeriesBody:
    """Readings of a zone: 1 s steps for the last hour, 10 s for the last day, 1 min before.

    Without `from` the last 15 minutes; `complete` is false when the span holds more than 10,000
    points: ask again from the last one.
    """
    if zone_id not in service.desk.board.site.zone:
        raise Problem(404, "zone_unknown", zone=zone_id)
    upto = service.desk.clock.utc() if end is None else Utc.from_datetime(end)
    since = upto.plus(-_DEFAULT_SPAN_S) if start is None else Utc.from_datetime(start)
    if not since < upto:
        raise Problem(422, "span_empty")
    async with service.desk.database.read() as connection:
        points = await readings.series(connection, zone_id, since, upto, _MOST_POINTS)
    return SeriesBody(
        zone_id=zone_id,
        start=since.to_datetime(),
        end=upto.to_datetime(),
        points=tuple(PointBody.of(point) for point in points),
        complete=len(points) < _MOST_POINTS,
    )

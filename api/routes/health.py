"""Is the process alive, is it of use, and what did it count."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Response

from api.access.guard import PUBLIC, needs
from api.access.rights import Right
from api.alarms import store
from api.problems import Problem, responses
from api.schemas import Body
from api.service import ServiceDep

router = APIRouter(tags=["health"])

_TICK_LIMIT_S = 5.0


class LiveBody(Body):
    """The process answers."""

    alive: bool = True


class ReadyBody(Body):
    """The database takes writes and the watch runs."""

    ready: bool
    watch_age_s: float


@router.get("/livez", dependencies=[PUBLIC])
async def live() -> LiveBody:
    """Answers as long as the process does."""
    return LiveBody()


@router.get("/readyz", responses=responses(503), dependencies=[PUBLIC])
async def ready(service: ServiceDep) -> ReadyBody:
    """503 when the database takes no writes, or the watch has not run for 5 s.

    Where one table alone is damaged, records are refused while others are stored.
    """
    if service.desk.unkept.store_refuses:
        # Asked again every second; whoever looks here need not wait for that.
        raise Problem(503, "database_refused")
    await service.proof.prove()
    if service.ingest.refused:
        raise Problem(503, "database_refused")
    last = service.watch.last_tick
    age_s = float("inf") if last is None else service.desk.clock.monotonic() - last
    if age_s > _TICK_LIMIT_S:
        raise Problem(503, "watch_stopped")
    return ReadyBody(ready=True, watch_age_s=round(age_s, 3))


@router.get(
    "/metrics",
    response_class=Response,
    responses=responses(401, 403),
    dependencies=[Depends(needs(Right.SEE_METRICS))],
)
async def metrics(service: ServiceDep) -> Response:
    """Counters in Prometheus' text form. While the database takes nothing, that is told in place of
    the number of open alarms.
    """
    desk = service.desk
    desk.metrics.open_alarms.clear()
    if not desk.unkept.store_refuses:
        async with desk.database.read() as connection:
            counts = await store.count_by_priority(connection)
        for (state, priority), count in counts.items():
            desk.metrics.open_alarms.labels(state.value, str(priority)).set(count)
    desk.metrics.nothing_kept.set(desk.unkept.refusing)
    known = desk.unkept.known()
    for zone in known.site.zones:
        age_s = known.zone(zone.id).age_s
        desk.metrics.zone_age_s.labels(zone.id).set(float("inf") if age_s is None else age_s)
    desk.metrics.consoles.set(desk.broker.listeners)
    return Response(desk.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

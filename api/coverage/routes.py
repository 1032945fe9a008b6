"""Live coverage, camera health and what people decide about it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from api.access import audit
from api.access.guard import WORKERS_ONLY, ActorDep, needs
from api.access.rights import Right
from api.coverage import bodies, day_book, health_store
from api.coverage import changes as change_record
from api.coverage.geometry import plan_of
from api.coverage.uptime import rates_of
from api.coverage.watch import CoverageWatch
from api.problems import Problem, responses
from api.routes.shift import duty_name
from api.security import require_token
from api.service import ServiceDep
from config.moments import Day, Moment
from streams.worker.orders import OrderBatch
from vision.health.features import Mode
from vision.instants import Utc

router = APIRouter(prefix="/api/v1", tags=["coverage"])

_SEE = [Depends(needs(Right.SEE_COVERAGE))]
_CALIBRATE = [Depends(needs(Right.CALIBRATE_CAMERA))]
_DAY_S = 86_400.0
_MOST_DAYS = 400
_JPEG: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/jpeg": {}}, "description": "the small picture"}
}
WhoDep = Annotated[str, Depends(duty_name)]
ItemId = Annotated[int, Path(ge=1, le=2**53)]


def _watch(request: Request) -> CoverageWatch:
    watch = request.app.state.coverage
    if not isinstance(watch, CoverageWatch):
        raise TypeError("coverage was not installed on this application")
    return watch


WatchDep = Annotated[CoverageWatch, Depends(_watch)]


@router.get("/coverage/now", dependencies=_SEE, responses=responses(401, 403, 503))
async def now(watch: WatchDep, service: ServiceDep) -> bodies.CoverageNowBody:
    """Which areas are seen with the cameras that are well now."""
    return bodies.CoverageNowBody(
        ready=bool(watch.cameras),
        at=service.desk.clock.utc().to_datetime(),
        areas=tuple(bodies.AreaNowBody.of(area) for area in watch.areas.values()),
        cameras=tuple(bodies.CameraNowBody.of(camera) for camera in watch.cameras.values()),
    )


@router.get("/coverage/plan", dependencies=_SEE, responses=responses(401, 403, 503))
async def plan(watch: WatchDep) -> bodies.PlanBody:
    """Floors, areas, cameras and what each camera is meant to show."""
    if watch.live is None:
        raise Problem(503, "coverage_not_ready", headers={"Retry-After": "2"})
    return bodies.PlanBody(floors=tuple(await asyncio.to_thread(plan_of, watch.live)))


@router.get(
    "/coverage/changes",
    dependencies=_SEE,
    response_model=bodies.ChangesBody,
    responses=responses(401, 403, 422, 503),
)
async def changes(
    service: ServiceDep,
    start: Annotated[Moment | None, Query(alias="from")] = None,
    end: Annotated[Moment | None, Query(alias="to")] = None,
) -> Response:
    """How coverage changed: the last day, or the span that is asked for, its newest part.

    Who asks again gives the `at` of the newest change it holds as `from`, and gets that one with
    what came since.
    """
    upto = service.desk.clock.utc() if end is None else Utc.from_datetime(end)
    since = upto.plus(-_DAY_S) if start is None else Utc.from_datetime(start)
    # A page whose newest change lies ahead of a clock that was set back gets what stands.
    if end is not None and not since < upto:
        raise Problem(422, "span_empty")
    async with service.desk.database.read() as connection:
        rows, cut = await change_record.between(connection, since, upto)
    told = ",".join(row.sent() for row in rows)
    body = f'{{"cut":{"true" if cut else "false"},"changes":[{told}]}}'
    return Response(body, media_type="application/json")


@router.get("/coverage/days", dependencies=_SEE, responses=responses(401, 403, 422, 503))
async def days(
    watch: WatchDep,
    service: ServiceDep,
    start: Annotated[Day | None, Query(alias="from")] = None,
    end: Annotated[Day | None, Query(alias="to")] = None,
) -> bodies.DaysBody:
    """Area-hours lost and healthy shares a day, and the healthy rates against 98 and 95 %.

    Days are those of the site's own time zone; without a span the last week, today included.
    Cameras that show a critical area are held against 98 %, the others against 95 %.
    """
    last = end or watch.day_at(service.desk.clock.utc())
    first = start or last - timedelta(days=6)
    if last < first or (last - first).days >= _MOST_DAYS:
        raise Problem(422, "span_empty")
    live = await watch.ready()
    await watch.flush()
    bounds = (day_book.day_number(first), day_book.day_number(last))
    async with service.desk.database.read() as connection:
        areas = await day_book.area_days(connection, *bounds)
        cameras = await day_book.camera_days(connection, *bounds)
    return bodies.DaysBody(
        areas=tuple(
            bodies.AreaDayBody(
                area_id=area_id,
                day=day_book.day_of(day),
                watched_h=round(sums.watched_s / 3600.0, 4),
                lost_m2_h=round(sums.lost_m2_h, 4),
                blind_h=round(sums.blind_s / 3600.0, 4),
            )
            for (area_id, day), sums in sorted(areas.items())
        ),
        cameras=tuple(
            bodies.CameraDayBody(
                camera_id=camera_id,
                day=day_book.day_of(day),
                watched_h=round(sums.watched_s / 3600.0, 4),
                healthy_share=_rounded(sums.healthy_share),
            )
            for (camera_id, day), sums in sorted(cameras.items())
        ),
        rates=tuple(
            bodies.RateBody(
                target_share=one.target_share,
                cameras=one.cameras,
                healthy_share=_rounded(one.healthy_share),
                met=one.met,
            )
            for one in rates_of(cameras, live.targets)
        ),
    )


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)


@router.get("/coverage/tasks", dependencies=_SEE, responses=responses(401, 403, 503))
async def tasks(service: ServiceDep) -> bodies.TasksBody:
    """Blind critical areas for somebody to mend."""
    async with service.desk.database.read() as connection:
        rows = await day_book.tasks(connection)
    return bodies.TasksBody(tasks=tuple(bodies.TaskBody.of(row) for row in rows))


@router.post(
    "/coverage/tasks/{task_id}/take",
    dependencies=[Depends(needs(Right.RUN_COVERAGE))],
    responses=responses(401, 403, 409, 422, 503),
    status_code=204,
)
async def take_task(task_id: ItemId, service: ServiceDep, who: WhoDep, actor: ActorDep) -> None:
    """The person takes the task over."""
    async with service.desk.database.write() as connection:
        if not await day_book.take_task(connection, task_id, who):
            raise Problem(409, "coverage_task_not_open")
        act = audit.Act("coverage.task_taken", str(task_id), {"signed": who})
        await audit.append(connection, actor, act, service.desk.clock.utc())


@router.post(
    "/coverage/tasks/{task_id}/close",
    dependencies=[Depends(needs(Right.RUN_COVERAGE))],
    responses=responses(401, 403, 409, 422, 503),
    status_code=204,
)
async def close_task(
    task_id: ItemId, body: bodies.NoteBody, service: ServiceDep, who: WhoDep, actor: ActorDep
) -> None:
    """The person closes a task whose area is seen again, or was taken off the site."""
    now_utc = service.desk.clock.utc()
    async with service.desk.database.write() as connection:
        if not await day_book.close_task(connection, task_id, who, body.note, now_utc):
            raise Problem(409, "coverage_task_not_open")
        told = {"signed": who, "note": body.note}
        act = audit.Act("coverage.task_closed", str(task_id), told)
        await audit.append(connection, actor, act, now_utc)


@router.get("/coverage/faults", dependencies=_SEE, responses=responses(401, 403, 422, 503))
async def faults(
    service: ServiceDep,
    only_open: bool = False,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
) -> bodies.FaultsBody:
    """Faults of cameras with their duration, newest first."""
    now_utc = service.desk.clock.utc()
    async with service.desk.database.read() as connection:
        rows = await health_store.faults_of(connection, only_open=only_open, limit=limit)
    return bodies.FaultsBody(faults=tuple(bodies.FaultBody.of(row, now_utc) for row in rows))


@router.get("/coverage/baselines", dependencies=_SEE, responses=responses(401, 403, 503))
async def baselines(service: ServiceDep) -> bodies.BaselinesBody:
    """What was learnt of each camera, and which calibrations wait for a person."""
    async with service.desk.database.read() as connection:
        learnt = await health_store.baselines_of_all(connection)
        health = await health_store.health_of_all(connection)
    return bodies.BaselinesBody(
        baselines=tuple(bodies.BaselineBody.of(row) for row in learnt),
        suspended=tuple(
            bodies.SuspendedBody(camera_id=name, since=row.suspended.to_datetime())
            for name, row in health.items()
            if row.suspended is not None
        ),
    )


@router.get(
    "/cameras/{camera_id}/faults/{fault_id}/picture.jpg",
    response_class=Response,
    dependencies=[Depends(needs(Right.SEE_PICTURE))],
    responses={**_JPEG, **responses(401, 403, 404, 422, 503)},
)
async def fault_picture(
    camera_id: str, fault_id: ItemId, service: ServiceDep, who: WhoDep, actor: ActorDep
) -> Response:
    """The small picture behind a fault; the viewing is on record before it is given."""
    _check_camera(service, camera_id)
    async with service.desk.database.read() as connection:
        found = _jpeg(await health_store.fault_picture(connection, camera_id, fault_id))
    await service.viewings.record(who, camera_id, actor)
    return found


@router.get(
    "/cameras/{camera_id}/baselines/{mode}/picture.jpg",
    response_class=Response,
    dependencies=[Depends(needs(Right.SEE_PICTURE))],
    responses={**_JPEG, **responses(401, 403, 404, 422, 503)},
)
async def baseline_picture(
    camera_id: str, mode: Mode, service: ServiceDep, who: WhoDep, actor: ActorDep
) -> Response:
    """The newest picture from which a baseline was learnt; the viewing is on record."""
    _check_camera(service, camera_id)
    async with service.desk.database.read() as connection:
        found = _jpeg(await health_store.baseline_picture(connection, camera_id, mode))
    await service.viewings.record(who, camera_id, actor)
    return found


@router.post(
    "/cameras/{camera_id}/baselines/{mode}/confirm",
    dependencies=_CALIBRATE,
    responses=responses(401, 403, 404, 422, 503),
    status_code=204,
)
async def confirm_baseline(
    camera_id: str, mode: Mode, service: ServiceDep, who: WhoDep, actor: ActorDep
) -> None:
    """The person looked at the baseline and found it right."""
    _check_camera(service, camera_id)
    now_utc = service.desk.clock.utc()
    async with service.desk.database.write() as connection:
        if not await health_store.confirm_baseline(connection, camera_id, mode, who, now_utc):
            raise Problem(404, "health_item_unknown")
        told = {"signed": who, "mode": mode.value}
        act = audit.Act("camera.baseline_confirmed", camera_id, told)
        await audit.append(connection, actor, act, now_utc)


@router.post(
    "/cameras/{camera_id}/baselines/relearn",
    dependencies=_CALIBRATE,
    responses=responses(401, 403, 404, 422, 503),
    status_code=204,
)
async def relearn(camera_id: str, service: ServiceDep, who: WhoDep, actor: ActorDep) -> None:
    """The camera's view was changed on purpose: learn it anew."""
    _check_camera(service, camera_id)
    async with service.desk.database.write() as connection:
        now_utc = service.desk.clock.utc()
        await health_store.order_relearn(connection, camera_id, who, now_utc)
        act = audit.Act("camera.relearn_ordered", camera_id, {"signed": who})
        await audit.append(connection, actor, act, now_utc)


@router.post(
    "/cameras/{camera_id}/calibration/confirm",
    dependencies=_CALIBRATE,
    responses=responses(401, 403, 404, 409, 422, 503),
    status_code=204,
)
async def confirm_calibration(
    camera_id: str, body: bodies.NoteBody, service: ServiceDep, who: WhoDep, actor: ActorDep
) -> None:
    """The moved camera was turned back, or calibrated anew: its zones may be measured again."""
    _check_camera(service, camera_id)
    now_utc = service.desk.clock.utc()
    async with service.desk.database.write() as connection:
        if not await health_store.confirm_calibration(
            connection, camera_id, who, body.note, now_utc
        ):
            raise Problem(409, "calibration_holds")
        told = {"signed": who, "note": body.note}
        act = audit.Act("camera.calibration_confirmed", camera_id, told)
        await audit.append(connection, actor, act, now_utc)


@router.get("/workers/orders", dependencies=[WORKERS_ONLY], responses=responses(401, 422, 503))
async def orders(
    request: Request, service: ServiceDep, after: Annotated[int, Query(ge=0, le=2**53)] = 0
) -> OrderBatch:
    """What people decided about cameras since that order. Needs the workers' bearer token."""
    require_token(request, service.settings.ingest_token)
    async with service.desk.database.read() as connection:
        return OrderBatch(orders=await health_store.orders_after(connection, after))


def _check_camera(service: ServiceDep, camera_id: str) -> None:
    if camera_id not in service.desk.board.site.camera:
        raise Problem(404, "camera_unknown", camera=camera_id)


def _jpeg(data: bytes | None) -> Response:
    if data is None:
        raise Problem(404, "health_item_unknown")
    return Response(data, media_type="image/jpeg")

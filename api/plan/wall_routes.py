"""`/api/v1/plan/wall`: the risk wall as figures, and as a stream that tells when they change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import Field

from api.access.rights import Right
from api.plan.asking import PREFIX, PlanDep, asks
from api.plan.scopes import Part
from api.plan.service import PlanService
from api.plan.viewer import PlanViewer
from api.plan.wall import Colour, Tile
from api.plan.wall_source import Wall, ledger_side, with_cameras
from api.problems import responses
from api.schemas import Body, NameBody
from vision.risk.readings import Level

router = APIRouter(prefix=PREFIX, tags=["plan"])

LOOK_EVERY_S = 2.0
LEDGER_EVERY_S = 20.0
PING_EVERY_S = 5.0
_RETRY_MS = 2_000

WallReader = Annotated[PlanViewer, Depends(asks(Right.SEE_PLAN, Part.WALL))]


class ZoneStandBody(Body):
    """A zone now."""

    id: str
    level: Level
    since: str = Field(description="ISO time from which the level holds; empty when never measured")


class TileBody(Body):
    """One unit on the wall; without cameras here what they would say is null."""

    unit_id: str
    name: NameBody
    colour: Colour
    stale: bool
    overdue: int
    missed_this_week: int
    major_hazards: int
    overdue_hazards: int
    overdue_tasks: int
    worst: Level | None
    alarms: int | None
    unacknowledged: int | None
    unseen: int | None
    unseen_since: str | None
    elsewhere: bool = Field(
        description="the unit's cameras are watched by another service; what they see is not known"
    )
    zones: tuple[ZoneStandBody, ...] | None

    @classmethod
    def of(cls, tile: Tile, name: NameBody) -> TileBody:
        """The tile with its unit's name."""
        site, work = tile.site, tile.work
        return cls(
            unit_id=tile.unit_id,
            name=name,
            colour=tile.colour,
            stale=tile.stale,
            overdue=tile.counts.overdue,
            missed_this_week=tile.counts.missed_this_week,
            major_hazards=work.major_hazards,
            overdue_hazards=work.overdue_hazards,
            overdue_tasks=work.overdue_tasks,
            worst=None if site is None else site.worst,
            alarms=None if site is None else site.alarms,
            unacknowledged=None if site is None else site.unacknowledged,
            unseen=None if site is None else len(site.unseen),
            unseen_since=None if site is None else site.unseen_since,
            elsewhere=tile.elsewhere,
            zones=None
            if site is None
            else tuple(ZoneStandBody(id=z.id, level=z.level, since=z.since) for z in site.zones),
        )


class WallBody(Body):
    """The wall; `stale` when the ledger was not brought to today."""

    as_of: date | None
    stale: bool
    tiles: tuple[TileBody, ...] = Field(description="the worst first")


def body_of(plan: PlanService, wall: Wall) -> WallBody:
    """The wall as it goes out."""
    units = {unit.id: unit for unit in plan.edition.units}
    return WallBody(
        as_of=wall.as_of,
        stale=wall.stale,
        tiles=tuple(
            TileBody.of(
                tile, NameBody(zh=units[tile.unit_id].name_zh, en=units[tile.unit_id].name_en)
            )
            for tile in wall.tiles
        ),
    )


@router.get("/wall", responses=responses(401, 403, 503))
async def wall(plan: PlanDep, viewer: WallReader) -> WallBody:
    """The units that the viewer sees, the worst first."""
    return body_of(plan, await with_cameras(plan, await ledger_side(plan, viewer)))


@router.get(
    "/wall/events",
    response_class=EventSourceResponse,
    responses=responses(401, 403),
    description="`wall` (a `WallBody`) first and whenever it changes, `ping` every few seconds; "
    "the stream ends soon after the session does.",
)
async def wall_events(
    request: Request, plan: PlanDep, viewer: WallReader
) -> AsyncIterator[ServerSentEvent]:
    """The wall as it changes."""
    access = request.app.state.access
    yield ServerSentEvent(event="ping", data={}, retry=_RETRY_MS)
    ledger, told = await ledger_side(plan, viewer), ""
    begun = read_at = pinged_at = plan.clock.monotonic()
    while not await _ended(request, plan) and await access.still_valid(viewer.actor):
        now = plan.clock.monotonic()
        if now - read_at >= LEDGER_EVERY_S or ledger.today != plan.today():
            ledger, read_at = await ledger_side(plan, viewer), now
        body = body_of(plan, await with_cameras(plan, ledger)).model_dump_json()
        if body != told:
            told = body
            yield ServerSentEvent(event="wall", raw_data=body)
        elif now - pinged_at >= PING_EVERY_S:
            pinged_at = now
            yield ServerSentEvent(event="ping", data={"up_s": round(now - begun)})
        await asyncio.sleep(LOOK_EVERY_S)


async def _ended(request: Request, plan: PlanService) -> bool:
    """Nobody listens any more, or the service stops."""
    closing = plan.cameras is not None and plan.cameras.desk.broker.closed
    return closing or await request.is_disconnected()

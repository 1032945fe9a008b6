"""The risk wall's figures out of the database and the cameras, cut down to who looks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.plan.service import PlanService
from api.plan.tables import PLAN_HAZARDS, PLAN_ROLLS, PLAN_TASKS, PLAN_UNITS, day_number, day_of
from api.plan.today import counts_by_unit
from api.plan.viewer import PlanViewer
from api.plan.wall import OpenWork, Tile, ordered

_OPEN_HAZARD = PLAN_HAZARDS.c.state.not_in(("closed", "draft", "withdrawn"))


@dataclass(frozen=True, slots=True)
class Wall:
    """The wall at one moment.

    Attributes:
        as_of: day to which the ledger was brought; `None` before its first night.
    """

    tiles: tuple[Tile, ...]
    as_of: date | None
    today: date

    @property
    def stale(self) -> bool:
        return self.as_of != self.today


async def ledger_side(plan: PlanService, viewer: PlanViewer) -> Wall:
    """What the ledger, hazards and tasks say of the units that `viewer` sees."""
    visible = {unit.id for unit in plan.visible(viewer)}
    today = plan.today()
    async with plan.database.read() as connection:
        counts = await counts_by_unit(connection, today)
        work = await open_work(connection, today)
        last = (await connection.execute(select(func.max(PLAN_ROLLS.c.day)))).scalar_one_or_none()
    tiles = [
        Tile(one, work.get(one.unit_id, OpenWork())) for one in counts if one.unit_id in visible
    ]
    return Wall(ordered(tiles), None if last is None else day_of(last), today)


async def with_cameras(plan: PlanService, wall: Wall) -> Wall:
    """The same with what the cameras of this service say now."""
    units = plan.edition.units
    watched = {unit.id for unit in units if plan.watches(unit)}
    elsewhere = {unit.id for unit in units if plan.watched_elsewhere(unit)}
    seen = any(tile.unit_id in watched for tile in wall.tiles)
    stand = await plan.cameras.stand() if plan.cameras is not None and seen else None
    tiles = [
        replace(
            tile,
            site=stand if tile.unit_id in watched else None,
            elsewhere=tile.unit_id in elsewhere,
        )
        for tile in wall.tiles
    ]
    return replace(wall, tiles=ordered(tiles))


async def open_work(connection: AsyncConnection, today: date) -> dict[str, OpenWork]:
    """Unit id -> open major hazards, overdue hazards and overdue tasks; units with none are out."""
    hazards, tasks, day = PLAN_HAZARDS.c, PLAN_TASKS.c, day_number(today)
    wanted = or_(hazards.level == "major", hazards.due_day < day)
    queries: dict[str, Any] = {
        "hazards": select(PLAN_UNITS.c.unit_id, hazards.level, hazards.due_day)
        .join(PLAN_UNITS, PLAN_UNITS.c.unit_no == hazards.unit_no)
        .where(_OPEN_HAZARD, wanted),
        "tasks": select(PLAN_UNITS.c.unit_id, func.count())
        .join(PLAN_UNITS, PLAN_UNITS.c.unit_no == tasks.unit_no)
        .where(tasks.state != "closed", tasks.due_day < day)
        .group_by(PLAN_UNITS.c.unit_id),
    }
    found: dict[str, OpenWork] = {}
    for unit_id, level, due_day in await connection.execute(queries["hazards"]):
        old = found.get(unit_id, OpenWork())
        found[unit_id] = replace(
            old,
            major_hazards=old.major_hazards + (level == "major"),
            overdue_hazards=old.overdue_hazards + (due_day is not None and due_day < day),
        )
    for unit_id, count in await connection.execute(queries["tasks"]):
        found[unit_id] = replace(found.get(unit_id, OpenWork()), overdue_tasks=int(count))
    return found

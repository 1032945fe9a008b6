"""What live coverage leaves behind for people: sums a day, and tasks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.coverage.tables import CAMERA_DAYS, COVERAGE_DAYS, COVERAGE_TASKS
from vision.coverage.live import AreaNow
from vision.instants import Utc

TASK_DUE_S = 86_400.0
"""A day to mend a camera over a critical area: this project's choice, not a rule of law."""
_FIRST_DAY = date(1970, 1, 1)


def day_number(day: date) -> int:
    """Whole days since 1970-01-01, as days are kept."""
    return (day - _FIRST_DAY).days


def day_of(number: int) -> date:
    """The day of a `day_number`."""
    return _FIRST_DAY + timedelta(days=number)


@dataclass(frozen=True, slots=True)
class AreaSums:
    """One area over one day, or several; only the time in which the service watched counts."""

    watched_s: float = 0.0
    lost_m2_s: float = 0.0
    blind_s: float = 0.0

    def plus(self, other: AreaSums) -> AreaSums:
        return AreaSums(
            self.watched_s + other.watched_s,
            self.lost_m2_s + other.lost_m2_s,
            self.blind_s + other.blind_s,
        )

    @property
    def lost_m2_h(self) -> float:
        """Area-hours lost, m² h."""
        return self.lost_m2_s / 3600.0


@dataclass(frozen=True, slots=True)
class CameraSums:
    """One camera over one day, or several."""

    watched_s: float = 0.0
    healthy_s: float = 0.0

    def plus(self, other: CameraSums) -> CameraSums:
        return CameraSums(self.watched_s + other.watched_s, self.healthy_s + other.healthy_s)

    @property
    def healthy_share(self) -> float | None:
        """Healthy over watched time; `None` where nobody watched."""
        return self.healthy_s / self.watched_s if self.watched_s > 0.0 else None


@dataclass(frozen=True, slots=True)
class TaskRow:
    """A blind critical area for somebody to mend.

    Attributes:
        off_site: since when the site file names no such critical area; `None` while it does.
        closed: `None` while it is open.
    """

    id: int
    area_id: str
    camera_ids: tuple[str, ...]
    opened: Utc
    due: Utc
    seen_again: Utc | None
    off_site: Utc | None
    owner: str
    closed: Utc | None
    closed_by: str
    note: str

    @property
    def may_close(self) -> bool:
        """Whether somebody may close it."""
        done = self.seen_again is not None or self.off_site is not None
        return self.closed is None and done


async def add_days(
    connection: AsyncConnection,
    areas: Mapping[tuple[str, int], AreaSums],
    cameras: Mapping[tuple[str, int], CameraSums],
) -> None:
    """Add sums by (id, day) to what is there."""
    for (area_id, day), sums in areas.items():
        key: dict[str, Any] = {"area_id": area_id, "day": day}
        await _add(connection, COVERAGE_DAYS, key, asdict(sums))
    for (camera_id, day), camera_sums in cameras.items():
        key = {"camera_id": camera_id, "day": day}
        await _add(connection, CAMERA_DAYS, key, asdict(camera_sums))


async def _add(
    connection: AsyncConnection, table: Any, key: Mapping[str, Any], sums: Mapping[str, float]
) -> None:
    same = [table.c[name] == value for name, value in key.items()]
    more = {name: table.c[name] + value for name, value in sums.items()}
    done = await connection.execute(update(table).where(*same).values(**more))
    if done.rowcount == 0:
        await connection.execute(insert(table).values(**key, **sums))


async def area_days(
    connection: AsyncConnection, first: int, last: int
) -> dict[tuple[str, int], AreaSums]:
    """Sums of the areas by (id, day), both days included."""
    days = COVERAGE_DAYS.c.day.between(first, last)
    rows = (await connection.execute(select(COVERAGE_DAYS).where(days))).mappings().all()
    return {
        (row["area_id"], row["day"]): AreaSums(row["watched_s"], row["lost_m2_s"], row["blind_s"])
        for row in rows
    }


async def camera_days(
    connection: AsyncConnection, first: int, last: int
) -> dict[tuple[str, int], CameraSums]:
    """Sums of the cameras by (id, day), both days included."""
    days = CAMERA_DAYS.c.day.between(first, last)
    rows = (await connection.execute(select(CAMERA_DAYS).where(days))).mappings().all()
    return {
        (row["camera_id"], row["day"]): CameraSums(row["watched_s"], row["healthy_s"])
        for row in rows
    }


async def open_task(connection: AsyncConnection, area: AreaNow, now: Utc) -> None:
    """A task for a blind critical area, unless one is open."""
    table = COVERAGE_TASKS
    query = select(table.c.id).where(table.c.area_id == area.area_id, table.c.closed_ns.is_(None))
    standing = (await connection.execute(query)).scalar_one_or_none()
    if standing is not None:
        await connection.execute(
            update(table).where(table.c.id == standing).values(seen_again_ns=None)
        )
        return
    await connection.execute(
        insert(table).values(
            area_id=area.area_id,
            camera_ids_json=json.dumps(list(area.lost_because)),
            opened_ns=now.ns,
            due_ns=now.plus(TASK_DUE_S).ns,
            seen_again_ns=None,
            off_site_ns=None,
            owner="",
            closed_ns=None,
            closed_by="",
            note="",
        )
    )


async def note_seen_again(connection: AsyncConnection, area_id: str, now: Utc) -> None:
    """The area is seen again; a person still has to say why, and close the task."""
    table = COVERAGE_TASKS
    await connection.execute(
        update(table)
        .where(
            table.c.area_id == area_id,
            table.c.closed_ns.is_(None),
            table.c.seen_again_ns.is_(None),
        )
        .values(seen_again_ns=now.ns)
    )


async def take_task(connection: AsyncConnection, task_id: int, owner: str) -> bool:
    """Somebody takes an open task; `False` where there is none."""
    table = COVERAGE_TASKS
    query = update(table).where(table.c.id == task_id, table.c.closed_ns.is_(None))
    return (await connection.execute(query.values(owner=owner))).rowcount == 1


async def close_task(
    connection: AsyncConnection, task_id: int, name: str, note: str, now: Utc
) -> bool:
    """Somebody closes a task; `False` where its area is still on the site and not seen again."""
    table = COVERAGE_TASKS
    done = or_(table.c.seen_again_ns.is_not(None), table.c.off_site_ns.is_not(None))
    query = update(table).where(table.c.id == task_id, table.c.closed_ns.is_(None), done)
    values = {"closed_ns": now.ns, "closed_by": name, "note": note}
    return (await connection.execute(query.values(**values))).rowcount == 1


async def tasks(connection: AsyncConnection, limit: int = 200) -> tuple[TaskRow, ...]:
    """Tasks, newest first."""
    query = select(COVERAGE_TASKS).order_by(COVERAGE_TASKS.c.id.desc()).limit(limit)
    rows = (await connection.execute(query)).mappings().all()
    return tuple(
        TaskRow(
            id=row["id"],
            area_id=row["area_id"],
            camera_ids=tuple(json.loads(row["camera_ids_json"])),
            opened=Utc(row["opened_ns"]),
            due=Utc(row["due_ns"]),
            seen_again=_instant(row["seen_again_ns"]),
            off_site=_instant(row["off_site_ns"]),
            owner=row["owner"],
            closed=_instant(row["closed_ns"]),
            closed_by=row["closed_by"],
            note=row["note"],
        )
        for row in rows
    )


def _instant(ns: int | None) -> Utc | None:
    return None if ns is None else Utc(ns)

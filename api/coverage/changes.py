"""The record of how coverage changed, for the time slider: one row for each state that came.

A row holds the very words that are sent, so that a long answer costs no reading and writing anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from api.coverage.tables import COVERAGE_CHANGES
from vision.coverage.live import AreaNow, Sightedness
from vision.instants import Utc

MOST_CHANGES = 2_000
KEPT_DAYS = 30
"""How long changes are kept: this project's choice, the span of an audit's running record."""

_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Standing:
    """How coverage stands, in the words in which it is kept and sent.

    Attributes:
        healthy_json: ids of the cameras that count as seeing.
        areas_json: `area_json` of all areas.
    """

    site_sha256: str
    healthy_json: str
    areas_json: str

    @classmethod
    def of(cls, site_sha256: str, healthy: Iterable[str], areas: Iterable[AreaNow]) -> Standing:
        told = [area_json(area) for area in areas]
        return cls(site_sha256, json.dumps(sorted(healthy)), json.dumps(told))

    def blind(self) -> frozenset[str]:
        """The areas that are blind."""
        areas = json.loads(self.areas_json)
        return frozenset(one["area_id"] for one in areas if one["state"] == Sightedness.BLIND)


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """How coverage stood from `at` on."""

    at: Utc
    standing: Standing

    def sent(self) -> str:
        """As JSON, as `api.coverage.bodies.ChangeBody` describes it."""
        healthy, areas = self.standing.healthy_json, self.standing.areas_json
        return f'{{"at":"{self.at.iso()}","healthy":{healthy},"areas":{areas}}}'


def area_json(area: AreaNow) -> dict[str, Any]:
    """An area's state as it is kept and sent."""
    return {
        "area_id": area.area_id,
        "state": area.state.value,
        "critical": area.critical,
        "planned_m2": round(area.planned_m2, 3),
        "seen_m2": round(area.seen_m2, 3),
        "lost_because": list(area.lost_because),
    }


async def note(connection: AsyncConnection, at: Utc, standing: Standing) -> None:
    """Keep how coverage stands from `at` on."""
    await connection.execute(
        insert(COVERAGE_CHANGES).values(
            at_ns=at.ns,
            site_sha256=standing.site_sha256,
            healthy_json=standing.healthy_json,
            areas_json=standing.areas_json,
        )
    )


async def newest(connection: AsyncConnection) -> Standing | None:
    """What was noted last; `None` where nothing ever was."""
    query = select(COVERAGE_CHANGES).order_by(COVERAGE_CHANGES.c.id.desc()).limit(1)
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else _row(row).standing


async def between(
    connection: AsyncConnection, start: Utc, end: Utc, most: int = MOST_CHANGES
) -> tuple[tuple[ChangeRow, ...], bool]:
    """The newest changes of a span, oldest first, and whether older ones were left out.

    Where none was left out, the one that stood when the span began comes first.
    """
    at_ns, newest_first = COVERAGE_CHANGES.c.at_ns, COVERAGE_CHANGES.c.id.desc()
    within = (
        select(COVERAGE_CHANGES)
        .where(at_ns > start.ns, at_ns <= end.ns)
        .order_by(newest_first)
        .limit(most + 1)
    )
    rows = (await connection.execute(within)).mappings().all()
    if len(rows) > most:
        return tuple(_row(row) for row in reversed(rows[:most])), True
    before = select(COVERAGE_CHANGES).where(at_ns <= start.ns).order_by(newest_first).limit(1)
    stood = (await connection.execute(before)).mappings().all()
    return tuple(_row(row) for row in (*stood, *reversed(rows))), False


async def drop_old(connection: AsyncConnection, now: Utc) -> None:
    """Drop what is kept no longer, counted from the newest change that is a day old.

    By a clock that was set to another year all of it is, and nothing brings it back. What was noted
    last stays, it says how coverage stands.
    """
    row_id, at_ns = COVERAGE_CHANGES.c.id, COVERAGE_CHANGES.c.at_ns
    newest = select(func.max(at_ns)).where(at_ns <= now.plus(-_DAY_S).ns)
    newest_ns = (await connection.execute(newest)).scalar_one()
    if newest_ns is not None:
        cut = Utc(newest_ns).plus(-KEPT_DAYS * _DAY_S)
        last = select(func.max(row_id)).scalar_subquery()
        await connection.execute(delete(COVERAGE_CHANGES).where(at_ns < cut.ns, row_id != last))


def _row(row: Any) -> ChangeRow:
    standing = Standing(row["site_sha256"], row["healthy_json"], row["areas_json"])
    return ChangeRow(Utc(row["at_ns"]), standing)


__all__ = [
    "KEPT_DAYS",
    "MOST_CHANGES",
    "ChangeRow",
    "Standing",
    "area_json",
    "between",
    "drop_old",
    "newest",
    "note",
]

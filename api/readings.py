"""Zone readings over time, kept coarser as they age.

1 s steps for an hour, 10 s steps for a day, 1 min steps after that. A coarser step keeps the worst
level and the largest numbers, and how many of its readings said UNKNOWN, so that a gap stays a gap.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, RowMapping, and_, delete, func, insert, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from api.database.tables import READINGS
from streams.records import ReadingData
from vision.instants import Utc
from vision.risk.readings import Level

KEEP_S = {1: 3_600.0, 10: 86_400.0, 60: 400 * 86_400.0}
"""For how long rows of each step are kept, in seconds."""

_COARSER = {1: 10, 10: 60}
_NS = 1_000_000_000
# The slowest camera that a site file may ask for gives one picture in so many seconds.
_SEEN_STEP_S = 10
_COMPACT_ROWS = 20_000
_ROWS_PER_QUERY = 200


@dataclass(frozen=True, slots=True)
class Point:
    """The readings of one step of time.

    Attributes:
        at: start of the step.
        level: the worst level in it; UNKNOWN when no reading had one.
        people, density_per_m2: largest values; `None` when nothing was measured.
        samples, unknown_samples: readings in the step, and how many of them said UNKNOWN.
    """

    at: Utc
    step_s: int
    level: Level
    people: float | None
    density_per_m2: float | None
    samples: int = 1
    unknown_samples: int = 0

    def joined(self, other: Point) -> Point:
        """Both as one point of this one's step."""
        return Point(
            at=self.at,
            step_s=self.step_s,
            level=_worse(self.level, other.level),
            people=_larger(self.people, other.people),
            density_per_m2=_larger(self.density_per_m2, other.density_per_m2),
            samples=self.samples + other.samples,
            unknown_samples=self.unknown_samples + other.unknown_samples,
        )

    def in_step(self, step_s: int) -> Point:
        """The same readings as part of a coarser step."""
        return Point(
            at=_start_of_step(self.at, step_s),
            step_s=step_s,
            level=self.level,
            people=self.people,
            density_per_m2=self.density_per_m2,
            samples=self.samples,
            unknown_samples=self.unknown_samples,
        )


def point_of(reading: ReadingData, at: Utc) -> Point:
    """A reading taken at `at` as a point of the finest step."""
    numbers = reading.measurement
    return Point(
        at=_start_of_step(at, 1),
        step_s=1,
        level=reading.level,
        people=None if numbers is None else numbers.people,
        density_per_m2=None if numbers is None else numbers.density_peak_per_m2,
        unknown_samples=int(reading.level is Level.UNKNOWN),
    )


def seen_s(points: Iterable[Point]) -> float:
    """Seconds of which the points of one zone can say something.

    A zone has a reading once a second, or once a picture where it has fewer; so finer steps are
    joined, and of each step counts the share of its readings that were not UNKNOWN. Time without
    any reading is in no step: nobody watched then.
    """
    steps: dict[int, Point] = {}
    for point in points:
        coarse = point.in_step(max(point.step_s, _SEEN_STEP_S))
        held = steps.get(coarse.at.ns)
        steps[coarse.at.ns] = coarse if held is None else held.joined(coarse)
    return sum(
        one.step_s * (one.samples - one.unknown_samples) / one.samples for one in steps.values()
    )


async def add(connection: AsyncConnection, points: Sequence[tuple[str, Point]]) -> None:
    """Store points of zones, each joined with what its step already holds.

    Three statements for all of them: once a second every zone has one.
    """
    joined: dict[tuple[str, int, int], Point] = {}
    for zone_id, point in points:
        key = (zone_id, point.step_s, point.at.ns)
        joined[key] = joined[key].joined(point) if key in joined else point
    keys = list(joined)
    for start in range(0, len(keys), _ROWS_PER_QUERY):
        part = keys[start : start + _ROWS_PER_QUERY]
        held = _one_of(part)
        rows = (await connection.execute(select(READINGS).where(held))).mappings().all()
        for row in rows:
            key = (row["zone_id"], row["step_s"], row["at_ns"])
            joined[key] = _point(row).joined(joined[key])
        if rows:
            await connection.execute(delete(READINGS).where(held))
    if joined:
        rows_now = [_columns(zone_id, point) for (zone_id, _, _), point in joined.items()]
        await connection.execute(insert(READINGS), rows_now)


def _one_of(keys: Sequence[tuple[str, int, int]]) -> ColumnElement[bool]:
    """The rows of these zones, steps and times."""
    columns = tuple_(READINGS.c.zone_id, READINGS.c.step_s, READINGS.c.at_ns)
    return columns.in_(keys)


async def series(
    connection: AsyncConnection, zone_id: str, start: Utc, end: Utc, limit: int
) -> tuple[Point, ...]:
    """Points of a zone with `start <= at < end`, oldest first; at most `limit` of them."""
    query = (
        select(READINGS)
        .where(
            READINGS.c.zone_id == zone_id, READINGS.c.at_ns >= start.ns, READINGS.c.at_ns < end.ns
        )
        .order_by(READINGS.c.at_ns, READINGS.c.step_s.desc())
        .limit(limit)
    )
    rows = (await connection.execute(query)).mappings().all()
    return tuple(_point(row) for row in rows)


async def compact(connection: AsyncConnection, now: Utc) -> int:
    """Join one batch of rows that are too old for their step; returns how many rows went in."""
    joined_rows = 0
    for step_s, coarser_s in _COARSER.items():
        # Whole coarser steps only: the cut lies on a boundary of theirs.
        cut = _start_of_step(now.plus(-KEEP_S[step_s]), coarser_s)
        old = and_(READINGS.c.step_s == step_s, READINGS.c.at_ns < cut.ns)
        query = select(READINGS).where(old).order_by(READINGS.c.at_ns).limit(_COMPACT_ROWS)
        rows = (await connection.execute(query)).mappings().all()
        if not rows:
            continue
        joined: dict[tuple[str, int], Point] = {}
        for row in rows:
            point = _point(row).in_step(coarser_s)
            key = (row["zone_id"], point.at.ns)
            joined[key] = joined[key].joined(point) if key in joined else point
        upto = rows[-1]["at_ns"]
        taken = {(row["zone_id"], row["at_ns"]) for row in rows}
        await _delete_taken(connection, step_s, upto, taken)
        await add(connection, [(zone_id, point) for (zone_id, _), point in joined.items()])
        joined_rows += len(rows)
    await _drop_old(connection, now)
    return joined_rows


async def _drop_old(connection: AsyncConnection, now: Utc) -> None:
    """Delete rows beyond their time, counted from the newest of the coarsest step: it is a day old.

    By a clock that was set to another year all rows are beyond it, and nothing brings them back.
    """
    coarsest_s = max(KEEP_S)
    at_ns, of_step = READINGS.c.at_ns, READINGS.c.step_s == coarsest_s
    newest = select(func.max(at_ns)).where(of_step, at_ns <= now.ns)
    newest_ns = (await connection.execute(newest)).scalar_one()
    if newest_ns is not None:
        cut = Utc(newest_ns).plus(-KEEP_S[coarsest_s])
        await connection.execute(delete(READINGS).where(of_step, at_ns < cut.ns))


async def _delete_taken(
    connection: AsyncConnection, step_s: int, upto_ns: int, taken: set[tuple[str, int]]
) -> None:
    """The batch may end inside an instant: of its last instant only the rows read are deleted."""
    last = [zone_id for zone_id, at_ns in taken if at_ns == upto_ns]
    await connection.execute(
        delete(READINGS).where(
            READINGS.c.step_s == step_s,
            or_(
                READINGS.c.at_ns < upto_ns,
                and_(READINGS.c.at_ns == upto_ns, READINGS.c.zone_id.in_(last)),
            ),
        )
    )


def _columns(zone_id: str, point: Point) -> dict[str, str | int | float | None]:
    return {
        "zone_id": zone_id,
        "step_s": point.step_s,
        "at_ns": point.at.ns,
        "level": point.level.value,
        "people": point.people,
        "density_per_m2": point.density_per_m2,
        "samples": point.samples,
        "unknown_samples": point.unknown_samples,
    }


def _point(row: RowMapping) -> Point:
    return Point(
        at=Utc(row["at_ns"]),
        step_s=row["step_s"],
        level=Level(row["level"]),
        people=row["people"],
        density_per_m2=row["density_per_m2"],
        samples=row["samples"],
        unknown_samples=row["unknown_samples"],
    )


def _start_of_step(at: Utc, step_s: int) -> Utc:
    return Utc(at.ns - at.ns % (step_s * _NS))


def _worse(one: Level, other: Level) -> Level:
    if one is Level.UNKNOWN:
        return other
    if other is Level.UNKNOWN:
        return one
    return max(one, other, key=lambda level: level.severity)


def _larger(one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)

"""The running record for an audit: healthy rates and area-hours lost, from the database.

Only the time in which the service watched counts. Cameras that show a critical area are held
against 98 %, the others against 95 %; that grouping is this project's reading.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.exc import SQLAlchemyError

from api.coverage import day_book, health_store
from api.coverage import document_uptime as doc
from api.coverage.day_book import AreaSums, CameraSums
from api.coverage.live import BLINDING, TARGET_CRITICAL_SHARE, TARGET_SHARE, LiveSite
from api.database import Database, DatabaseError, check_is_there
from api.database.engine import parse_url
from config import RequiredArea, Site
from vision.health.fault_course import Fault
from vision.instants import Utc


@dataclass(frozen=True, slots=True)
class Span:
    """Days of a record, both included, up to the moment at which it is read."""

    first: date
    last: date
    hours: float

    @classmethod
    def up_to(cls, now: Utc, days: int, zone: ZoneInfo) -> Span:
        """The last days of the site, today included."""
        today = now.to_datetime().astimezone(zone).date()
        first = today - timedelta(days=days - 1)
        start = Utc.from_datetime(datetime.combine(first, time(), zone))
        return cls(first, today, (now - start) / 3600.0)

    @property
    def day_numbers(self) -> tuple[int, int]:
        return day_book.day_number(self.first), day_book.day_number(self.last)


def read_uptime(site: Site, database_url: str, span: Span) -> doc.Uptime:
    """The record of some days as a database has it, with the faults that stand.

    Raises:
        DatabaseError: there is no such database, or it cannot be used.
    """
    check_is_there(database_url)
    url = parse_url(database_url)
    try:
        areas, cameras, unwell = asyncio.run(_read(database_url, span))
    except SQLAlchemyError as error:
        where = url.render_as_string(hide_password=True)
        reason = str(getattr(error, "orig", None) or error).strip()
        raise DatabaseError(
            f"cannot read the database {where}: {reason}; name the database of a service that "
            "ran with this version"
        ) from error
    return uptime_of(areas, cameras, LiveSite(site).targets, span, _area_ids(site), unwell)


async def _read(
    database_url: str, span: Span
) -> tuple[
    dict[tuple[str, int], AreaSums],
    dict[tuple[str, int], CameraSums],
    dict[str, tuple[str, ...]],
]:
    async with Database(database_url) as database, database.read() as connection:
        areas = await day_book.area_days(connection, *span.day_numbers)
        cameras = await day_book.camera_days(connection, *span.day_numbers)
        faults = await health_store.faults_of(connection, only_open=True)
        health = await health_store.health_of_all(connection)
    wrong: dict[str, set[str]] = {}
    for fault in faults:
        if fault.fault in BLINDING:
            wrong.setdefault(fault.camera_id, set()).add(fault.fault.value)
    for camera_id, row in health.items():
        if row.suspended is not None:
            wrong.setdefault(camera_id, set()).add(Fault.MOVED.value)
    return areas, cameras, {name: tuple(sorted(causes)) for name, causes in wrong.items()}


def _area_ids(site: Site) -> tuple[str, ...]:
    return tuple(area.id for area in site.areas if isinstance(area, RequiredArea))


def uptime_of(
    areas: Mapping[tuple[str, int], AreaSums],
    cameras: Mapping[tuple[str, int], CameraSums],
    targets: Mapping[str, float],
    span: Span,
    area_ids: Iterable[str] = (),
    unwell: Mapping[str, Sequence[str]] | None = None,
) -> doc.Uptime:
    """Sum days up.

    Args:
        targets: each camera's wanted share; others are no longer on the site.
        area_ids: the site's; of some there may be no record.
        unwell: what is wrong now with each camera that is not well.
    """
    by_area = dict.fromkeys(area_ids, AreaSums())
    for (area_id, _), sums in areas.items():
        by_area[area_id] = by_area.get(area_id, AreaSums()).plus(sums)
    by_camera = dict.fromkeys(targets, CameraSums()) | _by_camera(cameras, targets)
    return doc.Uptime(
        first_day=span.first.isoformat(),
        last_day=span.last.isoformat(),
        days=(span.last - span.first) // timedelta(days=1) + 1,
        span_h=round(span.hours, 2),
        unwell=[
            doc.UptimeUnwell(camera_id=name, causes=list(causes))
            for name, causes in sorted((unwell or {}).items())
            if name in targets
        ],
        rates=[
            doc.UptimeRate(
                target_share=group.target_share,
                cameras=group.cameras,
                healthy_share=_rounded(group.healthy_share),
            )
            for group in rates_of(cameras, targets)
        ],
        cameras=[
            doc.UptimeCamera(
                camera_id=name,
                watched_h=round(one.watched_s / 3600.0, 2),
                healthy_share=_rounded(one.healthy_share),
                target_share=targets[name],
            )
            for name, one in sorted(by_camera.items())
        ],
        areas=[
            doc.UptimeArea(
                area_id=name,
                watched_h=round(one.watched_s / 3600.0, 2),
                lost_m2_h=round(one.lost_m2_h, 2),
                blind_h=round(one.blind_s / 3600.0, 2),
            )
            for name, one in sorted(by_area.items())
        ],
    )


@dataclass(frozen=True, slots=True)
class Rate:
    """The healthy rate of the cameras of which one share is wanted; `None` where nobody watched."""

    target_share: float
    cameras: int
    healthy_share: float | None

    @property
    def met(self) -> bool | None:
        return None if self.healthy_share is None else self.healthy_share >= self.target_share


def rates_of(
    cameras: Mapping[tuple[str, int], CameraSums], targets: Mapping[str, float]
) -> tuple[Rate, ...]:
    """One rate for the cameras over critical areas and one for the others, as in `uptime_of`."""
    by_camera = _by_camera(cameras, targets)
    found = []
    for target in (TARGET_CRITICAL_SHARE, TARGET_SHARE):
        total = CameraSums()
        for name, one in by_camera.items():
            if targets[name] == target:
                total = total.plus(one)
        members = sum(one == target for one in targets.values())
        found.append(Rate(target, members, total.healthy_share))
    return tuple(found)


def _by_camera(
    cameras: Mapping[tuple[str, int], CameraSums], targets: Mapping[str, float]
) -> dict[str, CameraSums]:
    found: dict[str, CameraSums] = {}
    for (camera_id, _), sums in cameras.items():
        if camera_id in targets:
            found[camera_id] = found.get(camera_id, CameraSums()).plus(sums)
    return found


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)


__all__ = ["Rate", "Span", "rates_of", "read_uptime", "uptime_of"]

"""The running record for an audit: healthy rates and area-hours lost, from the database.

Only the time in which the service watched counts. Cameras that show a critical area are held
against 98 %, the others against 95 %; that grouping is this project's reading.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy.exc import SQLAlchemyError

from api.coverage import day_book
from api.coverage import document as doc
from api.coverage.day_book import AreaSums, CameraSums
from api.coverage.live import TARGET_CRITICAL_SHARE, TARGET_SHARE, LiveSite
from api.database import Database, DatabaseError, check_is_there
from api.database.engine import parse_url
from config import Site


def read_uptime(site: Site, database_url: str, first: date, last: date) -> doc.Uptime:
    """The record of some days, both included.

    Raises:
        DatabaseError: there is no such database, or it cannot be used.
    """
    check_is_there(database_url)
    url = parse_url(database_url)
    try:
        areas, cameras = asyncio.run(_read(database_url, first, last))
    except SQLAlchemyError as error:
        where = url.render_as_string(hide_password=True)
        reason = str(getattr(error, "orig", None) or error).strip()
        raise DatabaseError(
            f"cannot read the database {where}: {reason}; name the database of a service that "
            "ran with this version"
        ) from error
    return uptime_of(areas, cameras, LiveSite(site).targets, (first, last))


async def _read(
    database_url: str, first: date, last: date
) -> tuple[dict[tuple[str, int], AreaSums], dict[tuple[str, int], CameraSums]]:
    bounds = (day_book.day_number(first), day_book.day_number(last))
    async with Database(database_url) as database, database.read() as connection:
        areas = await day_book.area_days(connection, *bounds)
        return areas, await day_book.camera_days(connection, *bounds)


def uptime_of(
    areas: Mapping[tuple[str, int], AreaSums],
    cameras: Mapping[tuple[str, int], CameraSums],
    targets: Mapping[str, float],
    span: tuple[date, date],
) -> doc.Uptime:
    """Sum days up; `targets` holds each camera's wanted share, others are no longer on the site."""
    by_area: dict[str, AreaSums] = {}
    for (area_id, _), sums in areas.items():
        by_area[area_id] = by_area.get(area_id, AreaSums()).plus(sums)
    by_camera = _by_camera(cameras, targets)
    days = (span[1] - span[0]) // timedelta(days=1) + 1
    return doc.Uptime(
        first_day=span[0].isoformat(),
        last_day=span[1].isoformat(),
        days=days,
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


__all__ = ["Rate", "rates_of", "read_uptime", "uptime_of"]

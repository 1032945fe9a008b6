"""The running record for an audit: healthy rates and area-hours lost, from the database.

Only the time in which the service watched counts. Cameras that show a critical area are held
against 98 %, the others against 95 %; that grouping is this project's reading.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import date, timedelta

from api.coverage import day_book
from api.coverage import document as doc
from api.coverage.day_book import AreaSums, CameraSums
from api.coverage.live import TARGET_CRITICAL_SHARE, TARGET_SHARE, LiveSite
from api.database import Database
from config import Site

_EPOCH = date(1970, 1, 1)


def read_uptime(site: Site, database_url: str, first: date, last: date) -> doc.Uptime:
    """The record of some days, both included.

    Raises:
        DatabaseError: the database cannot be used.
    """
    areas, cameras = asyncio.run(_read(database_url, first, last))
    live = LiveSite(site)
    targets = {camera.id: live.least_share(camera.id) for camera in site.cameras}
    return uptime_of(areas, cameras, targets, (first, last))


async def _read(
    database_url: str, first: date, last: date
) -> tuple[dict[tuple[str, int], AreaSums], dict[tuple[str, int], CameraSums]]:
    bounds = ((first - _EPOCH).days, (last - _EPOCH).days)
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
    by_camera: dict[str, CameraSums] = {}
    for (camera_id, _), camera_sums in cameras.items():
        if camera_id in targets:
            known = by_camera.get(camera_id, CameraSums())
            by_camera[camera_id] = known.plus(camera_sums)
    days = (span[1] - span[0]) // timedelta(days=1) + 1
    return doc.Uptime(
        first_day=span[0].isoformat(),
        last_day=span[1].isoformat(),
        days=days,
        rates=[_rate(by_camera, targets, share) for share in (TARGET_CRITICAL_SHARE, TARGET_SHARE)],
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


def _rate(
    cameras: Mapping[str, CameraSums], targets: Mapping[str, float], share: float
) -> doc.UptimeRate:
    total = CameraSums()
    for name, one in cameras.items():
        if targets[name] == share:
            total = total.plus(one)
    return doc.UptimeRate(
        target_share=share,
        cameras=sum(target == share for target in targets.values()),
        healthy_share=_rounded(total.healthy_share),
    )


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)


__all__ = ["read_uptime", "uptime_of"]

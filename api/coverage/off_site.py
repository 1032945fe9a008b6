"""What a site edit left open: tasks, faults and suspensions of what the site file names no longer.

Nothing tells of such a thing any more, so each start settles it once.
"""

from __future__ import annotations

from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncConnection

from api.coverage.tables import CAMERA_FAULTS, CAMERA_HEALTH, COVERAGE_TASKS
from config import RequiredArea, Site
from vision.instants import Utc


async def settle(connection: AsyncConnection, site: Site, now: Utc) -> None:
    """Let people close such tasks; end the faults and suspensions of cameras that are gone.

    A task whose area stands in the site file again waits for that area to be seen.
    """
    critical = [
        area.id
        for floor in site.floors
        for area in floor.areas
        if isinstance(area, RequiredArea) and area.critical
    ]
    tasks = COVERAGE_TASKS.c
    still_open = update(COVERAGE_TASKS).where(tasks.closed_ns.is_(None))
    await connection.execute(
        still_open.where(tasks.area_id.not_in(critical), tasks.off_site_ns.is_(None)).values(
            off_site_ns=now.ns
        )
    )
    await connection.execute(still_open.where(tasks.area_id.in_(critical)).values(off_site_ns=None))
    cameras = [camera.id for camera in site.cameras]
    await connection.execute(
        update(CAMERA_FAULTS)
        .where(CAMERA_FAULTS.c.closed_ns.is_(None), CAMERA_FAULTS.c.camera_id.not_in(cameras))
        .values(closed_ns=now.ns)
    )
    await connection.execute(delete(CAMERA_HEALTH).where(CAMERA_HEALTH.c.camera_id.not_in(cameras)))


__all__ = ["settle"]

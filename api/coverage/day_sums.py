"""The sums of the running day, held in memory and added to the database now and then."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import date

from api.coverage import day_book
from api.coverage.day_book import AreaSums, CameraSums
from api.coverage.live import CameraNow
from api.database import Database
from vision.coverage.live import AreaNow, Sightedness

# What no camera was ever meant to see is blind all the time.
_UNSEEN = (Sightedness.BLIND, Sightedness.NEVER_SEEN)


class DaySums:
    """What was watched since the last `flush`, by id and day."""

    def __init__(self) -> None:
        self._areas: dict[tuple[str, int], AreaSums] = {}
        self._cameras: dict[tuple[str, int], CameraSums] = {}
        self._flushing = asyncio.Lock()

    def add(
        self, day: date, passed_s: float, areas: Iterable[AreaNow], cameras: Iterable[CameraNow]
    ) -> None:
        """`passed_s` seconds of a day in which areas and cameras stood like this."""
        number = day_book.day_number(day)
        for area in areas:
            blind_s = passed_s if area.state in _UNSEEN else 0.0
            more = AreaSums(passed_s, passed_s * area.lost_m2, blind_s)
            self._add_areas({(area.area_id, number): more})
        for camera in cameras:
            if not camera.pending:
                well = CameraSums(passed_s, passed_s if camera.healthy else 0.0)
                self._add_cameras({(camera.camera_id, number): well})

    async def flush(self, database: Database) -> None:
        """Write the sums since the last time. What could not be written is written next time.

        Raises:
            SQLAlchemyError: the database did not take them.
        """
        async with self._flushing:
            areas, cameras = self._areas, self._cameras
            if not areas and not cameras:
                return
            # Looks go on meanwhile, and what they add is for the next time.
            self._areas, self._cameras = {}, {}
            written = False
            try:
                async with database.write() as connection:
                    await day_book.add_days(connection, areas, cameras)
                written = True
            finally:
                if not written:
                    self._add_areas(areas)
                    self._add_cameras(cameras)

    def _add_areas(self, more: dict[tuple[str, int], AreaSums]) -> None:
        for key, sums in more.items():
            self._areas[key] = self._areas.get(key, AreaSums()).plus(sums)

    def _add_cameras(self, more: dict[tuple[str, int], CameraSums]) -> None:
        for key, sums in more.items():
            self._cameras[key] = self._cameras.get(key, CameraSums()).plus(sums)


__all__ = ["DaySums"]

"""The density curve of a clip, kept as it was: the database makes old readings coarser.

One JSON object a line, added at the end: the cost of a look does not grow with the alarm's length.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from api import readings
from api.database import Database
from api.evidence.clip_store import Clip
from api.evidence.jumps import Span
from vision.instants import Utc

CURVE_FILE = "curve.jsonl"
_MOST_POINTS = 10_000
Curve = dict[str, list[dict[str, Any]]]


@dataclass(slots=True)
class CurveKeeper:
    """Adds new readings to the files of growing clips; remembers how far each file reaches."""

    database: Database
    _reached: dict[int, dict[str, Utc]] = field(default_factory=dict)

    async def keep(self, folder: Path, clip: Clip, span: Span) -> None:
        """Add the readings of the clip's zones in its newest span to its file."""
        start, end = span
        reached = self._reached.get(clip.alarm_number)
        if reached is None:
            reached = _ends(await asyncio.to_thread(read_curve, folder))
        fresh: Curve = {}
        async with self.database.read() as connection:
            for zone_id in clip.zone_ids:
                # From the newest known point on: it may still have been growing.
                known = reached.get(zone_id, start)
                since = known if start <= known <= end else start
                points = await readings.series(connection, zone_id, since, end, _MOST_POINTS)
                fresh[zone_id] = [_point(point) for point in points]
        if any(fresh.values()):
            await asyncio.to_thread(_append, folder, fresh)
        self._reached[clip.alarm_number] = {**reached, **_ends(fresh)}

    def forget(self, alarm_number: int) -> None:
        """The clip is complete."""
        self._reached.pop(alarm_number, None)


def read_curve(folder: Path) -> Curve:
    """Points by zone, oldest first; empty where nothing was kept.

    A point that stands again counts as it stood last; a line that a kill cut short is left out.
    """
    try:
        lines = (folder / CURVE_FILE).read_bytes().splitlines()
    except OSError:
        return {}
    points: dict[str, dict[int, dict[str, Any]]] = {}
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        points.setdefault(entry.pop("zone_id"), {})[entry["at_ns"]] = entry
    return {
        zone_id: [by_time[at_ns] for at_ns in sorted(by_time)]
        for zone_id, by_time in points.items()
    }


def _ends(curve: Mapping[str, list[dict[str, Any]]]) -> dict[str, Utc]:
    return {zone_id: Utc(points[-1]["at_ns"]) for zone_id, points in curve.items() if points}


def _point(point: readings.Point) -> dict[str, Any]:
    return {
        "at_ns": point.at.ns,
        "at": point.at.iso(),
        "step_s": point.step_s,
        "level": point.level.value,
        "people": point.people,
        "density_per_m2": point.density_per_m2,
        "unknown_samples": point.unknown_samples,
    }


def _append(folder: Path, fresh: Curve) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lines = [
        json.dumps({"zone_id": zone_id, **point})
        for zone_id, points in fresh.items()
        for point in points
    ]
    # The first line break ends a line that a kill may have cut short.
    with (folder / CURVE_FILE).open("a", encoding="utf-8") as file:
        file.write("\n" + "\n".join(lines) + "\n")


__all__ = ["CURVE_FILE", "Curve", "CurveKeeper", "read_curve"]

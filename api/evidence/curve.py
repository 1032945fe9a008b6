"""The density curve of a clip, kept as it was: the database makes old readings coarser."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from api import readings
from api.database import Database
from api.evidence.clip_store import Clip
from vision.instants import Utc

CURVE_FILE = "curve.json"
_MOST_POINTS = 10_000
Curve = dict[str, list[dict[str, Any]]]


async def keep_curve(database: Database, folder: Path, clip: Clip, end: Utc) -> None:
    """Add the readings of the clip's zones up to `end` to its file."""
    known = await asyncio.to_thread(read_curve, folder)
    fresh: Curve = {}
    async with database.read() as connection:
        for zone_id in clip.zone_ids:
            since = _last(known.get(zone_id, []), clip.start)
            points = await readings.series(connection, zone_id, since, end, _MOST_POINTS)
            fresh[zone_id] = [_point(point) for point in points]
    if any(fresh.values()):
        await asyncio.to_thread(_write, folder, _merged(known, fresh))


def read_curve(folder: Path) -> Curve:
    """Points by zone, oldest first; empty where nothing was kept."""
    try:
        curve: Curve = json.loads((folder / CURVE_FILE).read_bytes())
    except (OSError, ValueError):
        return {}
    return curve


def _last(points: list[dict[str, Any]], start: Utc) -> Utc:
    # The newest point may still have been growing.
    return Utc(points[-1]["at_ns"]) if points else start


def _merged(known: Curve, fresh: Curve) -> Curve:
    merged: Curve = {}
    for zone_id in {**known, **fresh}:
        points = {point["at_ns"]: point for point in known.get(zone_id, [])}
        points.update({point["at_ns"]: point for point in fresh.get(zone_id, [])})
        merged[zone_id] = [points[at_ns] for at_ns in sorted(points)]
    return merged


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


def _write(folder: Path, curve: Curve) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = folder / f".{CURVE_FILE}.part"
    draft.write_text(json.dumps(curve), encoding="utf-8")
    draft.replace(folder / CURVE_FILE)


__all__ = ["CURVE_FILE", "Curve", "keep_curve", "read_curve"]

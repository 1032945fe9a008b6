"""Recorded zone readings out of Parquet files, as `xiaoan analyze` writes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from api.analysis.run import READINGS_FILE
from api.analysis.tables import READINGS_SCHEMA
from vision.geometry.zones import ZoneType
from vision.instants import Utc
from vision.risk.readings import Level, Reason, ZoneMeasurement, ZoneReading

_NEEDED = ("captured_at", "zone_id", "level", "people", "density_peak_per_m2", "profile_id")
_NOT_NUMBERS = {"zone_id", "captured_at", "peak_xy_m"}
_NUMBERS = tuple(name for name in ZoneMeasurement.__dataclass_fields__ if name not in _NOT_NUMBERS)
_MUST = frozenset(
    {"people", "people_std", "density_peak_per_m2", "density_peak_std_per_m2"}
    | {"density_mean_per_m2", "visible_share"}
)


class RecordedReadingsError(ValueError):
    """Readings that cannot be replayed; the text names the file, what is wrong and the mend."""


def load_readings(directory: Path) -> Mapping[str, tuple[ZoneReading, ...]]:
    """The readings of every zone below `directory`, in order of capture time.

    Raises:
        RecordedReadingsError: when there are none, or a file is not one of readings.
    """
    files = sorted(directory.rglob(f"*{READINGS_FILE}"))
    if not files:
        raise RecordedReadingsError(
            f"{directory}: holds no {READINGS_FILE} — mend: name a folder that xiaoan analyze "
            "wrote with --out"
        )
    by_zone: dict[str, list[ZoneReading]] = {}
    for path in files:
        for reading in _read(path):
            by_zone.setdefault(reading.zone_id, []).append(reading)
    return {
        zone_id: tuple(sorted(readings, key=lambda reading: reading.captured_at))
        for zone_id, readings in sorted(by_zone.items())
    }


def kind_of(readings: Iterable[ZoneReading]) -> ZoneType | None:
    """The kind of place, from the profile that judged it, e.g. `xiaoan-default-1/stairs`."""
    for reading in readings:
        kind = reading.profile_id.rpartition("/")[2].partition("+")[0]
        if kind in {one.value for one in ZoneType}:
            return ZoneType(kind)
    return None


def _read(path: Path) -> list[ZoneReading]:
    try:
        table = pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise RecordedReadingsError(f"{path}: {error} — mend: name Parquet files") from error
    lacking = [name for name in _NEEDED if name not in table.column_names]
    if lacking:
        raise RecordedReadingsError(
            f"{path}: has no column {lacking[0]} — mend: write it again with xiaoan analyze; "
            f"it needs {', '.join(READINGS_SCHEMA.names[:4])} and more"
        )
    return [_reading(row) for row in table.to_pylist()]


def _reading(row: Mapping[str, object]) -> ZoneReading:
    at = Utc.from_datetime(row["captured_at"])  # type: ignore[arg-type]  # timestamp column
    could_be = row.get("could_be")
    reasons = row.get("reasons") or ()
    return ZoneReading(
        str(row["zone_id"]),
        at,
        Level(str(row["level"])),
        tuple(Reason(**reason) for reason in reasons),  # type: ignore[attr-defined]
        _measurement(row, at),
        None if could_be is None else Level(str(could_be)),
        str(row["profile_id"] or ""),
        str(row.get("model_id") or ""),
    )


def _measurement(row: Mapping[str, object], at: Utc) -> ZoneMeasurement | None:
    if any(row.get(name) is None for name in _MUST):
        return None
    x_m, y_m = row.get("peak_x_m"), row.get("peak_y_m")
    numbers = {name: row.get(name) for name in _NUMBERS}
    return ZoneMeasurement(
        zone_id=str(row["zone_id"]),
        captured_at=at,
        peak_xy_m=None if x_m is None or y_m is None else (float(str(x_m)), float(str(y_m))),
        **numbers,  # type: ignore[arg-type]  # float columns
    )


__all__ = ["RecordedReadingsError", "kind_of", "load_readings"]

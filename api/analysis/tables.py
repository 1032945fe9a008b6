"""Zone readings and head tracks of a recording as Parquet files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from vision.instants import Utc
from vision.risk.readings import Reason, ZoneMeasurement, ZoneReading

_TIME = pa.timestamp("us", tz="UTC")
_MEASURED = tuple(
    field.name
    for field in fields(ZoneMeasurement)
    if field.name not in {"zone_id", "captured_at", "peak_xy_m"}
)
_REASON = pa.struct(
    [
        ("rule", pa.string()),
        ("measured", pa.float64()),
        ("threshold", pa.float64()),
        ("unit", pa.string()),
        ("held_s", pa.float64()),
        ("source", pa.string()),
    ]
)
READINGS_SCHEMA = pa.schema(
    [
        ("captured_at", _TIME),
        ("zone_id", pa.string()),
        ("level", pa.string()),
        ("could_be", pa.string()),
        *((name, pa.float64()) for name in _MEASURED),
        ("peak_x_m", pa.float64()),
        ("peak_y_m", pa.float64()),
        ("reasons", pa.list_(_REASON)),
        ("profile_id", pa.string()),
        ("model_id", pa.string()),
    ]
)
TRACKS_SCHEMA = pa.schema(
    [
        ("captured_at", _TIME),
        ("frame", pa.int64()),
        ("track_id", pa.int64()),
        ("u_px", pa.float32()),
        ("v_px", pa.float32()),
        ("size_px", pa.float32()),
        ("x_m", pa.float64()),
        ("y_m", pa.float64()),
        ("speed_mps", pa.float64()),
    ]
)


@dataclass(frozen=True, slots=True)
class HeadRow:
    """One tracked head in one picture: pixels of the calibrated lens, whatever size was analysed.

    Plan coordinates are NaN outside every zone.
    """

    captured_at: Utc
    frame: int
    track_id: int
    u_px: float
    v_px: float
    size_px: float
    x_m: float
    y_m: float
    speed_mps: float


def readings_table(readings: Sequence[ZoneReading]) -> pa.Table:
    """All readings as one table in the order given; UNKNOWN rows have null numbers."""
    return pa.Table.from_pylist([_reading_row(r) for r in readings], schema=READINGS_SCHEMA)


def tracks_table(rows: Sequence[HeadRow]) -> pa.Table:
    """All tracked heads as one table in the order given."""
    columns = {name: [getattr(row, name) for row in rows] for name in TRACKS_SCHEMA.names[1:]}
    times = [row.captured_at.ns // 1000 for row in rows]
    return pa.table({"captured_at": pa.array(times, _TIME), **columns}, schema=TRACKS_SCHEMA)


def write_table(table: pa.Table, path: Path) -> None:
    """Write a table as Parquet (zstd); equal tables give equal files."""
    # Given the path itself, Parquet writes its name in UTF-8, whatever the machine's locale is.
    with path.open("wb") as file:
        pq.write_table(table, file, compression="zstd")


def _reading_row(reading: ZoneReading) -> dict[str, object]:
    measurement = reading.measurement
    peak = None if measurement is None else measurement.peak_xy_m
    row: dict[str, object] = {
        name: None if measurement is None else getattr(measurement, name) for name in _MEASURED
    }
    row |= {
        "captured_at": reading.captured_at.to_datetime(),
        "zone_id": reading.zone_id,
        "level": reading.level.value,
        "could_be": None if reading.could_be is None else reading.could_be.value,
        "peak_x_m": None if peak is None else peak[0],
        "peak_y_m": None if peak is None else peak[1],
        "reasons": [_reason_row(reason) for reason in reading.reasons],
        "profile_id": reading.profile_id,
        "model_id": reading.model_id,
    }
    return row


def _reason_row(reason: Reason) -> dict[str, object]:
    return {name: getattr(reason, name) for name in _REASON.names}

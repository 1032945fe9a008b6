"""Truth about virtual pictures: one row per frame and person, kept as Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vision.arrays import BoolArray, Float64Array, IntArray

SCHEMA = pa.schema(
    [
        ("frame", pa.int32()),
        ("t_s", pa.float64()),
        ("id", pa.int32()),
        ("x_m", pa.float64()),
        ("y_m", pa.float64()),
        ("z_m", pa.float64()),
        ("head_z_m", pa.float64()),
        ("speed_mps", pa.float64()),
        ("head_u_px", pa.float64()),
        ("head_v_px", pa.float64()),
        ("head_size_px", pa.float64()),
        ("visible", pa.float32()),
        ("in_picture", pa.bool_()),
    ]
)
_ROWS_A_GROUP = 20_000


@dataclass(frozen=True, slots=True)
class TruthRows:
    """The people of one frame; arrays run along people.

    Attributes:
        frame, t_s: the frame's index and its time since the scenario began.
        ids: (N,) int64.
        feet_xyz_m: (N, 3) on the walking surface, plan frame.
        head_z_m: (N,) height of the head's centre.
        speed_mps: (N,) horizontal speed.
        heads_uv_px: (N, 2) projected head centres, NaN behind the camera.
        head_sizes_px: (N,) chin to crown, NaN behind the camera.
        visible: (N,) visible share of the head, 0..1.
        in_picture: (N,) whether the head's centre is inside the picture.
    """

    frame: int
    t_s: float
    ids: IntArray
    feet_xyz_m: Float64Array
    head_z_m: Float64Array
    speed_mps: Float64Array
    heads_uv_px: Float64Array
    head_sizes_px: Float64Array
    visible: Float64Array
    in_picture: BoolArray

    def table(self) -> pa.Table:
        """These rows as a table of `SCHEMA`."""
        count = len(self.ids)
        columns = [
            np.full(count, self.frame, np.int32),
            np.full(count, self.t_s),
            self.ids.astype(np.int32),
            *self.feet_xyz_m.T,
            self.head_z_m,
            self.speed_mps,
            *self.heads_uv_px.T,
            self.head_sizes_px,
            self.visible.astype(np.float32),
            self.in_picture,
        ]
        return pa.table([pa.array(np.ascontiguousarray(c)) for c in columns], schema=SCHEMA)


class TruthWriter:
    """Collects rows and writes them in groups."""

    def __init__(self, writer: pq.ParquetWriter) -> None:
        self._writer = writer
        self._pending: list[pa.Table] = []
        self._rows = 0

    def add(self, rows: TruthRows) -> None:
        self._pending.append(rows.table())
        self._rows += len(rows.ids)
        if self._rows >= _ROWS_A_GROUP:
            self.flush()

    def flush(self) -> None:
        if self._pending:
            self._writer.write_table(pa.concat_tables(self._pending))
            self._pending, self._rows = [], 0


@contextmanager
def truth_writer(path: Path, about: dict[str, str]) -> Iterator[TruthWriter]:
    """Open a truth file for writing; `about` (scenario, seed and so on) becomes its metadata.

    Raises:
        OSError: when the file cannot be written.
    """
    with pq.ParquetWriter(path, SCHEMA.with_metadata(about), compression="zstd") as writer:
        rows = TruthWriter(writer)
        yield rows
        rows.flush()


def read_truth(path: Path) -> tuple[pa.Table, dict[str, str]]:
    """The table of a truth file and its metadata.

    Raises:
        OSError: when there is no such file.
        pyarrow.ArrowInvalid: when it is no Parquet file.
    """
    table = pq.read_table(path)
    about = table.schema.metadata or {}
    return table, {
        key.decode(): value.decode() for key, value in about.items() if key != b"ARROW:schema"
    }


__all__ = ["SCHEMA", "TruthRows", "TruthWriter", "read_truth", "truth_writer"]

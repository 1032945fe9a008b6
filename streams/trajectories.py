"""Trajectories as pedestrian scientists exchange them: one line a person and frame.

The text form of the Jülich archive, which PedPy reads: `id frame x y z`, with the frame rate
(`framerate: 25 fps`) and the unit (`x/m` or `x/cm`) in comment lines. `.gz` files are packed and
unpacked.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from vision.arrays import Float64Array, IntArray, read_only

Unit = Literal["m", "cm"]
_METRES = {"m": 1.0, "cm": 0.01}
_FRAME_RATE = re.compile(r"framerate:?\s*([0-9]+(?:\.[0-9]+)?)", re.IGNORECASE)
_UNIT = re.compile(r"x\s*[/\[]\s*(cm|m)\b|\b(?:x/|in\s+)(cm|m)\b", re.IGNORECASE)


class TrajectoryFileError(ValueError):
    """A trajectory file that cannot be read; the text names file, line and mend."""


@dataclass(frozen=True, slots=True, eq=False)
class Trajectories:
    """Positions of people over time, sorted by frame and id.

    Attributes:
        ids, frames: (N,) int64.
        xy_m: (N, 2) plan positions in metres.
        z_m: (N,) height of the point or of the person; NaN where unknown.
        frame_rate_fps: frames a second.
    """

    ids: IntArray
    frames: IntArray
    xy_m: Float64Array
    z_m: Float64Array
    frame_rate_fps: float

    def __post_init__(self) -> None:
        if not self.frame_rate_fps > 0.0:
            raise ValueError(f"frame rate must be positive, got {self.frame_rate_fps:g}")
        count = len(self.ids)
        order = np.lexsort((self.ids, self.frames))
        ids = read_only(np.asarray(self.ids)[order], name="ids", dtype=np.int64, shape=(count,))
        frames = np.asarray(self.frames)[order]
        frames = read_only(frames, name="frames", dtype=np.int64, shape=(count,))
        xy_m = read_only(
            np.asarray(self.xy_m)[order], name="xy_m", dtype=np.float64, shape=(count, 2)
        )
        z_m = read_only(np.asarray(self.z_m)[order], name="z_m", dtype=np.float64, shape=(count,))
        for name, value in (("ids", ids), ("frames", frames), ("xy_m", xy_m), ("z_m", z_m)):
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.ids)

    def by_frame(self) -> Iterator[tuple[int, IntArray, Float64Array]]:
        """Frame number, ids (n,) and positions (n, 2) of each frame that has people, in order."""
        numbers, starts = np.unique(self.frames, return_index=True)
        ends = [*starts[1:].tolist(), len(self)]
        for number, start, end in zip(numbers.tolist(), starts.tolist(), ends, strict=True):
            yield number, self.ids[start:end], self.xy_m[start:end]


def read_trajectories(
    path: Path, *, frame_rate_fps: float | None = None, unit: Unit | None = None
) -> Trajectories:
    """Read a trajectory text file.

    Args:
        frame_rate_fps, unit: what to take where the file's header does not say.

    Raises:
        TrajectoryFileError: naming file, line and mend.
    """
    header, rows = _split(path)
    rate = _first(_FRAME_RATE, header)
    stated = _first(_UNIT, header)
    fps = float(rate) if rate else frame_rate_fps
    if not fps:
        raise TrajectoryFileError(f"{path}:1: no frame rate — mend: add `# framerate: 25 fps`")
    scale_of = stated.lower() if stated else unit
    if scale_of is None:
        raise TrajectoryFileError(f"{path}:1: no unit — mend: add `# id frame x/m y/m z/m`")
    table = _table(path, rows)
    scale = _METRES[scale_of]
    z = table[:, 4] * scale if table.shape[1] > 4 else np.full(len(table), np.nan)
    return Trajectories(
        ids=table[:, 0].astype(np.int64),
        frames=table[:, 1].astype(np.int64),
        xy_m=table[:, 2:4] * scale,
        z_m=z,
        frame_rate_fps=fps,
    )


def write_trajectories(path: Path, trajectories: Trajectories, *, comment: str = "") -> None:
    """Write `trajectories` in metres; readable by `read_trajectories` and PedPy."""
    lines = [f"# {line}" for line in comment.splitlines()]
    lines += [f"# framerate: {trajectories.frame_rate_fps:g} fps", "# id frame x/m y/m z/m"]
    z_m = np.nan_to_num(trajectories.z_m, nan=0.0)
    lines += [
        f"{person} {frame} {x:.4f} {y:.4f} {z:.4f}"
        for person, frame, (x, y), z in zip(
            trajectories.ids.tolist(),
            trajectories.frames.tolist(),
            trajectories.xy_m.tolist(),
            z_m.tolist(),
            strict=True,
        )
    ]
    text = "\n".join(lines) + "\n"
    if path.suffix == ".gz":
        # A fixed time in the header: equal content gives equal bytes.
        path.write_bytes(gzip.compress(text.encode("utf-8"), mtime=0))
    else:
        path.write_text(text, encoding="utf-8")


def _split(path: Path) -> tuple[list[str], list[tuple[int, str]]]:
    """Comment lines, and data lines with their numbers."""
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        text = raw.decode("utf-8")
    except (OSError, EOFError) as error:
        raise TrajectoryFileError(f"{path}: cannot be read — mend: check the path") from error
    except UnicodeDecodeError as error:
        raise TrajectoryFileError(f"{path}: is not UTF-8 — mend: save it as UTF-8") from error
    numbered = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1)]
    header = [line for _, line in numbered if line.startswith("#")]
    return header, [(n, line) for n, line in numbered if line and not line.startswith("#")]


def _first(pattern: re.Pattern[str], header: list[str]) -> str | None:
    for line in header:
        found = pattern.search(line)
        if found:
            return next(group for group in found.groups() if group)
    return None


def _table(path: Path, rows: list[tuple[int, str]]) -> Float64Array:
    table: list[list[float]] = []
    for number, line in rows:
        try:
            values = [float(cell) for cell in line.split()]
        except ValueError as error:
            raise TrajectoryFileError(
                f"{path}:{number}: not a number — mend: write `id frame x y z`"
            ) from error
        if len(values) < 4 or (table and len(values) != len(table[0])):
            raise TrajectoryFileError(
                f"{path}:{number}: {len(values)} columns — mend: write `id frame x y z`"
            )
        if not all(np.isfinite(values)):
            raise TrajectoryFileError(
                f"{path}:{number}: not a finite number — mend: leave the line out"
            )
        table.append(values)
    if not table:
        raise TrajectoryFileError(f"{path}: no positions — mend: write `id frame x y z` lines")
    return np.array(table, dtype=np.float64)


__all__ = ["TrajectoryFileError", "Trajectories", "read_trajectories", "write_trajectories"]

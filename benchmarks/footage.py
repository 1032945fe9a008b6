"""Moving pictures for benchmarks that need no data set: a film of the virtual campus."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av

from streams.virtual.film import Shot, render_film
from streams.virtual.scenarios import scenario_named

SCENARIO = "blocked_stair"
CAMERA_ID = "cam-stair"
# The stair is full by then.
_FROM_S = 40.0


def stair_film(
    folder: Path,
    seconds: float,
    seed: int,
    *,
    fps: float = 25.0,
    size_px: tuple[int, int] = (1280, 720),
) -> Path:
    """A film of the blocked stair, H.264, made in `folder`; people wait on the stair."""
    return _film(folder / "stair.mp4", seconds, seed, fps=fps, start_s=_FROM_S, size_px=size_px)


def empty_film(
    folder: Path,
    seconds: float,
    seed: int,
    *,
    fps: float = 25.0,
    size_px: tuple[int, int] = (1280, 720),
) -> Path:
    """A film of the same stair before anybody comes."""
    return _film(folder / "empty.mp4", seconds, seed, fps=fps, start_s=0.0, size_px=size_px)


def _film(
    path: Path,
    seconds: float,
    seed: int,
    *,
    fps: float,
    start_s: float,
    size_px: tuple[int, int],
) -> Path:
    shot = Shot(
        scenario_named(SCENARIO),
        CAMERA_ID,
        seed=seed,
        fps=fps,
        start_s=start_s,
        duration_s=seconds,
        oversample=1,
    )
    drawn = path if size_px == (1280, 720) else path.with_stem(f"{path.stem}-whole")
    render_film(shot, drawn, None)
    if drawn != path:
        _resized(drawn, path, size_px)
    return path


def _resized(film: Path, path: Path, size_px: tuple[int, int]) -> None:
    """The film again in another size, as a camera's sub-stream shows it."""
    with av.open(str(film)) as source, av.open(str(path), "w") as target:
        stream = source.streams.video[0]
        rate = stream.average_rate or Fraction(25)
        made = target.add_stream("libx264", rate=rate, options={"g": "25", "bf": "0"})
        made.width, made.height = size_px
        made.pix_fmt = "yuv420p"
        for frame in source.decode(stream):
            small = frame.reformat(width=size_px[0], height=size_px[1], format="yuv420p")
            small.pts, small.time_base = frame.pts, frame.time_base
            target.mux(made.encode(small))
        target.mux(made.encode())

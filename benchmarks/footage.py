"""Moving pictures for benchmarks that need no data set: a film of the virtual campus."""

from __future__ import annotations

from pathlib import Path

from streams.virtual.film import Shot, render_film
from streams.virtual.scenarios import scenario_named

SCENARIO = "blocked_stair"
CAMERA_ID = "cam-stair"
# The stair is full by then.
_FROM_S = 40.0


def stair_film(folder: Path, seconds: float, seed: int, *, fps: float = 25.0) -> Path:
    """A 1280x720 film of the blocked stair, H.264, made in `folder`; people wait on the stair."""
    path = folder / "stair.mp4"
    shot = Shot(
        scenario_named(SCENARIO),
        CAMERA_ID,
        seed=seed,
        fps=fps,
        start_s=_FROM_S,
        duration_s=seconds,
        oversample=1,
    )
    render_film(shot, path, None)
    return path

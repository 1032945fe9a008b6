"""Moving pictures for benchmarks that need no data set: a film of the virtual campus.

Encoded as school cameras send it: H.264 at a bounded rate, no reordered pictures, one reference
picture, a key picture every second. What a film editor's encoder makes costs half as much again to
decode, and no camera sends it.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
from av.video.frame import PictureType

from streams.virtual.film import Shot, render_film
from streams.virtual.scenarios import Scenario, scenario_named

SCENARIO = "blocked_stair"
CAMERA_ID = "cam-stair"
# The stair is full by then.
_FROM_S = 40.0
_AS_CAMERAS = {"preset": "veryfast", "tune": "zerolatency", "bf": "0", "refs": "1"}
# 2 Mbit/s at 1280x720 and 0.5 Mbit/s at 640x360, as cameras are delivered.
_BITS_PER_PIXEL_S = 2e6 / (1280 * 720)


def stair_film(
    folder: Path,
    seconds: float,
    seed: int,
    *,
    fps: float = 25.0,
    size_px: tuple[int, int] = (1280, 720),
) -> Path:
    """A film of the blocked stair, made in `folder`; people wait on the stair."""
    return _film(folder / "stair.mp4", seconds, seed, fps=fps, start_s=_FROM_S, size_px=size_px)


def passing_film(
    folder: Path,
    seconds: float,
    seed: int,
    *,
    fps: float = 25.0,
    size_px: tuple[int, int] = (1280, 720),
) -> Path:
    """A film of the same stair before anybody comes to it; behind it people pass by."""
    return _film(folder / "passing.mp4", seconds, seed, fps=fps, start_s=0.0, size_px=size_px)


def deserted_film(
    folder: Path,
    seconds: float,
    seed: int,
    *,
    fps: float = 25.0,
    size_px: tuple[int, int] = (1280, 720),
) -> Path:
    """A film of the same stair in which nobody is to be seen, as during lessons."""
    path, story = folder / "deserted.mp4", replace(scenario_named(SCENARIO), flows=())
    return _film(path, seconds, seed, fps=fps, start_s=0.0, size_px=size_px, story=story)


def _film(
    path: Path,
    seconds: float,
    seed: int,
    *,
    fps: float,
    start_s: float,
    size_px: tuple[int, int],
    story: Scenario | None = None,
) -> Path:
    shot = Shot(
        story or scenario_named(SCENARIO),
        CAMERA_ID,
        seed=seed,
        fps=fps,
        start_s=start_s,
        duration_s=seconds,
        oversample=1,
    )
    drawn = path.with_stem(f"{path.stem}-drawn")
    render_film(shot, drawn, None)
    as_sent(drawn, path, size_px)
    drawn.unlink()
    return path


def as_sent(film: Path, path: Path, size_px: tuple[int, int]) -> None:
    """The film again as a camera sends it: in this size, at its rate."""
    bits_per_s = round(_BITS_PER_PIXEL_S * size_px[0] * size_px[1])
    with av.open(str(film)) as source, av.open(str(path), "w") as target:
        stream = source.streams.video[0]
        rate = stream.average_rate or Fraction(25)
        options = {"maxrate": str(bits_per_s), "bufsize": str(bits_per_s)}
        made = target.add_stream("libx264", rate=rate, options=options | _AS_CAMERAS)
        made.width, made.height = size_px
        made.pix_fmt = "yuv420p"
        made.gop_size = round(rate)
        made.bit_rate = bits_per_s
        for frame in source.decode(stream):
            small = frame.reformat(width=size_px[0], height=size_px[1], format="yuv420p")
            small.pts, small.time_base = frame.pts, frame.time_base
            # The encoder chooses its own key pictures, not those of the film.
            small.pict_type = PictureType.NONE
            target.mux(made.encode(small))
        target.mux(made.encode())

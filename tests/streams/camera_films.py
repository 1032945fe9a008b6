"""Films as a camera sends them, and a clock that goes on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType

import av
import numpy as np
from av.video.frame import PictureType

from streams.clock import SimulatedClock
from streams.decoding.sources import PlainUri, SourceUri
from vision.instants import Monotonic

FPS = 10


class Turning(SimulatedClock):
    """A clock that goes on with each look."""

    def __init__(self, step_s: float) -> None:
        super().__init__()
        self._step_s = step_s

    def monotonic(self) -> Monotonic:
        self.advance(self._step_s)
        return super().monotonic()


def file_uri(path: Path) -> SourceUri:
    return PlainUri(f"file://{path}")


def write_camera(
    path: Path,
    *,
    keyframe_every: int,
    reordered: int = 0,
    also: Mapping[str, str] = MappingProxyType({}),
    keyframes: Collection[int] = (),
    first_pts: int = 0,
) -> None:
    """Ten seconds at 10 fps as a camera sends them; picture n is grey 2 * n."""
    with av.open(str(path), "w") as container:
        given = {"g": str(keyframe_every), "bf": str(reordered), "sc_threshold": "0", **also}
        stream = container.add_stream("libx264", rate=FPS, options=given)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for n in range(100):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 2 * n, np.uint8), "bgr24")
            frame.pts, frame.time_base = first_pts + n, Fraction(1, FPS)
            if n in keyframes:
                frame.pict_type = PictureType.I
            container.mux(stream.encode(frame))
        container.mux(stream.encode())

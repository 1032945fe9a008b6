"""Measures the stages on this machine, with the network, the site's regions and a made film."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from fractions import Fraction
from itertools import islice
from pathlib import Path
from statistics import median

import av
import numpy as np

from api.capacity.budget import StageCosts, StreamKind
from config.profiles import load_profiles
from config.site import Site, SiteCamera
from models.heads.network import OwnHeadNetwork
from streams.cameras.resolution import analysed_size_px
from streams.decoding.av_container import open_quickly
from streams.decoding.sources import PlainUri, Timeouts
from streams.errors import NoFramesError
from streams.site_scene import build_analyser
from vision.arrays import UInt8Array
from vision.instants import Utc
from vision.observations import Frame, Region

_FPS = 25
_ROUNDS = 7
_CAMERAS, _BURST = 8, 5
_BEGAN = Utc.from_iso("2026-03-02T04:00:00Z")


def made_film(path: Path, size_px: tuple[int, int], seconds: float) -> None:
    """H.264 as a camera sends it: a textured picture with things that move, a keyframe a second.

    It is made no smaller than 96 pixels a side, and of even sides, as H.264 wants them.
    """
    width, height = (max(96, side + side % 2) for side in size_px)
    rng = np.random.default_rng(0)
    coarse = rng.integers(40, 200, (-(-height // 8), -(-width // 8), 3), dtype=np.uint8)
    ground = coarse.repeat(8, 0).repeat(8, 1)[:height, :width]
    with av.open(str(path), "w") as container:
        options = {"g": str(_FPS), "bf": "0", "preset": "veryfast", "crf": "26"}
        stream = container.add_stream("libx264", rate=_FPS, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(round(seconds * _FPS)):
            frame = av.VideoFrame.from_ndarray(_picture(ground, number, rng), format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, _FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _picture(ground: UInt8Array, number: int, rng: np.random.Generator) -> UInt8Array:
    image = ground.copy()
    height, width = image.shape[:2]
    for thing in range(20):
        left = (thing * 131 + number * (3 + thing % 4)) % (width - 40)
        top = (thing * 77) % (height - 80)
        image[top : top + 80, left : left + 40] = (30 + thing * 9) % 255
    noise = rng.integers(0, 9, image.shape, dtype=np.uint8)
    return np.asarray(np.minimum(image, 246) + noise, dtype=np.uint8)


class Machine:
    """Times the stages of one network on this machine; CPU time, one thread a stage."""

    def __init__(self, network: OwnHeadNetwork, seconds: float = 2.0) -> None:
        self._network = network
        self._seconds = seconds
        self._decoded: dict[
            tuple[tuple[int, int], tuple[int, int]], tuple[float, float, UInt8Array]
        ] = {}
        self._regions: dict[object, float] = {}

    def camera(self, site: Site, camera: SiteCamera, size_px: tuple[int, int]) -> StageCosts:
        """What this camera costs when it sends pictures of `size_px` 25 times a second."""
        lens = camera.camera.lens
        decode_ms, convert_ms, image = self._stream(size_px, (lens.width_px, lens.height_px))
        profiles = load_profiles(site.profiles_file)
        scene = build_analyser(site, (camera.id,), profiles, self._network.model_id)
        region = scene.region(Frame(camera.id, 0, _BEGAN, image))
        seen = self._network.observe(image, region)

        def measure(number: int) -> None:
            at = _BEGAN.plus((number + 1) / camera.analysed_fps)
            scene.observe(Frame(camera.id, number, at, image), seen)

        spent = {
            "decode": decode_ms,
            "convert": convert_ms,
            "network": self._judged(image, region),
            "measure": _timed(measure),
        }
        kind = StreamKind(f"{size_px[1]}p", _FPS, camera.analysed_fps)
        return StageCosts(kind, spent)

    def _judged(self, image: UInt8Array, region: Region | None) -> float:
        """Network milliseconds; cameras whose regions have one size share the measurement."""
        key = None
        if region is not None:
            width, height = region.right_px - region.left_px, region.bottom_px - region.top_px
            key = (width // 32, height // 32, round(region.least_head_px))
        if key not in self._regions:
            self._regions[key] = _timed(lambda _: self._network.observe(image, region))
        return self._regions[key]

    def _stream(
        self, size_px: tuple[int, int], lens_px: tuple[int, int]
    ) -> tuple[float, float, UInt8Array]:
        """Decoding and conversion in milliseconds a picture, and one picture as it is analysed."""
        # A stream whose shape the site file will state as squeezed costs what its pixels cost.
        analysed_px = analysed_size_px(size_px, lens_px, where="", squeezed_px=size_px)
        key = (size_px, analysed_px)
        if key not in self._decoded:
            with tempfile.TemporaryDirectory() as name:
                film = Path(name) / "film.mp4"
                made_film(film, size_px, self._seconds)
                self._decoded[key] = _decoded(film, analysed_px)
        return self._decoded[key]


def _decoded(film: Path, analysed_px: tuple[int, int]) -> tuple[float, float, UInt8Array]:
    """As a worker does: several cameras in turn, some pictures of each.

    A stream by itself finds its last picture in the cache and costs a quarter less.
    """
    uri = PlainUri(f"file:{film}")
    with ExitStack() as stack:
        streams = []
        for _ in range(_CAMERAS):
            container = open_quickly(uri, Timeouts())
            stack.callback(container.close)
            streams.append(iter(container.pictures()))
        count, last, began_ns = 0, None, time.process_time_ns()
        while bursts := [list(islice(stream, _BURST)) for stream in streams]:
            if not bursts[-1]:
                break
            count += sum(len(burst) for burst in bursts)
            last = bursts[-1][-1]
        decode_ms = (time.process_time_ns() - began_ns) / 1e6 / count
        if last is None:
            raise NoFramesError(str(film), "the made film holds no picture", "try again")
        picture = last
        return decode_ms, _timed(lambda _: picture.bgr(analysed_px)), picture.bgr(analysed_px)


def _timed(work: Callable[[int], object]) -> float:
    """Median CPU milliseconds of one call, the first not counted."""
    spent = []
    for number in range(_ROUNDS + 1):
        began_ns = time.process_time_ns()
        work(number)
        spent.append((time.process_time_ns() - began_ns) / 1e6)
    return median(spent[1:])


__all__ = ["Machine", "made_film"]

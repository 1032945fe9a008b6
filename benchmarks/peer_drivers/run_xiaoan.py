"""This project's own road for each picture: decode, network, scene with tracks and a level."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
from shapely.geometry import box

from benchmarks.peer_drivers.drive import drive, options
from config.profiles import load_profiles
from models import load_head_network
from models.evaluation import counts_of
from models.heads.network import OwnHeadNetwork
from streams.decoding.av_container import open_quickly
from streams.decoding.sources import PlainUri, Timeouts
from vision.geometry.camera import Camera, Lens, Pose
from vision.geometry.zones import Zone, ZoneType
from vision.instants import Utc
from vision.observations import Frame, Region
from vision.scene import SceneAnalyser

_FPS = 10.0


def scene(width_px: int, height_px: int) -> SceneAnalyser:
    """A yard in front of a camera that hangs as in such clips; it costs, its levels count not."""
    camera = Camera(Pose(0.0, 0.0, 6.0, 90.0, 20.0), Lens.from_hfov(width_px, height_px, 50.0))
    yard = Zone("yard", "f1", ZoneType.SQUARE, box(-6.0, 10.0, 6.0, 24.0))
    return SceneAnalyser(
        cameras={"clip": camera},
        zones=(yard,),
        zone_cameras={"yard": ("clip",)},
        profiles=load_profiles(),
    )


def counts(network: OwnHeadNetwork) -> Iterator[float]:
    given = options()
    container = open_quickly(PlainUri(str(given.clip)), Timeouts())
    analyser: SceneAnalyser | None = None
    started = Utc.from_iso("2026-03-02T00:00:00+00:00")
    for index, picture in enumerate(container.pictures()):
        width, height = picture.size_px
        analyser = analyser or scene(width, height)
        frame = Frame("clip", index, started.plus(index / _FPS), picture.bgr((width, height)))
        region = Region(0, 0, width, height, given.head_px)
        seen = network.observe(frame.image_bgr, region)
        analyser.observe(frame, seen)
        yield counts_of(seen, 0.0)["density"]


cv2.setNumThreads(1)
chosen = load_head_network(threads=1, precision="auto")
drive("xiaoan", counts(chosen), options().frames, chosen.session.precision)

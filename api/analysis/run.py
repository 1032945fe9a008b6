"""Analyses recordings of one camera exactly as the live service would, as fast as it can."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from api.analysis.film import FilmWriter, redact_heads
from api.analysis.tables import HeadRow, readings_table, tracks_table, write_table
from config.site import Site
from streams.cameras.resolution import analysed_size_px
from streams.clock import SystemClock
from streams.decoding.av_container import open_with_av
from streams.decoding.sources import Pace, PlainUri, Playback, Timeouts, open_source
from streams.pacing.sampling import Sampler
from streams.pictures.drawing import draw, zone_outline
from streams.site_scene import build_analyser, zones_of_cameras
from vision.arrays import UInt8Array
from vision.crowd.tracking import TrackedHeads
from vision.geometry.zones import ZoneType
from vision.instants import Utc
from vision.observations import Frame, HeadNetwork, HeadPoints
from vision.risk.profiles import ZoneProfile
from vision.risk.readings import ZoneReading
from vision.scene import SceneAnalyser

READINGS_FILE = "readings.parquet"
TRACKS_FILE = "heads.parquet"
FILM_FILE = "annotated.mp4"

Progress = Callable[[Path, float], None]
"""Called with the recording and the share of it that is done, 0..1."""


@dataclass(frozen=True, slots=True)
class AnalysisOrder:
    """What is to be analysed.

    Attributes:
        videos: recordings of one camera, in order of time.
        recording_start: capture time of the first picture; `None` takes it from the file.
        redact: pixelate found heads in the film.
    """

    videos: Sequence[Path]
    site: Site
    camera_id: str
    out_dir: Path
    recording_start: Utc | None = None
    redact: bool = True


@dataclass(slots=True)
class Analysis:
    """What an analysis found; readings and heads are in order of capture time."""

    order: AnalysisOrder
    model_id: str
    profiles: Mapping[ZoneType, ZoneProfile]
    readings: list[ZoneReading] = field(default_factory=list)
    heads: list[HeadRow] = field(default_factory=list)
    frames: int = 0
    starts_at: Utc | None = None
    ends_at: Utc | None = None

    def readings_of(self, zone_id: str) -> list[ZoneReading]:
        return [reading for reading in self.readings if reading.zone_id == zone_id]


def analyse(
    order: AnalysisOrder,
    network: HeadNetwork,
    profiles: Mapping[ZoneType, ZoneProfile],
    progress: Progress,
) -> Analysis:
    """Judge every sampled picture, and write tables and film into the order's folder.

    Raises:
        SourceError: a recording that cannot be read; what came before it is written all the same.
        KeyError: for an unknown camera.
    """
    order.out_dir.mkdir(parents=True, exist_ok=True)
    analysis = Analysis(order, network.model_id, profiles)
    analyser = build_analyser(order.site, (order.camera_id,), profiles, network.model_id)
    with ExitStack() as stack:
        stack.callback(_write_tables, analysis)
        film = stack.enter_context(FilmWriter(order.out_dir / FILM_FILE))
        desk = _Desk(analysis, network, analyser, film)
        for video in order.videos:
            desk.play(video, progress)
    return analysis


class _Desk:
    """Takes the sampled pictures of one camera through network, measuring core and film."""

    def __init__(
        self, analysis: Analysis, network: HeadNetwork, analyser: SceneAnalyser, film: FilmWriter
    ) -> None:
        self._analysis = analysis
        self._network = network
        self._analyser = analyser
        self._film = film
        order = analysis.order
        self._camera = order.site.camera(order.camera_id)
        self._outlines = [
            zone_outline(self._camera.camera, zone)
            for zone in zones_of_cameras(order.site, (order.camera_id,))
        ]
        self._newest: dict[str, ZoneReading] = {}

    def play(self, video: Path, progress: Progress) -> None:
        order = self._analysis.order
        start = order.recording_start if self._analysis.frames == 0 else None
        playback = Playback(SystemClock(), threading.Event(), Pace.UNPACED, start)
        lens = self._camera.camera.lens
        sampler = Sampler(self._camera.analysed_fps)
        uri = PlainUri(f"file:{video}")
        with open_source(
            uri, opener=open_with_av, timeouts=Timeouts(), playback=playback
        ) as source:
            first: Utc | None = None
            shift_s = 0.0
            for picture in source.pictures():
                if first is None:
                    first = picture.captured_at
                    shift_s = self._shift_s(first)
                if not sampler.take(picture.captured_at):
                    continue
                size_px = analysed_size_px(
                    picture.raw.size_px,
                    (lens.width_px, lens.height_px),
                    where=str(uri),
                    squeezed_px=self._camera.squeezed_px,
                )
                self._judge(picture.captured_at.plus(shift_s), picture.raw.bgr(size_px))
                if source.duration_s:
                    progress(video, min(1.0, (picture.captured_at - first) / source.duration_s))
        progress(video, 1.0)

    def _shift_s(self, first: Utc) -> float:
        """Later files that carry no time of their own follow on the one before."""
        ends_at = self._analysis.ends_at
        if ends_at is None or first > ends_at:
            return 0.0
        return ends_at.plus(1.0 / self._camera.analysed_fps) - first

    def _judge(self, captured_at: Utc, image_bgr: UInt8Array) -> None:
        analysis = self._analysis
        frame = Frame(self._camera.id, analysis.frames, captured_at, image_bgr)
        region = self._analyser.region(frame)
        observation = self._network.observe(frame.image_bgr, region)
        readings = self._analyser.observe(frame, observation)
        self._newest.update({reading.zone_id: reading for reading in readings})
        tracked = self._analyser.tracked_heads(self._camera.id)
        analysis.readings.extend(readings)
        analysis.heads.extend(_head_rows(analysis.frames, tracked, self._lens_scale(image_bgr)))
        analysis.frames += 1
        analysis.starts_at = analysis.starts_at or captured_at
        analysis.ends_at = captured_at
        self._film.write(self._drawn(frame, observation.heads), captured_at - analysis.starts_at)

    def _lens_scale(self, image_bgr: UInt8Array) -> tuple[float, float]:
        """From pixels of a picture to those of the calibrated lens, in which heads are written."""
        lens = self._camera.camera.lens
        return lens.width_px / image_bgr.shape[1], lens.height_px / image_bgr.shape[0]

    def _drawn(self, frame: Frame, heads: HeadPoints) -> UInt8Array:
        if self._analysis.order.redact:
            # Heads outside the zones are not measured, but they are somebody's too.
            everybody = self._network.observe(frame.image_bgr).heads
            redacted = redact_heads(frame.image_bgr, everybody)
            frame = Frame(frame.camera_id, frame.sequence, frame.captured_at, redacted)
        return draw(frame, heads, self._outlines, self._newest)


def _head_rows(frame: int, tracked: TrackedHeads, scale: tuple[float, float]) -> list[HeadRow]:
    rows = []
    for index in range(len(tracked)):
        x_mps, y_mps = (float(v) for v in tracked.velocity_mps[index])
        rows.append(
            HeadRow(
                captured_at=tracked.captured_at,
                frame=frame,
                track_id=int(tracked.ids[index]),
                u_px=float(tracked.centres_uv_px[index, 0]) * scale[0],
                v_px=float(tracked.centres_uv_px[index, 1]) * scale[1],
                size_px=float(tracked.sizes_px[index]) * scale[1],
                x_m=float(tracked.xy_m[index, 0]),
                y_m=float(tracked.xy_m[index, 1]),
                speed_mps=(x_mps**2 + y_mps**2) ** 0.5,
            )
        )
    return rows


def _write_tables(analysis: Analysis) -> None:
    out_dir = analysis.order.out_dir
    write_table(readings_table(analysis.readings), out_dir / READINGS_FILE)
    write_table(tracks_table(analysis.heads), out_dir / TRACKS_FILE)


def sha256_of_file(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""What a process of its own is told to export, and how it does it.

A process of its own: blurring takes all of a core, the network's memory goes with it, and a fault
in it cannot touch the alarms. If it fails there is no file.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame

from api.evidence.errors import ExportFailedError
from api.evidence.folders import SCRATCH
from api.evidence.jumps import Span
from api.evidence.redaction import (
    DETECTOR_FAILED,
    FilmTime,
    RedactedImage,
    Redactor,
    TimedImage,
    background_of,
    redaction_network,
)
from api.evidence.signing import signing_key, write_package
from api.evidence.watermark import Watermark
from streams.recording import Part, parts_of, segments_in
from vision.arrays import UInt8Array
from vision.instants import Utc
from vision.observations import HeadNetwork

_TICKS_A_SECOND = 90_000
_BACKGROUND_EVERY_S = 3.0
_MOST_BACKGROUND = 60
_EVER = Utc(0)
_ENCODER = {"crf": "23", "preset": "veryfast"}


@dataclass(frozen=True, slots=True)
class CameraFiles:
    """Where the segments of one camera lie."""

    camera_id: str
    folder: str


@dataclass(frozen=True, slots=True)
class ExportJob:
    """Plain values, so that it travels as JSON.

    Attributes:
        spans_ns: first and last moment of each span of the clip.
        watermark: lines; who, when and why.
        timezone: the school's, for the capture times on the pictures.
        document: the evidence of the alarm, as it is put into the package.
        facts: go into the manifest.
    """

    cameras: tuple[CameraFiles, ...]
    spans_ns: tuple[tuple[int, int], ...]
    redacted: bool
    watermark: tuple[str, ...]
    document: dict[str, Any]
    facts: dict[str, Any]
    key_folder: str
    out: str
    timezone: str = "UTC"

    @property
    def spans(self) -> tuple[Span, ...]:
        return tuple((Utc(start_ns), Utc(end_ns)) for start_ns, end_ns in self.spans_ns)

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> ExportJob:
        fields = json.loads(text)
        fields["cameras"] = tuple(CameraFiles(**camera) for camera in fields["cameras"])
        fields["spans_ns"] = tuple((start, end) for start, end in fields["spans_ns"])
        fields["watermark"] = tuple(fields["watermark"])
        return cls(**fields)


@dataclass(slots=True)
class FilmReport:
    """How a film was made; goes into the manifest."""

    camera_id: str
    pictures: int = 0
    whole_pictures: int = 0
    mean_blurred_share: float = 0.0
    reasons: dict[str, int] = field(default_factory=dict)
    originals: list[dict[str, Any]] = field(default_factory=list)

    def count(self, picture: RedactedImage) -> None:
        shares = self.mean_blurred_share * self.pictures + picture.share
        self.pictures += 1
        self.mean_blurred_share = shares / self.pictures
        if picture.why_whole:
            self.whole_pictures += 1
            self.reasons[picture.why_whole] = self.reasons.get(picture.why_whole, 0) + 1


def export(job: ExportJob, network: HeadNetwork | None = None) -> tuple[str, int]:
    """Make the package; its sha256 and size in bytes.

    Raises:
        ExportFailedError: nothing was recorded, or the disk, the font or the key is not there.
        ModelError: the network cannot be loaded, so nothing can be redacted.
    """
    if job.redacted and network is None:
        network = redaction_network()
    key = signing_key(Path(job.key_folder))
    with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=Path(job.out).parent) as scratch:
        files: dict[str, Path] = {}
        reports = []
        for camera in job.cameras:
            stretches = (
                (part, stretch)
                for span in job.spans
                for part in parts_of(segments_in(Path(camera.folder), *span))
                for stretch in stretches_of(part, *span)
            )
            for index, (part, stretch) in enumerate(stretches):
                name = f"{camera.camera_id}-{index + 1}.mp4"
                report = FilmReport(camera.camera_id, originals=_originals(part))
                _film(job, stretch, network, (Path(scratch) / name, report))
                files[name] = Path(scratch) / name
                reports.append(asdict(report))
        if not reports:
            raise ExportFailedError(
                "nothing of this alarm was recorded; there is no film to export"
            )
        _refuse_unseen(reports)
        files["evidence.json"] = Path(scratch) / "evidence.json"
        text = json.dumps(job.document, ensure_ascii=False, indent=1)
        files["evidence.json"].write_text(text, encoding="utf-8")
        out = Path(job.out)
        facts = {**job.facts, "redacted": job.redacted, "films": reports}
        if network is not None and job.redacted:
            facts["network"] = network.model_id
        return write_package(out, files, facts, key), out.stat().st_size


def _refuse_unseen(reports: list[dict[str, Any]]) -> None:
    """A film that the network failed on is no redacted film, however much of it is blurred."""
    failed = sum(
        pictures
        for report in reports
        for reason, pictures in report["reasons"].items()
        if reason.startswith(DETECTOR_FAILED)
    )
    if failed:
        raise ExportFailedError(
            f"the network failed on {failed} pictures, so nobody knows who is on them; nothing was "
            "exported. Run `xiaoan doctor`, then ask again"
        )


def _originals(part: Part) -> list[dict[str, Any]]:
    """The recordings behind a film, to compare it with as long as they are kept."""
    return [
        {"name": s.path.name, "start": s.start.iso(), "end": s.end.iso(), "sha256": s.sha256}
        for s in part.segments
    ]


def _film(
    job: ExportJob, stretch: Stretch, network: HeadNetwork | None, out: tuple[Path, FilmReport]
) -> None:
    path, report = out
    if not job.redacted:
        _encode(path, _unchanged(stretch.pictures), job, report)
        return
    if network is None:
        raise ExportFailedError("there is no network to redact with")
    redactor = Redactor(network, background_of(stretch.spread))
    _encode(path, redactor.redact(stretch.pictures), job, report)


def pictures_of(part: Part, start: Utc, end: Utc) -> Iterator[TimedImage]:
    """Decoded pictures of a span with their capture times.

    A packet that cannot be decoded, as a network that loses some makes them, costs its own picture
    and none behind it.
    """
    for segment in part.segments:
        try:
            with av.open(str(segment.path)) as container:
                for offset_s, frame in _frames(container):
                    captured = segment.captured_at(offset_s)
                    if start <= captured <= end:
                        image = np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
                        yield TimedImage(captured, image)
        except av.error.FFmpegError:
            # The tail of a segment whose writer was killed.
            continue


def _frames(container: InputContainer) -> Iterator[tuple[float, VideoFrame]]:
    """Each picture, and how many seconds after the first packet of the file it stands."""
    zero: float | None = None
    for packet in container.demux(video=0):
        if zero is None and packet.pts is not None and packet.time_base is not None:
            zero = float(packet.pts * packet.time_base)
        with contextlib.suppress(av.error.InvalidDataError):
            for frame in packet.decode():
                yield float(frame.time or 0.0) - (zero or 0.0), frame


@dataclass(slots=True)
class Stretch:
    """Pictures of one size that follow each other.

    Attributes:
        count: how many they are.
        spread: some of them, some seconds apart; every second one is dropped when there are too
            many.
        pictures: all of them, to be taken once and in order.
    """

    size: tuple[int, ...]
    count: int = 0
    spread: list[UInt8Array] = field(default_factory=list)
    pictures: Iterator[TimedImage] = field(default_factory=lambda: iter(()))
    _step_s: float = _BACKGROUND_EVERY_S
    _next_at: Utc = _EVER

    def add(self, picture: TimedImage) -> None:
        self.count += 1
        if picture.captured < self._next_at:
            return
        self.spread.append(picture.image_bgr)
        self._next_at = picture.captured.plus(self._step_s)
        if len(self.spread) > _MOST_BACKGROUND:
            self.spread, self._step_s = self.spread[::2], 2.0 * self._step_s


def stretches_of(part: Part, start: Utc, end: Utc) -> Iterator[Stretch]:
    """The pictures of a part. A camera that is set to another size sends its first pictures within
    the stream of the old one; they make a film of their own."""
    found: list[Stretch] = []
    for picture in pictures_of(part, start, end):
        if not found or found[-1].size != picture.image_bgr.shape:
            found.append(Stretch(picture.image_bgr.shape))
        found[-1].add(picture)
    pictures = pictures_of(part, start, end)
    for stretch in found:
        stretch.pictures = islice(pictures, stretch.count)
        yield stretch


def _unchanged(pictures: Iterator[TimedImage]) -> Iterator[RedactedImage]:
    for picture in pictures:
        yield RedactedImage(picture.captured, picture.image_bgr, picture.image_bgr[:0, :0, 0], 0.0)


def _encode(
    path: Path, pictures: Iterator[RedactedImage], job: ExportJob, report: FilmReport
) -> None:
    first = next(pictures)
    height, width = first.image_bgr.shape[:2]
    stamp = Watermark(job.watermark, job.timezone).stamp((width, height))
    film, last_pts = FilmTime(), -1
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=25, options=_ENCODER)
        shaped = stamp.on(first.image_bgr, first.captured)
        stream.width, stream.height, stream.pix_fmt = shaped.shape[1], shaped.shape[0], "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, _TICKS_A_SECOND)
        stream.codec_context.thread_count = 1
        for picture in _again(first, pictures):
            image = stamp.on(picture.image_bgr, picture.captured)
            frame = av.VideoFrame.from_ndarray(image, format="bgr24")
            at_s = film.at(picture.captured)
            last_pts = max(round(at_s * _TICKS_A_SECOND), last_pts + 1)
            frame.pts, frame.time_base = last_pts, stream.time_base
            container.mux(stream.encode(frame))
            report.count(picture)
        container.mux(stream.encode())


def _again(first: RedactedImage, rest: Iterator[RedactedImage]) -> Iterator[RedactedImage]:
    yield first
    yield from rest


__all__ = [
    "CameraFiles",
    "ExportJob",
    "FilmReport",
    "Stretch",
    "export",
    "pictures_of",
    "stretches_of",
]

"""What recording by packet copy costs: CPU and disk for each camera.

Two films in the shape of a camera's sub-stream (640 x 360, 25 pictures a second, 1 Mbit/s) and main
stream (1920 x 1080, 4 Mbit/s) are demultiplexed with and without a recorder behind them; the
difference in CPU time is the recorder's, its writer and its syncs to the disk included. Decoding is
no part of it: the analysis decodes anyway. Beside it stands what encoding the same pictures again
would cost, as the film's own making was measured.

    python -m benchmarks.recording_cost [--seconds S] [--json]
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from benchmarks.report import Report, parser
from config.recording import RingSettings
from streams.clock import SimulatedClock
from streams.decoding.virtual_source import MadePicture
from streams.recording.recorder import CameraRecorder
from streams.recording.values import EndCause
from streams.recording.writer import RingWriter
from vision.instants import Utc

CAMERA = "cam"
FPS = 25
REPEATS = 5
_START = Utc.from_iso("2026-09-01T08:00:00Z")
_DAY_S = 86_400.0
_NO_IMAGE = np.zeros((2, 2, 3), np.uint8)


@dataclass(frozen=True, slots=True)
class Shape:
    """A stream as cameras send it."""

    name: str
    width_px: int
    height_px: int
    bits_per_s: int


SHAPES = (Shape("sub", 640, 360, 1_000_000), Shape("main", 1920, 1080, 4_000_000))


def make_film(path: Path, shape: Shape, seconds: float, seed: int) -> float:
    """Coarse moving texture at the shape's bit rate; CPU seconds that the encoder took."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (shape.height_px // 8 + 8, shape.width_px // 8 + 8, 3), np.uint8)
    image = np.kron(coarse, np.ones((8, 8, 1), np.uint8))
    spent_s = 0.0
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = shape.width_px, shape.height_px, "yuv420p"
        stream.bit_rate = shape.bits_per_s
        stream.gop_size = 2 * FPS
        stream.time_base = Fraction(1, 90_000)
        for index in range(round(seconds * FPS)):
            at = index % 60
            view = np.ascontiguousarray(image[at : at + shape.height_px, : shape.width_px])
            frame = av.VideoFrame.from_ndarray(view, format="bgr24")
            begun = time.process_time()
            container.mux(stream.encode(frame))
            spent_s += time.process_time() - begun
        container.mux(stream.encode())
    return spent_s


def demux(film: Path, recorder: CameraRecorder | None, writer: RingWriter | None) -> float:
    """CPU seconds of one pass, with all threads."""
    begun = time.process_time()
    with av.open(str(film)) as container:
        stream = container.streams.video[0]
        for packet in container.demux(stream):
            if packet.pts is None or packet.time_base is None or recorder is None:
                continue
            recorder.packet(packet, stream, 0.0)
            at_s = float(packet.pts * packet.time_base)
            recorder.picture(MadePicture(at_s, _NO_IMAGE), _START.plus(at_s))
            if writer is not None and packet.is_keyframe:
                writer.drain()
    if recorder is not None and writer is not None:
        recorder.close(EndCause.STOPPED)
        writer.drain()
    return time.process_time() - begun


def record(film: Path, root: Path) -> float:
    """CPU seconds of one pass that records into `root`."""
    clock = SimulatedClock(_START, self_advancing=True)
    settings = RingSettings(camera_ids=frozenset({CAMERA}), reserve_bytes=0)
    writer = RingWriter(root, settings, clock, camera_ids=[CAMERA])
    writer.prepare()
    return demux(film, CameraRecorder(CAMERA, writer, clock, segment_s=settings.segment_s), writer)


def stream_bytes(film: Path) -> int:
    with av.open(str(film)) as container:
        return sum(packet.size for packet in container.demux(video=0))


def measure(shape: Shape, seconds: float, folder: Path, report: Report) -> None:
    film = folder / f"{shape.name}.mp4"
    encode_s = make_film(film, shape, seconds, report.seed)
    sent = stream_bytes(film)
    plain, recorded = [], []
    for number in range(REPEATS):
        plain.append(demux(film, None, None))
        recorded.append(record(film, folder / f"{shape.name}-{number}"))
    cost_s = float(np.median(recorded) - np.median(plain))
    kept = sum(f.stat().st_size for f in (folder / f"{shape.name}-0").rglob("*") if f.is_file())
    figures = {
        "cpu_percent_of_a_core": round(100.0 * cost_s / seconds, 3),
        "encoding_again_cpu_percent_of_a_core": round(100.0 * encode_s / seconds, 1),
        "stream_mbit_per_s": round(8.0 * sent / seconds / 1e6, 2),
        "disk_gigabytes_per_day": round(kept / seconds * _DAY_S / 1e9, 2),
        "disk_over_stream_percent": round(100.0 * (kept / sent - 1.0), 2),
    }
    for key, value in figures.items():
        report.figures[f"{shape.name}_{key}"] = value
        report.row(f"{shape.name}: {key.replace('_', ' ')}", value, "")


def main() -> int:
    arguments = parser(__doc__ or "")
    arguments.add_argument("--seconds", type=float, default=40.0, help="length of each film")
    options = arguments.parse_args()
    report = Report("recording_cost", options.seed, packages=("av", "numpy"))
    with tempfile.TemporaryDirectory(prefix="xiaoan-") as folder:
        for shape in SHAPES:
            measure(shape, options.seconds, Path(folder), report)
    report.publish(as_json=options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())

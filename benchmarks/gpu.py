"""Frames a second of the head network by batch, on the processor and on an NVIDIA GPU.

    python -m benchmarks.gpu [--batches 1,2,4,8,16,32,64]

Pictures of 640x384. A stream is five analysed frames a second; "with decode" adds the decoding of
25 pictures of 720p a second on the processor's cores, which the GPU cannot take over here (the
Python decoder has no NVDEC). Without a GPU the processor's rows are printed and the exit code says
that the GPU was not measured.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from api.capacity.measure import made_film
from benchmarks.report import EXIT_NO_DATA, Report, parser
from models.errors import ModelError
from models.registry import checked_weights, default_head_network_id, find_card
from models.sessions import Precision, RuntimeName, Session, open_session
from streams.decoding.av_container import open_quickly
from streams.decoding.sources import PlainUri, Timeouts

_SHAPE = (384, 640, 3)
_ANALYSED_FPS, _INPUT_FPS = 5, 25
_SECONDS_EACH = 1.0


def frames_per_s(session: Session, batch: int, rng: np.random.Generator) -> float:
    """Pictures a second in batches of this size, by wall time."""
    feed = rng.integers(0, 256, (batch, *_SHAPE), dtype=np.uint8)
    session.run(feed)
    began, rounds = time.perf_counter(), 0
    while time.perf_counter() - began < _SECONDS_EACH:
        session.run(feed)
        rounds += 1
    return rounds * batch / (time.perf_counter() - began)


def decode_ms() -> float:
    """Processor milliseconds of decoding one 720p picture."""
    with tempfile.TemporaryDirectory() as name:
        film = Path(name) / "film.mp4"
        made_film(film, (1280, 720), 3.0)
        container = open_quickly(PlainUri(f"file:{film}"), Timeouts())
        began_ns = time.process_time_ns()
        pictures = sum(1 for _ in container.pictures())
        container.close()
        return (time.process_time_ns() - began_ns) / 1e6 / pictures


def gpu_name() -> str:
    """The device as its driver calls it; empty without one."""
    query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        found = subprocess.run(query, capture_output=True, text=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return ""
    return found.stdout.strip().splitlines()[0]


def main() -> int:
    arguments = parser(__doc__ or "")
    arguments.add_argument("--batches", default="1,2,4,8,16,32,64")
    options = arguments.parse_args()
    card = find_card(default_head_network_id())
    content, cores = checked_weights(card), os.cpu_count() or 1
    rng, per_picture_ms = np.random.default_rng(options.seed), decode_ms()
    decoded_streams = cores * 1000.0 / (_INPUT_FPS * per_picture_ms)
    report = Report(
        "gpu",
        options.seed,
        packages=("numpy", "onnxruntime", "openvino", "av"),
        columns=("device", "batch", "frames/s", "streams, network alone", "with decode"),
    )
    report.figures = {"decode_cpu_ms_per_720p_picture": round(per_picture_ms, 3)}
    kinds: list[tuple[str, RuntimeName, Precision]] = [
        ("cpu", "openvino", "f32"),
        ("cpu", "openvino", "bf16"),
        ("gpu", "cuda", "f32"),
        ("gpu", "tensorrt", "f32"),
    ]
    best: dict[str, float] = {}
    for device, runtime, precision in kinds:
        try:
            session = open_session(
                content,
                source=card.weights_file,
                runtime=runtime,
                threads=cores,
                precision=precision,
            )
        except ModelError as refusal:
            report.row(f"{device}: {runtime}", "-", f"not measured: {refusal}", "", "")
            continue
        for batch in (int(text) for text in options.batches.split(",")):
            rate = frames_per_s(session, batch, rng)
            alone = rate / _ANALYSED_FPS
            # On the processor decoding and network share the cores; beside a GPU they do not.
            shared = 1.0 / (1.0 / alone + 1.0 / decoded_streams)
            both = shared if device == "cpu" else min(alone, decoded_streams)
            name = f"{device}: {runtime} {precision}"
            report.row(name, batch, f"{rate:.0f}", f"{alone:.0f}", f"{both:.0f}")
            report.figures[f"{device}_{runtime}_{precision}_batch_{batch}_frames_per_s"] = round(
                rate, 1
            )
            best[device] = max(best.get(device, 0.0), rate)
    report.figures |= {f"{name}_network_frames_per_s_best": round(v, 1) for name, v in best.items()}
    report.figures["gpu"] = gpu_name()
    report.publish(as_json=options.json)
    return 0 if "gpu" in best else EXIT_NO_DATA


if __name__ == "__main__":
    raise SystemExit(main())

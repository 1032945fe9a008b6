"""CPU milliseconds of each stage of the road from a camera's packet to a stored record.

One thread, one 1280x720 film of the virtual campus with a full stair, 25 pictures a second in and 5
analysed, read as a worker reads a camera: pictures that nobody analyses wait for the next one that
is, and are not decoded where one that begins anew comes before it. What decoding costs is all of it
over the analysed pictures; the other stages are medians; the last row adds them up.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Literal, ParamSpec, TypeVar

import cv2
import numpy as np

from benchmarks.footage import CAMERA_ID, stair_film
from benchmarks.report import EXIT_TARGET_MISSED, Report, parser
from config import load_site, sample_school_directory
from config.profiles import load_profiles
from models import load_head_network
from models.registry import default_head_network_id
from models.sessions import Precision
from streams.clock import SystemClock
from streams.decoding.av_container import open_quickly
from streams.decoding.sources import Pace, PlainUri, Playback, Timeouts, open_source
from streams.pacing.sampling import Sampler
from streams.site_scene import build_analyser, zones_of_cameras
from streams.spooling.reporting import Origin, Reporter
from streams.spooling.spool import Spool
from vision.instants import Utc
from vision.observations import Frame

TARGET_MS = 15.0
_INPUT_FPS, _ANALYSED_FPS = 25, 5
# Which picture of five is analysed at first; after two key pictures slots begin with them, and four
# pictures of each second wait when the next one comes.
_PHASE = 0.3
_WARM_UP_FRAMES = 5
_STAGES = ("decode", "convert", "network", "measure", "store")
_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


class Stopwatch:
    """CPU milliseconds by stage, and how many pictures came and were not decoded."""

    def __init__(self) -> None:
        self.model = self.precision = ""
        self.undecoded = 0
        self.spent_ms: dict[str, list[float]] = defaultdict(list)

    def time(
        self,
        stage: str,
        work: Callable[_Arguments, _Result],
        *given: _Arguments.args,
        **named: _Arguments.kwargs,
    ) -> _Result:
        started_ns = time.process_time_ns()
        result = work(*given, **named)
        self.spent_ms[stage].append((time.process_time_ns() - started_ns) / 1e6)
        return result


def measure(
    film: Path, folder: Path, model_id: str, precision: Precision | Literal["auto"]
) -> Stopwatch:
    """Drive the film through the stages as a worker's threads do, one after the other."""
    cv2.setNumThreads(1)
    site = load_site(sample_school_directory())
    network = load_head_network(model_id, threads=1, precision=precision)
    analyser = build_analyser(site, (CAMERA_ID,), load_profiles(), network.model_id)
    started_at = Utc.from_iso("2026-03-02T04:00:00+00:00")
    zones = [zone.id for zone in zones_of_cameras(site, (CAMERA_ID,))]
    reporter = Reporter(Origin(site.id, "bench", "run"), zones, started_at)
    watch, spool = Stopwatch(), Spool(folder / "spool.sqlite3")
    watch.model, watch.precision = network.model_id, network.session.precision
    sampler = Sampler(_ANALYSED_FPS, _PHASE)
    playback = Playback(
        clock=SystemClock(),
        stop=threading.Event(),
        pace=Pace.UNPACED,
        recording_start=started_at,
        wants=lambda captured_at, anew: sampler.wants(captured_at, anew=anew),
    )
    uri, index = PlainUri(f"file:{film}"), 0
    with open_source(uri, opener=open_quickly, timeouts=Timeouts(), playback=playback) as source:
        pictures = iter(source.pictures())
        while (picture := watch.time("decode", next, pictures, None)) is not None:
            if not sampler.take(picture.captured_at):
                continue
            image_bgr = watch.time("convert", picture.raw.bgr, picture.raw.size_px)
            frame = Frame(CAMERA_ID, index, picture.captured_at, image_bgr)
            region = analyser.region(frame)
            seen = watch.time("network", network.observe, frame.image_bgr, region)
            readings = watch.time("measure", analyser.observe, frame, seen)
            watch.time("store", spool.append, reporter.readings(readings))
            index += 1
        watch.undecoded = source.undecoded
    spool.close()
    return watch


def main() -> int:
    arguments = parser(__doc__ or "")
    arguments.add_argument("--seconds", type=float, default=12.0, help="length of the film")
    arguments.add_argument(
        "--precision",
        choices=("auto", "f32", "bf16", "int8"),
        default="auto",
        help="of the network",
    )
    arguments.add_argument("--model", default=default_head_network_id())
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        film = stair_film(folder, options.seconds, options.seed)
        watch = measure(film, folder, options.model, options.precision)
    report = Report(
        "pipeline_cost",
        options.seed,
        packages=("av", "numpy", "onnxruntime", "openvino"),
        columns=("stage", "CPU ms, median", "quartiles", "per analysed frame"),
    )
    all_in_ms, analysed = 0.0, len(watch.spent_ms["network"])
    for stage in _STAGES:
        low, median, high = np.percentile(watch.spent_ms[stage][_WARM_UP_FRAMES:], [25, 50, 75])
        share = sum(watch.spent_ms[stage]) / analysed if stage == "decode" else median
        all_in_ms += share
        report.row(stage, f"{median:.2f}", f"{low:.2f}-{high:.2f}", f"{share:.2f}")
        report.figures[f"{stage}_cpu_ms_median"] = round(float(median), 3)
    report.row("all in", f"{all_in_ms:.2f}", "", f"target {TARGET_MS:g}")
    report.figures |= {
        "all_in_cpu_ms_per_analysed_frame": round(float(all_in_ms), 2),
        "target_cpu_ms_per_analysed_frame": TARGET_MS,
        "network": watch.model,
        "network_precision": watch.precision,
        "analysed_frames": analysed,
        "decoded_frames": len(watch.spent_ms["decode"]) - 1,
        "undecoded_frames": watch.undecoded,
        "input_fps": _INPUT_FPS,
        "analysed_fps": _ANALYSED_FPS,
    }
    report.publish(as_json=options.json)
    return 0 if all_in_ms <= TARGET_MS else EXIT_TARGET_MISSED


if __name__ == "__main__":
    raise SystemExit(main())

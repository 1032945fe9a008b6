"""A camera that is killed or hangs, and returns, a hundred times.

A whole worker (decode thread, watchdog, scene, spool, uploader) plays a real RTSP server
(GStreamer). Odd cycles kill the server with SIGKILL, even ones stop it with SIGSTOP. Times are
measured where they matter: at the API's end, from the signal to the record that tells of it.
Threads, file descriptors and memory are compared between the end of the warm-up and the end.

Targets: killed noticed in 1 s, hung in 5 s, live again within 10 s of the return, no thread or
descriptor more, memory within 5 %.
"""

from __future__ import annotations

import gc
import json
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import psutil
import structlog
from shapely.geometry import box

from benchmarks.peers.rtsp import MEND, RtspServer, installed
from benchmarks.report import EXIT_TARGET_MISSED, Report, no_data, parser
from config.profiles import load_profiles
from streams.cameras.loop import CameraSpec
from streams.cameras.openers import opener_for
from streams.clock import SystemClock
from streams.decoding.sources import PlainUri
from streams.pictures.drawing import zone_outline
from streams.spooling.reporting import Origin
from streams.worker.loop import Collaborators, Worker, WorkerConfig
from vision.arrays import UInt8Array
from vision.geometry.camera import Camera, Lens, Pose
from vision.geometry.zones import Zone, ZoneType
from vision.observations import CrowdObservation, HeadPoints, Region
from vision.scene import SceneAnalyser

SIZE = (640, 360)
WARM_UP_CYCLES = 6
KILLED_TARGET_S = 1.0
HUNG_TARGET_S = 5.0
BACK_TARGET_S = 10.0
MEMORY_TARGET = 0.05
_LONGEST_S = 60.0


class EmptyPlace:
    """A network that sees nobody: the cycles test the road, not the counting."""

    model_id = "none@00000000"

    def observe(self, image_bgr: UInt8Array, region: Region | None = None) -> CrowdObservation:
        del image_bgr, region
        return CrowdObservation(HeadPoints.none(), None, 0.1)


class Listener:
    """Stands for the API: takes every record and notes when it came."""

    def __init__(self) -> None:
        self._news = threading.Condition()
        self._seen: list[tuple[float, Mapping[str, object]]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        now = time.monotonic()
        records = json.loads(request.content)["records"]
        with self._news:
            # Only a cycle's own records matter; a list of all would grow like a leak.
            self._seen.extend((now, record) for record in records)
            self._news.notify_all()
        return httpx.Response(200, json={"accepted": len(records), "duplicates": 0})

    def forget(self) -> None:
        with self._news:
            self._seen.clear()

    def when(self, matches: Callable[[Mapping[str, object]], bool]) -> float:
        """Arrival of the first matching record since `forget`."""
        deadline = time.monotonic() + _LONGEST_S
        with self._news:
            while True:
                for at, record in self._seen:
                    if matches(record):
                        return at
                left_s = deadline - time.monotonic()
                if left_s <= 0.0 or not self._news.wait(left_s):
                    raise SystemExit(f"no such record within {_LONGEST_S:g} s")


def state(*names: str) -> Callable[[Mapping[str, object]], bool]:
    return lambda record: record["kind"] == "camera_state" and record["state"] in names


def zone_is_unknown(record: Mapping[str, object]) -> bool:
    reading = record.get("reading")
    return isinstance(reading, dict) and reading["level"] == "UNKNOWN"


def zone_is_known(record: Mapping[str, object]) -> bool:
    reading = record.get("reading")
    return isinstance(reading, dict) and reading["level"] != "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Cycle:
    """Seconds from the signal, or from the return, to the record at the API."""

    killed: bool
    first_notice_s: float
    offline_s: float
    unknown_s: float
    live_s: float
    known_s: float


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a process holds."""

    threads: int
    descriptors: int
    memory_mib: float

    @classmethod
    def now(cls) -> Footprint:
        gc.collect()
        process = psutil.Process()
        return cls(process.num_threads(), process.num_fds(), process.memory_info().rss / 2**20)


def make_worker(url: str, folder: Path, listener: Listener) -> Worker:
    camera = Camera(Pose(0.0, 0.0, 4.0, 0.0, 30.0), Lens.from_hfov(*SIZE, 70.0))
    zone = Zone("hall", "f1", ZoneType.CORRIDOR, box(3.0, -1.0, 6.0, 1.0))
    network = EmptyPlace()
    analyser = SceneAnalyser(
        cameras={"cam": camera},
        zones=(zone,),
        zone_cameras={"hall": ("cam",)},
        profiles=load_profiles(),
        model_id=network.model_id,
    )
    client = httpx.Client(transport=httpx.MockTransport(listener), base_url="http://api")
    config = WorkerConfig(
        origin=Origin("bench", "w1", "cycles"),
        cameras=(CameraSpec("cam", PlainUri(url), SIZE),),
        zone_ids=("hall",),
        outlines={"cam": [zone_outline(camera, zone)]},
        spool_path=folder / "spool.sqlite3",
        socket_path=folder / "w1.sock",
    )
    return Worker(config, Collaborators(network, analyser, client, SystemClock(), opener_for))


def one_cycle(server: RtspServer, listener: Listener, pause_s: float, *, kill: bool) -> Cycle:
    """Play a while, fail, stay away for `pause_s`, and return."""
    time.sleep(0.5)
    listener.forget()
    began = time.monotonic()
    if kill:
        server.kill()
    else:
        server.hang()
    first = listener.when(state("stalled", "offline")) - began
    offline = listener.when(state("offline")) - began
    unknown = listener.when(zone_is_unknown) - began
    time.sleep(pause_s)
    listener.forget()
    if kill:
        server.start()  # returns when it listens
    else:
        server.resume()
    back = time.monotonic()
    live = max(listener.when(state("live")) - back, 0.0)
    known = max(listener.when(zone_is_known) - back, 0.0)
    return Cycle(kill, first, offline, unknown, live, known)


def run(cycles: int, seed: int) -> tuple[list[Cycle], Footprint, Footprint]:
    """Play `cycles` after the warm-up; footprints of before and after."""
    random_source = random.Random(seed)
    listener = Listener()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(RtspServer(size="640x360"))
        worker = make_worker(server.url("/still"), folder, listener)
        stop = threading.Event()
        thread = threading.Thread(target=worker.run, args=(stop,))
        thread.start()
        stack.callback(thread.join)
        stack.callback(stop.set)
        listener.when(zone_is_known)
        for number in range(WARM_UP_CYCLES):
            one_cycle(server, listener, 1.0, kill=number % 2 == 0)
        time.sleep(2.0)
        before = Footprint.now()
        found = []
        for number in range(cycles):
            pause_s = random_source.uniform(0.2, 8.0)
            found.append(one_cycle(server, listener, pause_s, kill=number % 2 == 0))
            print(f"\rcycle {number + 1} of {cycles}", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        time.sleep(2.0)
        return found, before, Footprint.now()


def figures(values_s: Sequence[float]) -> tuple[float, float, float]:
    """Median, 95th percentile and largest."""
    array = np.asarray(values_s)
    return (
        round(float(np.median(array)), 3),
        round(float(np.percentile(array, 95)), 3),
        round(float(array.max()), 3),
    )


def main() -> int:
    arguments = parser(__doc__ or "", seed=1)
    arguments.add_argument("--cycles", type=int, default=100)
    options = arguments.parse_args()
    if not installed():
        no_data(f"gst-rtsp-server is not installed; {MEND}")
    structlog.configure(processors=[_say_nothing])
    # As in the worker's process: OpenCV starts its pool at some later call, which is no growth.
    cv2.setNumThreads(1)
    cycles, before, after = run(options.cycles, options.seed)
    report = Report("source_cycles", options.seed, packages=("av", "numpy", "opencv-python"))
    report.columns = ("measure", "median s", "p95 s", "largest s", "target s")
    kills = [cycle for cycle in cycles if cycle.killed]
    hangs = [cycle for cycle in cycles if not cycle.killed]
    rows: list[tuple[str, list[float], float]] = [
        ("killed_noticed", [c.offline_s for c in kills], KILLED_TARGET_S),
        ("killed_zone_unknown", [c.unknown_s for c in kills], KILLED_TARGET_S),
        ("hung_stalled", [c.first_notice_s for c in hangs], HUNG_TARGET_S),
        ("hung_offline", [c.offline_s for c in hangs], HUNG_TARGET_S),
        ("hung_zone_unknown", [c.unknown_s for c in hangs], HUNG_TARGET_S),
        ("live_after_kill", [c.live_s for c in kills], BACK_TARGET_S),
        ("live_after_hang", [c.live_s for c in hangs], BACK_TARGET_S),
        ("zone_known_after_return", [c.known_s for c in cycles], BACK_TARGET_S),
    ]
    met = True
    for name, values_s, target_s in rows:
        if not values_s:
            continue
        median_s, p95_s, largest_s = figures(values_s)
        met = met and largest_s <= target_s
        report.row(name, median_s, p95_s, largest_s, target_s)
        report.figures[f"{name}_median_s"] = median_s
        report.figures[f"{name}_p95_s"] = p95_s
        report.figures[f"{name}_max_s"] = largest_s
    growth = after.memory_mib / before.memory_mib - 1.0
    held = after.threads <= before.threads and after.descriptors <= before.descriptors
    met = met and held and growth <= MEMORY_TARGET
    report.row("threads", f"{before.threads} -> {after.threads}", "", "", "same")
    report.row("descriptors", f"{before.descriptors} -> {after.descriptors}", "", "", "same")
    memory = f"{before.memory_mib:.1f} -> {after.memory_mib:.1f} MiB ({growth:+.1%})"
    report.row("memory", memory, "", "", "+5 %")
    report.figures |= {
        "cycles": len(cycles),
        "threads_before": before.threads,
        "threads_after": after.threads,
        "descriptors_before": before.descriptors,
        "descriptors_after": after.descriptors,
        "memory_before_mib": round(before.memory_mib, 1),
        "memory_after_mib": round(after.memory_mib, 1),
        "targets_met": met,
    }
    report.publish(as_json=options.json)
    return 0 if met else EXIT_TARGET_MISSED


def _say_nothing(logger: Any, name: str, event: MutableMapping[str, Any]) -> str:
    del logger, name, event
    raise structlog.DropEvent


if __name__ == "__main__":
    raise SystemExit(main())

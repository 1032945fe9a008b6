"""A school of any number of cameras that all play one film, and the running product on it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import httpx
import psutil
from ruamel.yaml import YAML

from benchmarks.report import no_data
from config import load_site

_START_S = 120.0
_STAIR = {
    "type": "stairs",
    "floor": "f1",
    "polygon": [[0, 0], [3.6, 0], [3.6, 3], [0, 3]],
    "plane": {"through": [[0, 0, 1.8], [0, 3, 1.8], [3.6, 0, 0], [3.6, 3, 0]]},
    "head_height_m": 1.35,
    "width_m": 3.0,
    "axis_deg": 0,
}
_POSE = {"x_m": 8.2, "y_m": 1.5, "z_m": 4.0, "pan_deg": 180.0, "tilt_deg": 22.0}
_LENS = {"width_px": 1280, "height_px": 720, "hfov_deg": 62.0}


def lengthened(film: Path, seconds: float) -> Path:
    """The film again and again, packets copied, in one file of at least `seconds`."""
    path = film.with_name(f"{film.stem}-long.mp4")
    with av.open(str(film)) as source, av.open(str(path), "w") as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        time_base = stream.time_base or Fraction(1, 12_800)
        payload = [
            (bytes(packet), packet.pts or 0, packet.dts or 0, packet.is_keyframe)
            for packet in source.demux(stream)
            if packet.size
        ]
        times = sorted(pts for _, pts, _, _ in payload)
        length = times[-1] + times[1] - times[0]
        for number in range(int(seconds / float(length * time_base)) + 1):
            for content, pts, dts, is_keyframe in payload:
                packet = av.Packet(content)
                packet.stream, packet.time_base = copy, time_base
                packet.pts, packet.dts = pts + number * length, dts + number * length
                packet.is_keyframe = is_keyframe
                target.mux(packet)
    return path


@dataclass(frozen=True, slots=True)
class CameraFilm:
    """What one camera plays.

    Attributes:
        film: a file, or the address of a stream.
        stairs: whether its zone is a stair; otherwise a corridor, slowed down first under load.
    """

    film: Path | str
    analysed_fps: float = 5.0
    stairs: bool = True

    @property
    def uri(self) -> str:
        """How the site file names it."""
        return self.film if isinstance(self.film, str) else f"file:{self.film}"


def write_school(folder: Path, films: list[CameraFilm]) -> None:
    """A site in which every film is a camera of its own with a zone of its own."""
    cameras, zones = [], []
    for number, one in enumerate(films, start=1):
        name = {"zh": f"第{number}路", "en": f"Camera {number}"}
        zone = dict(_STAIR) | {"id": f"zone-{number}", "name": name}
        if not one.stairs:
            zone["type"] = "corridor"
        zones.append(zone)
        cameras.append(
            {
                "id": f"cam-{number}",
                "name": name,
                "floor": "f1",
                "uri": one.uri,
                "lens": _LENS,
                "pose": _POSE,
                "zones": [f"zone-{number}"],
                "analysed_fps": one.analysed_fps,
            }
        )
    site = {
        "format": 1,
        "site": {
            "id": "bench-school",
            "name": {"zh": "基准学校", "en": "Benchmark school"},
            "timezone": "Asia/Shanghai",
        },
        "floors": [
            {
                "id": "f1",
                "name": {"zh": "一层", "en": "Ground floor"},
                "elevation_m": 0.0,
                "ceiling_m": 4.8,
                "outline": [[-4, -3], [12, -3], [12, 6], [-4, 6]],
            }
        ],
        "zones": zones,
        "cameras": cameras,
    }
    folder.mkdir(parents=True)
    with (folder / "site.yaml").open("w", encoding="utf-8") as file:
        yaml = YAML(typ="safe")
        yaml.representer.ignore_aliases = lambda _: True
        yaml.dump(site, file)
    load_site(folder)


@dataclass(frozen=True, slots=True)
class Moment:
    """The running product at one time.

    Attributes:
        cpu_s: of all its processes since they began.
        machine_cpu_s: of all processes of the machine, since it began.
        stolen_cpu_s: that a virtual machine asked for and its host gave to others, since it began.
        memory_mib: proportional set size of all its processes.
        delivered, superseded: sampled frames, and those replaced before their analysis, by camera.
        age_s: 50th and 95th percentile of each worker's frames.
    """

    at_s: float
    cpu_s: float
    machine_cpu_s: float
    stolen_cpu_s: float
    memory_mib: float
    delivered: dict[str, int]
    superseded: dict[str, int]
    age_s: tuple[tuple[float, float], ...]

    def analysed(self, camera_id: str) -> int:
        return self.delivered[camera_id] - self.superseded[camera_id]


class Running:
    """`xiaoan run` on a site."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path, url: str) -> None:
        self._process = psutil.Process(process.pid)
        self._folder = folder
        self.url = url

    def wait_live(self, cameras: int) -> float:
        """Seconds until all cameras are live and all zones are read."""
        began = time.monotonic()
        while True:
            if time.monotonic() - began > _START_S:
                no_data(f"{cameras} cameras were not all live within {_START_S:g} s")
            time.sleep(0.25)
            try:
                state = httpx.get(f"{self.url}/api/v1/state", trust_env=False).json()
            except (httpx.TransportError, ValueError):
                continue
            live = sum(camera["state"] == "live" for camera in state["cameras"])
            read = sum(zone["people"] is not None for zone in state["zones"])
            if live == cameras and read == cameras:
                return time.monotonic() - began

    def processes(self) -> dict[str, psutil.Process]:
        """Those of the service and of the workers, by name, that run now."""
        found = {}
        for one in self._process.children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                words = one.cmdline()
                if "api.service_process" in words:
                    found["service"] = one
                elif "api.worker_process" in words:
                    found[words[words.index("--worker-id") + 1]] = one
        return found

    def waiting_records(self) -> int:
        """Records in the workers' spools that the service has not taken yet."""
        sockets = (self._folder / "run").rglob("*.sock")
        return sum(int(_status(path)["spool"]["waiting"]) for path in sockets)

    def moment(self) -> Moment:
        delivered, superseded, ages = {}, {}, []
        for path in sorted((self._folder / "run").rglob("*.sock")):
            status = _status(path)
            for camera_id, camera in status["cameras"].items():
                delivered[camera_id] = int(camera["frames"]["delivered"])
                superseded[camera_id] = int(camera["frames"].get("superseded", 0))
            if status["pace"]["age_s"]:
                ages.append(tuple(status["pace"]["age_s"]))
        processes = [self._process, *self._process.children(recursive=True)]
        times = [one.cpu_times() for one in processes]
        memory = sum(one.memory_full_info().pss for one in processes)
        return Moment(
            time.monotonic(),
            sum(one.user + one.system for one in times),
            *_machine_cpu_s(),
            memory / 2**20,
            delivered,
            superseded,
            tuple(ages),
        )


def _machine_cpu_s() -> tuple[float, float]:
    """CPU seconds of all processes, and those that the host of a virtual machine withheld."""
    spent = psutil.cpu_times()
    stolen_s = float(getattr(spent, "steal", 0.0))
    unused_s = spent.idle + getattr(spent, "iowait", 0.0) + stolen_s
    # What guests of this machine take is counted twice, here and in `user`.
    twice_s = getattr(spent, "guest", 0.0) + getattr(spent, "guest_nice", 0.0)
    return float(sum(spent) - unused_s - twice_s), stolen_s


def _status(path: Path) -> dict[str, Any]:
    transport = httpx.HTTPTransport(uds=str(path))
    with httpx.Client(transport=transport, base_url="http://worker", timeout=10.0) as client:
        found: dict[str, Any] = client.get("/status").json()
        return found


@contextmanager
def running(folder: Path, *, workers: int = 0, head_network: str = "") -> Iterator[Running]:
    """The product on `folder/site`, ended with the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {"XIAOAN_ACCESS": "open", "XIAOAN_WORKERS": str(workers)}
    environment["XIAOAN_HEAD_NETWORK"] = head_network
    command = [sys.executable, "-m", "api", "run", "--site", str(folder / "site")]
    command += ["--run-dir", str(folder / "run"), "--port", str(port)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, start_new_session=True
        )
        try:
            yield Running(process, folder, f"http://127.0.0.1:{port}")
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


__all__ = [
    "CameraFilm",
    "Moment",
    "Running",
    "lengthened",
    "running",
    "write_school",
]

"""How soon a killed camera's blind areas are named, and whether exactly those are.

    python -m benchmarks.coverage_kill [--cameras cam-stair,cam-gate] [--json]

`xiaoan run` on the sample school as real processes. Its cameras keep their places and lenses but
are real RTSP servers (GStreamer): a drawn picture cannot lose its power. One after another gets
SIGKILL. Measured from the signal to the API's answer that names the blind areas. Watched for some
seconds longer: no other area may turn blind. Then the camera comes back, and all areas with it.

On a machine that is short of time another camera may be given up for a moment too. Its areas are
blind then, and the row names it with its causes; areas that belong to no lost camera are a fault.

Target: within 10 s exactly the areas of `BLIND_WITHOUT`, which a reader can check on the plan.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from benchmarks.peers.rtsp import MEND, RtspServer, installed
from benchmarks.report import EXIT_TARGET_MISSED, Report, no_data, parser
from config import SITE_FILE, sample_school_directory

TARGET_S = 10.0
_WATCHED_LONGER_S = 4.0
_PATIENCE_S = 180.0
_STOP_S = 30.0
BLIND_WITHOUT: dict[str, frozenset[str]] = {
    "cam-stair": frozenset({"area-stair"}),
    "cam-hall": frozenset({"area-hall", "area-exit"}),
    "cam-upper": frozenset({"area-corridor-2f"}),
    "cam-gate": frozenset({"area-gate"}),
    "cam-corridor3": frozenset({"area-corridor-3f"}),
}


class NeverCameError(Exception):
    """The running site did not reach a state within the patience of this measurement."""


def site_with(uris: Mapping[str, str], folder: Path) -> Path:
    """The sample school in `folder`, cameras at other addresses."""
    text = (sample_school_directory() / SITE_FILE).read_text(encoding="utf-8")
    head, *entries = re.split(r"(?m)^(?=  - id: cam-)", text)
    changed = []
    for entry in entries:
        camera_id = entry.split(maxsplit=3)[2]
        changed.append(re.sub(r"uri: \S+", f"uri: {uris[camera_id]}", entry))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SITE_FILE).write_text(head + "".join(changed), encoding="utf-8")
    return folder


@dataclass(frozen=True, slots=True)
class Seen:
    """One answer of the API: blind areas, and the causes of every camera that is not well."""

    blind: frozenset[str]
    lost: Mapping[str, tuple[str, ...]]

    def follows(self) -> bool:
        """Whether exactly the areas of the lost cameras are blind."""
        return self.blind == frozenset().union(*(BLIND_WITHOUT[name] for name in self.lost))


@dataclass(slots=True)
class RunningSchool:
    """`xiaoan run` in processes of its own; a context manager."""

    site_dir: Path
    run_dir: Path
    port: int = 0
    _process: subprocess.Popen[bytes] | None = None
    _client: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False))

    def __enter__(self) -> Self:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        command = [sys.executable, "-m", "api", "run", "--site", str(self.site_dir)]
        command += ["--run-dir", str(self.run_dir), "--port", str(self.port)]
        environment = os.environ | {"XIAOAN_WORKERS": "1", "XIAOAN_ACCESS": "open"}
        self._process = subprocess.Popen(
            command,
            env=environment,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=_STOP_S)

    def get(self, path: str) -> dict[str, Any]:
        """An answer of the API; empty while nobody answers."""
        assert self._process is not None
        if self._process.poll() is not None:
            raise NeverCameError("xiaoan run ended; see its messages")
        try:
            answer = self._client.get(f"http://127.0.0.1:{self.port}/api/v1/{path}", timeout=3.0)
        except httpx.TransportError:
            return {}
        return dict(answer.json()) if answer.status_code == httpx.codes.OK else {}

    def seen(self) -> Seen | None:
        """What the API says now; `None` while it cannot say."""
        found = self.get("coverage/now")
        if not found.get("ready"):
            return None
        return Seen(
            frozenset(area["area_id"] for area in found["areas"] if area["state"] == "blind"),
            {
                one["camera_id"]: tuple(one["causes"])
                for one in found["cameras"]
                if not one["healthy"] and not one["pending"]
            },
        )

    def wait_until_all_see(self) -> None:
        """Until every camera is well and every area whole.

        Raises:
            NeverCameError: when that does not happen.
        """
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            found = self.get("coverage/now")
            cameras, areas = found.get("cameras", ()), found.get("areas", ())
            well = cameras and all(camera["healthy"] for camera in cameras)
            if well and all(area["state"] == "whole" for area in areas):
                return
            if time.monotonic() > deadline:
                wrong = [one for one in cameras if not one["healthy"]]
                raise NeverCameError(f"not all cameras became well: {wrong}")
            time.sleep(0.3)


@dataclass(frozen=True, slots=True)
class Named:
    """What the API said after a camera was killed.

    Attributes:
        after_s: from the signal to the first answer with all areas of that camera; `None` when
            none came.
        also_lost: the causes of every other camera that was not well meanwhile.
        wrong: every set of blind areas that was not that of the cameras lost in the same answer.
        alarmed: critical areas with an alarm, but for those of `also_lost`.
    """

    after_s: float | None
    also_lost: Mapping[str, tuple[str, ...]]
    wrong: tuple[frozenset[str], ...]
    alarmed: frozenset[str]

    @property
    def exactly(self) -> bool:
        return self.after_s is not None and not self.also_lost and not self.wrong


@contextmanager
def school_of_real_cameras() -> Iterator[tuple[RunningSchool, Mapping[str, RtspServer]]]:
    """The running sample school and its cameras, in folders of their own."""
    folder = Path(tempfile.mkdtemp(prefix="xiaoan-kill-"))
    try:
        with ExitStack() as stack:
            cameras = {
                camera_id: stack.enter_context(RtspServer(size="640x360", fps=5))
                for camera_id in BLIND_WITHOUT
            }
            uris = {camera_id: camera.url() for camera_id, camera in cameras.items()}
            site_dir = site_with(uris, folder / "school")
            yield stack.enter_context(RunningSchool(site_dir, folder / "run")), cameras
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def kill_and_watch(
    school: RunningSchool, server: RtspServer, camera_id: str, *, patience_s: float = TARGET_S
) -> Named:
    """Kill the camera and watch what the API names: until its areas are blind, for `patience_s` at
    most, and some seconds longer."""
    began = time.monotonic()
    server.kill()
    after_s: float | None = None
    also_lost: dict[str, tuple[str, ...]] = {}
    wrong: list[frozenset[str]] = []
    until = began + patience_s + _WATCHED_LONGER_S
    while time.monotonic() < until:
        seen = school.seen()
        if seen is not None:
            also_lost |= {name: why for name, why in seen.lost.items() if name != camera_id}
            if not seen.follows() and seen.blind not in wrong:
                wrong.append(seen.blind)
            if after_s is None and seen.blind >= BLIND_WITHOUT[camera_id]:
                after_s = time.monotonic() - began
                until = time.monotonic() + _WATCHED_LONGER_S
        time.sleep(0.1)
    alarms = school.get("alarms").get("alarms", ())
    alarmed = frozenset(one["subject_id"] for one in alarms if one["type"] == "area_blind")
    others = frozenset[str]().union(*(BLIND_WITHOUT[name] for name in also_lost))
    return Named(after_s, also_lost, tuple(wrong), alarmed - others)


def main() -> None:
    arguments = parser("Areas that a killed camera leaves blind, by the running service.")
    arguments.add_argument("--cameras", default=",".join(BLIND_WITHOUT))
    options = arguments.parse_args()
    if not installed():
        no_data(f"gst-rtsp-server is not installed; {MEND}")
    report = Report("coverage_kill", options.seed, packages=("av", "shapely"))
    holds, slowest_s, exact = True, 0.0, 0
    wanted = options.cameras.split(",")
    with school_of_real_cameras() as (school, cameras):
        found = {}
        for camera_id in wanted:
            school.wait_until_all_see()
            found[camera_id] = kill_and_watch(school, cameras[camera_id], camera_id)
            cameras[camera_id].start()
    for camera_id, named in found.items():
        expected = ", ".join(sorted(BLIND_WITHOUT[camera_id]))
        good = named.exactly and (named.after_s or 0.0) <= TARGET_S
        took = "never" if named.after_s is None else f"{named.after_s:.2f} s"
        told = [f"{name} lost too: {', '.join(why)}" for name, why in named.also_lost.items()]
        told += [f"wrong: {', '.join(sorted(one)) or 'none'}" for one in named.wrong]
        others = "; ".join(told) or "no other"
        report.row(f"{camera_id} killed: {expected}", f"{took}; {others}", f"<= {TARGET_S:g} s")
        slowest_s, exact = max(slowest_s, named.after_s or float("inf")), exact + good
        holds &= good
    report.figures = {
        "cameras_killed": len(found),
        "named_exactly": exact,
        "named_after_max_s": round(slowest_s, 3) if slowest_s != float("inf") else None,
    }
    report.publish(as_json=options.json)
    if not holds:
        raise SystemExit(EXIT_TARGET_MISSED)


if __name__ == "__main__":
    main()

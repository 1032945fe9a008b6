"""The whole of `xiaoan run` as real processes: what a crash of one part leaves standing."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest

from config import load_site, sample_school_directory
from tests.api.dots import dot_film, dot_picture

ZONE = "corridor-3f"
# Patience, not a target: a busy machine takes a minute to start everything.
_DEADLINE_S = 140.0


class RunningSite:
    """`xiaoan run` in a process of its own, and its API."""

    def __init__(self, site_dir: Path, run_dir: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        command = [sys.executable, "-m", "api", "run", "--site", str(site_dir)]
        command += ["--run-dir", str(run_dir), "--port", str(self.port)]
        environment = os.environ | {"XIAOAN_WORKERS": "1", "XIAOAN_ACCESS": "open"}
        self.site_dir, self.run_dir = site_dir, run_dir
        self.process = subprocess.Popen(command, env=environment, start_new_session=True)
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", trust_env=False)

    def stop_code(self) -> int:
        """Ask it to stop; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)

    def close(self) -> None:
        self._client.close()
        if self.process.poll() is None:
            self.stop_code()

    def zone(self, zone_id: str) -> dict[str, Any] | None:
        try:
            answer = self._client.get("/api/v1/state", timeout=3.0)
        except httpx.TransportError:
            return None
        zones = {zone["id"]: zone for zone in answer.json()["zones"]}
        return dict(zones[zone_id])

    def camera_cause(self, camera_id: str) -> str:
        answer = self._client.get("/api/v1/state", timeout=3.0)
        cameras = {camera["id"]: camera for camera in answer.json()["cameras"]}
        return str(cameras[camera_id]["cause"])

    def alarm_subjects(self) -> set[str]:
        answer = self._client.get("/api/v1/alarms", timeout=3.0)
        return {str(alarm["subject_id"]) for alarm in answer.json()["alarms"]}

    def child_pid(self, module: str) -> int | None:
        for child in psutil.Process(self.process.pid).children():
            # A child that just died is a zombie without a command line.
            with contextlib.suppress(psutil.Error):
                if module in child.cmdline():
                    return child.pid
        return None

    def kill_child(self, module: str) -> None:
        """SIGKILL a child and wait until another one stands in its place."""
        pid = self.child_pid(module)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        self.wait_for(f"a new {module}", lambda: self.child_pid(module) not in (None, pid))

    def wait_for(self, what: str, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _DEADLINE_S
        while not holds():
            assert self.process.poll() is None, "xiaoan run ended"
            assert time.monotonic() < deadline, f"never came: {what}"
            time.sleep(0.2)

    def wait_for_level(self, zone_id: str, *levels: str) -> dict[str, Any]:
        self.wait_for(
            f"{zone_id} at {levels}", lambda: (self.zone(zone_id) or {}).get("level") in levels
        )
        found = self.zone(zone_id)
        assert found is not None
        return found


@pytest.fixture
def site_dir(tmp_path: Path) -> Path:
    """The sample school's corridor, its camera playing a film of standing dots."""
    site = load_site(sample_school_directory())
    camera, zone = site.camera("cam-corridor3").camera, site.zone(ZONE)
    people = np.array([[8.0, 1.0], [10.0, 2.0], [12.0, 1.5]])
    image = dot_picture(camera, people, zone.head_plane)
    folder = tmp_path / "school"
    folder.mkdir()
    dot_film(folder / "corridor.mp4", lambda at_s: image, seconds=120.0, fps=2.0)
    text = (sample_school_directory() / "site.yaml").read_text(encoding="utf-8")
    (folder / "site.yaml").write_text(_only_corridor(text), encoding="utf-8")
    return folder


def _only_corridor(text: str) -> str:
    """The sample site with all cameras but the corridor's pointed at files that are not there."""
    lines = []
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("uri: virtual:quiet_corridor"):
            line = line.replace(stripped, "uri: file:corridor.mp4")
        elif stripped.startswith("uri: virtual:"):
            line = line.replace(stripped, "uri: file:absent.mp4")
        lines.append(line)
    return "\n".join(lines) + "\n"


@pytest.fixture
def running(site_dir: Path, tmp_path: Path) -> Iterator[RunningSite]:
    # A Unix socket's path is at most 107 characters; pytest's folders may be longer.
    run_dir = Path("/tmp") / f"xiaoan-test-{os.getpid()}"
    running = RunningSite(site_dir, run_dir)
    try:
        yield running
    finally:
        running.close()
        shutil.rmtree(run_dir, ignore_errors=True)


KNOWN = ("L0", "L1", "L2", "L3", "L4")


def test_a_killed_worker_leaves_no_old_level_and_comes_back(running: RunningSite) -> None:
    """Until it is back, the zone is UNKNOWN or its last reading is not yet stale (3 s)."""
    running.wait_for_level(ZONE, *KNOWN)
    killed_at = datetime.now(UTC)
    running.kill_child("api.worker_process")

    def read_anew() -> bool:
        zone = running.zone(ZONE)
        assert zone is not None
        captured = zone["captured_at"]
        anew = captured is not None and datetime.fromisoformat(captured) > killed_at
        if zone["level"] == "UNKNOWN":
            # A new worker on a slow machine counts before it may say a level (`too_slow`).
            assert zone["people"] is None or anew
            assert zone["reasons"]
            return False
        assert zone["age_s"] <= 3.0
        return anew

    running.wait_for("a new reading", read_anew)


def test_a_killed_service_comes_back_and_one_bad_camera_stops_no_other(
    running: RunningSite,
) -> None:
    running.wait_for_level(ZONE, *KNOWN)
    running.wait_for("the cause", lambda: running.camera_cause("cam-gate") == "missing_file")
    # Settings that were broken meanwhile are told of; the wall does not stay dark for them.
    (running.site_dir / "delivery.yaml").write_text("targets: 3\n", "utf-8")
    (running.site_dir / "site.yaml").write_text("site: [", "utf-8")
    running.kill_child("api.service_process")
    running.wait_for_level(ZONE, *KNOWN)
    running.wait_for("the fault", lambda: "settings" in running.alarm_subjects())
    gate = running.wait_for_level("gate-main", "UNKNOWN")
    assert gate["people"] is None
    assert "site" not in running.alarm_subjects()
    assert running.stop_code() == 0
    # The power comes back, and nobody has mended the file.
    again = RunningSite(running.site_dir, running.run_dir)
    try:
        again.wait_for_level(ZONE, *KNOWN)
        assert "site" in again.alarm_subjects()
    finally:
        again.close()

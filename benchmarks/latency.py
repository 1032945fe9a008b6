"""How long a picture takes from the camera to the guard's screen.

A real RTSP server sends 1280x720 at 25 pictures a second; `xiaoan run` decodes, counts, measures,
spools, stores and tells it; headless Chromium shows the console page. Measured for every reading
that reaches the page: the time between its picture's capture time and the change of the zone's tile
in the page's DOM. Capture time is the arrival of the picture at this machine, so the camera's own
encoding and the cable are not in the figure.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from benchmarks.report import EXIT_TARGET_MISSED, Report, no_data, parser
from config import sample_school_directory

TARGET_P95_S = 1.0
_SERVER = Path(__file__).with_name("peers") / "rtsp_server.py"
_SYSTEM_PYTHON = "/usr/bin/python3"
_START_S = 90.0
_WATCH = """
window.delays = [];
const shown = new Map();
new MutationObserver((changes) => {
  for (const change of changes) {
    const {zone, capturedAt} = change.target.dataset;
    // A tile that is drawn again with the reading that it shows already tells of no new one.
    if (shown.get(zone) === capturedAt) continue;
    shown.set(zone, capturedAt);
    window.delays.push([zone, Date.now() - Date.parse(capturedAt)]);
  }
}).observe(document.body, {subtree: true, attributeFilter: ["data-captured-at"]});
"""


@contextmanager
def process(command: list[str], **options: object) -> Iterator[subprocess.Popen[str]]:
    """A process group that ends with the block."""
    running = subprocess.Popen(  # type: ignore[call-overload]
        command, text=True, start_new_session=True, **options
    )
    try:
        yield running
    finally:
        os.killpg(running.pid, signal.SIGTERM)
        try:
            running.wait(timeout=15)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)


@contextmanager
def camera() -> Iterator[str]:
    """The address of a live 720p test camera."""
    if not Path(_SYSTEM_PYTHON).exists():
        no_data(f"{_SYSTEM_PYTHON} with gst-rtsp-server is not installed")
    command = [_SYSTEM_PYTHON, str(_SERVER), "--size", "1280x720", "--fps", "25"]
    with process(command, stdout=subprocess.PIPE) as server:
        line = server.stdout.readline() if server.stdout else ""
        if not line.startswith("port "):
            no_data("the RTSP server did not start; install gstreamer1.0-rtsp and its bindings")
        yield f"rtsp://127.0.0.1:{line.split()[1]}/live"


def write_site(folder: Path, camera_uri: str) -> None:
    """The sample school with every camera showing the test camera."""
    text = (sample_school_directory() / "site.yaml").read_text(encoding="utf-8")
    lines = [
        f"    uri: {camera_uri}" if line.strip().startswith("uri: virtual:") else line
        for line in text.splitlines()
    ]
    folder.mkdir()
    (folder / "site.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def wait_until_read(url: str) -> None:
    """Return once every zone has a reading."""
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        time.sleep(0.5)
        try:
            zones = httpx.get(f"{url}/api/v1/state", trust_env=False).json()["zones"]
        except httpx.TransportError:
            continue
        if all(zone["people"] is not None for zone in zones):
            return
    no_data(f"no reading of every zone within {_START_S:g} s")


def browser(profile: Path) -> webdriver.Chrome:
    """Headless Chromium that asks nothing of the outside."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        no_data("chromium and chromium-driver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"):
        options.add_argument(flag)
    options.add_argument("--disable-background-networking")
    options.add_argument(f"--user-data-dir={profile}")
    return webdriver.Chrome(options=options, service=Service(driver))


def measure(url: str, profile: Path, seconds: float) -> list[tuple[str, float]]:
    """(zone, delay in milliseconds) of every reading that reached the page."""
    page = browser(profile)
    try:
        page.get(url)
        time.sleep(2.0)
        page.execute_script(_WATCH)
        time.sleep(seconds)
        return [(zone, float(ms)) for zone, ms in page.execute_script("return window.delays")]
    finally:
        page.quit()


def main() -> int:
    arguments = parser(__doc__ or "")
    arguments.add_argument("--seconds", type=float, default=60.0)
    options = arguments.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder, camera() as uri:
        write_site(Path(folder) / "site", uri)
        # On this machine alone: the page is read without signing in.
        os.environ["XIAOAN_ACCESS"] = "open"
        command = [sys.executable, "-m", "api", "run", "--site", f"{folder}/site"]
        command += ["--run-dir", f"{folder}/run", "--port", str(port)]
        with process(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
            url = f"http://127.0.0.1:{port}"
            wait_until_read(url)
            found = measure(url, Path(folder) / "profile", options.seconds)
    delays_ms = np.array([ms for _, ms in found])
    if len(delays_ms) < 20:
        no_data(f"only {len(delays_ms)} readings reached the page")
    p50_ms, p95_ms, p99_ms = np.percentile(delays_ms, [50, 95, 99])
    report = Report("latency", options.seed, packages=("av", "onnxruntime", "openvino", "fastapi"))
    report.row("capture to console, median", f"{p50_ms:.0f} ms", "")
    report.row("capture to console, p95", f"{p95_ms:.0f} ms", f"{TARGET_P95_S * 1000:.0f} ms")
    report.row("capture to console, p99", f"{p99_ms:.0f} ms", "")
    report.row("readings", len(delays_ms), "")
    report.figures = {
        "capture_to_console_p50_ms": round(float(p50_ms), 1),
        "capture_to_console_p95_ms": round(float(p95_ms), 1),
        "capture_to_console_p99_ms": round(float(p99_ms), 1),
        "readings": len(delays_ms),
        "zones": len({zone for zone, _ in found}),
        "target_p95_ms": TARGET_P95_S * 1000,
    }
    report.publish(as_json=options.json)
    return 0 if p95_ms <= TARGET_P95_S * 1000 else EXIT_TARGET_MISSED


if __name__ == "__main__":
    raise SystemExit(main())

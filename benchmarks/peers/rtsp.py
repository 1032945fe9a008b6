"""Starts, kills, hangs and resumes the RTSP test server."""

from __future__ import annotations

import signal
import socket
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

SYSTEM_PYTHON = Path("/usr/bin/python3")
PROGRAM = Path(__file__).with_name("rtsp_server.py")
MEND = (
    "apt-get install gstreamer1.0-rtsp gir1.2-gst-rtsp-server-1.0 python3-gi "
    "gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-ugly gstreamer1.0-x"
)
_PROBE = (
    "import gi; gi.require_version('GstRtspServer', '1.0'); "
    "from gi.repository import Gst, GstRtspServer; Gst.init(None); "
    "needed = [Gst.ElementFactory.find(name) for name in ('x264enc', 'clockoverlay')]; "
    "raise SystemExit(None in needed)"
)


def installed() -> bool:
    """Whether the system's Python can run the server."""
    if not SYSTEM_PYTHON.exists():
        return False
    probe = subprocess.run([SYSTEM_PYTHON, "-c", _PROBE], capture_output=True, check=False)
    return probe.returncode == 0


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class RtspServer:
    """A server that keeps its port through kills and restarts; a context manager."""

    def __init__(self, *, size: str = "320x180", fps: int = 25) -> None:
        self._arguments = ["--size", size, "--fps", str(fps)]
        self.port = free_port()
        self._process: subprocess.Popen[str] | None = None

    def url(self, path: str = "/live", credentials: str = "") -> str:
        at = f"{credentials}@" if credentials else ""
        return f"rtsp://{at}127.0.0.1:{self.port}{path}"

    def start(self) -> None:
        """Start it and wait until it listens."""
        self._process = subprocess.Popen(
            [SYSTEM_PYTHON, PROGRAM, "--port", str(self.port), *self._arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.startswith("port "):
            self.kill()
            raise RuntimeError(f"the RTSP server did not start on port {self.port}")

    def kill(self) -> None:
        """SIGKILL: a camera that loses its power."""
        process = self._process
        if process is None:
            return
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
        self._process = None

    def hang(self) -> None:
        """SIGSTOP: a camera that no longer answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT after `hang`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()


__all__ = ["MEND", "RtspServer", "free_port", "installed"]

"""A private mosquitto broker that can be killed and comes back on its port."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

MEND = "apt-get install mosquitto"
_PATIENCE_S = 60.0


def _program() -> str | None:
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")


def installed() -> bool:
    """Whether the broker can be started."""
    return _program() is not None


class Mosquitto:
    """Keeps sessions on the disk after every change, as its operators are told to.

    `rights` are lines of an access list; everything is allowed without.
    """

    def __init__(self, folder: Path, rights: str = "") -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._settings = folder / "mosquitto.conf"
        self._settings.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nuser root\n"
            f"persistence true\npersistence_location {folder}/\n"
            "autosave_on_changes true\nautosave_interval 1\n",
            encoding="utf-8",
        )
        if rights:
            (folder / "rights").write_text(rights, encoding="utf-8")
            with self._settings.open("a", encoding="utf-8") as settings:
                settings.write(f"acl_file {folder}/rights\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program = _program()
        if program is None:
            raise FileNotFoundError(f"mosquitto is not installed; {MEND}")
        with (self._folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen(
                [program, "-c", str(self._settings)], stdout=log, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1.0).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise TimeoutError(f"mosquitto does not listen on port {self.port}")

    def kill(self) -> None:
        """SIGKILL: nothing is written any more."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(30)
            self._process = None

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

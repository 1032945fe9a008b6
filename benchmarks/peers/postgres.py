"""A private PostgreSQL cluster in a temporary folder, reached by socket only, with fsync on."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self


def _binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return found[-1] if found else None


def installed() -> bool:
    """Whether the server's programs are there."""
    return _binaries() is not None


class Postgres:
    """Started by the account `postgres` where this one is root, which PostgreSQL refuses.

    Its files lie in a temporary folder, or in a new one inside `where`.
    """

    def __init__(self, where: Path | None = None) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="xiaoan-pg-", dir=where))
        self._prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        self.url = f"postgresql://xiaoan@/postgres?host={self._folder}/sockets"

    def _run(self, program: str, *arguments: str) -> None:
        binaries = _binaries()
        if binaries is None:
            raise FileNotFoundError("PostgreSQL is not installed; apt-get install postgresql")
        command = [*self._prefix, str(binaries / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd="/", timeout=600)

    def __enter__(self) -> Self:
        if self._prefix:
            shutil.chown(self._folder, "postgres", "postgres")
        self._folder.chmod(0o755)
        data, sockets = f"{self._folder}/data", f"{self._folder}/sockets"
        self._run("initdb", "-D", data, "-U", "xiaoan", "-A", "trust", "-E", "UTF8")
        subprocess.run([*self._prefix, "mkdir", sockets], check=True, cwd="/")
        self._start()
        return self

    def _start(self) -> None:
        data, sockets = f"{self._folder}/data", f"{self._folder}/sockets"
        options = f"-k {sockets} -c listen_addresses='' -c max_wal_size=128MB"
        log = f"{self._folder}/log"
        self._run("pg_ctl", "-D", data, "-o", options, "-l", log, "-w", "-t", "600", "start")

    def tend(self) -> None:
        """Start it again, as its service manager would, where it ended for want of room."""
        try:
            self._run("pg_ctl", "-D", f"{self._folder}/data", "status")
        except subprocess.CalledProcessError:
            self._start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._run("pg_ctl", "-D", f"{self._folder}/data", "-m", "immediate", "-w", "stop")
        shutil.rmtree(self._folder, ignore_errors=True)

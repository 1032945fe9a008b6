"""One run at a time works in a run folder: spools, settings in force and rings have one owner."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from api.room_for_a_start import give_room
from config.errors import SettingsError
from config.settings import ServiceSettings
from config.texts import text
from streams.pictures.picture_server import LONGEST_PATH_BYTES
from streams.worker.assembly import socket_path

LOCK_FILE = "run.lock"
# The longest id that a worker has: there are at most 64.
_A_WORKER = "worker-63"


@contextmanager
def owned_run_folder(settings: ServiceSettings) -> Iterator[None]:
    """Make the run folder and own it until the block ends, or this process does, however.

    Raises:
        SettingsError: another run owns it, it cannot be written, or its path is too long.
    """
    folder, language = settings.run_dir, settings.language
    if too_long := path_fault(folder, language):
        raise SettingsError(too_long)
    give_room(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        message = text("run.folder_refused", language, folder=folder, reason=error.strerror)
        raise SettingsError(message) from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = _owner(descriptor)
            raise SettingsError(
                text("run.folder_owned", language, folder=folder, process=owner)
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def path_fault(folder: Path, language: str) -> str:
    """Why no worker could serve its live pictures there, and so would not run; empty where it can.

    A Unix socket has a shorter path than a file may have, counted in bytes: three for a Chinese
    character.
    """
    path = folder.resolve()
    over = len(os.fsencode(socket_path(path, _A_WORKER))) - LONGEST_PATH_BYTES
    if over <= 0:
        return ""
    most = len(os.fsencode(path)) - over
    return text("run.folder_too_long", language, folder=path, most=most)


def _owner(descriptor: int) -> str:
    """The number of the process that wrote it; a question mark where none can be read."""
    told = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip()
    return told if told.isdigit() else "?"


__all__ = ["LOCK_FILE", "owned_run_folder", "path_fault"]

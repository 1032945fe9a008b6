"""A file that is given up where a start finds the disk full.

A start writes locks, settings in force and a database's log before anything can be shown. On a full
disk it would end there, and nobody would see the console that says why.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import structlog

_LOG = structlog.get_logger(__name__)

FILE = "room-for-a-start"
_BYTES = 32 * 1024 * 1024
_NEEDED_BYTES = _BYTES // 2
_PLENTY_BYTES = 1_000_000_000


def give_room(folder: Path) -> bool:
    """Give the file up if the disk of `folder` has no room; whether it was."""
    file = folder / FILE
    try:
        if shutil.disk_usage(folder).free >= _NEEDED_BYTES:
            return False
        file.unlink()
    except OSError:
        # No folder, or no such file: the start says by itself what it cannot write.
        return False
    _LOG.warning("start.disk_is_full", given_up=str(file), mend="free some space on this disk")
    return True


def lay_aside(folder: Path) -> None:
    """Keep room for a later start; only where the disk has plenty."""
    file = folder / FILE
    try:
        if file.exists() or shutil.disk_usage(folder).free < _PLENTY_BYTES:
            return
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        _LOG.warning("start.no_room_laid_aside", file=str(file), reason=error.strerror)
        return
    try:
        os.posix_fallocate(descriptor, 0, _BYTES)
    except OSError as error:
        # A file of no size would stand for room that is not there.
        file.unlink()
        _LOG.warning("start.no_room_laid_aside", file=str(file), reason=error.strerror)
    finally:
        os.close(descriptor)


__all__ = ["FILE", "give_room", "lay_aside"]

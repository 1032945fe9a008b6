"""Files that are there whole or not at all, whatever ends the process or the power meanwhile."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# Read by the programs of the same group, written by this user.
_NEW_FILE_MODE = 0o640
# A draft is written within seconds; one this old was left by a process that was killed.
_LEFT_S = 3600.0
_DRAFT = ".draft-"
# Folders that this process has swept: once is enough, and some hold thousands of files.
_swept: set[Path] = set()


def replace_whole(
    path: Path, content: bytes, *, mode: int | None = None, durable: bool = True
) -> None:
    """Put `content` in place of what `path` holds, a link followed; its folder is made.

    The file keeps its owner and group where root writes it.

    Args:
        mode: rights of the file; `None` keeps those it has, and gives a new one 0640.
        durable: whether it must outlast a power cut; what is written anew within seconds need not.

    Raises:
        OSError: the folder or the file cannot be written; the old content stands.
    """
    path = path.resolve()
    before = path.stat() if path.exists() else None
    if mode is None:
        mode = before.st_mode & 0o777 if before else _NEW_FILE_MODE
    with _draft(path, content, mode, durable=durable) as draft:
        if before is not None and os.geteuid() == 0:
            # Root writes for the service, which must be able to read it as before. Some disks of
            # other systems and of other machines keep no owners.
            with suppress(PermissionError):
                os.chown(draft, before.st_uid, before.st_gid)
        draft.replace(path)
    if durable:
        _sync_folder(path.parent)


def write_once(path: Path, content: bytes, *, mode: int) -> None:
    """Write a file that is not there yet; of two processes the first one wins.

    Raises:
        OSError: the folder or the file cannot be written.
    """
    with _draft(path, content, mode, durable=True) as draft:
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            return
    _sync_folder(path.parent)


@contextmanager
def _draft(path: Path, content: bytes, mode: int, *, durable: bool) -> Iterator[Path]:
    """The content beside `path` under a name of its own, which is gone at the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _sweep(path.parent)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}{_DRAFT}", dir=path.parent)
    draft = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def _sweep(folder: Path) -> None:
    """Remove drafts that killed processes left: they may hold a secret. Best effort."""
    if folder in _swept:
        return
    _swept.add(folder)
    before = time.time() - _LEFT_S
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") and _DRAFT in entry.name:
                with suppress(OSError):
                    if entry.stat(follow_symlinks=False).st_mtime < before:
                        Path(entry).unlink()


def _sync_folder(folder: Path) -> None:
    """The name in its folder outlasts a power cut too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


__all__ = ["replace_whole", "write_once"]

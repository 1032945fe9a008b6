"""Files that are there whole or not at all, whatever ends the process or the power meanwhile."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Read by the programs of the same group, written by this user.
_NEW_FILE_MODE = 0o640


def replace_whole(
    path: Path, content: bytes, *, mode: int | None = None, durable: bool = True
) -> None:
    """Put `content` in place of what `path` holds, a link followed; its folder is made.

    Args:
        mode: rights of the file; `None` keeps those it has, and gives a new one 0640.
        durable: whether it must outlast a power cut; what is written anew within seconds need not.

    Raises:
        OSError: the folder or the file cannot be written; the old content stands.
    """
    path = path.resolve()
    if mode is None:
        mode = path.stat().st_mode & 0o777 if path.exists() else _NEW_FILE_MODE
    with _draft(path, content, mode, durable=durable) as draft:
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
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
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


def _sync_folder(folder: Path) -> None:
    """The name in its folder outlasts a power cut too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


__all__ = ["replace_whole", "write_once"]

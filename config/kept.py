"""What was worked out once from the program's own files, kept for the next process of this machine.

Parsing the shipped texts takes a process two seconds, and a school's PC starts five. Only a folder
of one's own is used: what others could write is never read.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

JsonValue = str | int | float | bool | None | Sequence["JsonValue"] | Mapping[str, "JsonValue"]
# Another form of what is kept asks for another number.
_FORMAT = 1


def kept_folder() -> Path:
    """`$XIAOAN_CACHE`, or a folder of this user in the system's temporary directory."""
    named = os.environ.get("XIAOAN_CACHE")
    return Path(named) if named else Path(tempfile.gettempdir()) / f"xiaoan-kept-{_user()}"


def kept_json(
    kind: str, content: bytes, make: Callable[[], JsonValue], folder: Path | None = None
) -> JsonValue:
    """What `make` gives, or what it gave an earlier process for the same `content`.

    A folder that cannot be used, or a damaged file, only costs the time to make it again.
    """
    name = f"{kind}-{_FORMAT}-{hashlib.sha256(content).hexdigest()}.json"
    file = (folder or kept_folder()) / name
    try:
        if _is_own(file.parent) and _is_own(file):
            found: JsonValue = json.loads(file.read_text(encoding="utf-8"))
            return found
    except (OSError, ValueError):
        pass
    made = make()
    _keep(file, made)
    return made


def _keep(file: Path, made: JsonValue) -> None:
    """Best effort: without a folder of one's own it is made again next time."""
    part = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if _is_own(file.parent):
            part.write_text(json.dumps(made, ensure_ascii=False), encoding="utf-8")
            part.chmod(0o600)
            part.replace(file)
    except OSError:
        return


def _is_own(path: Path) -> bool:
    """Whether only this user can have written it."""
    found = path.lstat()
    alone = not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return alone and not stat.S_ISLNK(found.st_mode) and found.st_uid == _user()


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0


__all__ = ["JsonValue", "kept_folder", "kept_json"]

"""Files that a settings file names: a picture, a sound, a calendar, profiles."""

from __future__ import annotations

import os
from pathlib import Path


def named_file(directory: Path, name: str) -> Path | None:
    """Where `name` lies, links followed; `None` where that is not in `directory` or below it."""
    try:
        path = (directory / name).resolve()
        return path if path.is_relative_to(directory.resolve()) else None
    except (OSError, ValueError, RuntimeError):
        # A zero byte, a name longer than a disk keeps, or links that go round.
        return None


def is_there(path: Path) -> bool:
    """Whether `path` is a file; one whose name no disk could keep is not."""
    return os.path.isfile(path)  # noqa: PTH113  # `Path.is_file` raises for such a name


__all__ = ["is_there", "named_file"]

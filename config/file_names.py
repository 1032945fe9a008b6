"""Names in a site folder: settings that are no plain files, and files that nobody reads.

A missing file means its defaults, and those of `networks.yaml` are the widest. So a link to a disk
that is not there, or a file that an editor named `networks.yaml.txt`, must not pass for a missing
one.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection, Iterable
from pathlib import Path, PurePath

from config.errors import ConfigFileError, FileProblem
from config.yaml_source import read_yaml

_NEAR = 0.85


def no_plain_files(directory: Path, names: Iterable[str]) -> dict[str, tuple[FileProblem, ...]]:
    """What stands below one of `names` and is no file: a folder, a link that leads nowhere."""
    found = {}
    for name in names:
        path = directory / name
        if not os.path.lexists(path) or path.is_file():
            continue
        try:
            read_yaml(path)
        except ConfigFileError as error:
            found[name] = error.problems
    return found


def misnamed(directory: Path, names: Collection[str]) -> dict[str, tuple[FileProblem, ...]]:
    """Files whose name is nearly one of `names`, by the name that they should have."""
    notes: dict[str, tuple[FileProblem, ...]] = {}
    try:
        written = sorted(path.name for path in directory.iterdir() if path.is_file())
    except OSError:
        return {}
    for name in written:
        meant = None if name in names or name.startswith(".") else _meant(name, names)
        if meant is not None:
            note = FileProblem(name, 0, "", "nobody reads this file", f"call it {meant}")
            notes[meant] = (*notes.get(meant, ()), note)
    return notes


def _meant(name: str, names: Collection[str]) -> str | None:
    path = PurePath(name.casefold().removesuffix(".txt"))
    if path.suffix not in (".yaml", ".yml"):
        return None
    close = difflib.get_close_matches(f"{path.stem}.yaml", names, n=1, cutoff=_NEAR)
    return close[0] if close else None


__all__ = ["misnamed", "no_plain_files"]

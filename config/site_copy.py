"""A copy of a site's settings: which files it holds, and how it is written.

Only settings are copied: the YAML files of the folder, those in `plan` and below it, and the
threshold profiles. Films, secrets, sounds and drawings stay where they are. `delivery.yaml` is
followed while the service runs and keeps a copy of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from config.delivery import DELIVERY_FILE
from config.site import Site
from config.whole_files import replace_whole

PLAN_FOLDER = "plan"
_SUFFIXES = (".yaml", ".yml")
_DIGITS = 16
# The folder may be closed to others, and all processes of a run are of one user.
_MODE = 0o600


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a site as they were read.

    Attributes:
        contents: the bytes of each file by its place below the folder.
        has_plan: there is a folder `plan`, which may be empty.
    """

    contents: Mapping[str, bytes]
    has_plan: bool

    @property
    def digest(self) -> str:
        """A name for these settings: equal ones have the same."""
        digest = hashlib.sha256(b"plan" if self.has_plan else b"")
        for name, content in self.contents.items():
            digest.update(f"{name}\0{len(content)}\0".encode())
            digest.update(content)
        return digest.hexdigest()[:_DIGITS]

    def write(self, folder: Path) -> None:
        """Write what differs in `folder`. Raises `OSError`."""
        if self.has_plan:
            (folder / PLAN_FOLDER).mkdir(parents=True, exist_ok=True)
        for name, content in self.contents.items():
            path = folder / name
            if not path.is_file() or path.read_bytes() != content:
                replace_whole(path, content, mode=_MODE)


def goes_along(name: str) -> bool:
    """Whether a settings file that is called `name` from the folder has its place in a copy."""
    path = PurePath(name)
    parts = path.parts
    plain = path.suffix in _SUFFIXES and not path.name.startswith(".") and ".." not in parts
    return plain and not path.is_absolute() and (len(parts) == 1 or parts[0] == PLAN_FOLDER)


def has_own_profiles_outside(site: Site) -> bool:
    """Whether its threshold profiles lie outside its folder: they have no place in a copy of it."""
    profiles = site.profiles_file
    return profiles is not None and not profiles.is_relative_to(site.folder.read_from)


def settings_of(site: Site) -> Settings:
    """The settings in the folder of a site whose profiles lie in it. Raises `OSError`."""
    directory, plan = site.directory, site.directory / PLAN_FOLDER
    found = {*_settings_among(directory.iterdir()), *_settings_among(plan.rglob("*"))}
    found.discard(directory / DELIVERY_FILE)
    if site.profiles_file is not None:
        found.add(directory / site.profiles_file.relative_to(site.folder.read_from))
    contents = {path.relative_to(directory).as_posix(): path.read_bytes() for path in sorted(found)}
    return Settings(contents, plan.is_dir())


def as_copied(site: Site, folder: Path) -> Site:
    """The site with its files read from a copy of its settings that is written into `folder`.

    Raises `OSError`.
    """
    settings_of(site).write(folder)
    profiles = site.profiles_file
    if profiles is not None:
        profiles = folder / profiles.relative_to(site.folder.read_from)
    return replace(site, read_from=folder, profiles_file=profiles)


def _settings_among(paths: Iterable[Path]) -> Iterable[Path]:
    """Editors leave locks and half-written files whose names begin with a dot."""
    for path in paths:
        if path.suffix in _SUFFIXES and not path.name.startswith(".") and path.is_file():
            yield path


__all__ = [
    "PLAN_FOLDER",
    "Settings",
    "as_copied",
    "goes_along",
    "has_own_profiles_outside",
    "settings_of",
]

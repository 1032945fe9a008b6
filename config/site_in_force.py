"""The settings that a run goes by: a copy of the site's files, taken when all could be used.

Every process of a run reads the copy. So one that is started again in the middle of a day reads
what the others read, whatever was typed into the folder since. And a start with a file that cannot
be used, when the power comes back and nobody is there to mend it, goes by the copy of the start
before: cameras watch by yesterday's settings rather than not at all.

Only settings are copied: the YAML files of the folder, those in `plan`, and the threshold profiles.
Films, secrets, sounds and drawings stay where they are. `delivery.yaml` is followed while the
service runs and keeps a copy of its own.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from config.delivery import DELIVERY_FILE
from config.errors import ConfigError
from config.site import Site
from config.site_files import PLAN_FOLDER, problems_at_a_start
from config.site_load import load_site
from config.whole_files import replace_whole
from vision.instants import Utc

COPIES = "site-in-force"
_STANDING = "standing.json"
_DIGITS = 16
# The folder may be closed to others, and all processes of a run are of one user.
_MODE = 0o600
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SiteInForce:
    """What a run goes by.

    Attributes:
        site: read from the copy, or from the folder itself where no copy could be written.
        taken_at: when the copy was taken; `None` without one.
        problems: why the folder as it stands cannot be used, each with file, line, key and mend;
            empty where it can. The settings are then those of `taken_at`.
    """

    site: Site
    taken_at: Utc | None = None
    problems: tuple[str, ...] = ()


class SiteFilesError(ConfigError):
    """Files beside the site file that cannot be used; a line a problem."""


def settle_site(directory: Path, run_dir: Path, now: Utc) -> SiteInForce:
    """The settings for a run that starts now.

    Raises:
        ConfigError: a file cannot be used and there is no copy of an earlier start that can.
    """
    try:
        site = load_site(directory)
        contents = _settings_of(site)
        copy = _copied(contents, run_dir) if contents else None
        # What is judged is what will be read, whatever is written into the folder meanwhile.
        taken = load_site(directory, read_from=copy)
        _refuse_problems(taken)
    except ConfigError as error:
        before = _kept(directory, run_dir)
        if before is None:
            raise
        return SiteInForce(before.site, before.taken_at, tuple(str(error).splitlines()))
    return SiteInForce(taken, now if copy is not None and _named(copy, directory, now) else None)


def _settings_of(site: Site) -> Mapping[str, bytes]:
    """The contents of the settings by their place below the folder; none where they cannot be kept.

    Profiles that lie outside the folder have no place in a copy of it.
    """
    directory, profiles = site.directory, site.profiles_file
    if profiles is not None and not profiles.resolve().is_relative_to(directory.resolve()):
        _log.warning("the site's settings are not kept: %s lies outside its folder", profiles.name)
        return {}
    found = {*directory.glob("*.yaml"), *(directory / PLAN_FOLDER).glob("*.yaml")}
    if profiles is not None:
        found.add(profiles)
    try:
        return {
            os.path.relpath(path, directory): path.read_bytes()
            for path in sorted(found)
            if path.name != DELIVERY_FILE
        }
    except OSError as error:
        _not_kept(error)
        return {}


def _copied(contents: Mapping[str, bytes], run_dir: Path) -> Path | None:
    """A folder with these contents; `None` where it cannot be written."""
    folder = run_dir / COPIES / _digest(contents)
    try:
        for name, content in contents.items():
            path = folder / name
            if not path.is_file() or path.read_bytes() != content:
                replace_whole(path, content, mode=_MODE)
    except OSError as error:
        _not_kept(error)
        return None
    return folder


def _named(folder: Path, directory: Path, now: Utc) -> bool:
    """Name the copy the one that the next start may go back to, and forget the others."""
    standing = {
        "directory": str(directory.resolve()),
        "folder": folder.name,
        "taken_at": now.iso(),
    }
    try:
        replace_whole(folder.parent / _STANDING, json.dumps(standing).encode())
    except OSError as error:
        _not_kept(error)
        return False
    for other in folder.parent.iterdir():
        if other.is_dir() and other != folder:
            shutil.rmtree(other, ignore_errors=True)
    return True


def _kept(directory: Path, run_dir: Path) -> SiteInForce | None:
    """The copy of the last good start of this folder. An older program's may not hold for this."""
    copies = run_dir / COPIES
    try:
        standing = json.loads((copies / _STANDING).read_bytes())
        if standing["directory"] != str(directory.resolve()):
            return None
        folder = copies / Path(str(standing["folder"])).name
        site = load_site(directory, read_from=folder)
        _refuse_problems(site)
        return SiteInForce(site, Utc.from_iso(str(standing["taken_at"])))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _refuse_problems(site: Site) -> None:
    problems = problems_at_a_start(site)
    if problems:
        raise SiteFilesError("\n".join(problems))


def _not_kept(error: OSError) -> None:
    reason = error.strerror or str(error)
    _log.warning("the site's settings are not kept for the next start: %s", reason)


def _digest(contents: Mapping[str, bytes]) -> str:
    """A name for these contents: equal settings lie in one folder."""
    digest = hashlib.sha256()
    for name, content in contents.items():
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:_DIGITS]


__all__ = ["COPIES", "SiteFilesError", "SiteInForce", "settle_site"]

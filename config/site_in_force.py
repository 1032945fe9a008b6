"""The settings that a run goes by: a copy of the site's files, taken when all could be used.

Every process of a run reads the copy. So one that is started again in the middle of a day reads
what the others read, whatever was typed into the folder since. And a start with a file that cannot
be used, when the power comes back and nobody is there to mend it, goes by the copy of the start
before: cameras watch by yesterday's settings rather than not at all.

What is copied is said in `config.site_copy`. What the settings name and stays where it is, a
drawing or a sound, stops no start when it is gone.
"""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path

from config.errors import ConfigError, ConfigFileError, FileProblem
from config.site import Site
from config.site_copy import has_own_profiles_outside, settings_of
from config.site_files import refused_at_a_start, standings_at_a_start
from config.site_load import load_site
from config.whole_files import replace_whole
from vision.instants import Utc

COPIES = "site-in-force"
_STANDING = "standing.json"
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


class SiteFilesError(ConfigFileError):
    """Files beside the site file that cannot be used."""


def settle_site(directory: Path, run_dir: Path, now: Utc) -> SiteInForce:
    """The settings for a run that starts now.

    Raises:
        ConfigError: a file cannot be used and there is no copy of an earlier start that can.
    """
    try:
        site = load_site(directory)
        if refused := refused_at_a_start(directory):
            raise SiteFilesError(refused)
        copy = _copied(site, run_dir)
        # What is judged is what will be read, whatever is written into the folder meanwhile.
        taken = load_site(directory, read_from=copy)
        notes = (*taken.notes, *_noted(taken))
    except ConfigError as error:
        before = _kept(directory, run_dir)
        if before is None:
            raise
        return SiteInForce(before.site, before.taken_at, tuple(str(error).splitlines()))
    for note in notes:
        _log.warning("%s", note)
    return SiteInForce(taken, now if copy is not None and _named(copy, directory, now) else None)


def _copied(site: Site, run_dir: Path) -> Path | None:
    """A folder with the site's settings; `None` where they cannot be kept."""
    if has_own_profiles_outside(site):
        _log.warning("the site's settings are not kept: its profiles lie outside its folder")
        return None
    try:
        settings = settings_of(site)
        folder = run_dir / COPIES / settings.digest
        settings.write(folder)
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
        _noted(site)
        return SiteInForce(site, Utc.from_iso(str(standing["taken_at"])))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _noted(site: Site) -> tuple[FileProblem, ...]:
    """What is doubtful in the files beside the site file. Raises `SiteFilesError`."""
    standings = standings_at_a_start(site)
    problems = [problem for one in standings for problem in one.problems]
    if problems:
        raise SiteFilesError(problems)
    return tuple(note for one in standings for note in one.notes)


def _not_kept(error: OSError) -> None:
    reason = error.strerror or str(error)
    _log.warning("the site's settings are not kept for the next start: %s", reason)


__all__ = ["COPIES", "SiteFilesError", "SiteInForce", "settle_site"]

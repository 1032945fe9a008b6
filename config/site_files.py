"""Every file of a site folder beside `site.yaml`: is it there, and can it be used?

The service reads most of these files when it starts; this reads them the same way, so that somebody
can know before, and a start with a bad one can go back to the files before it
(`config.site_in_force`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from config.cards import CARDS_FILE
from config.cards_load import load_cards
from config.delivery import DELIVERY_FILE, load_delivery
from config.desk_plan import DESK_FILE, DeskPlan, load_desk_plan
from config.dismissal import DISMISSAL_FILE, load_dismissal
from config.errors import ConfigError, ConfigFileError, FileProblem
from config.file_names import misnamed, no_plain_files
from config.networks import NETWORKS_FILE, load_networks
from config.oidc import OIDC_FILE, load_oidc
from config.panels import PANELS_FILE
from config.panels_load import load_panels
from config.plan import load_edition, names_units
from config.profiles import ProfileFileError, load_profiles
from config.recording import RECORDING_FILE, load_recording
from config.site import Site
from config.site_copy import PLAN_FOLDER, as_copied, has_own_profiles_outside
from config.timetable.load import TIMETABLE_FILE, load_timetable

# Read each time they are asked for, where they stand; `delivery.yaml` keeps what was last in force.
_READ_IN_PLACE = frozenset({DELIVERY_FILE, DISMISSAL_FILE})
# Every file beside the site file that a site may have under a name of its own.
FILES = (
    *(DESK_FILE, CARDS_FILE, PANELS_FILE, DELIVERY_FILE, NETWORKS_FILE),
    *(OIDC_FILE, RECORDING_FILE, TIMETABLE_FILE, DISMISSAL_FILE),
)


@dataclass(frozen=True, slots=True)
class FileStanding:
    """How one file stands.

    Attributes:
        name: as it stands in the folder.
        present: it is there; what is not there falls back to its defaults.
        problems: what is wrong; empty when it can be used.
        notes: what is doubtful, and no reason to refuse it.
        counts: what the file holds, by a key of the catalogue (`site.file.count.*`).
    """

    name: str
    present: bool
    problems: tuple[FileProblem, ...] = ()
    notes: tuple[FileProblem, ...] = ()
    counts: tuple[tuple[str, int], ...] = ()


def check_files(site: Site) -> tuple[FileStanding, ...]:
    """Read every file beside the site file; never raises for what they hold.

    What is judged is a copy, as a start takes it: what the copy lacks, the start would lack.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            read = site if has_own_profiles_outside(site) else as_copied(site, Path(folder))
        except OSError:
            read = site
        standings = _standings(read, with_secrets=True)
    refused = no_plain_files(site.directory, FILES)
    return tuple(
        FileStanding(one.name, True, refused[one.name]) if one.name in refused else one
        for one in standings
    )


def refused_at_a_start(directory: Path) -> tuple[FileProblem, ...]:
    """What stands below the name of a file that a start reads, and is no file."""
    refused = no_plain_files(directory, [name for name in FILES if name not in _READ_IN_PLACE])
    return tuple(problem for problems in refused.values() for problem in problems)


def standings_at_a_start(site: Site) -> tuple[FileStanding, ...]:
    """How the files stand that a start reads.

    A secret that cannot be had is no reason not to start: what it is for says so itself.
    """
    standings = _standings(site, with_secrets=False)
    return tuple(one for one in standings if one.name not in _READ_IN_PLACE)


def _standings(site: Site, *, with_secrets: bool) -> tuple[FileStanding, ...]:
    readers = _readers(site, with_secrets=with_secrets)
    notes = misnamed(site.directory, FILES)
    standings = [_standing(_path_of(site, name), name, read) for name, read in readers]
    return tuple(replace(one, notes=(*one.notes, *notes.get(one.name, ()))) for one in standings)


@dataclass(frozen=True, slots=True)
class _Found:
    """What reading a file gave: counts by kind, and notes."""

    counts: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[FileProblem, ...] = ()


_Reader = Callable[[], _Found]


def _readers(site: Site, *, with_secrets: bool) -> tuple[tuple[str, _Reader], ...]:
    """How each file is read."""
    desk: list[DeskPlan] = []

    def read_desk() -> _Found:
        desk.append(load_desk_plan(site))
        plan = desk[0]
        return _Found({"people": len(plan.people), "steps": len(plan.ladder)})

    def read_cards() -> _Found:
        # A desk that cannot be read has its own problems; cards are then read without its people.
        if not desk:
            return _Found()
        book = load_cards(site, desk[0])
        return _Found({"cards": len(book.cards)}, book.notes)

    def read_delivery() -> _Found:
        plan = load_delivery(site.directory)
        paths = sum(len(target.paths) for target in plan.targets)
        return _Found({"targets": len(plan.targets), "paths": paths})

    readers: tuple[tuple[str, _Reader], ...] = (
        (DESK_FILE, read_desk),
        (CARDS_FILE, read_cards),
        (PANELS_FILE, lambda: _read_panels(site, with_secrets=with_secrets)),
        (DELIVERY_FILE, read_delivery),
        (NETWORKS_FILE, _uncounted(lambda: load_networks(site.folder.read_from))),
        (OIDC_FILE, _uncounted(lambda: load_oidc(site.directory, read_from=site.read_from))),
        (RECORDING_FILE, _uncounted(lambda: load_recording(site))),
        (TIMETABLE_FILE, lambda: _read_timetable(site)),
        (
            DISMISSAL_FILE,
            lambda: _Found({"places": len(load_dismissal(site.directory).places)}),
        ),
        (PLAN_FOLDER, lambda: _read_plan(site.file(PLAN_FOLDER))),
    )
    if site.profiles_file is None:
        return readers
    own = _uncounted(lambda: load_profiles(site.profiles_file))
    return ((site.profiles_file.name, own), *readers)


def _read_plan(folder: Path) -> _Found:
    load_edition(folder)
    if names_units(folder):
        return _Found()
    message = "it holds no units.yaml, so this service keeps no safety plan"
    mend = "list the bureau and its schools in units.yaml where a plan is meant"
    return _Found(notes=(FileProblem(PLAN_FOLDER, 0, "", message, mend),))


def _read_panels(site: Site, *, with_secrets: bool) -> _Found:
    plan = load_panels(site)
    if with_secrets and plan.locked:
        raise ConfigFileError(tuple(plan.locked.values()))
    contacts = sum(one.door_id is not None for one in plan.inputs)
    return _Found(
        {
            "devices": len(plan.devices),
            "inputs": len(plan.inputs) - contacts,
            "contacts": contacts,
            "outputs": len(plan.outputs),
        }
    )


def _read_timetable(site: Site) -> _Found:
    try:
        profiles = load_profiles(site.profiles_file)
    except ProfileFileError:
        # The profiles tell their problems themselves; limits cannot be held against them.
        return _Found()
    load_timetable(site, profiles)
    return _Found()


def _uncounted(read: Callable[[], object]) -> _Reader:
    """A reader of a file of which nothing is counted."""

    def reader() -> _Found:
        read()
        return _Found()

    return reader


def _path_of(site: Site, name: str) -> Path:
    if site.profiles_file is not None and name == site.profiles_file.name:
        return site.profiles_file
    return site.directory / name if name in _READ_IN_PLACE else site.file(name)


def _standing(path: Path, name: str, read: _Reader) -> FileStanding:
    if not path.exists():
        # Reading still matters for the order: cards need the people of an absent desk file.
        if name == DESK_FILE:
            read()
        return FileStanding(name, present=False)
    try:
        found = read()
    except ConfigFileError as error:
        return FileStanding(name, True, error.problems)
    except ConfigError as error:
        problem = FileProblem(name, 0, "", str(error), "correct the file")
        return FileStanding(name, True, (problem,))
    return FileStanding(name, True, (), found.notes, tuple(found.counts.items()))

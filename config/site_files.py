"""Every file of a site folder beside `site.yaml`: is it there, and can it be used?

The service reads most of these files when it starts; this reads them the same way, so that somebody
can know before, and a start with a bad one can go back to the files before it
(`config.site_in_force`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from config.cards import CARDS_FILE
from config.cards_load import load_cards
from config.delivery import DELIVERY_FILE, load_delivery
from config.desk_plan import DESK_FILE, DeskPlan, load_desk_plan
from config.dismissal import DISMISSAL_FILE, load_dismissal
from config.errors import ConfigError, ConfigFileError
from config.networks import NETWORKS_FILE, load_networks
from config.oidc import OIDC_FILE, load_oidc
from config.panels import PANELS_FILE
from config.panels_load import load_panels
from config.plan import load_edition
from config.profiles import load_profiles
from config.recording import RECORDING_FILE, load_recording
from config.site import Site
from config.timetable.load import TIMETABLE_FILE, load_timetable

PLAN_FOLDER = "plan"
# Read each time they are asked for, where they stand; `delivery.yaml` keeps what was last in force.
_READ_IN_PLACE = frozenset({DELIVERY_FILE, DISMISSAL_FILE})


@dataclass(frozen=True, slots=True)
class FileStanding:
    """How one file stands.

    Attributes:
        name: as it stands in the folder.
        present: it is there; what is not there falls back to its defaults.
        problems: each with file, line, key and mend; empty when it can be used.
        counts: what the file holds, by a key of the catalogue (`site.file.count.*`).
    """

    name: str
    present: bool
    problems: tuple[str, ...] = ()
    counts: tuple[tuple[str, int], ...] = ()


def check_files(site: Site) -> tuple[FileStanding, ...]:
    """Read every file beside the site file; never raises for what they hold."""
    readers = _readers(site, with_secrets=True)
    return tuple(_standing(_path_of(site, name), name, read) for name, read in readers)


def problems_at_a_start(site: Site) -> tuple[str, ...]:
    """What is wrong in the files that a start reads; each with file, line, key and mend.

    A secret that cannot be had is no reason not to start: what it is for says so itself.
    """
    problems = [
        problem
        for name, read in _readers(site, with_secrets=False)
        if name not in _READ_IN_PLACE
        for problem in _standing(_path_of(site, name), name, read).problems
    ]
    # What is wrong in the profiles is told by whatever else is held against them, too.
    return tuple(dict.fromkeys(problems))


_Reader = Callable[[], dict[str, int]]


def _readers(site: Site, *, with_secrets: bool) -> tuple[tuple[str, _Reader], ...]:
    """How each file is read; what comes back is counted by kind."""
    desk: list[DeskPlan] = []

    def read_desk() -> dict[str, int]:
        desk.append(load_desk_plan(site))
        plan = desk[0]
        return {"people": len(plan.people), "steps": len(plan.ladder)}

    def read_cards() -> dict[str, int]:
        # A desk that cannot be read has its own problems; cards are then read without its people.
        return {"cards": len(load_cards(site, desk[0]).cards)} if desk else {}

    def read_panels() -> dict[str, int]:
        plan = load_panels(site)
        if with_secrets and plan.locked:
            raise ConfigFileError(tuple(plan.locked.values()))
        return {
            "devices": len(plan.devices),
            "inputs": sum(one.door_id is None for one in plan.inputs),
            "contacts": sum(one.door_id is not None for one in plan.inputs),
            "outputs": len(plan.outputs),
        }

    def read_delivery() -> dict[str, int]:
        plan = load_delivery(site.directory)
        paths = sum(len(target.paths) for target in plan.targets)
        return {"targets": len(plan.targets), "paths": paths}

    def read_dismissal() -> dict[str, int]:
        return {"places": len(load_dismissal(site.directory).places)}

    def read_timetable() -> dict[str, int]:
        load_timetable(site, load_profiles(site.profiles_file))
        return {}

    readers: tuple[tuple[str, _Reader], ...] = (
        (DESK_FILE, read_desk),
        (CARDS_FILE, read_cards),
        (PANELS_FILE, read_panels),
        (DELIVERY_FILE, read_delivery),
        (NETWORKS_FILE, _uncounted(lambda: load_networks(site.folder.read_from))),
        (OIDC_FILE, _uncounted(lambda: load_oidc(site.directory, read_from=site.read_from))),
        (RECORDING_FILE, _uncounted(lambda: load_recording(site))),
        (TIMETABLE_FILE, read_timetable),
        (DISMISSAL_FILE, read_dismissal),
        (PLAN_FOLDER, _uncounted(lambda: load_edition(site.file(PLAN_FOLDER)))),
    )
    if site.profiles_file is None:
        return readers
    own = _uncounted(lambda: load_profiles(site.profiles_file))
    return ((site.profiles_file.name, own), *readers)


def _uncounted(read: Callable[[], object]) -> _Reader:
    """A reader of a file of which nothing is counted."""

    def reader() -> dict[str, int]:
        read()
        return {}

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
        counts = read()
    except ConfigFileError as error:
        return FileStanding(name, True, tuple(str(problem) for problem in error.problems))
    except ConfigError as error:
        return FileStanding(name, True, (str(error),))
    return FileStanding(name, True, counts=tuple(counts.items()))

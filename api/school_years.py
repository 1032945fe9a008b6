"""Where the school years that are entered in the service reach the timetables of all processes."""

from __future__ import annotations

from pathlib import Path

from config import sample_school_directory
from config.plan.edition import names_units
from config.profiles import load_profiles
from config.settings import ServiceSettings
from config.site import Site
from config.site_copy import PLAN_FOLDER
from config.timetable import Timetable, load_timetable
from config.timetable.entered import ENTERED_YEARS


def has_plan(site: Site) -> bool:
    """Whether the service keeps a safety plan: the site's own, or the sample school's."""
    return names_units(site.file(PLAN_FOLDER)) or site.directory == sample_school_directory()


def entered_years(site: Site, settings: ServiceSettings) -> Path | None:
    """Folder of the calendars that were entered; `None` where no plan takes any."""
    return settings.run_dir / ENTERED_YEARS if has_plan(site) else None


def timetable_in_force(site: Site, settings: ServiceSettings) -> Timetable | None:
    """The timetable, with the years that are entered in the service. Raises `ConfigError`."""
    return load_timetable(site, load_profiles(site.profiles_file), entered_years(site, settings))

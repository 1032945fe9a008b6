"""The school year as it was entered in the service, for processes that have no database.

The service writes each calendar of which a year was entered into the run folder, whole; whoever
keeps a timetable reads it again when it has changed. Without such a file the timetable goes by the
calendar of the site's folder.
"""

from __future__ import annotations

import logging
from pathlib import Path

from config.errors import ConfigError
from config.plan.edition import CALENDAR_FILE
from config.plan.school_calendar import SchoolCalendar, load_calendar
from config.site_copy import PLAN_FOLDER

ENTERED_YEARS = "school-years"
"""Folder of these calendars in the run folder."""
_log = logging.getLogger(__name__)
_Stamp = tuple[int, int, int]


def entered_file(folder: Path, calendar: str) -> Path:
    """Where a calendar lies in `folder`; the empty name is the district's own."""
    return folder / (calendar or CALENDAR_FILE)


def entered_name(named: str) -> str | None:
    """The plan's name of the calendar that a timetable names; `None` for one that is no plan's."""
    if not named:
        return ""
    path = Path(named)
    if not path.is_relative_to(PLAN_FOLDER):
        return None
    name = path.relative_to(PLAN_FOLDER).as_posix()
    return "" if name == CALENDAR_FILE else name


class FollowedCalendar:
    """A calendar of the site's folder, and in its place the entered one, once there is one.

    What cannot be read changes nothing: the calendar that was read last holds.
    """

    def __init__(self, calendar: SchoolCalendar, file: Path | None) -> None:
        self._own = calendar
        self._file = file
        self._stamp: _Stamp | None = None
        self._current = calendar

    def current(self) -> SchoolCalendar:
        """The calendar that holds now."""
        if self._file is None:
            return self._own
        stamp = _stamp_of(self._file)
        if stamp != self._stamp:
            self._stamp = stamp
            self._current = self._read(self._file) if stamp is not None else self._own
        return self._current

    def _read(self, file: Path) -> SchoolCalendar:
        try:
            return load_calendar(file)
        except (ConfigError, OSError) as error:
            _log.warning("the school year that was entered cannot be read: %s", error)
            return self._current


def _stamp_of(file: Path) -> _Stamp | None:
    """Changes whenever the file does, which is always replaced as a whole."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


__all__ = ["ENTERED_YEARS", "FollowedCalendar", "entered_file", "entered_name"]

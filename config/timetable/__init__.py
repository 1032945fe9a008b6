"""The school's timetable: arrivals, class changes, dismissal, assemblies and drills."""

from __future__ import annotations

from config.timetable.load import (
    TIMETABLE_FILE,
    Hours,
    Timetable,
    expected_flow_per_s,
    load_timetable,
    parse_timetable,
)
from config.timetable.values import Drill, Entry, Group, TimetableFile

__all__ = [
    "TIMETABLE_FILE",
    "Drill",
    "Entry",
    "Group",
    "Hours",
    "Timetable",
    "TimetableFile",
    "expected_flow_per_s",
    "load_timetable",
    "parse_timetable",
]

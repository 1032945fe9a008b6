"""The timetable's hours as slots of camera evidence."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from api.plan.camera_gathering import slots_of
from config import load_site, sample_school_directory
from config.profiles import load_profiles
from config.timetable import parse_timetable

ENTRIES = """format: 1
entries:
  - {id: assembly, kind: assembly, start: '07:55', end: '08:10', weekdays: [1]}
  - {id: out, kind: dismissal, start: '16:30', end: '16:50'}
drills:
  - {id: fire, day: 2026-03-04, start: '10:00', end: '10:10'}
"""


@pytest.mark.parametrize(
    ("at", "held"),
    [
        ("2026-03-02T07:57", ["assembly"]),  # a Monday
        ("2026-03-03T07:57", []),
        ("2026-03-03T16:30", ["out"]),
        ("2026-03-03T16:50", []),
    ],
)
def test_a_slot_holds_on_the_weekdays_of_its_entry(
    tmp_path: Path, at: str, held: list[str]
) -> None:
    path = tmp_path / "timetable.yaml"
    path.write_text(ENTRIES, "utf-8")
    timetable = parse_timetable(path, load_site(sample_school_directory()), load_profiles())
    slots = slots_of(timetable)
    assert [slot.id for slot in slots] == ["assembly", "out"]
    assert [slot.id for slot in slots if slot.holds(datetime.fromisoformat(at))] == held

"""A school year that is entered in the service reaches a timetable that is being gone by."""

from datetime import date
from pathlib import Path

import pytest
from pydantic import TypeAdapter
from ruamel.yaml import YAML

from config import load_site, sample_school_directory
from config.plan.school_calendar import SchoolCalendar, load_calendar
from config.profiles import load_profiles
from config.timetable import Timetable, load_timetable, parse_timetable
from config.timetable.entered import entered_file, entered_name
from config.whole_files import replace_whole
from vision.instants import Utc

SITE = load_site(sample_school_directory())
PROFILES = load_profiles()
SATURDAY, WEDNESDAY = "2026-03-07T16:35:00+08:00", "2026-03-04T16:35:00+08:00"


def on(timetable: Timetable, when: str) -> str | None:
    found = timetable.at(Utc.from_iso(when))
    return None if found is None else found.id


def enter(folder: Path, name: str = "") -> None:
    """What the service writes: school on a Saturday, none on the Wednesday before."""
    known = load_calendar().entered_year(2026)
    year = TypeAdapter(type(known)).dump_python(known)
    year["make_up_days"] = (*known.make_up_days, date(2026, 3, 7))
    year["closed_days"] = (*known.closed_days, date(2026, 3, 4))
    calendar = load_calendar().with_year(type(known)(**year))
    draft = folder / "draft.yaml"
    folder.mkdir(exist_ok=True)
    with draft.open("w", encoding="utf-8") as stream:
        YAML().dump(TypeAdapter(SchoolCalendar).dump_python(calendar), stream)
    replace_whole(entered_file(folder, name), draft.read_bytes())


def test_a_make_up_saturday_tightens_and_a_closed_day_does_not(tmp_path: Path) -> None:
    years = tmp_path / "school-years"
    timetable = load_timetable(SITE, PROFILES, years)
    assert timetable is not None
    assert (on(timetable, WEDNESDAY), on(timetable, SATURDAY)) == ("dismissal", None)
    enter(years)
    assert (on(timetable, WEDNESDAY), on(timetable, SATURDAY)) == (None, "dismissal")
    # A file that cannot be read changes nothing, one that goes gives the site's own back.
    replace_whole(entered_file(years, ""), b"years: [")
    assert (on(timetable, WEDNESDAY), on(timetable, SATURDAY)) == (None, "dismissal")
    entered_file(years, "").unlink()
    assert (on(timetable, WEDNESDAY), on(timetable, SATURDAY)) == ("dismissal", None)


NAMED = [
    ("", ""),
    ("plan/calendar.yaml", ""),
    ("plan/north.yaml", "north.yaml"),
    ("north.yaml", None),
    ("plan/old/north.yaml", "old/north.yaml"),
]


@pytest.mark.parametrize(("named", "name"), NAMED)
def test_which_calendar_of_the_plan_a_timetable_goes_by(named: str, name: str | None) -> None:
    assert entered_name(named) == name


def test_a_calendar_beside_the_timetable_is_no_plans(tmp_path: Path) -> None:
    years = tmp_path / "school-years"
    enter(years, "north.yaml")
    enter(years)
    path = tmp_path / "timetable.yaml"
    entry = "  - {id: out, kind: dismissal, start: '16:30', end: '16:50'}\n"
    own = tmp_path / "north.yaml"
    with own.open("w", encoding="utf-8") as stream:
        YAML().dump(TypeAdapter(SchoolCalendar).dump_python(load_calendar()), stream)
    path.write_text(f"format: 1\ncalendar: north.yaml\nentries:\n{entry}", encoding="utf-8")
    timetable = parse_timetable(path, SITE, PROFILES, years)
    assert (on(timetable, WEDNESDAY), on(timetable, SATURDAY)) == ("out", None)

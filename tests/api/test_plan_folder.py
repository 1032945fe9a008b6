"""Which site folders make the service keep a safety plan."""

import shutil
from pathlib import Path

import pytest

from api.service_process import plan_of
from config import load_site, sample_school_directory
from config.plan import load_edition
from config.plan.school_calendar import SHIPPED_CALENDAR
from config.settings import load_settings

UNIT = "{id: no-1, name_zh: 第一小学, name_en: No. 1, kind: primary}"


@pytest.fixture
def school(tmp_path: Path) -> Path:
    folder = tmp_path / "school"
    shutil.copytree(str(sample_school_directory()), folder)
    return folder


def unit_ids(folder: Path) -> list[str] | None:
    settings = load_settings(run_dir=folder.parent / "run")
    plan = plan_of(load_site(folder), settings)
    return None if plan is None else [unit.id for unit in plan.edition.units]


def test_a_calendar_for_the_timetable_makes_no_plan_of_invented_schools(school: Path) -> None:
    assert unit_ids(school) is None
    (school / "plan").mkdir()
    shutil.copy(SHIPPED_CALENDAR, school / "plan" / "calendar.yaml")
    assert unit_ids(school) is None
    (school / "plan" / "units.yaml").write_text(f"units: [{UNIT}]\n", "utf-8")
    assert unit_ids(school) == ["no-1"]


def test_the_demonstration_has_the_sample_units() -> None:
    settings = load_settings()
    plan = plan_of(load_site(sample_school_directory()), settings)
    assert plan is not None
    assert plan.edition.units == load_edition().units

"""Everything the plan needs in one folder: catalogue, units and calendars.

catalogue.yaml   the bureau's own plan; the shipped one when missing
catalogue-2027.yaml  the plan from that calendar year on; any number of them stand side by side
units.yaml       the bureau and its schools; the sample's when missing
calendar.yaml    the district's calendar; the shipped seed when missing
grading.yaml     how hazards and risks are graded; the shipped one when missing
scoring.yaml     how a term is scored; the shipped one when missing
record_kinds.yaml  forms of the records; the shipped ones when missing
NAME.yaml        a calendar that a unit names with `calendar: NAME.yaml`
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from config.errors import FileProblem
from config.plan.catalogue import load_catalogue
from config.plan.errors import PlanFileError
from config.plan.grading import Grading, load_grading
from config.plan.record_kinds import RecordKinds, load_record_kinds
from config.plan.school_calendar import CalendarYear, SchoolCalendar, load_calendar
from config.plan.scoring import Scoring, load_scoring
from config.plan.units import Unit, load_units
from config.plan.values import PlanCatalogue, Rule

# Until the bureau sets its own limit; places differ, and this is nobody's norm.
FIRST_REPORT_MINUTES = 30


@dataclass(frozen=True, slots=True)
class PlanEdition:
    """A plan with whom it binds and when.

    Attributes:
        catalogue: the plan of the years before any of `later`.
        calendars: calendar per file name; the empty name is the district's own.
        grading: levels and methods for hazards and risks.
        kinds: kinds of records and their forms.
        scoring: how a term is scored.
        first_report_minutes: time for an incident's first report.
        later: calendar year -> the plan that is in force from it on.
    """

    catalogue: PlanCatalogue
    units: tuple[Unit, ...]
    calendars: Mapping[str, SchoolCalendar]
    grading: Grading = field(default_factory=load_grading)
    kinds: RecordKinds = field(default_factory=load_record_kinds)
    scoring: Scoring = field(default_factory=load_scoring)
    first_report_minutes: int = FIRST_REPORT_MINUTES
    later: Mapping[int, PlanCatalogue] = field(default_factory=dict)

    def catalogue_of(self, year: int) -> PlanCatalogue:
        """The plan that is in force in calendar `year`."""
        begun = [first for first in self.later if first <= year]
        return self.later[max(begun)] if begun else self.catalogue

    def rules_known(self, year: int) -> dict[str, Rule]:
        """Rule id -> rule, of all editions; where they share an id, the one in force in `year`."""
        rules = {rule.id: rule for rule in self.catalogue.rules()}
        for first in sorted(self.later):
            rules |= {rule.id: rule for rule in self.later[first].rules()}
        return rules | {rule.id: rule for rule in self.catalogue_of(year).rules()}

    def calendar_of(self, unit: Unit) -> SchoolCalendar:
        return self.calendars[unit.calendar]

    def with_year(self, calendar: str, entered: CalendarYear) -> PlanEdition:
        """This edition with one year of one calendar entered anew."""
        known = self.calendars[calendar].with_year(entered)
        return replace(self, calendars={**self.calendars, calendar: known})

    def unit(self, unit_id: str) -> Unit:
        """Raises `KeyError` for an unknown id."""
        for unit in self.units:
            if unit.id == unit_id:
                return unit
        raise KeyError(unit_id)

    @property
    def schools(self) -> tuple[Unit, ...]:
        return tuple(unit for unit in self.units if unit.is_school)


def load_edition(folder: Path | None = None) -> PlanEdition:
    """The edition in `folder`, filled up with what is shipped. Raises `PlanFileError`."""
    if folder is None:
        return PlanEdition(load_catalogue(), load_units(), {"": load_calendar()})
    if not folder.is_dir():
        problem = FileProblem(str(folder), 0, "", "there is no such folder", "create it")
        raise PlanFileError([problem])
    units = load_units(_present(folder / "units.yaml"))
    calendars = {"": load_calendar(_present(folder / "calendar.yaml"))}
    for unit in units:
        if unit.calendar not in calendars:
            calendars[unit.calendar] = load_calendar(folder / unit.calendar)
    return PlanEdition(
        load_catalogue(_present(folder / "catalogue.yaml")),
        units,
        calendars,
        load_grading(_present(folder / "grading.yaml")),
        load_record_kinds(_present(folder / "record_kinds.yaml")),
        load_scoring(_present(folder / "scoring.yaml")),
        later=_later(folder),
    )


def edition_file(year: int) -> str:
    """Name of the file of the plan that is in force from calendar `year` on."""
    return f"catalogue-{year}.yaml"


def _later(folder: Path) -> dict[int, PlanCatalogue]:
    found = {}
    for path in sorted(folder.glob("catalogue-*.yaml")):
        year = path.stem.removeprefix("catalogue-")
        catalogue = load_catalogue(path)
        if year != str(catalogue.source_plan_year):
            message = f"the file is named for {year}, the plan is of {catalogue.source_plan_year}"
            mend = f"name it {edition_file(catalogue.source_plan_year)}"
            raise PlanFileError([FileProblem(path.name, 0, "source_plan_year", message, mend)])
        found[catalogue.source_plan_year] = catalogue
    return found


def _present(path: Path) -> Path | None:
    return path if path.is_file() else None

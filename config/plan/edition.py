"""Everything the plan needs in one folder: catalogue, units and calendars.

catalogue.yaml   the bureau's own plan; the shipped one when missing
catalogue-2027.yaml  the plan from that calendar year on; any number of them stand side by side
units.yaml       the bureau and its schools; the sample's when missing, and no service keeps a plan
calendar.yaml    the district's calendar; the shipped seed when missing
grading.yaml     how hazards and risks are graded; the shipped one when missing
scoring.yaml     how a term is scored; the shipped one when missing
record_kinds.yaml  forms of the records; the shipped ones when missing
NAME.yaml        a calendar that a unit names with `calendar: NAME.yaml`

A rule's id names the same duty in the plans of all years, so that what an earlier plan asked for
keeps its meaning; a folder whose plans disagree about an id is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from config.errors import FileProblem
from config.named_files import is_there, named_file
from config.plan.catalogue import load_catalogue
from config.plan.errors import PlanFileError
from config.plan.grading import Grading, load_grading
from config.plan.record_kinds import RecordKinds, load_record_kinds
from config.plan.school_calendar import CalendarYear, SchoolCalendar, load_calendar
from config.plan.scoring import Scoring, load_scoring
from config.plan.units import Unit, load_units
from config.plan.values import PlanCatalogue, Rule

CALENDAR_FILE = "calendar.yaml"
UNITS_FILE = "units.yaml"
# Until the bureau sets its own limit; places differ, and this is nobody's norm.
FIRST_REPORT_MINUTES = 30


@dataclass(frozen=True, slots=True)
class PlanYears:
    """A plan and the calendar years in which it is in force, both included."""

    catalogue: PlanCatalogue
    first: int
    last: int


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
    _known: dict[int, Mapping[str, Rule]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def plans(self) -> tuple[PlanYears, ...]:
        """Every plan with its years, the oldest first; together they cover all years."""
        starts = [date.min.year, *sorted(self.later)]
        ends = [first - 1 for first in starts[1:]] + [date.max.year]
        catalogues = [self.catalogue, *(self.later[first] for first in starts[1:])]
        return tuple(map(PlanYears, catalogues, starts, ends))

    def catalogue_of(self, year: int) -> PlanCatalogue:
        """The plan that is in force in calendar `year`."""
        return self.nearest_plans(year)[0].catalogue

    def nearest_plans(self, year: int) -> tuple[PlanYears, ...]:
        """The plan in force in calendar `year`, then the earlier ones and the later ones."""
        plans = self.plans()
        begun = [one for one in plans if one.first <= year]
        return (*reversed(begun), *plans[len(begun) :])

    def rules_known(self, year: int) -> Mapping[str, Rule]:
        """Rule id -> rule as it holds in calendar `year`.

        An id that the plan of that year lacks means what the nearest earlier plan says, else the
        nearest later one: a certificate of last year's plan may still run.
        """
        near = self.nearest_plans(year)
        own = near[0].first
        if own not in self._known:
            self._known[own] = {r.id: r for one in reversed(near) for r in one.catalogue.rules()}
        return self._known[own]

    def rule_of(self, rule_id: str, year: int) -> Rule | None:
        """The rule that `rule_id` means for what falls due in calendar `year`."""
        return self.rules_known(year).get(rule_id)

    def title_of(self, rule_id: str, year: int) -> str:
        """Name of a rule for what falls due in `year`; its id when no plan has it."""
        rule = self.rule_of(rule_id, year)
        return rule_id if rule is None else rule.zh

    def measure_ids(self, but: int) -> frozenset[str]:
        """Ids of measures that any plan has used, but for the one that begins in year `but`."""
        others = (one.catalogue for one in self.plans() if one.first != but)
        return frozenset(measure.id for plan in others for measure in plan.measures())

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
    try:
        found = folder.is_dir()
    except OSError as error:
        reason = f"it cannot be looked for: {error.strerror}"
        problem = FileProblem(str(folder), 0, "", reason, "check its name and permissions")
        raise PlanFileError([problem]) from None
    if not found:
        problem = FileProblem(str(folder), 0, "", "there is no such folder", "create it")
        raise PlanFileError([problem])
    units = load_units(_present(folder / UNITS_FILE))
    calendars = {"": load_calendar(_present(folder / CALENDAR_FILE))}
    for unit in units:
        if unit.calendar not in calendars:
            calendars[unit.calendar] = load_calendar(_own_calendar(folder, unit))
    catalogue = load_catalogue(_present(folder / "catalogue.yaml"))
    edition = PlanEdition(
        catalogue,
        units,
        calendars,
        load_grading(_present(folder / "grading.yaml")),
        load_record_kinds(_present(folder / "record_kinds.yaml")),
        load_scoring(_present(folder / "scoring.yaml")),
        later=_later(folder, catalogue),
    )
    _refuse_unknown_ids(edition)
    return edition


def _refuse_unknown_ids(edition: PlanEdition) -> None:
    """Raises `PlanFileError` for a duty that is switched off by an id that no plan has.

    Mistyped, it would go on binding the unit, and nobody would learn why.
    """
    plans = [one.catalogue for one in edition.plans()]
    known = {measure.id for plan in plans for measure in plan.measures()}
    known |= {rule.id for plan in plans for rule in plan.rules()}
    problems = [
        FileProblem(
            UNITS_FILE,
            0,
            "units",
            f"unit {unit.id} switches off {name!r}, and no plan has it",
            "name a measure such as 3.9.2 or a rule such as R-3.9.2-1, or take it out",
        )
        for unit in edition.units
        for name in unit.switched_off
        if name not in known
    ]
    if problems:
        raise PlanFileError(problems)


def names_units(folder: Path) -> bool:
    """Whether `folder` says whom the plan binds; a calendar may lie there alone."""
    return (folder / UNITS_FILE).is_file()


def edition_file(year: int) -> str:
    """Name of the file of the plan that is in force from calendar `year` on."""
    return f"catalogue-{year}.yaml"


def _later(folder: Path, before: PlanCatalogue) -> dict[int, PlanCatalogue]:
    found = {}
    known = {rule.id: rule for rule in before.rules()}
    for path in sorted(folder.glob("catalogue-*.yaml")):
        year = path.stem.removeprefix("catalogue-")
        catalogue = load_catalogue(path)
        if year != str(catalogue.source_plan_year):
            message = f"the file is named for {year}, the plan is of {catalogue.source_plan_year}"
            mend = f"name it {edition_file(catalogue.source_plan_year)}"
            raise PlanFileError([FileProblem(path.name, 0, "source_plan_year", message, mend)])
        _refuse_other_duties(path, catalogue, known)
        known |= {rule.id: rule for rule in catalogue.rules()}
        found[catalogue.source_plan_year] = catalogue
    return found


def _refuse_other_duties(path: Path, catalogue: PlanCatalogue, known: Mapping[str, Rule]) -> None:
    """Raises `PlanFileError` for ids that meant another duty in the plan of an earlier year."""
    problems = []
    for rule in catalogue.rules():
        old = known.get(rule.id, rule)
        if (old.accepts.kind, old.scope) != (rule.accepts.kind, rule.scope):
            message = f"{rule.id} was “{old.zh}” in an earlier plan, here it is “{rule.zh}”"
            mend = "give the new rule an id that no plan has used"
            problems.append(FileProblem(path.name, 0, "rules", message, mend))
    if problems:
        raise PlanFileError(problems)


def _own_calendar(folder: Path, unit: Unit) -> Path:
    """Raises `PlanFileError` for a name of no YAML file in the folder or below it."""
    path = named_file(folder, unit.calendar)
    if path is None or not unit.calendar.endswith((".yaml", ".yml")) or not is_there(path):
        message = f"unit {unit.id} names the calendar {unit.calendar!r}, and there is no such file"
        mend = "name a .yaml file in the folder of the plan, or leave the key out"
        raise PlanFileError([FileProblem(UNITS_FILE, 0, "units", message, mend)])
    return path


def _present(path: Path) -> Path | None:
    return path if path.is_file() else None

"""The district's safety work plan as frozen values: sections, tasks, measures, duties, rules.

Chinese text is the plan's own, character for character; English text explains it. `None` in a
deadline means that the printed cell is empty, which is a fact about the plan and is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

_STRICT = ConfigDict(extra="forbid")

MeasureId = Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
ObligationId = Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+[a-z]$")]
RuleId = Annotated[str, Field(pattern=r"^R-\d+\.\d+\.\d+-\d+$")]


class Responsible(StrEnum):
    """Column 责任单位 of the plan."""

    BUREAU = "bureau"
    SCHOOL = "school"
    BOTH = "both"


class ObligationKind(StrEnum):
    """How a duty asks to be met."""

    DELIVERABLE = "deliverable"
    RECURRING = "recurring"
    EVENT = "event"
    STANDING = "standing"
    PROJECT = "project"
    SCHEDULED = "scheduled"


class Basis(StrEnum):
    """Where a rule's frequency comes from; `ASSUMED` is a default that the bureau must confirm."""

    EXPLICIT = "explicit"
    DEADLINE = "deadline"
    NAMED_DAY = "named_day"
    NORM = "norm"
    ASSUMED = "assumed"


class Scope(StrEnum):
    """What a rule repeats within."""

    YEAR = "year"
    PER_TERM = "per_term"
    PER_INCIDENT = "per_incident"
    PER_CERTIFICATE = "per_certificate"


class Window(StrEnum):
    """The span, ending on the due day, in which the work counts."""

    DAY = "day"
    WEEK = "week"
    TWO_WEEKS = "two_weeks"
    HALF_MONTH = "half_month"
    MONTH = "month"
    QUARTER = "quarter"
    HALF_YEAR = "half_year"
    YEAR = "year"
    TERM = "term"
    TERM_START = "term_start"
    CAMPAIGN = "campaign"


class DayKind(StrEnum):
    """The days on which work can fall due."""

    ALL_DAYS = "all_days"
    WORKDAYS = "workdays"
    SCHOOL_DAYS = "school_days"


class Adjust(StrEnum):
    """What happens to a due day that is no such day."""

    NONE = "none"
    PREVIOUS_WORKDAY = "previous_workday"


class AppliesTo(StrEnum):
    """Whom a rule binds."""

    ALL_SCHOOLS = "all_schools"
    PRIMARY_MIDDLE = "primary_middle"
    KINDERGARTEN = "kindergarten"
    BUS_SCHOOLS = "bus_schools"
    EACH_CLASS = "each_class"
    BUREAU = "bureau"


class Escalation(StrEnum):
    """The ladder that an undone duty climbs."""

    ROUTINE = "routine"
    DAILY = "daily"
    HALFMONTH = "halfmonth"
    CERTIFICATE = "certificate"
    INCIDENT = "incident"


class CameraHelp(StrEnum):
    """What cameras can contribute to a measure's evidence."""

    NONE = "none"
    ASSIST = "assist"
    AUTO = "auto"


@dataclass(frozen=True, slots=True, config=_STRICT)
class Accepts:
    """The record that counts for a rule.

    Attributes:
        kind: kind of record, such as `drill`.
        types: types that count, such as `("fire",)`; empty when any type does.
        needs_receipt: the record counts only with a receipt of the upload.
    """

    kind: str
    types: tuple[str, ...] = ()
    needs_receipt: bool = False

    def matches(self, kind: str, kind_type: str, *, has_receipt: bool) -> bool:
        if kind != self.kind or (self.needs_receipt and not has_receipt):
            return False
        return not self.types or kind_type in self.types


@dataclass(frozen=True, slots=True, config=_STRICT)
class Rule:
    """One recurrence rule of a duty.

    Attributes:
        id: `R-` + measure + number.
        obligation: the duty that it repeats.
        zh: the rule in Chinese.
        rrule: an RFC 5545 value without DTSTART and UNTIL; each date it gives is a due day.
        quota: how many records the window needs (per class for `each_class`).
        window_start_month: first month of a campaign's window; `None` for other windows.
        satisfied_also_by: duties whose matching record counts here too.
        expected_raw: calendar year -> number of due days before the school calendar is applied.
    """

    id: RuleId
    obligation: ObligationId
    zh: str
    basis: Basis
    needs_bureau_confirmation: bool
    rrule: str
    scope: Scope
    window: Window
    quota: Annotated[int, Field(ge=1)]
    calendar: DayKind
    adjust: Adjust
    applies_to: AppliesTo
    actor: Responsible
    remind_days_before: tuple[Annotated[int, Field(ge=0)], ...]
    escalation: Escalation
    accepts: Accepts
    expected_raw: dict[int, int] | None = None
    window_start_month: Annotated[int, Field(ge=1, le=12)] | None = None
    satisfied_also_by: tuple[ObligationId, ...] = ()
    note: str = ""

    @property
    def measure_id(self) -> str:
        """The measure whose duty it repeats."""
        return self.obligation[:-1]


@dataclass(frozen=True, slots=True, config=_STRICT)
class Obligation:
    """One quotable duty of a measure. `quote_zh` stands word for word in the measure's text.

    Attributes:
        norm, caution, schedule_source: remarks that the plan's editor gave.
        historical: of its year only (the epidemic of 2020); switched off by default.
    """

    id: ObligationId
    quote_zh: str
    en: str
    kind: ObligationKind
    norm: str = ""
    caution: str = ""
    schedule_source: str = ""
    historical: bool = False


@dataclass(frozen=True, slots=True, config=_STRICT)
class Deadline:
    """Column 落实时限.

    Attributes:
        raw: the printed cell, one text a line; empty when the cell is empty.
        due: date patterns with `{Y}` for the plan year.
    """

    raw: tuple[str, ...]
    type: str
    due: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True, config=_STRICT)
class CameraPart:
    """What cameras contribute to the evidence of a measure."""

    level: CameraHelp
    what_zh: str = ""
    what_en: str = ""
    evidence_produced: tuple[str, ...] = ()
    limits: str = ""


@dataclass(frozen=True, slots=True, config=_STRICT)
class Measure:
    """One row of the plan. `text_zh` is the printed text."""

    id: MeasureId
    title_zh: str
    text_zh: str
    gloss_en: str
    responsible: Responsible
    deadline: Deadline
    obligations: tuple[Obligation, ...]
    rules: tuple[Rule, ...]
    evidence_to_file: tuple[str, ...]
    camera: CameraPart
    data_objects: tuple[str, ...]
    event_triggers: tuple[str, ...] = ()
    responsible_note: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, config=_STRICT)
class Task:
    """One numbered task; `no` runs through the whole plan."""

    id: str
    no: int
    title_zh: str
    title_en: str
    measures: tuple[Measure, ...]


@dataclass(frozen=True, slots=True, config=_STRICT)
class Section:
    """One of the plan's parts."""

    id: str
    no_zh: str
    title_zh: str
    title_en: str
    tasks: tuple[Task, ...]


@dataclass(frozen=True, slots=True, config=_STRICT)
class DataObject:
    """A kind of record and its fields as the plan's editor listed them."""

    zh: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True, config=_STRICT)
class PlanCatalogue:
    """One edition of the plan.

    Attributes:
        version: `year.revision`; every occurrence in the ledger carries it.
        source_sha256: digest of the printed plan's text file.
        ambiguities: what only the bureau can decide.
    """

    SCHEMA: ClassVar[int] = 1

    schema_version: Annotated[int, Field(ge=1, le=1)]
    version: str
    title_zh: str
    source_plan_year: int
    source_file: str
    source_sha256: str
    ambiguities: tuple[str, ...]
    roles: dict[str, str]
    data_objects: dict[str, DataObject]
    sections: tuple[Section, ...]

    def tasks(self) -> Iterator[tuple[Section, Task]]:
        for section in self.sections:
            for task in section.tasks:
                yield section, task

    def measures(self) -> Iterator[Measure]:
        for _, task in self.tasks():
            yield from task.measures

    def obligations(self) -> Iterator[Obligation]:
        for measure in self.measures():
            yield from measure.obligations

    def rules(self) -> Iterator[Rule]:
        for measure in self.measures():
            yield from measure.rules

    def measure(self, measure_id: str) -> Measure:
        """Raises `KeyError` for an id that is not in the plan."""
        for measure in self.measures():
            if measure.id == measure_id:
                return measure
        raise KeyError(measure_id)

    def rule(self, rule_id: str) -> Rule:
        """Raises `KeyError` for an id that is not in the plan."""
        for rule in self.rules():
            if rule.id == rule_id:
                return rule
        raise KeyError(rule_id)

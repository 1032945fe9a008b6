"""The district's safety work plan: its text, its rules, its calendar and whom it binds."""

from config.plan.catalogue import load_catalogue, load_digests, text_digest
from config.plan.edition import PlanEdition, PlanYears, load_edition, names_units
from config.plan.errors import GradingError, PlanFileError, RecordFormError, RecurrenceError
from config.plan.grading import Graded, GradeLevel, Grading, load_grading
from config.plan.record_kinds import (
    FieldType,
    FormField,
    RecordKind,
    RecordKinds,
    load_record_kinds,
)
from config.plan.recurrence import (
    Occurrence,
    certificate_due,
    certificate_expiry,
    expand_year,
    incident_due_days,
    raw_count,
    raw_due_days,
)
from config.plan.school_calendar import (
    CalendarWarning,
    CalendarYear,
    SchoolCalendar,
    Term,
    load_calendar,
)
from config.plan.units import Unit, UnitKind, applies, load_units, needed
from config.plan.values import Measure, Obligation, PlanCatalogue, Rule, Section, Task

__all__ = [
    "PlanEdition",
    "PlanYears",
    "load_edition",
    "load_catalogue",
    "load_digests",
    "text_digest",
    "load_calendar",
    "load_units",
    "PlanCatalogue",
    "Section",
    "Task",
    "Measure",
    "Obligation",
    "Rule",
    "Unit",
    "UnitKind",
    "applies",
    "names_units",
    "needed",
    "SchoolCalendar",
    "Term",
    "CalendarWarning",
    "CalendarYear",
    "Occurrence",
    "expand_year",
    "raw_due_days",
    "raw_count",
    "incident_due_days",
    "certificate_expiry",
    "certificate_due",
    "Grading",
    "GradeLevel",
    "Graded",
    "load_grading",
    "RecordKinds",
    "RecordKind",
    "FormField",
    "FieldType",
    "load_record_kinds",
    "PlanFileError",
    "RecurrenceError",
    "GradingError",
    "RecordFormError",
]

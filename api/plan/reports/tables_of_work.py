"""Tables that several papers share: hazards, duties, records, schools. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast
from zoneinfo import ZoneInfo

from api.plan.hazards import Hazard, HazardState
from api.plan.reports.duty_figures import NO_DUTIES, DutyFigures, of_lines
from api.plan.reports.gathering import Gathered
from api.plan.reports.hazard_figures import HazardFigures, figures, open_at_end
from api.plan.reports.periods import Period
from api.plan.reports.sheet import Row, Sheet, heads, rate_words, state_words, word
from api.plan.states import State
from api.plan.today import Line
from config.plan import PlanEdition
from config.texts import text


@dataclass(frozen=True, slots=True)
class Words:
    """Names that the tables take from the edition: of rules, and of kinds of records.

    Attributes:
        zone: the district's, for instants.
    """

    edition: PlanEdition
    zone: ZoneInfo

    def title(self, line: Line) -> str:
        """Name of the rule of an occurrence; its id when no plan has it."""
        return self.edition.title_of(line.rule_id, line.plan_year)

    def kind(self, kind: str, kind_type: str) -> str:
        """A record's kind in words: its type where it has one."""
        found = self.edition.kinds.by_id.get(kind)
        if found is None:
            return kind
        one = (found.types or {}).get(kind_type)
        return found.zh if one is None else one.zh


def notes_of(found: Gathered) -> tuple[str, ...]:
    """Unit, period, and the day whose end is shown, above every table."""
    days = {"first": found.period.first, "last": found.period.last, "day": found.as_of}
    return (
        word("unit", unit=found.unit.name_zh),
        word("period", **{name: day.isoformat() for name, day in days.items()}),
    )


def figure_values(found: Gathered) -> tuple[tuple[str, int | str], ...]:
    """The period's figures: key below `plan.report.figure`, and value."""
    hazards, duties = hazard_figures(found), of_lines(found.lines)
    return (
        ("inspections", len(found.records_of("inspection"))),
        ("carried_over", hazards.carried_over),
        ("found", hazards.found),
        ("found_major", hazards.found_major),
        ("closed", hazards.closed),
        ("still_open", hazards.still_open),
        ("hazards_overdue", hazards.overdue),
        ("closing_rate", rate_words(hazards.closing_rate)),
        ("major_planned", f"{hazards.major_planned}/{hazards.major}"),
        ("again", hazards.again),
        ("duties_asked", duties.asked),
        ("duties_on_time", duties.on_time),
        ("duties_merged", duties.merged),
        ("duties_late", duties.late),
        ("duties_overdue", duties.overdue),
        ("duties_missed", duties.missed),
        ("duties_rate", rate_words(duties.rate)),
    )


def figures_rows(found: Gathered) -> tuple[Row, ...]:
    """The period's figures, one a line."""
    return tuple(
        (number, word(f"figure.{name}"), value)
        for number, (name, value) in enumerate(figure_values(found), start=1)
    )


def hazard_figures(found: Gathered) -> HazardFigures:
    return figures(found.period, found.hazards, found.earlier_places, today=found.today)


def hazard_state_words(period: Period, hazard: Hazard) -> str:
    """How a hazard stood when the period ended; one that was closed since was open then."""
    if hazard.state is HazardState.CLOSED and open_at_end(period, hazard):
        return word("open_then")
    return text(f"plan.hazard.{hazard.state.value}", "zh")


def hazard_sheet(found: Gathered) -> Sheet:
    """The hazard ledger of the period, as it stood at its end."""
    rows: tuple[Row, ...] = tuple(
        (
            *(number, one.location, one.description, text(f"plan.level.{one.level.value}", "zh")),
            *(one.found.isoformat(), one.found_by, one.fixer),
            "" if one.due is None else one.due.isoformat(),
            *(hazard_state_words(found.period, one), one.fix_note),
            *(("", "") if open_at_end(found.period, one) else _closing(one)),
        )
        for number, one in enumerate(found.hazards, start=1)
    )
    names = ("no", "place", "hazard", "level", "found_on", "found_by", "fixer", "due")
    return Sheet(
        word("hazards"),
        heads(*names, "state", "fix_note", "accepted_by", "closed_on"),
        rows,
        (6, 17, 28, 8, 14, 10, 10, 14, 10, 22, 10, 14),
        notes_of(found),
    )


def _closing(hazard: Hazard) -> tuple[str, str]:
    return hazard.accepted_by, "" if hazard.closed is None else hazard.closed.isoformat()


def duty_sheet(title: str, lines: Sequence[Line], words: Words, notes: tuple[str, ...]) -> Sheet:
    """Occurrences one by one, with their number in the ledger."""
    rows: tuple[Row, ...] = tuple(
        (
            *(number, f"#{line.id}", line.rule_id, words.title(line)),
            *(line.due.isoformat(), f"{line.done}/{line.needed}"),
            *(state_words(line.state.value), line.note),
        )
        for number, line in enumerate(lines, start=1)
    )
    header = heads("no", "ledger", "rule", "item", "due", "done", "state", "remark")
    return Sheet(title, header, rows, (6, 10, 13, 42, 15, 8, 14, 19), notes)


def duty_totals_sheet(found: Gathered, words: Words) -> Sheet:
    """Per rule: how many fell due and how they stand; the last line is the sum of all."""
    by_rule: dict[tuple[str, str], list[Line]] = {}
    for line in found.lines:
        by_rule.setdefault((line.rule_id, words.title(line)), []).append(line)
    rows: list[Row] = []
    total = NO_DUTIES
    for number, ((rule_id, title), lines) in enumerate(sorted(by_rule.items()), start=1):
        one = of_lines(lines)
        total += one
        rows.append((number, rule_id, title, *duty_cells(one)))
    rows.append(("", "", word("total"), *duty_cells(total)))
    return Sheet(
        word("duties"),
        heads("no", "rule", "item", *DUTY_COLUMNS),
        tuple(rows),
        (6, 13, 40, 8, 8, 8, 8, 8, 8, 8, 8, 10),
        notes_of(found),
        groups=(("", 3), (word("group.ledger"), len(DUTY_COLUMNS))),
    )


DUTY_COLUMNS = (
    *("all", "on_time", "merged", "late", "overdue", "missed", "to_come", "exempt", "rate"),
)


def duty_cells(one: DutyFigures) -> Row:
    """The figures under `DUTY_COLUMNS`."""
    return (
        *(one.total, one.on_time, one.merged, one.late, one.overdue, one.missed),
        *(one.to_come, one.exempt, rate_words(one.rate)),
    )


def record_sheet(found: Gathered, words: Words) -> Sheet:
    """Records of the period and the duties in which each was counted."""
    counted: dict[int, list[str]] = {}
    for count in found.record_counts:
        mark = word("merged_mark") if count.merged else ""
        name = f"{count.rule_id}#{count.occurrence_id}{mark}"
        counted.setdefault(count.record_id, []).append(name)
    rows: tuple[Row, ...] = tuple(
        (
            *(number, f"#{one.id}", one.happened.isoformat(), words.kind(one.kind, one.kind_type)),
            *(one.title, one.author, one.receipt_no, "、".join(counted.get(one.id, ()))),
        )
        for number, one in enumerate(found.records, start=1)
    )
    header = heads("no", "record", "day", "kind", "title", "author", "receipt", "counted_in")
    return Sheet(word("records"), header, rows, (6, 9, 12, 18, 30, 10, 16, 34), notes_of(found))


def withdrawn_sheets(
    found: Gathered, schools: Sequence[Gathered], words: Words
) -> tuple[Sheet, ...]:
    """Records and hazards that were taken back, who, when and why; no table without any."""
    return (*_withdrawn_records(found, schools, words), *_withdrawn_hazards(found, schools))


def _withdrawn_hazards(found: Gathered, schools: Sequence[Gathered]) -> tuple[Sheet, ...]:
    parts = (found, *schools)
    lines = [(part.unit.name_zh, one) for part in parts for one in part.withdrawn_hazards]
    if not lines:
        return ()
    rows: tuple[Row, ...] = tuple(
        (
            *(number, unit, f"#{one.hazard.id}", one.hazard.location, one.hazard.description),
            text(f"plan.level.{one.hazard.level.value}", "zh"),
            *(one.hazard.found.isoformat(), one.hazard.found_by, one.person),
            *(one.on.isoformat(), one.reason),
        )
        for number, (unit, one) in enumerate(lines, start=1)
    )
    names = ("no", "unit", "record", "place", "hazard", "level", "found_on", "found_by")
    header = heads(*names, "withdrawn_by", "withdrawn_on", "reason")
    widths = (6, 18, 8, 17, 28, 8, 12, 10, 10, 12, 28)
    return (Sheet(word("withdrawn_hazards"), header, rows, widths, notes_of(found)),)


def _withdrawn_records(
    found: Gathered, schools: Sequence[Gathered], words: Words
) -> tuple[Sheet, ...]:
    lines = [(part.unit.name_zh, one) for part in (found, *schools) for one in part.withdrawn]
    if not lines:
        return ()
    rows: tuple[Row, ...] = tuple(
        (
            *(number, unit, f"#{one.record.id}", one.record.happened.isoformat()),
            *(words.kind(one.record.kind, one.record.kind_type), one.record.title),
            *(one.record.author, one.person, one.on.isoformat(), one.reason),
        )
        for number, (unit, one) in enumerate(lines, start=1)
    )
    names = ("no", "unit", "record", "day", "kind", "title", "author", "withdrawn_by")
    header = heads(*names, "withdrawn_on", "reason")
    widths = (6, 20, 9, 12, 18, 28, 10, 10, 12, 32)
    return (Sheet(word("withdrawn"), header, rows, widths, notes_of(found)),)


def pending(lines: Sequence[Line]) -> tuple[Line, ...]:
    """What is overdue or still open, the oldest first."""
    return tuple(line for line in lines if line.state in (State.OPEN, State.OVERDUE))


def school_sheet(parts: Sequence[Gathered], notes: tuple[str, ...]) -> Sheet:
    """The district: a line a unit, those with most overdue first, and the sum."""
    ranked = sorted(parts, key=lambda one: (-of_lines(one.lines).overdue, one.unit.id))
    rows: list[Row] = []
    sums = [0] * 5
    total = NO_DUTIES
    for number, one in enumerate(ranked, start=1):
        duties, hazards = of_lines(one.lines), hazard_figures(one)
        total += duties
        cells = (hazards.carried_over, hazards.found, hazards.closed, hazards.still_open)
        own = (*cells, hazards.overdue)
        sums = [before + now for before, now in zip(sums, own, strict=True)]
        rows.append((number, one.unit.name_zh, *duty_cells(duties), *own))
    rows.append(("", word("total"), *duty_cells(total), *cast("tuple[int, ...]", tuple(sums))))
    names = ("carried_over", "found", "closed", "still_open", "hazards_overdue")
    return Sheet(
        word("schools"),
        (*heads("no", "unit", *DUTY_COLUMNS), *(word(f"short.{name}") for name in names)),
        tuple(rows),
        (6, 24, *(8 for _ in DUTY_COLUMNS[:-1]), 10, *(8 for _ in names)),
        notes,
        groups=(("", 2), (word("group.ledger"), len(DUTY_COLUMNS)), (word("group.hazards"), 5)),
    )

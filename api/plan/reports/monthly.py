"""The monthly report: figures, measures, hazards, drills and training, incidents. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from api.plan.incidents import Incident
from api.plan.reports.duty_figures import of_lines
from api.plan.reports.gathering import Gathered
from api.plan.reports.half_month import figures_sheet
from api.plan.reports.measures import by_measure, unknown_rules
from api.plan.reports.sheet import Row, Sheet, heads, word
from api.plan.reports.tables_of_work import (
    DUTY_COLUMNS,
    Words,
    duty_cells,
    hazard_sheet,
    notes_of,
    record_sheet,
    school_sheet,
    withdrawn_sheets,
)
from config.plan import PlanEdition
from vision.instants import Utc

ACTIVITIES = ("drill", "training", "education", "meeting")


def monthly_sheets(
    found: Gathered,
    schools: Sequence[Gathered],
    words: Words,
    incidents: Sequence[Incident],
) -> tuple[Sheet, ...]:
    """`incidents` are those that happened in the month."""
    notes = notes_of(found)
    return (
        figures_sheet(word("title.monthly"), found),
        *((school_sheet(schools, notes),) if schools else ()),
        measure_sheet(found, words.edition),
        hazard_sheet(found),
        _activities(found, words),
        _incidents(found, incidents, words.zone),
        record_sheet(found, words),
        *withdrawn_sheets(found, schools, words),
    )


def measure_sheet(found: Gathered, edition: PlanEdition) -> Sheet:
    """Each measure that had something due, in the plan's order; the last line is the sum of all."""
    rows: list[Row] = [
        (measure.id, measure.title_zh, *duty_cells(of_lines(own)))
        for measure, own in by_measure(edition, found.period, found.lines)
        if own
    ]
    other = unknown_rules(edition, found.lines)
    if other:
        rows.append(("—", word("no_measure"), *duty_cells(of_lines(other))))
    rows.append(("", word("total"), *duty_cells(of_lines(found.lines))))
    return Sheet(
        word("measures"),
        heads("measure_id", "measure", *DUTY_COLUMNS),
        tuple(rows),
        (8, 44, *(8 for _ in DUTY_COLUMNS[:-1]), 10),
        notes_of(found),
        groups=(("", 2), (word("group.ledger"), len(DUTY_COLUMNS))),
    )


def _activities(found: Gathered, words: Words) -> Sheet:
    records = [one for one in found.records if one.kind in ACTIVITIES]
    rows: tuple[Row, ...] = tuple(
        (
            *(number, f"#{one.id}", one.happened.isoformat(), words.kind(one.kind, one.kind_type)),
            *(one.title, _persons(one.details), one.author),
        )
        for number, one in enumerate(records, start=1)
    )
    header = heads("no", "record", "day", "kind", "title", "persons", "author")
    return Sheet(word("activities"), header, rows, (6, 9, 12, 20, 40, 10, 12), notes_of(found))


def _persons(details: object) -> str:
    if not isinstance(details, dict):
        return ""
    for name in ("participants", "attendees", "pupils"):
        value = details.get(name)
        if isinstance(value, int):
            return str(value)
        if isinstance(value, list):
            return str(len(value))
    return ""


def _incidents(found: Gathered, incidents: Sequence[Incident], zone: ZoneInfo) -> Sheet:
    rows: tuple[Row, ...] = tuple(
        (
            *(number, one.category, one.place, _minute(one.occurred, zone), one.reports),
            word(f"incident.{one.state.value}"),
        )
        for number, one in enumerate(incidents, start=1)
    )
    header = heads("no", "category", "place", "occurred", "reports", "state")
    return Sheet(word("incidents"), header, rows, (6, 16, 30, 28, 8, 14), notes_of(found))


def _minute(at: Utc, zone: ZoneInfo) -> str:
    return f"{at.to_datetime().astimezone(zone):%Y-%m-%d %H:%M}"

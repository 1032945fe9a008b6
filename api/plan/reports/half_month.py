"""The half-month report: figures, hazards, duties, records. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from api.plan.reports.gathering import Gathered
from api.plan.reports.sheet import Sheet, heads, signing, word
from api.plan.reports.tables_of_work import (
    Words,
    duty_sheet,
    duty_totals_sheet,
    figures_rows,
    hazard_sheet,
    notes_of,
    record_sheet,
    school_sheet,
    withdrawn_sheets,
)


def half_month_sheets(
    found: Gathered, schools: Sequence[Gathered], words: Words
) -> tuple[Sheet, ...]:
    """The pack's tables; `schools` fill the district's own."""
    return (
        figures_sheet(word("title.half_month"), found),
        *((school_sheet(schools, notes_of(found)),) if schools else ()),
        hazard_sheet(found),
        duty_totals_sheet(found, words),
        duty_sheet(word("duty_list"), found.lines, words, notes_of(found)),
        record_sheet(found, words),
        *withdrawn_sheets(found, schools, words),
    )


def figures_sheet(title: str, found: Gathered) -> Sheet:
    """The period on one page, with the line to sign."""
    return Sheet(
        title,
        heads("no", "figure", "value"),
        figures_rows(found),
        (8, 56, 26),
        notes_of(found),
        footer=signing(),
    )

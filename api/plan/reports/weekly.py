"""The weekly dispatch sheet: what is done, what is behind, what comes next. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from api.plan.reports.gathering import Gathered
from api.plan.reports.half_month import figures_sheet
from api.plan.reports.hazard_figures import open_at_end
from api.plan.reports.sheet import Row, Sheet, heads, word
from api.plan.reports.tables_of_work import (
    Words,
    duty_sheet,
    hazard_state_words,
    notes_of,
    pending,
    school_sheet,
    withdrawn_sheets,
)
from api.plan.states import State
from api.plan.today import Line
from config.texts import text


def weekly_sheets(
    found: Gathered, schools: Sequence[Gathered], words: Words, following: Sequence[Line]
) -> tuple[Sheet, ...]:
    """`following` are the occurrences that fall due in the week after."""
    notes = notes_of(found)
    coming = [line for line in following if line.state in (State.OPEN, State.UPCOMING)]
    return (
        figures_sheet(word("title.weekly"), found),
        *((school_sheet(schools, notes),) if schools else ()),
        duty_sheet(word("behind"), pending(found.lines), words, notes),
        duty_sheet(word("next_week"), coming, words, notes),
        _open_hazards(found),
        _meetings(found),
        *withdrawn_sheets(found, schools, words),
    )


def _open_hazards(found: Gathered) -> Sheet:
    open_ones = [one for one in found.hazards if open_at_end(found.period, one)]
    rows: tuple[Row, ...] = tuple(
        (
            *(number, one.location, one.description, text(f"plan.level.{one.level.value}", "zh")),
            *(one.fixer, "" if one.due is None else one.due.isoformat()),
            hazard_state_words(found.period, one),
        )
        for number, one in enumerate(open_ones, start=1)
    )
    header = heads("no", "place", "hazard", "level", "fixer", "due", "state")
    return Sheet(word("open_hazards"), header, rows, (6, 20, 44, 8, 12, 12, 12), notes_of(found))


def _meetings(found: Gathered) -> Sheet:
    """What the week's meetings decided, out of their records."""
    rows: tuple[Row, ...] = tuple(
        (
            *(number, one.happened.isoformat(), one.title, str(one.details.get("host", ""))),
            str(one.details.get("decisions", "")),
        )
        for number, one in enumerate(found.records_of("meeting"), start=1)
    )
    header = heads("no", "day", "title", "host", "decisions")
    return Sheet(word("meetings"), header, rows, (6, 12, 30, 12, 60), notes_of(found))

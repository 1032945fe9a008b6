"""Rows that disagree. A paper is made only when there are none. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from api.plan.errors import StepRefusal
from api.plan.hazards import HazardState
from api.plan.reports.duty_figures import DutyFigures, duty_figures, of_lines
from api.plan.reports.gathering import Gathered, Totals
from api.plan.reports.hazard_figures import HazardFigures, figures
from api.plan.states import DONE, State

MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One row or total that does not fit.

    Attributes:
        row: `occurrence:12`, `record:3`, `hazard:7`, or `total` for a sum.
        what: key `plan.disagree.<what>` of the texts.
    """

    row: str
    what: str
    expected: str
    found: str


def disagreements(found: Gathered) -> tuple[Disagreement, ...]:
    """Every row of the period that contradicts another, then the totals that differ."""
    return (
        *_occurrences(found),
        *_records(found),
        *_hazards(found),
        *_hazard_totals(figures(found.period, found.hazards, found.earlier_places), found.totals),
        *_duty_totals(of_lines(found.lines), found.totals),
        *_total("counts", found.totals.counts, sum(line.done for line in found.ledger)),
    )


def of_district(
    parts: Sequence[tuple[HazardFigures, DutyFigures]], totals: Totals
) -> tuple[Disagreement, ...]:
    """The district's totals against the sum of its units."""
    hazards = HazardFigures(
        carried_over=sum(one.carried_over for one, _ in parts),
        found=sum(one.found for one, _ in parts),
        found_major=0,
        closed=sum(one.closed for one, _ in parts),
        still_open=sum(one.still_open for one, _ in parts),
        overdue=0,
    )
    duties = sum((duty for _, duty in parts), start=duty_figures(()))
    return (*_hazard_totals(hazards, totals), *_duty_totals(duties, totals))


def refuse(rows: Sequence[Disagreement], words: Sequence[str]) -> None:
    """Raises `StepRefusal` that names the first rows when there are any.

    `words` are the rows in words, in the same order.
    """
    if not rows:
        return
    shown = "；".join(words[:MOST_NAMED])
    raise StepRefusal("plan_rows_disagree", count=len(rows), rows=shown)


def _occurrences(found: Gathered) -> Iterator[Disagreement]:
    counted = Counter(count.occurrence_id for count in found.counts)
    for line in found.ledger:
        row = f"occurrence:{line.id}"
        if line.done != counted[line.id]:
            yield Disagreement(row, "done_not_counts", str(counted[line.id]), str(line.done))
        if line.state in DONE and line.done < line.needed:
            yield Disagreement(row, "done_too_early", str(line.needed), str(line.done))
        if line.state is State.MISSED and line.done >= line.needed:
            yield Disagreement(row, "missed_yet_done", str(line.needed), str(line.done))


def _records(found: Gathered) -> Iterator[Disagreement]:
    times = Counter((one.record_id, one.rule_id) for one in found.record_counts)
    for (record_id, rule_id), number in sorted(times.items()):
        if number > 1:
            yield Disagreement(f"record:{record_id}", "counted_twice", f"{rule_id} 1", str(number))
    for count in found.counts:
        row = f"record:{count.record_id}"
        if count.record_is_draft:
            yield Disagreement(row, "draft_counted", "0", str(count.occurrence_id))
        if count.record_is_withdrawn:
            yield Disagreement(row, "withdrawn_counted", "0", str(count.occurrence_id))
        if not count.same_unit:
            yield Disagreement(row, "other_unit_counted", "0", str(count.occurrence_id))


def _hazards(found: Gathered) -> Iterator[Disagreement]:
    for one in found.hazards:
        row = f"hazard:{one.id}"
        if one.closed is not None and one.closed < one.found:
            yield Disagreement(row, "closed_before_found", f">= {one.found}", str(one.closed))
        if (one.state is HazardState.CLOSED) != (one.closed is not None):
            day = "-" if one.closed is None else str(one.closed)
            yield Disagreement(row, "state_not_day", one.state.value, day)


def _hazard_totals(own: HazardFigures, totals: Totals) -> Iterator[Disagreement]:
    yield from _total("opening_closing", own.expected_open, own.still_open)
    yield from _total("hazards_before", totals.hazards_before, own.carried_over)
    yield from _total("hazards_found", totals.hazards_found, own.found)
    yield from _total("hazards_closed", totals.hazards_closed, own.closed)
    yield from _total("hazards_after", totals.hazards_after, own.still_open)


def _duty_totals(own: DutyFigures, totals: Totals) -> Iterator[Disagreement]:
    counted = [state for state, number in totals.by_state.items() for _ in range(number)]
    wanted = duty_figures(counted)
    for name in ("total", "on_time", "late", "overdue", "missed", "to_come", "exempt"):
        yield from _total(f"duties_{name}", getattr(wanted, name), getattr(own, name))


def _total(what: str, expected: int, found: int) -> Iterator[Disagreement]:
    if expected != found:
        yield Disagreement("total", what, str(expected), str(found))

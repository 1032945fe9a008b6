"""The ledger's occurrences under the measures of the plans that ask for them. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from api.plan.reports.periods import Period
from api.plan.today import Line
from config.plan import Measure, PlanEdition


def measures_of(edition: PlanEdition, period: Period) -> tuple[Measure, ...]:
    """Measures of the plans in force in the period, in the first one's order."""
    found: dict[str, Measure] = {}
    for year in (period.first.year, period.last.year):
        for measure in edition.catalogue_of(year).measures():
            found.setdefault(measure.id, measure)
    return tuple(found.values())


def by_measure(
    edition: PlanEdition, period: Period, lines: Iterable[Line]
) -> tuple[tuple[Measure, tuple[Line, ...]], ...]:
    """Every measure of the period with its occurrences, then those of other plans that have any.

    Occurrences of `unknown_rules` stand under none.
    """
    groups: dict[str, list[Line]] = {}
    for line in lines:
        rule = edition.rule_of(line.rule_id, line.plan_year)
        if rule is not None:
            groups.setdefault(rule.measure_id, []).append(line)
    measures = {measure.id: measure for measure in measures_of(edition, period)}
    for one in edition.plans():
        for measure in one.catalogue.measures():
            if measure.id in groups:
                measures.setdefault(measure.id, measure)
    return tuple((one, tuple(groups.get(one.id, ()))) for one in measures.values())


def unknown_rules(edition: PlanEdition, lines: Iterable[Line]) -> tuple[Line, ...]:
    """Occurrences of rules that no plan has."""
    return tuple(line for line in lines if edition.rule_of(line.rule_id, line.plan_year) is None)

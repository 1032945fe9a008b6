"""Which rules one record counts for: entered once, counted in each, never twice in one. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from config.plan import PlanCatalogue, Rule, Unit, applies


@dataclass(frozen=True, slots=True)
class Counting:
    """A rule that a record counts for; `merged` marks all but the first."""

    rule: Rule
    merged: bool


def counting_rules(
    plan: PlanCatalogue, unit: Unit, kind: str, kind_type: str, *, has_receipt: bool
) -> tuple[Counting, ...]:
    """The rules of `unit` that a record of this kind counts for, the most specific one first.

    Another rule counts too when it repeats the same duty, or when the plan declares that the one
    duty may be satisfied by the other (`satisfied_also_by`), and its own kind of record matches:
    a fire drill is also the month's evacuation drill, but an evacuation drill is no fire drill.
    """
    matching = [
        rule
        for rule in plan.rules()
        if applies(rule, unit) and rule.accepts.matches(kind, kind_type, has_receipt=has_receipt)
    ]
    if not matching:
        return ()
    first, *others = sorted(matching, key=lambda rule: not rule.accepts.types)
    return (
        Counting(first, merged=False),
        *(Counting(rule, merged=True) for rule in others if _may_merge(plan, first, rule)),
    )


def _may_merge(plan: PlanCatalogue, first: Rule, other: Rule) -> bool:
    if first.obligation == other.obligation:
        return True
    return first.obligation in _satisfied_by(plan, other.obligation) or (
        other.obligation in _satisfied_by(plan, first.obligation)
    )


def _satisfied_by(plan: PlanCatalogue, obligation: str) -> set[str]:
    return {
        name
        for rule in plan.rules()
        if rule.obligation == obligation
        for name in rule.satisfied_also_by
    }
